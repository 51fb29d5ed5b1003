use std::fmt;

use signing_crypto::OrgId;
use thiserror::Error;

/// The first fault found in an audit log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}, at entry {sequence} of the log of {org}: expected {expected}, found {found}")]
pub struct AuditFault {
    /// Whose log it is.
    pub org: OrgId,
    /// The first entry that is not right.
    pub sequence: i64,
    /// What is wrong with it.
    pub kind: AuditFaultKind,
    /// What should be there.
    pub expected: AuditValue,
    /// What is there.
    pub found: AuditValue,
}

impl AuditFault {
    /// What programs call this error, whatever the fault. Stable.
    pub fn code(&self) -> &'static str {
        "AuditLogBroken"
    }
}

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $text:literal;)*) => {
        /// What is wrong with an audit log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AuditFaultKind {
            $($(#[$doc])* $variant),*
        }

        impl AuditFaultKind {
            /// Its name for programs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl fmt::Display for AuditFaultKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text),* })
            }
        }
    };
}

fault_kinds! {
    /// There is no entry with this sequence.
    Missing = "missing", "an entry is missing";
    /// There is another entry with this sequence, or one before the first.
    Inserted = "inserted", "an entry was inserted";
    /// The entry's hash is not that of what it says.
    Edited = "edited", "an entry was edited";
    /// The entry does not follow on the one before.
    Unlinked = "unlinked", "an entry does not follow on the one before";
    /// The entry is not of an entry's form.
    Unreadable = "unreadable", "an entry is unreadable";
    /// The log's head is gone.
    HeadMissing = "head-missing", "the log's head is missing";
    /// The log's head has another hash than its last entry.
    HeadDiffers = "head-differs", "the log's head is not its last entry";
    /// The entry comes after the log's head.
    BeyondHead = "beyond-head", "an entry stands after the log's head";
    /// The log ends before the checkpoint.
    CutOff = "cut-off", "the log ends before the checkpoint";
    /// The checkpoint was made of another entry.
    CheckpointDiffers = "checkpoint-differs", "an entry is not the one of the checkpoint";
}

/// What is, or should be, in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditValue {
    /// Nothing at all.
    Nothing,
    /// An entry with this sequence.
    Sequence(i64),
    /// A hash, of 32 bytes unless somebody wrote others.
    Hash(Vec<u8>),
    /// An entry's column in its form.
    Readable,
    /// Something that is not of the form.
    Unreadable,
}

impl fmt::Display for AuditValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Sequence(sequence) => write!(f, "entry {sequence}"),
            Self::Hash(hash) => write!(f, "hash {}", hex::encode(hash)),
            Self::Readable => f.write_str("an entry"),
            Self::Unreadable => f.write_str("something that is not a valid audit entry"),
        }
    }
}
