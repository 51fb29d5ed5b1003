use signing_crypto::SignerError;

use super::Advice;
use crate::error::Outcome;

/// A key that never enters the process, and that did not sign.
pub(super) fn signer(error: &SignerError) -> Advice {
    let next = match error {
        SignerError::WrongSignature { .. } => {
            "nothing was written: do not use this signer until you know why; it may have other keys \
             than it says, or be faulty"
        }
        SignerError::Failed(_) => "nothing was written: check the signer by its own tools",
        _ => return Advice::unknown(error.code(), Outcome::Undecided),
    };
    Advice::undecided(error.code(), next)
}
