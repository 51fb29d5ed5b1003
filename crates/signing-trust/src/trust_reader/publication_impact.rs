//! What publishing documents would change, before they are published.

use std::collections::BTreeSet;
use std::time::Duration;

use signing_crypto::{
    DraftDocuments, OrgId, PackageDigest, PackageName, SignatureEnvelope, SignedDocument,
    TrustDocumentKind,
};

use super::TrustReader;
use super::signature_search::{SEARCH_LIMIT, SearchExtent, SignatureSearch};
use crate::acceptance::{VerificationConfig, accept};
use crate::candidates::decide_signers;
use crate::decision::Signers;
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages};
use crate::signed::{
    SignedTrust, Stated, StoredDocuments, TrustAnchor, VerifiedDocuments, children_of,
    first_expiry, require_together, restricted_by_rows, value_of,
};
use crate::snapshot::{Expiry, OrganizationTrust};
use crate::source::read_all;

/// How publishing documents changes which packages verify, among those whose signatures the
/// store keeps. Before the first documents, the present is that of runners without a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublicationImpact {
    /// Packages that would verify, and do not now.
    pub starts: BTreeSet<(PackageDigest, PackageName)>,
    /// Packages that verify now, and would not.
    pub stops: BTreeSet<(PackageDigest, PackageName)>,
    /// Which signatures this is about.
    pub extent: SearchExtent,
}

impl TrustReader {
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
        if decide_the_same(&before, &after) {
            return Ok(PublicationImpact::default());
        }
        let mut keepers = BTreeSet::from([org]);
        keepers.extend(before.grants.iter().chain(&after.grants).map(|grant| grant.child));
        self.compare_kept(keepers, &before, &after, SEARCH_LIMIT).await
    }

    /// Compares for which packages stored signatures suffice before, and after, for this long.
    async fn compare_kept(
        &self,
        keepers: BTreeSet<OrgId>,
        before: &OrganizationTrust,
        after: &OrganizationTrust,
        limit: Duration,
    ) -> Result<PublicationImpact, TrustError> {
        let mut search = SignatureSearch::within(limit);
        let (mut now, mut later) = (BTreeSet::new(), BTreeSet::new());
        for keeper in keepers {
            let mut all = self.store.each_stored_signature(keeper);
            while let Some(kept) = search.next(&mut all).await? {
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
        let (starts, stops) =
            (later.difference(&now).cloned().collect(), now.difference(&later).cloned().collect());
        Ok(PublicationImpact { starts, stops, extent: search.extent() })
    }
}

/// Whether two values accept the same keys now, whenever they were read and their documents end.
fn decide_the_same(before: &OrganizationTrust, after: &OrganizationTrust) -> bool {
    let now = before.now();
    let as_of_now = |trust: &OrganizationTrust| OrganizationTrust {
        documents: trust.documents.clone().filter(|Expiry { at, .. }| *at <= now),
        as_of: None,
        ..trust.clone()
    };
    as_of_now(before) == as_of_now(after)
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
    let (first, all) = Signers::of(envelope).named_first();
    [Some(first), all].into_iter().flatten().any(|signers| {
        let decision = decide_signers(trust, &signers, Packages::Named(name), context);
        decision.is_ok_and(|decision| accept(envelope, &decision, &config, name).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{TimeDelta, Utc};
    #[cfg(feature = "sqlite")]
    use signing_crypto::{PackageStatement, SigningKey};
    #[cfg(feature = "sqlite")]
    use signing_store::Store;

    use super::*;
    use crate::document_error::DocumentOwner;
    use crate::key_manager::KeyManager;

    /// A store with a signature of a key that its organization trusts.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn comparison_that_takes_too_long_is_cut_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let url = directory.path().join("cloacina.db").to_str().unwrap().parse().unwrap();
        let (store, _) = Store::migrate(&url).await.unwrap();
        let keys = KeyManager::new(store, None);
        let org = keys.create_organization("acme".parse().unwrap()).await.unwrap().id;
        let key = SigningKey::generate().unwrap();
        keys.trust_public_key(org, &key.verifying_key(), None, None).await.unwrap();
        let digest = PackageDigest::from_bytes([7; 32]);
        let signed_at = "2026-01-28T12:00:00Z".parse().unwrap();
        let statement = PackageStatement::new("a.so".parse().unwrap(), digest, 1, signed_at);
        let signature = SignatureEnvelope::sign(&statement, &key);
        keys.store_signature(org, &signature).await.unwrap();
        let before = OrganizationTrust::default();
        let after = read_all(&keys.store, org, usize::MAX).await.unwrap();

        for (limit, starts, extent) in [
            (SEARCH_LIMIT, 1, SearchExtent::All),
            (Duration::ZERO, 0, SearchExtent::UntilTimeLimit),
        ] {
            let impact = keys.compare_kept([org].into(), &before, &after, limit).await.unwrap();
            assert_eq!((impact.starts.len(), impact.extent), (starts, extent), "{limit:?}");
        }
    }

    /// From documents that end in so many days.
    fn ending_in(days: i64) -> OrganizationTrust {
        let end = Expiry {
            org: Arc::new(DocumentOwner { id: OrgId::random(), name: "acme".parse().unwrap() }),
            kind: TrustDocumentKind::Revocations,
            at: Utc::now() + TimeDelta::days(days),
            issued: (Utc::now(), TrustDocumentKind::Revocations),
        };
        OrganizationTrust { documents: Some(end), ..Default::default() }
    }

    #[test]
    fn documents_that_only_live_longer_decide_the_same() {
        assert!(decide_the_same(&ending_in(1), &ending_in(30)));
        assert!(decide_the_same(&OrganizationTrust::default(), &ending_in(30)));
    }

    #[test]
    fn documents_in_the_place_of_expired_ones_decide_something_else() {
        assert!(!decide_the_same(&ending_in(-1), &ending_in(30)));
        let floors = [("a.so".parse().unwrap(), "1.0.0".parse().unwrap())].into();
        let raised = OrganizationTrust { floors, ..ending_in(30) };
        assert!(!decide_the_same(&ending_in(1), &raised));
    }
}
