use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use signing_crypto::{KeyError, PemError, PemForm, SignerError};
use signing_loader::{Protection, ProtectionError};
use signing_trust::TrustError;

use super::{Sample, each, sample, values};
use crate::error::CliError;
use crate::signer_error::{AgentError, NOT_IN_PATH, ProgramError, TokenError};

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(each(signer(), failed));
    samples.push(sample(TrustError::Signer(values::wrong_signature()), CliError::from));
    samples.extend(each(agent(), CliError::from));
    samples.push(sample(CliError::Agent(AgentError::NoAgent), |error| error));
    samples.extend(each(program(), CliError::from));
    samples.push(sample(CliError::Program(program().remove(0)), |error| error));
    samples.extend(each(token(), CliError::from));
    samples.push(sample(CliError::Token(TokenError::WrongPin), |error| error));
    samples.push(sample(CliError::PinOnCommandLine, |error| error));
    samples
}

fn failed(error: SignerError) -> CliError {
    TrustError::from(error).into()
}

fn signer() -> [SignerError; 5] {
    [
        values::wrong_signature(),
        SignerError::Failed("the token was removed".into()),
        SignerError::Failed(Box::new(AgentError::Refused)),
        SignerError::Failed(Box::new(program().remove(2))),
        SignerError::Failed(Box::new(TokenError::TimedOut { seconds: 60 })),
    ]
}

fn agent() -> Vec<AgentError> {
    let given = || "release".to_owned();
    let source = io::ErrorKind::ConnectionRefused.into();
    vec![
        AgentError::NoAgent,
        AgentError::Unreachable { path: "/tmp/ssh-0123/agent.1".into(), source },
        AgentError::OfAnotherUser { path: "/tmp/agent.sock".into(), owner: 65_534 },
        AgentError::TimedOut { seconds: 60 },
        AgentError::Refused,
        AgentError::Malformed,
        AgentError::NoSuchKey { given: given(), found: 2 },
        AgentError::SeveralKeys { given: given() },
        AgentError::Algorithm { given: given(), algorithm: "ssh-rsa".into() },
        AgentError::UnfitKey { given: given(), source: KeyError::SmallOrder },
        AgentError::TooLarge { found: 300_000, limit: 262_080 },
    ]
}

fn program() -> Vec<ProgramError> {
    let path = || "sign-release".into();
    vec![
        ProgramError::Start { path: path(), source: io::Error::other(NOT_IN_PATH) },
        ProgramError::Output { path: path(), source: io::ErrorKind::BrokenPipe.into() },
        ProgramError::TimedOut { path: path(), seconds: 60 },
        ProgramError::Failed { path: path(), status: ExitStatus::from_raw(1 << 8) },
        ProgramError::TooLong { path: path(), limit: 64 },
        ProgramError::TooShort { path: path(), found: 0 },
        ProgramError::PublicKey {
            path: path(),
            source: PemError::WrongForm { expected: PemForm::PublicKey, found: PemForm::Empty },
        },
        ProtectionError::Writable { path: path(), mode: 0o777, protection: Protection::Integrity }
            .into(),
    ]
}

fn token() -> Vec<TokenError> {
    let given = || "pkcs11:token=acme;object=release?module-name=softhsm2".to_owned();
    let missing = || cryptoki::error::Error::MissingSymbol("C_GetFunctionList");
    vec![
        TokenError::NoModule { name: "softhsm2".into() },
        TokenError::Load { path: "/usr/lib/libsofthsm2.so".into(), source: missing() },
        TokenError::TimedOut { seconds: 60 },
        TokenError::NoSuchToken { given: given(), found: 2 },
        TokenError::SeveralTokens { given: given() },
        TokenError::WrongPin,
        TokenError::PinLocked,
        TokenError::PinNeeded,
        TokenError::NoSuchKey { given: given() },
        TokenError::SeveralKeys { given: given() },
        TokenError::NoPublicKey { given: given() },
        TokenError::UnfitKey { given: given(), source: KeyError::NotAPoint },
        TokenError::Refused(cryptoki::error::Error::NullFunctionPointer),
        TokenError::SignatureLength { found: 63 },
    ]
}
