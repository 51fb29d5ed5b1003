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
//! were hashed; a [`LoadedPackage`] comes from it only, or from
//! [`danger_load_unsigned`], and then says so. Between the two nothing can be swapped.
//! [`verify_and_load_package`] alone has a switch, which is off by default.
//!
//! A program that loads packages depends on this crate alone: what its functions take
//! and give is here, also where it is from another crate of the workspace.
//!
//! ```
//! use signing_loader::{
//!     PinnedKeys, SignatureSource, SigningKey, VerificationConfig, sign_package,
//!     verify_package_offline,
//! };
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("libworkflow.so");
//! # std::fs::write(&path, b"the package's bytes")?;
//! // Whoever builds the package signs it …
//! let key = SigningKey::generate()?;
//! let signature = sign_package(&path, &key)?;
//!
//! // … and a runner that has the public key verifies it, before it loads it.
//! let config = VerificationConfig::default();
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
mod signers;

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
pub use config::{ClockSkewAllowance, ClockSkewAllowanceError, SecurityConfig, VerificationConfig};
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
pub use load::{LoadedPackage, Provenance, danger_load_unsigned, verify_and_load_package_offline};
pub use open::read_signature;
pub use path::PackagePath;
pub use protection::{Protection, ProtectionError};
pub use quorum::{RequiredSigners, SignerCount};
pub use report::{VerificationReport, VerifiedPackage};
#[cfg(feature = "store")]
pub use sign::PackageSigner;
pub use sign::{
    MadeSignature, NotAdded, PreparedSignature, SignError, SignatureFile, SignatureOutcome,
    SignaturePlace, SignedTerms, add_signature, package_statement, sign_package, sign_statement,
};
pub use source::{EnvelopeSource, SignatureSource};
#[cfg(feature = "store")]
pub use verify::{check_package, verify_package};
pub use verify::{check_package_offline, verify_package_offline};

// What the above take and give, so that a runner needs no other crate. Items, not whole
// crates: what is not named here can change without a new version of this one.
#[doc(no_inline)]
pub use signing_crypto::{
    EnvelopeError, EnvelopeSignature, Fingerprint, KekError, KeyEncryptionKey, KeyError,
    MalformedEnvelope, NameError, OrgId, OrgName, PackageDigest, PackageName, PackagePatterns,
    PackageStatement, PackageVersion, ParseError, Passphrase, PassphraseError, PemError,
    SignatureEnvelope, SignatureId, SigningKey, StatementTime, VerifyingKey, printable,
};
#[doc(no_inline)]
pub use signing_trust::{
    AUDIT_TARGET, PinnedKeys, TrustError, TrustLimits, TrustPath, TrustSource, TrustSourceKind,
    TrustedKey, UntrustedReason,
};
#[cfg(feature = "store")]
#[doc(no_inline)]
pub use signing_trust::{
    Freshness, KeyManager,
    store::{DatabaseUrl, OrganizationRecord, OrganizationRef, Store, StoreError, UrlError},
};
