use thiserror::Error;

use super::{DocumentVersion, MAX_STATED_KEYS, Role, TrustDocumentKind};
#[cfg(feature = "private-keys")]
use crate::dsse::AddSignatureError;
use crate::dsse::{MAX_SIGNATURES, MalformedEnvelope, UnexpectedJson};
#[cfg(feature = "private-keys")]
use crate::key::SignerError;
use crate::key::{Fingerprint, KeyError};
use crate::names::{OrgId, PatternError};

/// Bytes that are not the document that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is not a valid {kind} document")]
pub struct MalformedTrustDocument {
    /// The document that was expected.
    pub kind: TrustDocumentKind,
    /// What is wrong with it.
    #[source]
    pub fault: DocumentFault,
}

impl MalformedTrustDocument {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "MalformedTrustDocument"
    }
}

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentFault {
    /// The envelope around it, or its payload type.
    #[error(transparent)]
    Envelope(#[from] MalformedEnvelope),
    /// Its payload has too many bytes.
    #[error("its payload has {found} bytes, at most {limit} are allowed")]
    TooLarge {
        /// The number found.
        found: usize,
        /// The most allowed.
        limit: usize,
    },
    /// Its payload is not the JSON that such a document is: a field is missing, unknown,
    /// there twice or of another type.
    #[error("its payload is not the expected JSON")]
    Json(#[from] UnexpectedJson),
    /// A field that is not of its form.
    #[error("its field '{field}' is malformed")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// A public key that is not fit to be trusted.
    #[error("its public key {fingerprint} cannot be used")]
    Key {
        /// The key.
        fingerprint: Fingerprint,
        /// Why.
        source: KeyError,
    },
    /// The patterns of a grant.
    #[error("the packages of its grant to {child} are malformed")]
    Patterns {
        /// The organization that the grant is to.
        child: OrgId,
        /// What is wrong with them.
        source: PatternError,
    },
    /// It would never have counted.
    #[error("it expires before it was issued")]
    ExpiresBeforeIssued,
    /// A key, an organization or a package is named twice where once is allowed, or is both
    /// trusted and denied.
    #[error("its field '{field}' names {name} twice")]
    Duplicate {
        /// The field's name.
        field: &'static str,
        /// What is named twice.
        name: String,
    },
    /// A role of a root document with a threshold that is not allowed, or that its keys cannot
    /// meet.
    #[error(
        "its {role} role needs a threshold of 1 to {MAX_SIGNATURES}, and at least as many keys"
    )]
    Role {
        /// The role.
        role: Role,
    },
    /// A role of a root document has a key that the document does not contain.
    #[error("its {role} role names the key {fingerprint}, which the document does not contain")]
    UnknownKey {
        /// The role.
        role: Role,
        /// The key.
        fingerprint: Fingerprint,
    },
    /// More keys than a document may name.
    #[error("its field '{field}' has {found} keys, at most {MAX_STATED_KEYS} are allowed")]
    TooManyKeys {
        /// The field's name.
        field: &'static str,
        /// The number found.
        found: usize,
    },
    /// More keys than a root document may have.
    #[error("it has {found} keys, at most {} are allowed", super::root::MAX_ROOT_KEYS)]
    TooManyRootKeys {
        /// The number found.
        found: usize,
    },
    /// A grant to the organization itself.
    #[error("it grants trust to its own organization")]
    SelfGrant,
}

/// A document that fewer keys of a role have signed than must sign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "version {version} of the {kind} document is signed by {found} of the {required} keys of the \
     {role} role that must sign it"
)]
pub struct ThresholdNotMet {
    /// The document.
    pub kind: TrustDocumentKind,
    /// Its number.
    pub version: DocumentVersion,
    /// The role that signs it.
    pub role: Role,
    /// How many distinct keys must sign.
    pub required: usize,
    /// How many have.
    pub found: usize,
}

impl ThresholdNotMet {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "ThresholdNotMet"
    }
}

