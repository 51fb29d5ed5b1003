//! Signing packages: what is signed, which signatures it is added to, and where they are kept.

#[cfg(feature = "private-keys")]
mod cosign;
#[cfg(feature = "private-keys")]
mod error;
#[cfg(feature = "private-keys")]
mod file;
mod statement;

#[cfg(feature = "store")]
pub use cosign::PackageSigner;
pub use statement::package_statement;
#[cfg(feature = "private-keys")]
pub use {
    cosign::{MadeSignature, PreparedSignature, SignatureOutcome},
    error::{NotAdded, SignError, SignaturePlace},
    file::SignatureFile,
    statement::{SignedTerms, add_signature, sign_package, sign_statement},
};

#[cfg(test)]
mod tests;
