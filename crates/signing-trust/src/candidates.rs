use crate::clock::require_usable;
use crate::decision::{DecisionError, Signers, TrustDecision};
use crate::rules::{DecisionContext, Packages, decide};
use crate::snapshot::OrganizationTrust;

/// The most trusted keys that a signature without a name is tried against.
pub const MAX_CANDIDATES: usize = 64;

/// Decides by `trust`, unless its documents have expired, too many keys are left to try, or it is
/// before 1970.
pub(crate) fn decide_signers(
    trust: &OrganizationTrust,
    signers: &Signers,
    packages: Packages<'_>,
    context: DecisionContext,
) -> Result<TrustDecision, DecisionError> {
    require_usable(context.now)?;
    trust.require_current(context)?;
    // One more than allowed, to detect too many.
    let context = DecisionContext { max_unnamed: MAX_CANDIDATES + 1, ..context };
    let decision = decide(trust, signers, packages, context);
    match decision.trusted().count() {
        found if signers.unnamed && found > MAX_CANDIDATES => {
            Err(DecisionError::TooManyCandidates { found, limit: MAX_CANDIDATES })
        }
        _ => Ok(decision),
    }
}
