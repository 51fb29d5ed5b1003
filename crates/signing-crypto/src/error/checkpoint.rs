use thiserror::Error;

use crate::error::{ContentLayer, EnvelopeError, MalformedEnvelope};

/// A checkpoint that proves nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The key did not sign the envelope.
    #[error("the checkpoint is not signed by the key that is trusted")]
    Signature(#[source] EnvelopeError),
    /// The key signed something else than a checkpoint.
    #[error("what is signed is not a checkpoint")]
    Malformed(#[from] MalformedCheckpoint),
}

impl CheckpointError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(_) => "UntrustedCheckpoint",
            Self::Malformed(_) => "MalformedCheckpoint",
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
    /// A statement of another version.
    #[error("its statement type is {found:?}, expected \"{}\"", crate::STATEMENT_TYPE)]
    StatementType {
        /// The type found.
        found: String,
    },
    /// A statement about something else, such as a package.
    #[error("its predicate type is {found:?}, expected \"{}\"", crate::CHECKPOINT_TYPE)]
    PredicateType {
        /// The type found.
        found: String,
    },
    /// Not exactly one subject.
    #[error("its statement has {found} subjects, expected exactly one")]
    SubjectCount {
        /// The number found.
        found: usize,
    },
    /// A field that is not of its form.
    #[error("its field '{field}' is malformed")]
    Field {
        /// The field's name.
        field: &'static str,
    },
}

impl MalformedCheckpoint {
    pub(crate) fn json(source: serde_json::Error) -> Self {
        MalformedEnvelope::json(ContentLayer::Statement, source).into()
    }
}
