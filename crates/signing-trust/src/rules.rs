//! The trust rules, and simulations of changes.

mod decide;
#[cfg(feature = "store")]
mod simulate;

#[cfg(feature = "store")]
pub(crate) use decide::fault_of_documents;
#[cfg(feature = "store")]
pub(crate) use decide::require_issued;
pub(crate) use decide::{DecisionContext, Packages, decide, require_current};
pub use decide::{GrantStanding, KeyStanding};
#[cfg(feature = "store")]
pub(crate) use decide::{grant_standing, key_standing, own_standing, trusted_paths};
#[cfg(feature = "store")]
pub(crate) use simulate::{NewGrant, NewTrust, Scenario, simulate};

#[cfg(feature = "store")]
#[cfg(test)]
mod tests;
