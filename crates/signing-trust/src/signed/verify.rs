use std::collections::BTreeMap;
#[cfg(feature = "store")]
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{
    DocumentDigest, DocumentTexts, DocumentVersion, OrgId, Revocations, Role, RootDigest,
    RootDocument, SignedDocument, StatedGrant, TrustDocument, TrustDocumentKind, TrustStatement,
    VerifiedDocument, VerifiedRoot,
};

use super::TrustRoot;
use super::anchor::TrustAnchor;
use super::pin::Pin;
use super::seen::{SeenDocument, SeenOrganization};
use super::value::{Children, SignedTrust};
use crate::document_error::{DocumentOwner, SignedTrustError};
#[cfg(feature = "store")]
use crate::rules::require_issued;
use crate::rules::{DecisionContext, require_current};
use crate::snapshot::Expiry;

/// The documents of one organization, each signed by those who must sign it, and belonging
/// together. Whether they have expired is asked when something is decided by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocuments {
    /// From the pinned one to the newest. Never empty.
    roots: Vec<VerifiedRoot>,
    statement: TrustStatement,
    revocations: Revocations,
    seen: SeenOrganization,
}

impl VerifiedDocuments {
    /// Verifies an organization's documents from a pinned root, without those of the
    /// organizations that it grants trust to, and without comparing with what was seen before.
    pub fn verify(
        org: OrgId,
        texts: &DocumentTexts,
        root: &TrustRoot,
    ) -> Result<Self, SignedTrustError> {
        if *texts == DocumentTexts::default() {
            return Err(SignedTrustError::NoDocuments { org });
        }
        let roots = root_chain(org, &texts.roots, root)?;
        let root = &roots[roots.len() - 1];
        let statement = signed_by::<TrustStatement>(org, texts.statement.as_deref(), root)?;
        let revocations = signed_by::<Revocations>(org, texts.revocations.as_deref(), root)?;
        let earlier = roots.iter().skip(1).take(roots.len().saturating_sub(2));
        let seen = SeenOrganization {
            earlier_roots: earlier.map(VerifiedRoot::digest).collect(),
            root: seen(root.document(), root.digest().into()),
            statement: seen(statement.document(), statement.digest()),
            revocations: seen(revocations.document(), revocations.digest()),
            denied: revocations.document().denied.keys().copied().collect(),
        };
        let (statement, revocations) = (statement.into_document(), revocations.into_document());
        require_together(org, &statement, root.document(), &revocations)?;
        Ok(Self { roots, statement, revocations, seen })
    }

    /// The newest root document.
    pub fn root(&self) -> &VerifiedRoot {
        &self.roots[self.roots.len() - 1]
    }

    /// The trust statement.
    pub fn statement(&self) -> &TrustStatement {
        &self.statement
    }

    /// The revocations.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// What there is to remember of them.
    pub(super) fn seen(&self) -> SeenOrganization {
        self.seen.clone()
    }

    /// Whether the root documents lead over this one.
    pub(super) fn has_root(&self, seen: &SeenDocument) -> bool {
        self.roots.iter().any(|root| {
            root.document().header().version == seen.version && seen.digest == root.digest().into()
        })
    }

    /// Whether they lead over a root document that was seen: then they are of the same history,
    /// from whichever root document either was verified. Somebody else's root document cannot come
    /// after it, nor lead to it without being followed by what was signed for the organization.
    pub(super) fn have_root_of(&self, pinned: RootDigest, seen: &SeenOrganization) -> bool {
        self.roots.iter().map(VerifiedRoot::digest).any(|root| {
            root == pinned || seen.root.digest == root.into() || seen.earlier_roots.contains(&root)
        })
    }

    /// Whether a role has keys of which those that had it up to a version of the root document
    /// are too few to sign: nothing that was signed until then counts any more.
    pub(super) fn has_new_keys(&self, role: Role, until: DocumentVersion) -> bool {
        let new = self.root().document().role(role);
        let before = self.roots.iter().map(VerifiedRoot::document);
        before.filter(|root| root.header().version <= until).all(|old| {
            let kept = old.role(role).keys().intersection(new.keys()).count();
            kept < new.threshold().get()
        })
    }

