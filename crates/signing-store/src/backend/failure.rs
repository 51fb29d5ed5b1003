//! What diesel's errors mean.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};
use signing_crypto::NameKind;

#[cfg(feature = "sqlite")]
use super::sqlite::Complaint;
use crate::error::StoreError;

/// Whatever is not recognized means that the database cannot be relied on.
impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error;
        match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                unique_violation(info.as_ref())
                    .unwrap_or_else(|| Self::unavailable(info.message().to_owned()))
            }
            Error::DeserializationError(source) => Self::CorruptRow(source),
            #[cfg(feature = "sqlite")]
            Error::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                match Complaint::of(info.message()) {
                    Some(Complaint::Busy { after }) => {
                        Self::FileLocked { after, holders: Vec::new() }
                    }
                    Some(Complaint::Full) => Self::DiskFull(info.message().into()),
                    None => {
                        Self::unavailable(Error::DatabaseError(DatabaseErrorKind::Unknown, info))
                    }
                }
            }
            other => Self::unavailable(other),
        }
    }
}

/// A file that SQLite does not open.
impl From<diesel::ConnectionError> for StoreError {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::unavailable(error)
    }
}

/// Postgres names the index; SQLite names the columns, in its message only.
fn unique_violation(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> Option<StoreError> {
    let name = info.constraint_name().unwrap_or_else(|| {
        info.message().strip_prefix("UNIQUE constraint failed: ").unwrap_or_default()
    });
    match name {
        "organizations_name" | "organizations.name" => {
            Some(StoreError::NameTaken { kind: NameKind::Organization })
        }
        "signing_keys_live_name" | "signing_keys.org_id, signing_keys.name" => {
            Some(StoreError::NameTaken { kind: NameKind::Key })
        }
        "signing_keys_fingerprint" | "signing_keys.org_id, signing_keys.fingerprint" => {
            Some(StoreError::SigningKeyExists)
        }
        "signing_keys_successor" | "signing_keys.predecessor_id" => {
            Some(StoreError::SuccessorExists)
        }
        _ => None,
    }
}
