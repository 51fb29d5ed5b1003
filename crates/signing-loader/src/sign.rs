//! Signing packages: what is signed, which signatures it is added to, and where they are kept.

mod cosign;
mod error;
mod file;
mod statement;

#[cfg(feature = "store")]
pub use cosign::PackageSigner;
pub use cosign::{MadeSignature, PreparedSignature, SignatureOutcome};
pub use error::{NotAdded, SignError};
pub use file::SignatureFile;
pub use statement::{SignedTerms, add_signature, package_statement, sign_package, sign_statement};

#[cfg(test)]
mod tests;
