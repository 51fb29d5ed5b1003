//! A package registry for [`cloacina`] that hands out only what trusted keys have signed.

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod verified_registry;
mod verified_runner;

pub use verified_registry::{Refusal, VerifiedRegistry};
pub use verified_runner::verified_runner;
