use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use signing_crypto::{
    DocumentDigest, DocumentVersion, Fingerprint, OrgId, Role, RootDigest, TrustDocumentKind,
};

use super::VerifiedDocuments;
use crate::document_error::{DocumentOwner, SignedTrustError, VersionMemoryError};

/// A document that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenDocument {
    /// The number.
    pub version: DocumentVersion,
    /// The digest.
    pub digest: DocumentDigest,
}

/// The newest documents that were seen of an organization, from one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenOrganization {
    /// The root documents between the first, from which the others were verified, and the newest.
    pub earlier_roots: BTreeSet<RootDigest>,
    /// The root document.
    pub root: SeenDocument,
    /// The trust statement.
    pub statement: SeenDocument,
    /// The revocations.
    pub revocations: SeenDocument,
    /// The keys that the revocations denied.
    pub denied: BTreeSet<Fingerprint>,
}

/// Whose documents were seen: of an organization, from the root that was pinned, or that the
/// grant names. What was seen from another root is compared if the two lead over one document.
pub type SeenFrom = (OrgId, RootDigest);

/// The newest documents that were seen. What comes after them is not older.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenDocuments(BTreeMap<SeenFrom, SeenOrganization>);

/// Remembers which documents were seen, so that older ones are recognized.
///
/// Without a memory that outlives the process, somebody who can write the store can show a
/// restarted process older documents that have not expired.
pub trait VersionMemory: fmt::Debug + Send + Sync {
    /// Calls `admit` with what was seen, and remembers what it has changed before this
    /// returns. No other call sees it in between.
    ///
    /// # Errors
    ///
    /// That it cannot be read, or not be kept. Then the documents do not count.
    fn update(&self, admit: &mut dyn FnMut(&mut SeenDocuments)) -> Result<(), VersionMemoryError>;
}

impl SeenDocuments {
    /// What was seen.
    pub fn iter(&self) -> impl Iterator<Item = (&SeenFrom, &SeenOrganization)> {
        self.0.iter()
    }

    /// Remembers an organization's documents, which were verified from the root `from`.
    ///
    /// # Errors
    ///
    /// Nothing is remembered if a document is older than before, or is another with the same
    /// number; if the root documents do not lead over the one that was seen before, so that keys
    /// which were replaced do not count again; or if the revocations have dropped a key.
    ///
    /// The numbers of a role start again when the root documents give it keys that have never
    /// been enough for it before (TUF specification 1.0.33, section 5.3.11): a thief of the keys
    /// before may have used the last number, and nothing that was signed by them counts.
    pub fn admit(
        &mut self,
        from: RootDigest,
        documents: &VerifiedDocuments,
    ) -> Result<(), SignedTrustError> {
        let org = documents.root().document().org();
        for ((other, pinned), before) in &self.0 {
            if *other == org && documents.have_root_of(*pinned, before) {
                require_newer_than(before, documents)?;
            }
        }
        self.0.insert((org, from), documents.seen());
        Ok(())
    }
}

fn require_newer_than(
    before: &SeenOrganization,
    documents: &VerifiedDocuments,
) -> Result<(), SignedTrustError> {
    let (org, found) = (documents.owner(), documents.seen());
    require_newer(&org, TrustDocumentKind::Root, before.root, found.root)?;
    if !documents.has_root(&before.root) {
        let (kind, version) = (TrustDocumentKind::Root, before.root.version);
        return Err(SignedTrustError::Replaced { org, kind, version });
    }
    // What is about a root document of before was signed then. Keys that have the role now may
    // have had it before the pinned root document, where nobody sees it.
    let starts_again = |role, about: DocumentVersion| {
        about > before.root.version && documents.has_new_keys(role, before.root.version)
    };
    if !starts_again(Role::Trust, documents.statement().root_version) {
        let (seen, found) = (before.statement, found.statement);
        require_newer(&org, TrustDocumentKind::Statement, seen, found)?;
    }
    if !starts_again(Role::Revocation, documents.revocations().root_version) {
        let (seen, newer) = (before.revocations, found.revocations);
        require_newer(&org, TrustDocumentKind::Revocations, seen, newer)?;
        let dropped = before.denied.iter().find(|key| !found.denied.contains(key));
        if let Some(&fingerprint) = dropped {
            return Err(SignedTrustError::RevocationTakenBack { org, fingerprint });
        }
    }
    Ok(())
}

fn require_newer(
    org: &DocumentOwner,
    kind: TrustDocumentKind,
    seen: SeenDocument,
    found: SeenDocument,
) -> Result<(), SignedTrustError> {
    if found.version < seen.version {
        let (org, seen, found) = (org.clone(), seen.version, found.version);
        Err(SignedTrustError::RolledBack { org, kind, seen, found })
    } else if found.version == seen.version && found.digest != seen.digest {
        Err(SignedTrustError::Replaced { org: org.clone(), kind, version: found.version })
    } else {
        Ok(())
    }
}

impl FromIterator<(SeenFrom, SeenOrganization)> for SeenDocuments {
    fn from_iter<I: IntoIterator<Item = (SeenFrom, SeenOrganization)>>(seen: I) -> Self {
        Self(seen.into_iter().collect())
    }
}
