//! Publishing trust: what rows say becomes a statement that root keys have signed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use signing_crypto::{
    DocumentTexts, DraftDocuments, OrgId, PackageDigest, PackageName, RootDigest,
    SignatureEnvelope, SignedDocument, TrustBundle, TrustDocument, TrustDocumentKind,
    TrustStatement,
};
use signing_store::{NewTrustDocument, OrganizationRef};

use super::KeyManager;
use super::signatures::PAGE;
use crate::acceptance::{VerificationConfig, accept};
use crate::audit::EventType;
use crate::candidates::decide_signers;
use crate::decision::Signers;
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages};
use crate::signed::{
    BundledTrust, SeenDocuments, SignedTrust, Stated, StoredDocuments, TrustAnchor, TrustDraft,
    VerifiedDocuments, children_of, first_expiry, require_admissible, require_together,
    restricted_by_rows, value_of,
};
use crate::snapshot::{DocumentsOfChild, OrganizationTrust, TrustGrant};
use crate::source::read_all;

/// How publishing documents changes which packages verify, among those whose signatures the
/// store keeps. Before the first documents, the present is that of runners without a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationImpact {
    /// Packages that would verify, and do not now.
    pub starts: BTreeSet<(PackageDigest, PackageName)>,
    /// Packages that verify now, and would not.
    pub stops: BTreeSet<(PackageDigest, PackageName)>,
}

impl KeyManager {
    /// The documents that `org` has published, verified from a pinned root. `None` if it has
    /// published none.
    ///
    /// What the next documents are made from must be verified like what runners load by: a writer
    /// of the store must not decide what an administrator signs.
    pub async fn published_trust(
        &self,
        org: OrgId,
        anchor: &TrustAnchor,
    ) -> Result<Option<VerifiedDocuments>, TrustError> {
        let documents = self.stored_documents(org).await?;
        match documents.texts.contains_key(&org) {
            true => Ok(Some(documents.verify(org, anchor)?.into_own())),
            false => Ok(None),
        }
    }

    /// What the rows of `org` trust, as the next statement would say it. The roots of granted
    /// organizations are those that `roots` has, or else those that were published.
    ///
    /// # Errors
    ///
    /// [`TrustError::UnreadableTrust`] if a row of the organization may be a denial.
    pub async fn draft_trust(
        &self,
        org: OrgId,
        published: Option<&TrustStatement>,
        roots: &BTreeMap<OrgId, RootDigest>,
    ) -> Result<TrustDraft, TrustError> {
        let mut rows = read_all(&self.store, org, usize::MAX).await?;
        self.add_silent_grants(org, &mut rows).await?;
        if let Some((&fingerprint, _)) = rows.keys.iter().find(|(_, key)| key.is_unreadable) {
            return Err(TrustError::UnreadableTrust { fingerprint });
        }
        Ok(TrustDraft::of_rows(&rows, published, roots))
    }

