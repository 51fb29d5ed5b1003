use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{
    DocumentTexts, OrgId, Revocations, RootDocument, SignedDocument, StatedGrant, TrustDocument,
    TrustDocumentKind, TrustStatement, VerifiedRoot,
};

use super::pin::Pin;
use super::seen::{DocumentVersions, MemoryOfVersions};
use super::value::{Children, SignedTrust};
use super::{SignedTrustError, TrustRoot};
use crate::snapshot::Expiry;

/// The documents of one organization, each signed by those who must sign it, and belonging
/// together. Whether they have expired is asked when something is decided by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocuments {
    root: VerifiedRoot,
    statement: TrustStatement,
    revocations: Revocations,
}

impl VerifiedDocuments {
    /// Verifies an organization's documents from a pinned root, without those of the
    /// organizations that it grants trust to, and without comparing with what was seen before.
    pub fn verify(
        org: OrgId,
        texts: &DocumentTexts,
        root: &TrustRoot,
    ) -> Result<Self, SignedTrustError> {
        let root = newest_root(org, &texts.roots, root)?;
        let statement: TrustStatement = signed_by(org, texts.statement.as_deref(), &root)?;
        let revocations: Revocations = signed_by(org, texts.revocations.as_deref(), &root)?;
        require_together(org, &statement, root.document(), &revocations)?;
        Ok(Self { root, statement, revocations })
    }

    /// The root document.
    pub fn root(&self) -> &VerifiedRoot {
        &self.root
    }

    /// The trust statement.
    pub fn statement(&self) -> &TrustStatement {
        &self.statement
    }

    /// The revocations.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The numbers of the documents.
    pub fn versions(&self) -> DocumentVersions {
        DocumentVersions {
            root: self.root.document().header().version,
            statement: self.statement.header.version,
            revocations: self.revocations.header.version,
        }
    }

    /// Which of the documents expires first, and when.
    pub fn first_expiry(&self) -> (TrustDocumentKind, DateTime<Utc>) {
        let Expiry { kind, at } =
            first_expiry(self.root.document(), &self.statement, &self.revocations);
        (kind, at)
    }
}

/// Verifies the documents of `org`, and those of the organizations that it grants trust to.
/// What is wrong with a child's documents is the child's loss alone.
///
/// # Errors
///
/// What is wrong with the organization's own.
pub(crate) fn verify(
    org: OrgId,
    texts: &BTreeMap<OrgId, DocumentTexts>,
    root: &TrustRoot,
    memory: &dyn MemoryOfVersions,
) -> Result<SignedTrust, SignedTrustError> {
    if let Some(expected) = root.org().filter(|expected| *expected != org) {
        return Err(SignedTrustError::RootOfAnotherOrganization { expected, found: org });
    }
    let nothing = DocumentTexts::default();
    let own = VerifiedDocuments::verify(org, texts.get(&org).unwrap_or(&nothing), root)?;
    let mut children = children_of(&own.statement, texts);
    let mut outcome = Ok(());
    memory.update(&mut |seen| {
        outcome = seen.admit(org, own.versions());
        if outcome.is_err() {
            return;
        }
        for (child, documents) in &mut children {
            let admitted =
                documents.as_ref().map(|documents| seen.admit(*child, documents.versions()));
            if let Ok(Err(rolled_back)) = admitted {
                *documents = Err(Arc::new(rolled_back));
            }
        }
    })?;
    outcome?;
    Ok(SignedTrust { org, own, children })
}

/// Which of the documents expires first, and when.
pub(crate) fn first_expiry(
    root: &RootDocument,
    statement: &TrustStatement,
    revocations: &Revocations,
) -> Expiry {
    let ends = [
        (TrustDocumentKind::Root, root.header()),
        (TrustDocumentKind::Statement, &statement.header),
        (TrustDocumentKind::Revocations, &revocations.header),
    ];
    let ends = ends.map(|(kind, header)| Expiry { kind, at: header.expires_at.to_utc() });
    ends.into_iter().min_by_key(|end| end.at).unwrap_or(ends[0])
}

