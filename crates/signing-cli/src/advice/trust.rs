use signing_crypto::CheckpointError;
use signing_trust::TrustError;

use super::{Advice, keys, package, signed_trust, signers, store};
use crate::error::Outcome;

pub(super) const TRY_AGAIN: &str = "run the command again";
pub(super) const NAME_THE_KEY: &str = "have the package signed by a tool that writes a keyid";
pub(super) const GET_CHECKPOINT: &str = "get the file that cloacina audit checkpoint wrote, and the public key that signed it, from \
     where they are kept";

pub(super) fn trust(error: &TrustError) -> Advice {
    let code = error.code();
    let next = match error {
        TrustError::Store(error) => return store::store(error),
        TrustError::Wrap(error) => return keys::wrap(error),
        TrustError::AddSignature(error) => return package::add_signature(error),
        TrustError::Signer(error) => return signers::signer(error),
        TrustError::Decision(error) => return signed_trust::decision(error),
        TrustError::Draft(error) => return signed_trust::draft(error),
        TrustError::SignedTrustExists { org } => {
            return Advice::refused(
                code,
                format!(
                    "publish the next statement: cloacina trust publish --org {org} --key <private \
                     key> --trust-root <file>; for other root keys: cloacina trust rotate-root --org \
                     {org} --key <private key of the current root> --root-key <private key> \
                     --trust-root <file>"
                ),
            );
        }
        TrustError::ForgedKey { .. } => {
            return Advice::refused(
                code,
                "trust nothing in this database until you know who wrote to it, and keep a copy \
                 of it; meanwhile, to withdraw trust in a key, use a fingerprint from outside the \
                 store: cloacina keys deny <fingerprint> --org <org>, with --danger-everywhere for \
                 every organization of the store",
            );
        }
        TrustError::SigningKeyRevoked { id, .. } => {
            return Advice::refused(
                code,
                format!(
                    "if it was revoked by mistake, and is not compromised: cloacina keys reinstate \
                     {id} --signing --note '<why>'; otherwise sign with another key: --key-id \
                     <org>/<key>"
                ),
            );
        }
        TrustError::PreviouslyRevoked { .. } => {
            return Advice::refused(
                code,
                "see why: cloacina keys list --org <org>; to take the refusal back, unless the \
                 key is compromised: cloacina keys reinstate",
            );
        }
        TrustError::SelfGrant { .. } => {
            return Advice::refused(code, "give another organization with --to");
        }
        TrustError::MalformedEnvelope(_) => {
            return Advice::refused(code, package::GET_SIGNATURE);
        }
        TrustError::AuditLogBroken(_) => {
            return Advice::refused(
                code,
                "keep a copy of the database, and find out who could write to it before you trust \
                 anything in it",
            );
        }
        TrustError::TrustExpired { .. } => {
            return Advice::refused(
                code,
                "to trust the old key for longer, then rotate again: cloacina keys trust --org \
                 <org> --key-id <old key> --expires <time>; or rotate without --resign",
            );
        }
        TrustError::DraftForAnotherRoot { .. } | TrustError::DraftOutdated { .. } => {
            return Advice::refused(
                code,
                "make the draft again, by the command that made it, such as cloacina trust publish \
                 --draft <file>, and have it signed",
            );
        }
        TrustError::CheckpointOfAnotherStore { .. } => {
            return Advice::refused(
                code,
                "check --database-url; if the database was replaced, find out by whom",
            );
        }
        TrustError::CheckpointOfAnotherOrganization { .. } => {
            return Advice::refused(
                code,
                "give the organization that the checkpoint is about, or omit --org",
            );
        }
        TrustError::NoKeyEncryptionKey => keys::STORES_KEK,
        TrustError::Randomness(_) => keys::ELSEWHERE,
        TrustError::SameKek => keys::NEW_KEK,
        TrustError::Clock(_) => "set the clock, then try again",
        TrustError::Cancelled => TRY_AGAIN,
        TrustError::ExpiryPast { .. } => {
            "give a time in the future; to withdraw trust now: cloacina keys revoke, or \
             cloacina orgs revoke-trust"
        }
        TrustError::UnreadableTrust { .. } => {
            "find out who changed the row, then revoke or trust the key again"
        }
        TrustError::Bundle(error) => {
            return Advice::refused(
                error.code(),
                "withdraw trust that is no longer needed, publish that, and export again: cloacina \
                 trust publish",
            );
        }
        _ => return Advice::unknown(code, Outcome::Undecided),
    };
    Advice::undecided(code, next)
}

pub(super) fn checkpoint(error: &CheckpointError) -> Advice {
    Advice::refused(error.code(), GET_CHECKPOINT)
}
