use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use signing_crypto::{DocumentVersion, OrgId, TrustDocumentKind};

use crate::document_error::{SignedTrustError, VersionMemoryError};

/// The numbers of an organization's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentVersions {
    /// Of the root document.
    pub root: DocumentVersion,
    /// Of the trust statement.
    pub statement: DocumentVersion,
    /// Of the revocations.
    pub revocations: DocumentVersion,
}

/// The highest versions that were seen of each organization's documents. They only rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenVersions(BTreeMap<OrgId, DocumentVersions>);

/// Remembers which versions were seen, so that older documents are recognized.
///
/// Without a memory that outlives the process, somebody who can write the store can show a
/// process that was restarted documents that are older, as long as those have not expired.
pub trait MemoryOfVersions: fmt::Debug + Send + Sync {
    /// Calls `admit` with the highest versions that were seen, and remembers what it has
    /// raised before this returns. No other call sees them in between.
    ///
    /// # Errors
    ///
    /// That they cannot be read, or not be kept. Then the documents do not count.
    fn update(&self, admit: &mut dyn FnMut(&mut SeenVersions)) -> Result<(), VersionMemoryError>;
}

impl DocumentVersions {
    fn each(self) -> [(TrustDocumentKind, DocumentVersion); 3] {
        [
            (TrustDocumentKind::Root, self.root),
            (TrustDocumentKind::Statement, self.statement),
            (TrustDocumentKind::Revocations, self.revocations),
        ]
    }
}

impl SeenVersions {
    /// The highest versions, by organization.
    pub fn iter(&self) -> impl Iterator<Item = (&OrgId, &DocumentVersions)> {
        self.0.iter()
    }

    /// Raises what was seen of an organization's documents.
    ///
    /// # Errors
    ///
    /// [`SignedTrustError::RolledBack`] if one is older than before. Nothing is raised then.
    pub fn admit(&mut self, org: OrgId, found: DocumentVersions) -> Result<(), SignedTrustError> {
        if let Some(before) = self.0.get(&org) {
            let older = before.each().into_iter().zip(found.each());
            for ((kind, seen), (_, found)) in older {
                if found < seen {
                    return Err(SignedTrustError::RolledBack { org, kind, seen, found });
                }
            }
        }
        self.0.insert(org, found);
        Ok(())
    }
}

impl FromIterator<(OrgId, DocumentVersions)> for SeenVersions {
    fn from_iter<I: IntoIterator<Item = (OrgId, DocumentVersions)>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}

/// A memory that ends with the process.
impl MemoryOfVersions for Mutex<SeenVersions> {
    fn update(&self, admit: &mut dyn FnMut(&mut SeenVersions)) -> Result<(), VersionMemoryError> {
        // After a panic in between, at worst too much was raised.
        admit(&mut self.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}
