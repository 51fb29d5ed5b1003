//! Loads a native package only if somebody who is trusted has signed exactly the
//! bytes that are loaded.
//!
//! ```text
//! package file ─► SealedPackage (private copy, sealed, then hashed) ─┐
//! <package>.sig or store ─► SignatureEnvelope (bounded, strict) ─────┤
//! org's trust (store, or pinned keys) ─► TrustDecision ──────────────┴► VerifiedPackage ─► LoadedPackage
//! ```
//!
//! A [`VerifiedPackage`] comes from verification only and owns the bytes that
//! were hashed; a [`LoadedPackage`] comes from it only, or, if signatures are not
//! required, from a sealed copy that says so. Between the two nothing can be
//! swapped.
//!
//! ```
//! use signing_crypto::SigningKey;
//! use signing_loader::{SecurityConfig, SignatureSource, sign_package, verify_package_offline};
//! use signing_trust::PinnedKeys;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("libworkflow.so");
//! # std::fs::write(&path, b"the package's bytes")?;
//! // Whoever builds the package signs it …
//! let key = SigningKey::generate()?;
//! let signature = sign_package(&path, &key)?;
//!
//! // … and a runner that has the public key verifies it, before it loads it.
//! let config = SecurityConfig { require_signatures: true, ..Default::default() };
//! let pinned = PinnedKeys::from(key.verifying_key());
//! let source = SignatureSource::Memory(signature);
//! let verified = verify_package_offline(&path, &config, &pinned, source)?;
//! assert_eq!(verified.report().signer(), &key.fingerprint());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Loading runs the package's code, its constructors first, with the rights of
//! the process, and never takes it out again. What a package itself links against
//! is loaded by the dynamic linker as usual and is not verified.

#![deny(unsafe_code)]

mod config;
mod path;
mod source;

mod open;
mod protection;
mod sealed;

mod quorum;

mod policy;

mod accept;

mod report;
mod sign;
mod verify;

mod explain;
mod inspect;

mod load;

mod dylib;

#[cfg(feature = "clap")]
mod args;

mod error;

#[cfg(feature = "clap")]
pub use args::{Security, SecurityArgs, SecurityArgsError};
pub use config::{ClockSkewAllowance, ClockSkewAllowanceError, SecurityConfig};
pub use error::{
    ActualContent, ExpectedContent, LoadError, PackageError, SignatureLocation, SignerCountError,
    VerificationError,
};
#[cfg(feature = "store")]
pub use explain::explain_package;
pub use explain::{ExplainedEnvelope, Explanation, InspectedEnvelope, explain_package_offline};
#[cfg(feature = "store")]
pub use inspect::inspect_signature;
pub use inspect::{SignatureInspection, inspect_signature_offline};
#[cfg(feature = "store")]
pub use load::verify_and_load_package;
pub use load::{LoadedPackage, Provenance, verify_and_load_package_offline};
pub use open::read_signature;
pub use path::PackagePath;
pub use protection::{Protection, ProtectionError};
pub use quorum::{RequiredSigners, SignerCount};
pub use report::{VerificationReport, VerifiedPackage};
pub use sign::{add_signature, package_statement, sign_package, sign_statement};
pub use source::{EnvelopeSource, SignatureSource};
#[cfg(feature = "store")]
pub use verify::{check_package, verify_package};
pub use verify::{check_package_offline, verify_package_offline};