/// Checks that a statement counts with these other documents.
pub(crate) fn require_together(
    org: OrgId,
    statement: &TrustStatement,
    root: &RootDocument,
    revocations: &Revocations,
) -> Result<(), SignedTrustError> {
    let needs = [
        (TrustDocumentKind::Root, statement.root_version, root.header().version),
        (TrustDocumentKind::Revocations, statement.revocations_version, revocations.header.version),
    ];
    for (kind, required, found) in needs {
        if found < required {
            return Err(SignedTrustError::Mixed { org, kind, required, found });
        }
    }
    Ok(())
}

/// Verifies the documents of each organization that a statement grants trust to, from the root
/// that it names.
pub(crate) fn children_of(
    statement: &TrustStatement,
    texts: &BTreeMap<OrgId, DocumentTexts>,
) -> Children {
    let nothing = DocumentTexts::default();
    let child = |(&child, grant): (&OrgId, &StatedGrant)| {
        let texts = texts.get(&child).unwrap_or(&nothing);
        (child, VerifiedDocuments::verify(child, texts, &grant.root.into()).map_err(Arc::new))
    };
    statement.grants.iter().map(child).collect()
}

/// Follows the root documents from the pinned one to the newest.
fn newest_root(
    org: OrgId,
    texts: &[String],
    pinned: &TrustRoot,
) -> Result<VerifiedRoot, SignedTrustError> {
    let mut roots = Vec::new();
    for text in texts {
        let root = SignedDocument::<RootDocument>::parse(text.as_bytes())
            .map_err(|source| SignedTrustError::Malformed { org, source })?;
        require_org(org, root.unverified())?;
        roots.push(root);
    }
    roots.sort_by_key(|root| root.unverified().header().version);
    let mut newest = match pinned.pin() {
        Pin::Document(root) => VerifiedRoot::clone(root),
        Pin::Digest(digest) => {
            let Some(root) = roots.iter().find(|root| root.digest() == *digest) else {
                return Err(match roots.is_empty() {
                    true => SignedTrustError::Missing { org, kind: TrustDocumentKind::Root },
                    false => SignedTrustError::PinnedRootMissing { org, digest: *digest },
                });
            };
            VerifiedRoot::pinned(root)
                .map_err(|source| SignedTrustError::Threshold { org, source })?
        }
    };
    require_org(org, newest.document())?;
    for root in roots {
        let (version, believed) =
            (root.unverified().header().version, newest.document().header().version);
        if version == believed && root.digest() != newest.digest() {
            let (expected, found) = (newest.digest(), root.digest());
            return Err(SignedTrustError::RootConflict { org, version, expected, found });
        }
        if version > believed {
            newest = newest.followed_by(&root).map_err(|source| SignedTrustError::RootChain {
                org,
                version,
                source,
            })?;
        }
    }
    Ok(newest)
}

/// Reads a document that those who must sign it for `org` have signed.
fn signed_by<D: TrustDocument>(
    org: OrgId,
    text: Option<&str>,
    root: &VerifiedRoot,
) -> Result<D, SignedTrustError> {
    let text = text.ok_or(SignedTrustError::Missing { org, kind: D::KIND })?;
    let signed = SignedDocument::<D>::parse(text.as_bytes())
        .map_err(|source| SignedTrustError::Malformed { org, source })?;
    require_org(org, signed.unverified())?;
    let verified =
        root.verify(&signed).map_err(|source| SignedTrustError::Threshold { org, source })?;
    Ok(verified.into_document())
}

fn require_org<D: TrustDocument>(expected: OrgId, document: &D) -> Result<(), SignedTrustError> {
    match document.header().org {
        found if found == expected => Ok(()),
        found => Err(SignedTrustError::AnotherOrganization { kind: D::KIND, expected, found }),
    }
}