/// A root document that does not follow the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RootChainError {
    /// It is another organization's.
    #[error("it is a root document of the organization {found}, expected {expected}")]
    Organization {
        /// The organization of the one before.
        expected: OrgId,
        /// The organization of this one.
        found: OrgId,
    },
    /// Its number is not the next.
    #[error("it is version {found} of the root document, expected version {expected}")]
    Version {
        /// The number after the one before.
        expected: DocumentVersion,
        /// The number of this one.
        found: DocumentVersion,
    },
    /// The one before is the last that there can be.
    #[error("no root document can follow the last version")]
    Last,
    /// Too few keys of the one before have signed it.
    #[error("the root document before it does not accept it")]
    Predecessor(#[source] ThresholdNotMet),
    /// Too few of its own keys have signed it.
    #[error("its own keys do not accept it")]
    Own(#[source] ThresholdNotMet),
}

impl RootChainError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Organization { .. } => "TrustDocumentOfAnotherOrganization",
            Self::Version { .. } | Self::Last => "BrokenRootChain",
            Self::Predecessor(_) | Self::Own(_) => "ThresholdNotMet",
        }
    }
}

/// Bytes that are not a trust bundle.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedBundle {
    /// Too many bytes.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// Not the JSON that a bundle is.
    #[error("it is not the expected JSON")]
    Json(#[source] UnexpectedJson),
    /// A bundle of another version, or something else.
    #[error("its type is {found:?}, expected {:?}", super::bundle::BUNDLE_TYPE)]
    Type {
        /// The type found.
        found: String,
    },
    /// A field that is not of its form.
    #[error("its field '{field}' is malformed")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// One organization twice.
    #[error("it holds the documents of the organization {org} twice")]
    Duplicate {
        /// The organization.
        org: OrgId,
    },
    /// The organization that it is of has no documents in it.
    #[error("it holds no documents of its organization {org}")]
    Incomplete {
        /// The organization.
        org: OrgId,
    },
}

impl MalformedBundle {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "MalformedTrustBundle"
    }
}

/// Bytes that are not a draft of trust documents, or documents that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedDraft {
    /// Too many bytes.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// Not the JSON that a draft is.
    #[error("it is not the expected JSON")]
    Json(#[source] UnexpectedJson),
    /// A draft of another version, or something else.
    #[error("its type is {found:?}, expected {:?}", super::draft::DRAFT_TYPE)]
    Type {
        /// The type found.
        found: String,
    },
    /// A field that is not of its form.
    #[error("its field '{field}' is malformed")]
    Field {
        /// The field's name.
        field: &'static str,
    },
    /// One of its documents.
    #[error("one of its documents cannot be read")]
    Document(#[from] MalformedTrustDocument),
    /// A document is another organization's than the draft.
    #[error("its {kind} document is of the organization {found}, expected {expected}")]
    Organization {
        /// Which document.
        kind: TrustDocumentKind,
        /// The organization of the draft.
        expected: OrgId,
        /// The organization of the document.
        found: OrgId,
    },
    /// It has neither a current root document nor a new one, which name the keys that may sign.
    #[error("it has no root document")]
    NoRoot,
    /// Its current root document is not signed by its own keys.
    #[error("its current root document does not count")]
    CurrentRoot(#[source] ThresholdNotMet),
    /// Its new root document does not have the number after that of the current one, or it has
    /// no current one, and another document than a first one.
    #[error("its new {kind} document is version {found}, expected version {expected}")]
    Version {
        /// Which document.
        kind: TrustDocumentKind,
        /// The number that it should have.
        expected: DocumentVersion,
        /// The number of the new one.
        found: DocumentVersion,
    },
    /// It has no document to publish.
    #[error("it has no new document")]
    Empty,
}

impl MalformedDraft {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "MalformedTrustDraft"
    }
}

/// A draft that a key does not sign.
#[cfg(feature = "private-keys")]
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DraftSignatureError {
    /// No document of the draft needs the key.
    #[error("the key {fingerprint} has no role for the documents of the draft")]
    NoRole {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The key has signed every document for which it has a role.
    #[error("the key {fingerprint} has already signed the draft")]
    AlreadySigned {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A document cannot take the signature.
    #[error("the {kind} document cannot take a signature by the key {fingerprint}")]
    Document {
        /// Which document.
        kind: TrustDocumentKind,
        /// The key.
        fingerprint: Fingerprint,
        /// Why.
        source: AddSignatureError,
    },
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

#[cfg(feature = "private-keys")]
impl DraftSignatureError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRole { .. } => "KeyWithoutRole",
            Self::AlreadySigned { .. } => "AlreadySigned",
            Self::Document { source, .. } => source.code(),
            Self::Signer(error) => error.code(),
        }
    }
}
