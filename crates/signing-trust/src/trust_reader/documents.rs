//! What an organization has published, and what its rows would have it publish.

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{
    DocumentTexts, MAX_BUNDLE_SIZE, OrgId, RootDigest, SignedDocument, TrustBundle, TrustStatement,
};

use signing_store::{OrganizationRef, StoreError};

use super::TrustReader;
use crate::error::TrustError;
use crate::rules::DecisionContext;
use crate::signed::{
    BundledTrust, PublishedTrust, RefusedChild, StatementContent, StoredDocuments, TrustAnchor,
    VerifiedDocuments,
};
use crate::snapshot::{OrganizationTrust, TrustGrant};
use crate::source::read_all;

/// What an organization takes in a bundle besides its documents: its id and the names of fields.
const LISTED_SIZE: usize = 256;

impl TrustReader {
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
        let published = self.published_trust_with_children(org, anchor).await?;
        Ok(published.map(|published| published.own))
    }

    /// The same, with the documents of the organizations that the statement grants trust to.
    pub async fn published_trust_with_children(
        &self,
        org: OrgId,
        anchor: &TrustAnchor,
    ) -> Result<Option<PublishedTrust>, TrustError> {
        let documents = self.stored_documents(org).await?;
        match documents.texts.contains_key(&org) {
            true => Ok(Some(documents.verify(org, anchor)?.into())),
            false => Ok(None),
        }
    }

    /// The organizations that both the rows and the published statement of `org` grant trust to and
    /// whose documents do not count now: runners refuse their keys. None if `org` has published
    /// nothing.
    pub async fn refused_children(
        &self,
        org: OrgId,
        anchor: &TrustAnchor,
    ) -> Result<Vec<RefusedChild>, TrustError> {
        let documents = self.stored_documents(org).await?;
        match documents.texts.contains_key(&org) {
            true => {
                let context = DecisionContext::at(self.now().await?);
                let granted = self.granted_by_rows(org).await?;
                let mut refused = documents.verify(org, anchor)?.refused_children(context);
                // The store shows no documents of the others.
                refused.retain(|child| granted.contains(&child.id));
                Ok(refused)
            }
            false => Ok(Vec::new()),
        }
    }

    /// The organizations that the rows of `org` grant trust to and that are not deleted: those of
    /// which the store shows documents beside those of `org`.
    pub async fn granted_by_rows(&self, org: OrgId) -> Result<BTreeSet<OrgId>, TrustError> {
        let children = self.store.children_of(org).await?.into_iter().map(|(_, child)| child);
        Ok(children.filter(|child| child.deleted_at.is_none()).map(|child| child.id).collect())
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

    /// The documents of `org`, and those of the organizations that its statement grants trust
    /// to, for hosts without a store. A child whose documents do not count is listed without
    /// documents. So is one whose documents are too large to have room beside those of the
    /// others: it loses its own, and no other organization does.
    ///
    /// # Errors
    ///
    /// What hosts would refuse is not exported, and neither is what the store refuses whatever the
    /// documents say: [`StoreError::OrganizationDeleted`].
    pub async fn export_trust(
        &self,
        org: OrgId,
        anchor: &TrustAnchor,
    ) -> Result<TrustBundle, TrustError> {
        if self.store.organization(OrganizationRef::Id(org)).await?.deleted_at.is_some() {
            return Err(StoreError::OrganizationDeleted { org }.into());
        }
        let stored = self.stored_documents(org).await?;
        let signed = stored.verify(org, anchor)?;
        let counts = |other: &OrgId| stored.texts.get(other).filter(|_| signed.counts(*other));
        let documents = signed.organizations().map(|other| (other, counts(&other).cloned()));
        let documents = documents.map(|(other, texts)| (other, texts.unwrap_or_default()));
        let documents = without_the_largest(org, documents.collect(), MAX_BUNDLE_SIZE);
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

    pub(crate) async fn stored_documents(&self, org: OrgId) -> Result<StoredDocuments, TrustError> {
        Ok(StoredDocuments::of(self.store.trust_documents(org).await?.records))
    }
}

/// Takes the documents of the largest organizations away until the rest has room, those of `org`
/// last.
fn without_the_largest(
    org: OrgId,
    mut documents: Vec<(OrgId, DocumentTexts)>,
    limit: usize,
) -> BTreeMap<OrgId, DocumentTexts> {
    documents.sort_by_key(|(other, texts)| (*other != org, texts.size()));
    let mut room = limit.saturating_sub(documents.len() * LISTED_SIZE);
    let keep = |(other, texts): (OrgId, DocumentTexts)| {
        let left = room.checked_sub(texts.size());
        room = left.unwrap_or_default();
        (other, left.map(|_| texts).unwrap_or_default())
    };
    documents.into_iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_size(bytes: usize) -> DocumentTexts {
        DocumentTexts { statement: Some("x".repeat(bytes - 1)), ..Default::default() }
    }

    #[test]
    fn organization_with_too_many_documents_loses_its_own_alone() {
        let [own, small, large] = [OrgId::random(), OrgId::random(), OrgId::random()];
        let documents = vec![(large, of_size(700)), (small, of_size(100)), (own, of_size(900))];
        let kept = |limit| {
            let kept = without_the_largest(own, documents.clone(), 3 * LISTED_SIZE + limit);
            assert_eq!(kept.len(), 3);
            [own, small, large].map(|org| kept[&org].size())
        };
        assert_eq!(kept(1700), [900, 100, 700]);
        assert_eq!(kept(1699), [900, 100, 0]);
        assert_eq!(kept(999), [900, 0, 0]);
        assert_eq!(kept(899), [0, 0, 0]);
    }
}