    /// The newest root that the store shows of each organization that `org` grants trust to. It
    /// proves nothing: compare it with the one that the organization itself names.
    pub async fn shown_roots(&self, org: OrgId) -> Result<BTreeMap<OrgId, RootDigest>, TrustError> {
        let mut shown = BTreeMap::new();
        for (child, texts) in self.stored_documents(org).await?.texts {
            let newest = texts.roots.last().map(|text| SignedDocument::parse(text.as_bytes()));
            if let Some(Ok(root)) = newest {
                shown.insert(child, root.digest());
            }
        }
        shown.remove(&org);
        Ok(shown)
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
                limits: grant.limits(),
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
    /// Documents that do not verify from the pinned root, that are older than what was seen
    /// before, or that have expired are not published. If the memory fails
    /// ([`SignedTrustError::Memory`]), they may have been published.
    pub async fn publish_documents(
        &self,
        draft: &DraftDocuments,
        anchor: &TrustAnchor,
    ) -> Result<VerifiedDocuments, TrustError> {
        let org = draft.org();
        let mut stored = self.stored_documents(org).await?;
        if let Some(before) = stored.texts.contains_key(&org).then(|| stored.verify(org, anchor)) {
            require_all_revocations(draft, &before?.into_own())?;
        }
        let new = new_documents(draft);
        stored.add(org, new.clone());
        let verified = VerifiedDocuments::verify(
            org,
            stored.texts.get(&org).unwrap_or(&DocumentTexts::default()),
            anchor.root(),
        )?;
        let (kind, at) = verified.first_expiry();
        let as_of = self.store.heartbeat().await?.as_of;
        if at <= as_of.map_or_else(Utc::now, |as_of| as_of.max(Utc::now())) {
            return Err(SignedTrustError::Expired { org, kind, at }.into());
        }
        require_admissible(&verified, anchor)?;
        let event = self.event(EventType::TrustPublished).org(org).documents(versions(&new));
        self.change(event, |entry| self.store.add_trust_documents(org, new, entry)).await?;
        let mut outcome = Ok(());
        let remember = &mut |seen: &mut SeenDocuments| {
            outcome = seen.admit(anchor.root().digest(), &verified);
        };
        anchor.memory().update(remember).map_err(SignedTrustError::from)?;
        outcome?;
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
        draft: &DraftDocuments,
        anchor: &TrustAnchor,
    ) -> Result<PublicationImpact, TrustError> {
        let org = draft.org();
        let rows = read_all(&self.store, org, usize::MAX).await?;
        let stored = self.stored_documents(org).await?;
        let published = match stored.texts.contains_key(&org) {
            true => Some(stored.verify(org, anchor)?),
            false => None,
        };
        let before = match &published {
            Some(published) => restricted_by_rows(&published.value(), rows.clone()),
            // Until something is published, runners believe rows.
            None => rows.clone(),
        };
        let current = published.map(SignedTrust::into_own);
        let after = value_once_signed(draft, &stored, current.as_ref())?;
        let after = restricted_by_rows(&after, rows);
        let mut keepers = BTreeSet::from([org]);
        keepers.extend(before.grants.iter().chain(&after.grants).map(|grant| grant.child));
        let (mut now, mut later) = (BTreeSet::new(), BTreeSet::new());
        for keeper in keepers {
            self.verify_kept(keeper, &before, &mut now, &after, &mut later).await?;
        }
        Ok(PublicationImpact {
            starts: later.difference(&now).cloned().collect(),
            stops: now.difference(&later).cloned().collect(),
        })
    }

    /// Adds the packages for which a kept signature suffices before, and those after.
    async fn verify_kept(
        &self,
        keeper: OrgId,
        before: &OrganizationTrust,
        now: &mut BTreeSet<(PackageDigest, PackageName)>,
        after: &OrganizationTrust,
        later: &mut BTreeSet<(PackageDigest, PackageName)>,
    ) -> Result<(), TrustError> {
        let mut last = None;
        loop {
            let page = self.store.kept_signatures(keeper, last, PAGE).await?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.id);
            for kept in &page {
                let envelope = SignatureEnvelope::parse(kept.envelope.as_bytes());
                let Ok(envelope) = envelope else { continue };
                let Ok(statement) = envelope.unverified_statement() else { continue };
                let package = (*statement.digest(), statement.name().clone());
                if suffices(before, &envelope, &package.1) {
                    now.insert(package.clone());
                }
                if suffices(after, &envelope, &package.1) {
                    later.insert(package);
                }
            }
        }
    }

    /// The documents of `org`, and those of the organizations that its statement grants trust
    /// to, for hosts without a store. A child whose documents do not count is listed without
    /// documents.
    ///
    /// # Errors
    ///
    /// What hosts would refuse is not exported.
    pub async fn export_trust(
        &self,
        org: OrgId,
        anchor: &TrustAnchor,
    ) -> Result<TrustBundle, TrustError> {
        let stored = self.stored_documents(org).await?;
        let signed = stored.verify(org, anchor)?;
        let mut documents = BTreeMap::new();
        for other in signed.organizations() {
            let texts = stored.texts.get(&other).filter(|_| signed.counts(other));
            documents.insert(other, texts.cloned().unwrap_or_default());
        }
        let bundle = TrustBundle::new(org, documents)?;
        // As a host reads it.
        let written = TrustBundle::parse(bundle.to_json()?.as_bytes())?;
        BundledTrust::verify(&written, anchor)?;
        Ok(written)
    }

