use std::fmt;

use thiserror::Error;

use crate::dsse::STATEMENT_TYPE;
use crate::key::Fingerprint;
#[cfg(feature = "private-keys")]
use crate::key::SignerError;
use crate::names::{NameError, ParseError};

/// An envelope that a key did not sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// No signature names the key, and none is without a name.
    #[error("the envelope carries no signature by the key {fingerprint}")]
    NotSignedBy {
        /// The key that was asked for.
        fingerprint: Fingerprint,
    },
    /// The signature is not the key's over these bytes.
    #[error("the signature was not made by the key {fingerprint} over this statement")]
    InvalidSignature {
        /// The key that was asked for.
        fingerprint: Fingerprint,
    },
    /// The bytes are not a package signature.
    #[error(transparent)]
    Malformed(#[from] MalformedEnvelope),
}

impl EnvelopeError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSignedBy { .. } => "SignatureNotFound",
            Self::InvalidSignature { .. } => "InvalidSignature",
            Self::Malformed(error) => error.code(),
        }
    }
}

/// A signature that was not added to an envelope.
#[cfg(feature = "private-keys")]
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AddSignatureError {
    /// The key has signed already.
    #[error("the key {fingerprint} has already signed this envelope")]
    AlreadySignedBy {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// No room for another signature.
    #[error("the envelope already has {limit} signatures, the most that are allowed")]
    Full {
        /// The most signatures allowed.
        limit: usize,
    },
    /// The bytes are not a package signature, or would not be one with another signature.
    #[error(transparent)]
    Malformed(#[from] MalformedEnvelope),
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

#[cfg(feature = "private-keys")]
impl AddSignatureError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadySignedBy { .. } => "SignatureNotAdded",
            Self::Full { .. } => "TooManySignatures",
            Self::Malformed(error) => error.code(),
            Self::Signer(error) => error.code(),
        }
    }
}

