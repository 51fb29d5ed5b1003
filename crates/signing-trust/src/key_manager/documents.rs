//! Publishing trust: what rows say becomes a statement that root keys have signed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use signing_crypto::{
    DocumentTexts, DraftDocuments, OrgId, PackageDigest, PackageName, Revocations, RootDigest,
    RootDocument, SignatureEnvelope, SignedDocument, TrustBundle, TrustDocument, TrustDocumentKind,
    TrustStatement,
};
use signing_store::{NewTrustDocument, OrganizationRef};

use super::KeyManager;
use super::rotation::PAGE;
use crate::acceptance::{VerificationConfig, accept};
use crate::candidates::decide_signers;
use crate::rules::{DecisionContext, Packages};
use crate::signed::{
    SeenVersions, SignedTrustError, Stated, TrustDraft, TrustRoot, VerifiedDocuments,
    by_organization, children_of, first_expiry, require_together, restricted_by_rows, value_of,
    verify,
};
use crate::snapshot::{DocumentsOfChild, OrganizationTrust, TrustGrant, limits};
use crate::source::read_all;
use crate::{EventType, Signers, TrustError};

/// Documents that are to replace those that an organization has published.
#[derive(Clone, Debug, Default)]
pub struct NewDocuments {
    /// The next root document.
    pub root: Option<SignedDocument<RootDocument>>,
    /// The next trust statement.
    pub statement: Option<SignedDocument<TrustStatement>>,
    /// The next revocations.
    pub revocations: Option<SignedDocument<Revocations>>,
}

/// What runners with a pinned root would verify otherwise, once documents are published: of
/// the packages whose signatures the store keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationImpact {
    /// Packages that would verify, and do not now.
    pub starts: BTreeSet<(PackageDigest, PackageName)>,
    /// Packages that verify now, and would not.
    pub stops: BTreeSet<(PackageDigest, PackageName)>,
}

impl KeyManager {
    /// The documents that `org` has published, and those of the organizations that its rows
    /// grant trust to. Nobody has verified them.
    pub async fn published_documents(
        &self,
        org: OrgId,
    ) -> Result<BTreeMap<OrgId, DocumentTexts>, TrustError> {
        Ok(by_organization(self.store.trust_documents(org).await?.records))
    }

    /// The documents that `org` has published, verified from `root`, or without one from the
    /// first root document that the store has. `None` if it has published none.
    pub async fn published_trust(
        &self,
        org: OrgId,
        root: Option<&TrustRoot>,
    ) -> Result<Option<VerifiedDocuments>, TrustError> {
        let documents = self.published_documents(org).await?;
        let Some(texts) = documents.get(&org) else { return Ok(None) };
        Ok(Some(verify_from(org, texts, root)?))
    }

    /// What the rows of `org` trust, as the next statement would say it. The roots of newly
    /// granted organizations are those that `roots` has, or else their newest in the store.
    pub async fn draft_trust(
        &self,
        org: OrgId,
        published: Option<&TrustStatement>,
        roots: &BTreeMap<OrgId, RootDigest>,
    ) -> Result<TrustDraft, TrustError> {
        let mut rows = read_all(&self.store, org, usize::MAX).await?;
        self.add_silent_grants(org, &mut rows).await?;
        let mut newest: BTreeMap<OrgId, RootDigest> = BTreeMap::new();
        for (child, texts) in self.published_documents(org).await? {
            // What cannot be verified gives no root, so its organization is not granted trust.
            if let Ok(documents) = verify_from(child, &texts, None) {
                newest.insert(child, documents.root().digest());
            }
        }
        newest.extend(roots);
        Ok(TrustDraft::of_rows(&rows, published, &newest))
    }

    /// Adds the grants to organizations that have no rows about keys. No decision depends on
    /// them, but a statement names them, so that it need not change when the keys come.
    async fn add_silent_grants(
        &self,
        org: OrgId,
        rows: &mut OrganizationTrust,
    ) -> Result<(), TrustError> {
        for grant in self.store.grants_from(org).await? {
            if rows.grants.iter().any(|other| other.id == Some(grant.id)) {
                continue;
            }
            let child = self.organization(OrganizationRef::Id(grant.child_org_id)).await?;
            rows.grants.push(TrustGrant {
                id: Some(grant.id),
                child: child.id,
                child_name: child.name,
                child_deleted_at: child.deleted_at,
                limits: limits(&grant),
                narrowed_to: None,
                documents: DocumentsOfChild::NotAsked,
            });
        }
        Ok(())
    }