    /// The documents that the store has of `org`, unverified: to show them, not to act on
    /// them.
    pub async fn unverified_documents(
        &self,
        org: OrgId,
    ) -> Result<Option<DocumentTexts>, TrustError> {
        Ok(self.stored_documents(org).await?.texts.remove(&org))
    }

    async fn stored_documents(&self, org: OrgId) -> Result<StoredDocuments, TrustError> {
        Ok(StoredDocuments::of(self.store.trust_documents(org).await?.records))
    }
}

/// Revocations accumulate.
fn require_all_revocations(
    draft: &DraftDocuments,
    published: &VerifiedDocuments,
) -> Result<(), SignedTrustError> {
    let Some(revocations) = draft.revocations() else { return Ok(()) };
    let denied = &revocations.unverified().denied;
    let mut before = published.revocations().denied.keys();
    match before.find(|key| !denied.contains_key(key)) {
        Some(&fingerprint) => {
            let org = published.root().document().org();
            Err(SignedTrustError::RevocationTakenBack { org, fingerprint })
        }
        None => Ok(()),
    }
}

fn new_documents(draft: &DraftDocuments) -> Vec<NewTrustDocument> {
    let root = draft.root().map(new_document);
    let statement = draft.statement().map(new_document);
    let revocations = draft.revocations().map(new_document);
    [root, statement, revocations].into_iter().flatten().collect()
}

fn new_document<D: TrustDocument>(signed: &SignedDocument<D>) -> NewTrustDocument {
    let version = signed.unverified().header().version;
    NewTrustDocument { kind: D::KIND, version, envelope: signed.to_json() }
}

/// The documents by kind and version, such as `root 2, statement 3`.
fn versions(documents: &[NewTrustDocument]) -> String {
    let each = documents.iter().map(|document| format!("{} {}", document.kind, document.version));
    each.collect::<Vec<_>>().join(", ")
}

/// What the newest documents say once enough keys have signed those of the draft.
fn value_once_signed(
    draft: &DraftDocuments,
    stored: &StoredDocuments,
    current: Option<&VerifiedDocuments>,
) -> Result<OrganizationTrust, SignedTrustError> {
    let org = draft.org();
    let missing = |kind| SignedTrustError::Missing { org, kind };
    let root = draft.root().map(SignedDocument::unverified);
    let root = root
        .or(current.map(|current| current.root().document()))
        .ok_or(missing(TrustDocumentKind::Root))?;
    let statement = draft.statement().map(SignedDocument::unverified);
    let statement = statement
        .or(current.map(VerifiedDocuments::statement))
        .ok_or(missing(TrustDocumentKind::Statement))?;
    let revocations = draft.revocations().map(SignedDocument::unverified);
    let revocations = revocations
        .or(current.map(VerifiedDocuments::revocations))
        .ok_or(missing(TrustDocumentKind::Revocations))?;
    require_together(org, statement, root, revocations)?;
    let until = first_expiry(root, statement, revocations);
    let children = children_of(statement, &stored.texts, |_, _| Ok(()));
    Ok(value_of(org, Stated { statement, revocations, until }, &children))
}

/// Whether an envelope suffices, for a runner that asks for one signer.
fn suffices(trust: &OrganizationTrust, envelope: &SignatureEnvelope, name: &PackageName) -> bool {
    let context = DecisionContext::at(trust.now());
    let config = VerificationConfig::default();
    let all = Signers::of(envelope);
    let named = Signers { unnamed: false, ..all.clone() };
    // Signatures that name no key are tried only if the others do not suffice.
    [named, all].iter().any(|signers| {
        let decision = decide_signers(trust, signers, Packages::Named(name), context);
        decision.is_ok_and(|decision| accept(envelope, &decision, &config, name).is_ok())
    })
}
