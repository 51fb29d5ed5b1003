//! Loads a native package only if somebody who is trusted has signed exactly the
//! bytes that are loaded.
//!
//! ```text
//! package file ─► SealedPackage (private copy, sealed, then hashed) ─┐
//! <package>.sig or store ─► SignatureEnvelope (bounded, strict) ─────┤
//! org's trust (store, or pinned keys) ─► TrustDecision ──────────────┴► VerifiedPackage ─► LoadedPackage
//! ```
//!
//! A [`VerifiedPackage`] comes from verification only and owns the bytes that were hashed, so
//! nothing can be swapped before it is loaded. [`LoadedPackage::provenance`] tells whether it
//! was verified. Unverified ones come from [`danger_load_unsigned`], an [`Observer`],
//! [`verify_and_load_package`] with its switch off, and `PackageLoader` without
//! `--require-signatures`.
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
//! // The build of the package signs it …
//! let key = SigningKey::generate()?;
//! let signature = sign_package(&path, &key)?;
//!
//! // … and a runner that has the public key verifies it, before it loads it.
//! let config = VerificationConfig::default();
//! let pinned = PinnedKeys::from(key.verifying_key());
//! let source = SignatureSource::Memory(signature);
//! let verified = verify_package_offline(&path, &config, &pinned, source)?;
//! assert_eq!(verified.report().signer(), key.fingerprint());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Loading runs the package's code, its constructors first, with the rights of
//! the process, and never takes it out again. A package may link against the C library,
//! packages that were verified and loaded before, and what
//! [`allow_dependency`](Verifier::allow_dependency) names; anything else is refused before the
//! dynamic linker sees the package.

#![deny(unsafe_code)]

mod trust_source;
mod verifier;

mod package;
mod path;
mod source;

mod directory;
mod examination;
mod lock;
mod open;
mod protection;
mod sealed;
mod state_file;

mod elf;
mod library;

mod explain;
mod report;
mod verified;

mod install;

mod load;
#[cfg(feature = "store")]
mod loaded;
mod observe;

#[cfg(any(feature = "store", feature = "clap"))]
mod blocking;
#[cfg(feature = "store")]
mod config;
mod functions;

#[cfg(feature = "private-keys")]
mod sign;

#[cfg(feature = "clap")]
mod args;

mod error;

#[cfg(feature = "clap")]
pub use args::{PackageLoader, SecurityArgs, SecurityArgsError};
#[cfg(feature = "store")]
pub use config::SecurityConfig;
pub use directory::{DirectoryError, DirectoryFault, require_irreplaceable};
pub use elf::{
    DependencyName, DependencyNameError, DynamicTag, ElfType, LibraryError, LibraryTarget,
    MalformedLibrary,
};
pub use error::{LoadError, PackageError};
pub use explain::{ExplainedEnvelope, Explanation, InspectedEnvelope, SignatureInspection};
#[cfg(feature = "store")]
pub use functions::{verify_and_load_package, verify_package};
pub use functions::{verify_and_load_package_offline, verify_package_offline};
pub use install::{
    Downgrade, InstallContents, InstallDirectory, InstallError, InstallOutcome, Installed,
    OldReleases, is_in_release,
};
pub use library::{LibraryInspection, inspect_library};
pub use load::{LoadedPackage, Provenance, danger_load_unsigned};
#[cfg(feature = "store")]
pub use loaded::{
    Call, FollowError, FollowedPackage, GateError, LoadedPackages, MaxStaleness, MaxStalenessError,
    Standing, TrustChange,
};
pub use lock::lock_file;
pub use observe::{ObservationSummary, Observed, Observer};
pub use open::read_signature;
pub use package::{Package, PackageBytes};
pub use path::PackagePath;
pub use protection::{Protection, ProtectionError, is_descriptor};
pub use report::VerificationReport;
pub use sealed::Sealing;
#[cfg(feature = "store")]
pub use sign::PackageSigner;
#[cfg(feature = "private-keys")]
pub use sign::{
    MadeSignature, NotAdded, PreparedSignature, SignError, SignatureFile, SignatureOutcome,
    SignedTerms, add_signature, package_statement, sign_package, sign_statement,
};
pub use source::{EnvelopeSource, SignatureSource};
pub use state_file::StateFile;
pub use trust_source::Offline;
#[cfg(feature = "store")]
pub use trust_source::Online;
pub use verified::{PackageReader, VerifiedPackage};
pub use verifier::Verifier;
#[cfg(feature = "store")]
pub use verifier::VerifyAll;

