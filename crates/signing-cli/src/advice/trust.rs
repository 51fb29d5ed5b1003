use signing_crypto::CheckpointError;
use signing_trust::TrustError;

use super::{Advice, keys, package, refused, signed_trust, signers, store, undecided, unknown};
use crate::error::Outcome;

pub(super) const TRY_AGAIN: &str = "run the command again";
pub(super) const NAME_THE_KEY: &str = "have the package signed by a tool that writes a keyid";
pub(super) const GET_CHECKPOINT: &str = "get the file that cloacina audit checkpoint wrote, and the public key that signed it, from \
     where they are kept";

pub(super) fn trust(error: &TrustError) -> Advice {
    let code = error.code();
    match error {
        TrustError::Store(error) => store::store(error),
        TrustError::Wrap(error) => keys::wrap(error),
        TrustError::AddSignature(error) => package::add_signature(error),
        TrustError::Signer(error) => signers::signer(error),
        TrustError::Decision(error) => signed_trust::decision(error),
        TrustError::Draft(error) => signed_trust::draft(error),
        TrustError::SignedTrustExists { org } => refused(
            code,
            format!(
                "publish the next statement: {}; for other root keys: cloacina trust rotate-root \
                 --org {org} --key <private key of the current root> --root-key <private key> \
                 --trust-root <file>",
                signed_trust::publish(org)
            ),
        ),
        TrustError::ForgedKey { .. } => refused(
            code,
            "trust nothing in this database until you know who wrote to it, and keep a copy \
             of it; meanwhile, to withdraw trust in a key, use a fingerprint from outside the \
             store: cloacina keys deny <fingerprint> --org <org>, with --danger-everywhere for \
             every organization of the store",
        ),
        TrustError::SigningKeyRevoked { id, .. } => refused(
            code,
            format!(
                "if it was revoked by mistake, and is not compromised: cloacina keys reinstate \
                 {id} --signing --note '<why>'; otherwise sign with another key: --key-id \
                 <org>/<key>"
            ),
        ),
        TrustError::PreviouslyRevoked { .. } => refused(
            code,
            "see why: cloacina keys list --org <org>; to take the refusal back, unless the \
             key is compromised: cloacina keys reinstate",
        ),
        TrustError::SelfGrant { .. } => refused(code, "give another organization with --to"),
        TrustError::MalformedEnvelope(_) => refused(code, package::GET_SIGNATURE),
        TrustError::AuditLogBroken(_) => refused(
            code,
            "keep a copy of the database, and find out who could write to it before you trust \
             anything in it",
        ),
        TrustError::TrustExpired { .. } => refused(
            code,
            "to trust the old key for longer, then rotate again: cloacina keys trust --org \
             <org> --key-id <old key> --expires <time>; or rotate without --resign",
        ),
        TrustError::DraftForAnotherRoot { .. } | TrustError::DraftOutdated { .. } => refused(
            code,
            "make the draft again, by the command that made it, such as cloacina trust publish \
             --draft <file>, and have it signed",
        ),
        TrustError::CheckpointOfAnotherStore { .. } => {
            refused(code, "check --database-url; if the database was replaced, find out by whom")
        }
        TrustError::CheckpointOfAnotherOrganization { .. } => {
            refused(code, "give the organization that the checkpoint is about, or omit --org")
        }
        TrustError::NoKeyEncryptionKey => undecided(code, keys::STORES_KEK),
        TrustError::Randomness(_) => undecided(code, keys::ELSEWHERE),
        TrustError::SameKek => undecided(code, keys::NEW_KEK),
        TrustError::Clock(_) => undecided(code, "set the clock, then try again"),
        TrustError::Cancelled => undecided(code, TRY_AGAIN),
        TrustError::ExpiryPast { .. } => undecided(
            code,
            "give a time in the future; to withdraw trust now: cloacina keys revoke, or \
             cloacina orgs revoke-trust",
        ),
        TrustError::UnreadableTrust { .. } => {
            undecided(code, "find out who changed the row, then revoke or trust the key again")
        }
        TrustError::Bundle(error) => refused(
            error.code(),
            "withdraw trust that is no longer needed, publish that, and export again: cloacina \
             trust publish",
        ),
        _ => unknown(code, Outcome::Undecided),
    }
}

pub(super) fn checkpoint(error: &CheckpointError) -> Advice {
    refused(error.code(), GET_CHECKPOINT)
}
