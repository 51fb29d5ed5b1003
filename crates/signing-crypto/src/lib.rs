//! The cryptography of signed packages, without files, databases, clocks or
//! async: keys and their text forms, package digests, in-toto statements in
//! DSSE envelopes, and the wrapping of private keys at rest.
//!
//! This crate alone is enough to check a signature with a public key that one
//! already has:
//!
//! ```
//! use signing_crypto::{PackageDigest, PackageStatement, SignatureEnvelope, SigningKey};
//!
//! // Whoever builds the package signs a statement about it …
//! let key = SigningKey::generate()?;
//! let content = PackageDigest::of_reader(&b"\x7fELF: the package's bytes"[..])?;
//! let statement = PackageStatement::new(
//!     "libworkflow.so".parse()?,
//!     content.digest,
//!     content.size,
//!     "2026-01-28T12:00:00Z".parse()?,
//! );
//! let envelope = SignatureEnvelope::sign(&statement, &key);
//!
//! // … and whoever has the public key checks the envelope, then the bytes.
//! let envelope = SignatureEnvelope::parse(envelope.to_json().as_bytes())?;
//! let verified = envelope.verify(&key.verifying_key())?;
//! assert_eq!(verified.statement().digest(), &content.digest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A signature never covers a bare hash: the statement also says what the
//! package is called, how long it is and, by its predicate type, what the
//! signature is for.

#![forbid(unsafe_code)]

mod ids;
mod name;
mod pattern;
mod time;
mod version;

mod digest;
mod key;

mod fingerprint;
mod pem;

mod kek;
mod wrap;

mod serialize;
mod strict_json;

mod statement;

mod envelope;

mod checkpoint;

mod error;

pub use checkpoint::{
    AuditCheckpoint, CHECKPOINT_TYPE, EntryHash, SignedCheckpoint, VerifiedCheckpoint,
};
pub use digest::{HashedContent, PackageDigest};
pub use envelope::{
    EnvelopeSignature, MAX_ENVELOPE_SIZE, MAX_SIGNATURES, PAYLOAD_TYPE, SignatureEnvelope,
    VerifiedStatement,
};
pub use error::{
    CheckpointError, ContentLayer, EnvelopeError, ForeignFormat, KdfCost, KekError, KeyError,
    MalformedCheckpoint, MalformedEnvelope, NameError, NameFault, NameKind, ParseError,
    PassphraseError, PatternError, PemError, PemForm, WrapError,
};
pub use fingerprint::Fingerprint;
pub use ids::{GrantId, KeyId, OrgId, SignatureId, StoreId, TrustStateId, TrustedKeyId};
pub use kek::{KekId, KeyEncryptionKey};
pub use key::{SigningKey, VerifyingKey};
pub use name::{KeyName, Note, OrgName, PackageName, is_deceptive, printable};
pub use pattern::{MAX_PATTERNS, PackagePatterns};
pub use pem::{MAX_PASSPHRASE_SIZE, MAX_PEM_SIZE, Passphrase};
pub use statement::{PREDICATE_TYPE, PackageStatement, STATEMENT_TYPE};
pub use time::{StatementTime, rfc3339};
pub use version::PackageVersion;
pub use wrap::{WrapContext, WrappedKey};