    /// Publishes documents: runners with a pinned root believe them from now on.
    ///
    /// # Errors
    ///
    /// Nothing is published unless what is published then verifies from the organization's
    /// first root document, and has not expired.
    pub async fn publish_documents(
        &self,
        org: OrgId,
        documents: &NewDocuments,
    ) -> Result<VerifiedDocuments, TrustError> {
        let mut all = self.published_documents(org).await?;
        let texts = all.entry(org).or_default();
        documents.replace_in(texts);
        let verified = verify_from(org, texts, None)?;
        let (kind, at) = verified.first_expiry();
        if at <= self.store.heartbeat().await?.as_of.unwrap_or_default().max(chrono::Utc::now()) {
            return Err(SignedTrustError::Expired { org, kind, at }.into());
        }
        let event = self.event(EventType::TrustPublished).org(org).documents(documents.versions());
        let new = documents.to_store();
        self.change(event, |entry| self.store.add_trust_documents(org, new, entry)).await?;
        Ok(verified)
    }

    /// What publishing documents would change, for the packages whose signatures the store
    /// keeps. Changes nothing. Too few keys may have signed the documents so far.
    ///
    /// # Errors
    ///
    /// That the documents do not belong together, or to what has been published.
    pub async fn publication_impact(
        &self,
        org: OrgId,
        documents: &NewDocuments,
    ) -> Result<PublicationImpact, TrustError> {
        let rows = read_all(&self.store, org, usize::MAX).await?;
        let published = self.published_documents(org).await?;
        let before = match published.contains_key(&org) {
            true => signed_value(org, &published).map(|now| restricted_by_rows(&now, rows.clone())),
            // Until something is published, runners believe rows.
            false => Ok(rows.clone()),
        };
        let after = restricted_by_rows(&value_once_signed(org, &published, documents)?, rows);
        let mut impact = PublicationImpact::default();
        let mut keepers = vec![org];
        keepers.extend(after.grants.iter().map(|grant| grant.child));
        if let Ok(before) = &before {
            keepers.extend(before.grants.iter().map(|grant| grant.child));
        }
        let (mut now, mut later) = (BTreeSet::new(), BTreeSet::new());
        for keeper in BTreeSet::from_iter(keepers) {
            let mut last = None;
            loop {
                let page = self.store.kept_signatures(keeper, last, PAGE).await?;
                let Some(end) = page.last() else { break };
                last = Some(end.id);
                for kept in &page {
                    let Ok(envelope) = SignatureEnvelope::parse(kept.envelope.as_bytes()) else {
                        continue;
                    };
                    let Ok(statement) = envelope.unverified_statement() else { continue };
                    let package = (*statement.digest(), statement.name().clone());
                    if before.as_ref().is_ok_and(|trust| suffices(trust, &envelope, &package.1)) {
                        now.insert(package.clone());
                    }
                    if suffices(&after, &envelope, &package.1) {
                        later.insert(package);
                    }
                }
            }
        }
        impact.starts = later.difference(&now).cloned().collect();
        impact.stops = now.difference(&later).cloned().collect();
        Ok(impact)
    }

    /// The documents of `org`, and those of the organizations that its statement grants trust
    /// to, for hosts without a store.
    ///
    /// # Errors
    ///
    /// What runners would refuse is not exported.
    pub async fn export_trust(&self, org: OrgId) -> Result<TrustBundle, TrustError> {
        let mut documents = self.published_documents(org).await?;
        let missing = SignedTrustError::Missing { org, kind: TrustDocumentKind::Root };
        let own = documents.get(&org).ok_or(missing)?;
        let verified = verify_from(org, own, None)?;
        let granted = &verified.statement().grants;
        documents.retain(|other, _| *other == org || granted.contains_key(other));
        if let Some(&child) = granted.keys().find(|child| !documents.contains_key(child)) {
            return Err(SignedTrustError::IncompleteBundle { org, child }.into());
        }
        Ok(TrustBundle::new(org, documents)
            .map_err(|_| SignedTrustError::Missing { org, kind: TrustDocumentKind::Root })?)
    }
}

impl NewDocuments {
    fn replace_in(&self, texts: &mut DocumentTexts) {
        texts.roots.extend(self.root.as_ref().map(SignedDocument::to_json));
        if let Some(statement) = &self.statement {
            texts.statement = Some(statement.to_json());
        }
        if let Some(revocations) = &self.revocations {
            texts.revocations = Some(revocations.to_json());
        }
    }