    /// Whose documents they are.
    pub fn owner(&self) -> DocumentOwner {
        self.root().document().header().into()
    }

    /// The documents that have expired at this time, and when. Each is signed again by its own
    /// role: in which order they are replaced is the organization's choice.
    pub fn expired(&self, now: DateTime<Utc>) -> Vec<(TrustDocumentKind, DateTime<Utc>)> {
        let ended = |end: Expiry| (end.at <= now).then_some((end.kind, end.at));
        self.ends().into_iter().filter_map(ended).collect()
    }

    /// That the documents count at this time, as they must when something is decided by them.
    ///
    /// # Errors
    ///
    /// [`SignedTrustError::Expired`], or [`SignedTrustError::IssuedLater`] if one was issued
    /// more than a day after this time: then the clock is wrong.
    pub fn require_current(&self, now: DateTime<Utc>) -> Result<(), SignedTrustError> {
        require_current(&self.until(), DecisionContext::at(now))
    }

    /// The same of these documents alone, which are about to be published. `store` is the time of
    /// the store's clock. Runners go by the later clock, which is theirs or the store's; whether
    /// the clock of this machine, by which the documents were issued, is ahead of all of them, only
    /// the store's can show.
    #[cfg(feature = "store")]
    pub(crate) fn require_current_of(
        &self,
        kinds: &BTreeSet<TrustDocumentKind>,
        local: DateTime<Utc>,
        store: Option<DateTime<Utc>>,
    ) -> Result<(), SignedTrustError> {
        let latest = store.map_or(local, |store| store.max(local));
        for end in self.ends().iter().filter(|end| kinds.contains(&end.kind)) {
            require_issued(end, store.unwrap_or(local))?;
            require_current(end, DecisionContext::at(latest))?;
        }
        Ok(())
    }

    pub(super) fn until(&self) -> Expiry {
        first_expiry(self.root().document(), &self.statement, &self.revocations)
    }

    fn ends(&self) -> [Expiry; 3] {
        ends(self.root().document(), &self.statement, &self.revocations)
    }
}

/// Verifies the documents of `org`, and those of the organizations that it grants trust to.
/// What is wrong with a child's documents is the child's loss alone. `check` may ask for more
/// of each organization's. Nothing is compared with what was seen before.
///
/// # Errors
///
/// What is wrong with the organization's own.
pub(crate) fn verify(
    org: OrgId,
    texts: &BTreeMap<OrgId, DocumentTexts>,
    root: &TrustRoot,
    check: impl Fn(OrgId, &VerifiedDocuments) -> Result<(), SignedTrustError>,
) -> Result<SignedTrust, SignedTrustError> {
    if let Some(expected) = root.org().filter(|expected| *expected != org) {
        return Err(SignedTrustError::RootOfAnotherOrganization { expected, found: org });
    }
    let own = verify_one(org, texts, root, &check)?;
    let children = children_of(&own.statement, texts, &check);
    Ok(SignedTrust { org, own, children })
}

/// Compares with what was seen before, and remembers. A child whose documents are older than
/// before loses them.
pub(crate) fn admit(
    signed: &mut SignedTrust,
    anchor: &TrustAnchor,
) -> Result<(), SignedTrustError> {
    let SignedTrust { own, children, .. } = signed;
    anchor.admit(|seen| {
        seen.admit(anchor.root().digest(), own)?;
        for (child, documents) in children.iter_mut() {
            let Ok(verified) = documents else { continue };
            let from = own.statement.grants[child].root;
            if let Err(error) = seen.admit(from, verified) {
                *documents = Err(Arc::new(error));
            }
        }
        Ok(())
    })
}

/// Compares the documents of one organization with what was seen before, without remembering.
#[cfg(feature = "store")]
pub(crate) fn require_admissible(
    documents: &VerifiedDocuments,
    anchor: &TrustAnchor,
) -> Result<(), SignedTrustError> {
    anchor.admit(|seen| seen.clone().admit(anchor.root().digest(), documents))
}

