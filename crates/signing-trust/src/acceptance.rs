//! When an envelope suffices: enough trusted keys have signed it, and what they say holds now.
//!
//! A verification and a dry run of a revocation both use these checks. Which keys are
//! trusted was decided before.

mod accept;
mod config;
mod error;
mod quorum;
mod validity;

pub use accept::{Accepted, accept, accept_again};
pub use config::{ClockSkewAllowance, ClockSkewAllowanceError, VerificationConfig};
pub use error::{ActualContent, ExpectedContent, SignatureLocation, VerificationError};
pub use quorum::RequiredSigners;
#[doc(no_inline)]
pub use signing_crypto::{SignerCount, SignerCountError};
pub use validity::Validity;
#[cfg(feature = "store")]
pub(crate) use validity::{require_floor, require_unexpired};
