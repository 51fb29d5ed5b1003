use signing_crypto::SignerError;

use super::{Advice, undecided, unknown};
use crate::error::Outcome;
#[cfg(feature = "pkcs11")]
use crate::signer_error::TokenError;
use crate::signer_error::{AgentError, ProgramError};

const LIST_AGENT_KEYS: &str = "list the agent's keys: ssh-add -l; add one: ssh-add <file>";

/// A key that never enters the process, and that did not sign.
pub(super) fn signer(error: &SignerError) -> Advice {
    let next = match error {
        SignerError::WrongSignature { .. } => {
            "nothing was written: do not use this signer until you know why; it may have other keys \
             than it says, or be faulty"
        }
        SignerError::Failed(source) => {
            if let Some(error) = source.downcast_ref() {
                return agent(error);
            }
            if let Some(error) = source.downcast_ref() {
                return program(error);
            }
            #[cfg(feature = "pkcs11")]
            if let Some(error) = source.downcast_ref() {
                return token(error);
            }
            "nothing was written: check the signer with its own tools"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn agent(error: &AgentError) -> Advice {
    let (code, next) = match error {
        AgentError::NoAgent => (
            "SignerUnavailable",
            "start an agent and add the key: eval \"$(ssh-agent)\" && ssh-add <file>",
        ),
        AgentError::Unreachable { .. } => (
            "SignerUnavailable",
            "check that the agent runs, and that SSH_AUTH_SOCK names it: ssh-add -l",
        ),
        AgentError::OfAnotherUser { .. } => {
            ("UnprotectedFile", "use an agent of your own: eval \"$(ssh-agent)\" && ssh-add <file>")
        }
        AgentError::TimedOut { .. } => (
            "SignerTimedOut",
            "answer the agent's question in time, if it asks one, or wait longer: --signer-timeout \
             <seconds>",
        ),
        AgentError::Refused => (
            "SignerRefused",
            "unlock the agent: ssh-add -X; if the key was added with ssh-add -c, allow its use when \
             you are asked",
        ),
        AgentError::Malformed => (
            "MalformedSignerAnswer",
            "use OpenSSH's agent, or report this to the authors of the agent",
        ),
        AgentError::NoSuchKey { .. } => ("NoSuchKey", LIST_AGENT_KEYS),
        AgentError::SeveralKeys { .. } => (
            "AmbiguousKey",
            "give the key's fingerprint, as ssh-add -l shows it: --key agent:SHA256:<...>",
        ),
        AgentError::Algorithm { .. } | AgentError::UnfitKey { .. } => (
            "UnfitKey",
            "make an Ed25519 key and add it: ssh-keygen -t ed25519 -C <name> -f <file> && ssh-add \
             <file>",
        ),
        AgentError::TooLarge { .. } => {
            ("TooLargeForSigner", "sign it with a key in a file, a program or a token")
        }
    };
    undecided(code, next)
}

pub(super) fn program(error: &ProgramError) -> Advice {
    let (code, next) = match error {
        ProgramError::Unprotected(error) => return undecided(error.code(), error.remedy()),
        ProgramError::Start { .. } => (
            "SignerUnavailable",
            "give a program that you may execute, by its path: --key exec:<path>; to pass arguments, \
             write a script that runs it",
        ),
        ProgramError::Output { .. } => ("SignerUnavailable", "run the command again"),
        ProgramError::TimedOut { .. } => (
            "SignerTimedOut",
            "do what the program waits for, such as a touch, or wait longer: --signer-timeout \
             <seconds>",
        ),
        ProgramError::Failed { .. } => {
            ("SignerRefused", "nothing was written: see what the program printed above")
        }
        ProgramError::TooLong { .. } | ProgramError::TooShort { .. } => (
            "MalformedSignerAnswer",
            "nothing was written: have the program print nothing but the 64 raw bytes of the \
             signature for the argument sign, and its public key as PEM for public-key",
        ),
        ProgramError::PublicKey { .. } => (
            "MalformedSignerAnswer",
            "nothing was written: have the program print its public key as PEM, as openssl pkey \
             -pubout does, when it is run with the argument public-key",
        ),
    };
    undecided(code, next)
}

#[cfg(feature = "pkcs11")]
pub(super) fn token(error: &TokenError) -> Advice {
    let (code, next) = match error {
        TokenError::NoModule { .. } => {
            ("SignerUnavailable", "give the module's file: ?module-path=<the module's .so file>")
        }
        TokenError::Load { .. } => (
            "SignerUnavailable",
            "try the module with another tool: pkcs11-tool --module <file> --list-token-slots",
        ),
        TokenError::TimedOut { .. } => (
            "SignerTimedOut",
            "touch the token, or type its PIN on it, in time, or wait longer: --signer-timeout \
             <seconds>",
        ),
        TokenError::NoSuchToken { .. } | TokenError::SeveralTokens { .. } => (
            "NoSuchToken",
            "list the tokens: pkcs11-tool --module <file> --list-token-slots; then name one: \
             pkcs11:token=<label> or pkcs11:serial=<serial>",
        ),
        TokenError::WrongPin => (
            "WrongPin",
            "nothing was written: check the PIN before you try again; a token locks itself after \
             several wrong ones",
        ),
        TokenError::PinLocked => {
            ("WrongPin", "nothing was written: reset the PIN with the security officer's PIN")
        }
        TokenError::PinNeeded => (
            "PinNeeded",
            "give the PIN in a file: pin-source=file:<path> in the URI, or --passphrase-file \
             <file>, --passphrase-fd <number> or CLOACINA_KEY_PASSPHRASE",
        ),
        TokenError::NoSuchKey { .. } => ("NoSuchKey", LIST_TOKEN_KEYS),
        TokenError::SeveralKeys { .. } => ("AmbiguousKey", LIST_TOKEN_KEYS),
        TokenError::NoPublicKey { .. } => (
            "UnfitKey",
            "write the public key to the token, with the private key's id: pkcs11-tool --module \
             <file> --write-object <file> --type pubkey --id <id>",
        ),
        TokenError::UnfitKey { .. } => (
            "UnfitKey",
            "make an Ed25519 key: pkcs11-tool --module <file> --login --keypairgen --key-type \
             EC:edwards25519 --label <name> --id <id>",
        ),
        TokenError::Refused(_) => (
            "SignerRefused",
            "nothing was written: check that the token can sign by CKM_EDDSA, and that the key may \
             sign: pkcs11-tool --module <file> --list-mechanisms",
        ),
        TokenError::SignatureLength { .. } => {
            ("MalformedSignerAnswer", "nothing was written: do not use this token")
        }
    };
    undecided(code, next)
}

#[cfg(feature = "pkcs11")]
const LIST_TOKEN_KEYS: &str = "list the token's keys: pkcs11-tool --module <file> --login --list-objects --type privkey; \
     then name one: pkcs11:object=<label> or pkcs11:id=%01";
