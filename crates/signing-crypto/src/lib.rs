//! The cryptography of signed packages, without files, databases, clocks or
//! async: keys and their text forms, package digests, in-toto statements in
//! DSSE envelopes, and the wrapping of private keys at rest.
//!
//! This crate alone is enough to check a package with a public key that one
//! already has. Trust, revocation and version floors are not checked:
//! `signing-loader` does that.
//!
//! ```
//! use signing_crypto::{
//!     PackageDigest, PackageName, PackageStatement, SignatureEnvelope, SigningKey, StatementTime,
//! };
//!
//! // The build of the package signs a statement about it …
//! let key = SigningKey::generate()?;
//! let content = PackageDigest::of_reader(&b"\x7fELF: the package's bytes"[..])?;
//! let statement = PackageStatement::new(
//!     "libworkflow.so".parse()?,
//!     content.digest,
//!     content.size,
//!     "2026-01-28T12:00:00Z".parse()?,
//! )
//! .with_expiry("2027-01-28T12:00:00Z".parse()?);
//! let signature = SignatureEnvelope::sign(&statement, &key).to_json();
//!
//! // … and a program that has the public key checks the envelope, and then the package's
//! // name, its bytes, and that the signature has not expired.
//! let is_good = |name: &str, bytes: &[u8], now: &str| {
//!     let envelope = SignatureEnvelope::parse(signature.as_bytes())?;
//!     let verified = envelope.verify(&key.verifying_key())?;
//!     let (statement, now) = (verified.statement(), now.parse::<StatementTime>()?);
//!     Ok::<_, Box<dyn std::error::Error>>(
//!         *statement.name() == name.parse::<PackageName>()?
//!             && *statement.digest() == PackageDigest::of_reader(bytes)?.digest
//!             && statement.expires_at().is_none_or(|expires_at| now < expires_at),
//!     )
//! };
//! let bytes = b"\x7fELF: the package's bytes";
//! assert!(is_good("libworkflow.so", bytes, "2026-06-01T00:00:00Z")?);
//! assert!(!is_good("libother.so", bytes, "2026-06-01T00:00:00Z")?);
//! assert!(!is_good("libworkflow.so", b"other bytes", "2026-06-01T00:00:00Z")?);
//! assert!(!is_good("libworkflow.so", bytes, "2027-01-28T12:00:00Z")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A signature never covers a bare hash: the statement also says what the
//! package is called, how long it is and, by its predicate type, what the
//! signature is for.

#![forbid(unsafe_code)]

mod digest;
mod dsse;
mod error_text;
mod key;
mod names;
mod revocation;
mod serialize;
mod signed_trust;

pub use digest::{HashedContent, PackageDigest};
#[cfg(feature = "private-keys")]
pub use dsse::AddSignatureError;
pub use dsse::{
    AuditCheckpoint, CheckpointError, EntryHash, EnvelopeError, EnvelopeSignature, ForeignFormat,
    JsonFault, MAX_ENVELOPE_SIZE, MAX_SIGNATURES, MalformedCheckpoint, MalformedEnvelope,
    MalformedStatement, PAYLOAD_TYPE, PREDICATE_TYPE, PackageStatement, SignatureEnvelope,
    SignedCheckpoint, SignerCount, SignerCountError, UnexpectedJson, VerifiedCheckpoint,
    VerifiedStatement,
};
pub use error_text::error_with_sources;
pub use key::{
    Fingerprint, KdfCost, KekId, KeyError, MAX_PEM_SIZE, PassphraseError, PemError, PemForm,
    UncheckedKey, VerifyingKey,
};
#[cfg(feature = "private-keys")]
pub use key::{
    KekError, KeyEncryptionKey, MAX_PASSPHRASE_SIZE, NoRandomness, Passphrase, Signer, SignerError,
    SigningInput, SigningKey, WrapContext, WrapError, WrappedKey,
};
pub use names::{
    ActorName, GrantId, KeyId, KeyName, MAX_NAME_BYTES, NameError, NameFault, NameKind, Note,
    OrgId, OrgName, PackageName, PackagePatterns, PackageVersion, ParseError, PatternError,
    SignatureId, StatementTime, StoreId, TrustLimits, TrustStateId, TrustedKeyId, is_deceptive,
    printable, rfc3339, shell_word,
};
pub use revocation::RevocationReason;
#[cfg(feature = "private-keys")]
pub use signed_trust::DraftSignatureError;
pub use signed_trust::{
    DeniedKey, DocumentDigest, DocumentFault, DocumentHeader, DocumentTexts, DocumentVersion,
    DraftDocuments, MAX_BUNDLE_SIZE, MAX_DRAFT_SIZE, MAX_ROOT_SIZE, MAX_TRUST_STATEMENT_SIZE,
    MalformedBundle, MalformedDraft, MalformedTrustDocument, MissingSignatures, Revocations, Role,
    RoleKeys, RootChainError, RootDigest, RootDocument, SignedDocument, StatedGrant, StatedKey,
    ThresholdNotMet, TrustBundle, TrustDocument, TrustDocumentKind, TrustStatement,
    VerifiedDocument, VerifiedRoot,
};

// What tasks and threads share.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<SignatureEnvelope>();
    is_shared::<VerifyingKey>();
    is_shared::<PemError>();
    is_shared::<EnvelopeError>();
    #[cfg(feature = "private-keys")]
    {
        is_shared::<SigningKey>();
        is_shared::<KeyEncryptionKey>();
        is_shared::<WrapError>();
        is_shared::<SignerError>();
    }
};

/// The example that readers of the crate's page see.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