/// Verifies the documents of each organization that a statement grants trust to, from the root
/// that it names.
pub(crate) fn children_of(
    statement: &TrustStatement,
    texts: &BTreeMap<OrgId, DocumentTexts>,
    check: impl Fn(OrgId, &VerifiedDocuments) -> Result<(), SignedTrustError>,
) -> Children {
    let child = |(&child, grant): (&OrgId, &StatedGrant)| {
        (child, verify_one(child, texts, &grant.root.into(), &check).map_err(Arc::new))
    };
    statement.grants.iter().map(child).collect()
}

fn verify_one(
    org: OrgId,
    texts: &BTreeMap<OrgId, DocumentTexts>,
    root: &TrustRoot,
    check: impl Fn(OrgId, &VerifiedDocuments) -> Result<(), SignedTrustError>,
) -> Result<VerifiedDocuments, SignedTrustError> {
    let nothing = DocumentTexts::default();
    let documents = VerifiedDocuments::verify(org, texts.get(&org).unwrap_or(&nothing), root)?;
    check(org, &documents)?;
    Ok(documents)
}

/// Which of the documents expires first, and which was issued last, and when.
pub(crate) fn first_expiry(
    root: &RootDocument,
    statement: &TrustStatement,
    revocations: &Revocations,
) -> Expiry {
    let [first, second, third] = ends(root, statement, revocations);
    let issued = first.issued.max(second.issued).max(third.issued);
    let first = [second, third].into_iter().fold(first, |first, next| match next.at < first.at {
        true => next,
        false => first,
    });
    Expiry { issued, ..first }
}

/// Until when each of the documents counts.
fn ends(root: &RootDocument, statement: &TrustStatement, revocations: &Revocations) -> [Expiry; 3] {
    let ends = [
        (TrustDocumentKind::Root, root.header()),
        (TrustDocumentKind::Statement, &statement.header),
        (TrustDocumentKind::Revocations, &revocations.header),
    ];
    let org = Arc::new(DocumentOwner::from(root.header()));
    ends.map(|(kind, header)| Expiry {
        org: org.clone(),
        kind,
        at: header.expires_at.to_utc(),
        issued: (header.issued_at.to_utc(), kind),
    })
}

/// Checks that a statement and revocations count with these other documents.
pub(crate) fn require_together(
    org: OrgId,
    statement: &TrustStatement,
    root: &RootDocument,
    revocations: &Revocations,
) -> Result<(), SignedTrustError> {
    use TrustDocumentKind::{Revocations, Root, Statement};
    let root = root.header().version;
    let needs = [
        (Statement, Root, statement.root_version, root),
        (Revocations, Root, revocations.root_version, root),
        (Statement, Revocations, statement.revocations_version, revocations.header.version),
    ];
    for (by, kind, required, found) in needs {
        if found < required {
            return Err(SignedTrustError::Mixed { org, by, kind, required, found });
        }
    }
    Ok(())
}

/// The root documents from the pinned one to the newest.
fn root_chain(
    org: OrgId,
    texts: &[String],
    pinned: &TrustRoot,
) -> Result<Vec<VerifiedRoot>, SignedTrustError> {
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
    let mut chain = vec![newest.clone()];
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
            chain.push(newest.clone());
        }
    }
    Ok(chain)
}

fn seen<D: TrustDocument>(document: &D, digest: DocumentDigest) -> SeenDocument {
    SeenDocument { version: document.header().version, digest }
}

/// Reads a document that those who must sign it for `org` have signed.
fn signed_by<D: TrustDocument>(
    org: OrgId,
    text: Option<&str>,
    root: &VerifiedRoot,
) -> Result<VerifiedDocument<D>, SignedTrustError> {
    let text = text.ok_or(SignedTrustError::Missing { org, kind: D::KIND })?;
    let signed = SignedDocument::<D>::parse(text.as_bytes())
        .map_err(|source| SignedTrustError::Malformed { org, source })?;
    require_org(org, signed.unverified())?;
    root.verify(&signed).map_err(|source| SignedTrustError::Threshold { org, source })
}

fn require_org<D: TrustDocument>(expected: OrgId, document: &D) -> Result<(), SignedTrustError> {
    match document.header().org {
        found if found == expected => Ok(()),
        found => Err(SignedTrustError::AnotherOrganization { kind: D::KIND, expected, found }),
    }
}