/// Why bytes are not a package signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedEnvelope {
    /// No bytes.
    #[error("it is empty")]
    Empty,
    /// Too many bytes.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// Another tool's signature.
    #[error("it is {format}, expected a DSSE envelope")]
    Foreign {
        /// What it is.
        format: ForeignFormat,
    },
    /// Not the JSON of an envelope.
    #[error("its envelope is not the expected JSON")]
    Json(#[from] UnexpectedJson),
    /// Not padded base64.
    #[error("its field '{field}' is not padded base64")]
    Base64 {
        /// The field's name.
        field: &'static str,
    },
    /// No signature, or too many.
    #[error("it has {found} signatures, expected 1 to {limit}")]
    SignatureCount {
        /// The number found.
        found: usize,
        /// The most allowed.
        limit: usize,
    },
    /// One key twice.
    #[error("it names the key {fingerprint} twice")]
    DuplicateKeyid {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A payload of another kind.
    #[error("its payload type is {found:?}, expected {expected:?}")]
    PayloadType {
        /// The type expected.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// Another statement in the envelope.
    #[error(transparent)]
    Statement(#[from] MalformedStatement),
    /// A package name that is not allowed.
    #[error("its subject is misnamed")]
    SubjectName(#[source] NameError),
    /// A malformed digest.
    #[error("its subject's digest is malformed")]
    SubjectDigest(#[source] ParseError),
    /// A malformed time.
    #[error("its signedAt is {found:?}, expected an RFC 3339 time")]
    SignedAt {
        /// The text found.
        found: String,
    },
    /// A malformed version.
    #[error("its version is {found:?}, expected Semantic Versioning 2.0.0")]
    Version {
        /// The text found.
        found: String,
    },
    /// An expiry that is no time, or not one in UTC.
    #[error("its expiresAt is {found:?}, expected an RFC 3339 time in UTC")]
    ExpiresAt {
        /// The text found.
        found: String,
    },
}

impl MalformedEnvelope {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "MalformedSignature"
    }
}

/// Why a payload is not the in-toto statement that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedStatement {
    /// Not the JSON of such a statement.
    #[error("its statement is not the expected JSON")]
    Json(#[from] UnexpectedJson),
    /// A statement of another version.
    #[error("its statement type is {found:?}, expected \"{}\"", STATEMENT_TYPE)]
    StatementType {
        /// The type found.
        found: String,
    },
    /// A statement about something else.
    #[error("its predicate type is {found:?}, expected {expected:?}")]
    PredicateType {
        /// The type expected.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// Not exactly one subject.
    #[error("its statement has {found} subjects, expected exactly one")]
    SubjectCount {
        /// The number found.
        found: usize,
    },
}

/// Why bytes are not the JSON that was expected, and where. None of the content is shown: the
/// file may be another than was meant, such as one that holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{fault} at line {line} column {column}")]
#[non_exhaustive]
pub struct UnexpectedJson {
    /// What is wrong.
    pub fault: JsonFault,
    /// The line, counted from 1.
    pub line: usize,
    /// The byte in the line, counted from 1.
    pub column: usize,
}

/// What is wrong with JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonFault {
    /// It is not UTF-8.
    Encoding,
    /// It is not JSON.
    Syntax,
    /// It is cut off.
    End,
    /// A field is missing.
    MissingField,
    /// A field is not known.
    UnknownField,
    /// A field is there twice.
    DuplicateField,
    /// A value is of another type, such as a number instead of text.
    Type,
    /// A value is not allowed, such as a number that is too large.
    Value,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "it is not UTF-8",
            Self::Syntax => "it is not valid JSON",
            Self::End => "it ends too early",
            Self::MissingField => "a field is missing",
            Self::UnknownField => "a field is unknown",
            Self::DuplicateField => "a field is there twice",
            Self::Type => "a value is of the wrong type",
            Self::Value => "a value is not allowed",
        })
    }
}

/// A checkpoint that proves nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The key did not sign the envelope.
    #[error("the checkpoint is not signed by the key that is trusted")]
    Signature(#[source] EnvelopeError),
    /// The key signed something else than a checkpoint.
    #[error("the signed content is not a checkpoint")]
    Malformed(#[from] MalformedCheckpoint),
}

impl CheckpointError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(_) => "UntrustedCheckpoint",
            Self::Malformed(error) => error.code(),
        }
    }
}

/// Why a statement is not a checkpoint.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MalformedCheckpoint {
    /// The envelope around it.
    #[error(transparent)]
    Envelope(#[from] MalformedEnvelope),
    /// Another statement in the envelope.
    #[error(transparent)]
    Statement(#[from] MalformedStatement),
    /// A field that is not of its form.
    #[error("its field '{field}' is malformed")]
    Field {
        /// The field's name.
        field: &'static str,
    },
}

impl MalformedCheckpoint {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "MalformedCheckpoint"
    }
}

/// Signature files of other tools, recognized by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForeignFormat {
    /// OpenPGP, armoured or binary.
    Pgp,
    /// `ssh-keygen -Y sign`.
    SshSig,
    /// minisign or signify.
    Minisign,
    /// A PEM file: a key rather than a signature.
    Pem,
    /// A shared library: the package itself.
    Elf,
}

impl ForeignFormat {
    pub(crate) fn recognize(bytes: &[u8]) -> Option<Self> {
        const STARTS: [(&[u8], ForeignFormat); 6] = [
            (b"-----BEGIN PGP ", ForeignFormat::Pgp),
            (b"-----BEGIN SSH SIGNATURE", ForeignFormat::SshSig),
            (b"-----BEGIN ", ForeignFormat::Pem),
            (b"untrusted comment:", ForeignFormat::Minisign),
            (b"\x7fELF", ForeignFormat::Elf),
            (b"\x88", ForeignFormat::Pgp),
        ];
        STARTS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, format)| *format)
    }
}

impl fmt::Display for ForeignFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pgp => "an OpenPGP signature",
            Self::SshSig => "an SSH signature",
            Self::Minisign => "a minisign signature",
            Self::Pem => "a PEM file",
            Self::Elf => "a shared library",
        })
    }
}
