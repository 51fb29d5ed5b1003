//! Publishing trust: what rows say becomes a statement that root keys have signed.

use std::collections::BTreeMap;

use signing_crypto::{
    DocumentTexts, DraftDocuments, OrgId, RootDigest, SignedDocument, TrustBundle, TrustDocument,
    TrustStatement,
};
use signing_store::NewTrustDocument;

use super::KeyManager;
use crate::audit::EventType;
use crate::clock::clock_time;
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::signed::{
    BundledTrust, SeenDocuments, StatementContent, StoredDocuments, TrustAnchor, VerifiedDocuments,
    require_admissible,
};
use crate::snapshot::{OrganizationTrust, TrustGrant};
use crate::source::read_all;

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
    pub async fn statement_content(
        &self,
        org: OrgId,
        published: Option<&TrustStatement>,
        roots: &BTreeMap<OrgId, RootDigest>,
    ) -> Result<StatementContent, TrustError> {
        let mut rows = read_all(&self.store, org, usize::MAX).await?;
        self.add_silent_grants(org, &mut rows).await?;
        if let Some((&fingerprint, _)) = rows.keys.iter().find(|(_, key)| key.is_unreadable) {
            return Err(TrustError::UnreadableTrust { fingerprint });
        }
        Ok(StatementContent::of_rows(&rows, published, roots))
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
        for (grant, child) in self.store.children_of(org).await? {
            if !rows.grants.iter().any(|other| other.id == Some(grant.id)) {
                rows.grants.push(TrustGrant::new(Some(grant.id), &child, grant.limits()));
            }
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
        if at <= as_of.map_or_else(clock_time, |as_of| as_of.max(clock_time())) {
            return Err(SignedTrustError::Expired { org, kind, at }.into());
        }
        require_admissible(&verified, anchor)?;
        let event = self.event(EventType::TrustPublished).org(org).documents(versions(&new));
        self.change(event, |store, entry| store.add_trust_documents(org, new, entry)).await?;
        let mut outcome = Ok(());
        let remember = &mut |seen: &mut SeenDocuments| {
            outcome = seen.admit(anchor.root().digest(), &verified);
        };
        anchor.memory().update(remember).map_err(SignedTrustError::from)?;
        outcome?;
        Ok(verified)
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

    pub(super) async fn stored_documents(&self, org: OrgId) -> Result<StoredDocuments, TrustError> {
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