// What the above take and give, so that a runner needs no other crate. Items, not whole
// crates: what is not named here can change without a new version of this one.
#[cfg(feature = "private-keys")]
#[doc(no_inline)]
pub use signing_crypto::{
    AddSignatureError, KekError, KeyEncryptionKey, NoRandomness, Passphrase, PassphraseError,
    Signer, SignerError, SigningInput, SigningKey,
};
#[doc(no_inline)]
pub use signing_crypto::{
    DocumentDigest, EnvelopeError, EnvelopeSignature, Fingerprint, GrantId, KeyError, KeyName,
    MalformedBundle, MalformedEnvelope, MalformedStatement, MalformedTrustDocument, NameError,
    OrgId, OrgName, PackageDigest, PackageName, PackagePatterns, PackageStatement, PackageVersion,
    ParseError, PemError, RootDigest, SignatureEnvelope, SignatureId, StatementTime,
    ThresholdNotMet, TrustBundle, TrustedKeyId, VerifyingKey, error_with_sources, printable,
};
pub use signing_trust::acceptance::{
    ActualContent, ClockSkewAllowance, ClockSkewAllowanceError, ExpectedContent, RequiredSigners,
    SignatureLocation, SignerCount, SignerCountError, VerificationConfig, VerificationError,
};
#[doc(no_inline)]
pub use signing_trust::{
    AUDIT_TARGET, DecisionError, PinnedKeys, SeenDocument, SeenDocuments, SeenOrganization,
    SignedTrustError, TrustAnchor, TrustLimits, TrustPath, TrustRoot, TrustRootError, TrustedKey,
    UntrustedReason, UnusableClock, VersionMemory, VersionMemoryError,
};
#[cfg(feature = "store")]
#[doc(no_inline)]
pub use signing_trust::{
    Freshness, KeyManager, ProvenKey, StoredSignatures, TrustError, TrustReader,
    store::{
        DatabaseUrl, OrganizationRecord, OrganizationRef, Store, StoreError, StoreReader, UrlError,
    },
};

// What tasks and threads share.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Verifier<Offline>>();
    is_shared::<VerifiedPackage<Offline>>();
    is_shared::<LoadedPackage>();
    is_shared::<PackageError>();
    #[cfg(feature = "store")]
    {
        is_shared::<Verifier<Online>>();
        is_shared::<VerifiedPackage<Online>>();
        is_shared::<LoadedPackages>();
        is_shared::<FollowedPackage>();
        is_shared::<Call<'_>>();
        is_shared::<FollowError>();
    }
};

// A runtime with several threads may move these futures between them.
#[cfg(feature = "store")]
const _: fn(&Verifier<Online>, VerifiedPackage<Online>, &Observer<Online>) =
    |verifier, package, observer| {
        fn moves<T: Send>(_: T) {}
        moves(verifier.verify(""));
        moves(verifier.check(""));
        moves(verifier.explain(""));
        moves(package.as_bytes());
        moves(package.reader());
        moves(package.load());
        moves(observer.load(""));
    };

#[cfg(feature = "store")]
const _: fn(&LoadedPackages, &FollowedPackage) = |loaded, package| {
    fn moves<T: Send>(_: T) {}
    moves(loaded.load(""));
    moves(package.drained());
};

/// The example that readers of the crate's page see.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