    fn to_store(&self) -> Vec<NewTrustDocument> {
        let root = self.root.as_ref().map(new_document);
        let statement = self.statement.as_ref().map(new_document);
        let revocations = self.revocations.as_ref().map(new_document);
        [root, statement, revocations].into_iter().flatten().collect()
    }

    /// The documents by kind and version, such as `root 2, statement 3`.
    fn versions(&self) -> String {
        let new = self.to_store();
        let each = new.iter().map(|document| format!("{} {}", document.kind, document.version));
        each.collect::<Vec<_>>().join(", ")
    }
}

impl From<&DraftDocuments> for NewDocuments {
    fn from(draft: &DraftDocuments) -> Self {
        Self {
            root: draft.root().cloned(),
            statement: draft.statement().cloned(),
            revocations: draft.revocations().cloned(),
        }
    }
}

fn new_document<D: TrustDocument>(signed: &SignedDocument<D>) -> NewTrustDocument {
    let version = signed.unverified().header().version;
    NewTrustDocument { kind: D::KIND, version, envelope: signed.to_json() }
}

/// Verifies an organization's documents from a root, or from the first that is there.
pub(super) fn verify_from(
    org: OrgId,
    texts: &DocumentTexts,
    root: Option<&TrustRoot>,
) -> Result<VerifiedDocuments, SignedTrustError> {
    match root {
        Some(root) => VerifiedDocuments::verify(org, texts, root),
        None => VerifiedDocuments::verify(org, texts, &first_root(org, texts)?),
    }
}

fn first_root(org: OrgId, texts: &DocumentTexts) -> Result<TrustRoot, SignedTrustError> {
    let missing = SignedTrustError::Missing { org, kind: TrustDocumentKind::Root };
    let first = texts.roots.first().ok_or(missing)?;
    let root = SignedDocument::<RootDocument>::parse(first.as_bytes())
        .map_err(|source| SignedTrustError::Malformed { org, source })?;
    Ok(root.digest().into())
}

/// What the newest documents say once enough keys have signed those of `new`.
fn value_once_signed(
    org: OrgId,
    published: &BTreeMap<OrgId, DocumentTexts>,
    new: &NewDocuments,
) -> Result<OrganizationTrust, SignedTrustError> {
    let own = published.get(&org);
    let current = own.map(|texts| verify_from(org, texts, None)).transpose()?;
    let current = current.as_ref();
    let missing = |kind| SignedTrustError::Missing { org, kind };
    let root = new.root.as_ref().map(SignedDocument::unverified);
    let root = root
        .or(current.map(|current| current.root().document()))
        .ok_or(missing(TrustDocumentKind::Root))?;
    let statement = new.statement.as_ref().map(SignedDocument::unverified);
    let statement = statement
        .or(current.map(VerifiedDocuments::statement))
        .ok_or(missing(TrustDocumentKind::Statement))?;
    let revocations = new.revocations.as_ref().map(SignedDocument::unverified);
    let revocations = revocations
        .or(current.map(VerifiedDocuments::revocations))
        .ok_or(missing(TrustDocumentKind::Revocations))?;
    require_together(org, statement, root, revocations)?;
    let until = first_expiry(root, statement, revocations);
    let children = children_of(statement, published);
    Ok(value_of(org, Stated { statement, revocations, until }, &children))
}

/// What documents say to a runner that has pinned the first root.
fn signed_value(
    org: OrgId,
    texts: &BTreeMap<OrgId, DocumentTexts>,
) -> Result<OrganizationTrust, SignedTrustError> {
    let nothing = DocumentTexts::default();
    let root = first_root(org, texts.get(&org).unwrap_or(&nothing))?;
    Ok(verify(org, texts, &root, &Mutex::new(SeenVersions::default()))?.value())
}

/// Whether an envelope suffices, for a runner that asks for one signer.
fn suffices(trust: &OrganizationTrust, envelope: &SignatureEnvelope, name: &PackageName) -> bool {
    let context = DecisionContext::at(trust.now());
    let config = VerificationConfig::default();
    let all = Signers::of(envelope);
    let named = Signers { anonymous: false, ..all.clone() };
    // Signatures that name no key are tried only if the others do not suffice.
    [named, all].iter().any(|signers| {
        let decision = decide_signers(trust, signers, Packages::Named(name), context);
        decision.is_ok_and(|decision| accept(envelope, &decision, &config, name).is_ok())
    })
}
