mod audit_log;
mod documents;
mod follow;
mod graph;
mod impact;
mod next_documents;
mod outdated_draft;
mod proven_key;
mod publication_impact;
mod rotation;
mod signature_search;
mod signatures;
mod trusted_keys;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, KeyEncryptionKey, OrgId, PackageName};
use signing_store::{OrganizationRef, Store, StoreReader};

use crate::acceptance::ClockSkewAllowance;
use crate::cache::{CurrentTrust, Freshness, TrustCache};
use crate::candidates::decide_signers;
use crate::decision::{Signers, TrustDecision};
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages};
use crate::signed::{RootedTrust, TrustAnchor};
use crate::snapshot::{OrganizationTrust, boot_time, present};
use crate::source::read_store;

pub use follow::TrustFollower;
pub use impact::{
    AffectedSignature, AffectedSignatures, OrganizationKeys, PlannedSuccessor, RotationImpact,
    TrustImpact,
};
pub use next_documents::{DocumentExpiries, DocumentPlan, NextDocuments, NextRoot};
pub use proven_key::ProvenKey;
pub(crate) use proven_key::require_same_public_half;
pub use publication_impact::PublicationImpact;
pub use rotation::{Outdated, Resign, Resigned, ResignedPackage};
pub(crate) use rotation::{ResignOutcome, ResignTally, Resigner};
pub use signature_search::SearchExtent;
pub use signatures::{StoredSignature, StoredSignatures};
pub(crate) use signatures::{announce, signed_by};

/// Where keys and trust are asked, on a store. It changes nothing there.
///
/// With a KEK it also opens private keys, to prove what a row says of a key and to sign.
///
/// ```compile_fail,E0599
/// # async fn example(store: signing_trust::store::StoreReader, org: signing_crypto::OrgId) {
/// let trust = signing_trust::TrustReader::from(store);
/// trust.delete_organization(org).await.unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TrustReader {
    pub(crate) store: StoreReader,
    kek: Option<KeyEncryptionKey>,
    pub(crate) cache: Arc<TrustCache>,
}

impl TrustReader {
    /// Asks `store`. Without `kek` everything works but what needs a private key; verifying
    /// needs none.
    pub fn new(store: StoreReader, kek: Option<KeyEncryptionKey>) -> Self {
        let cache = Arc::new(TrustCache::new(&store, Freshness::Strict));
        Self { store, kek, cache }
    }

    /// The store, to read from. What it lists is as its rows say, and proves nothing.
    pub fn store(&self) -> &StoreReader {
        &self.store
    }

    /// The same, with a KEK.
    #[must_use]
    pub fn with_kek(self, kek: KeyEncryptionKey) -> Self {
        Self { kek: Some(kek), ..self }
    }

    /// The same, with the same cache, without a KEK: what only verifies keeps no secret alive.
    #[must_use]
    pub fn without_kek(self) -> Self {
        Self { kek: None, ..self }
    }

    /// Allows decisions to be as old as `freshness` says; without this they are
    /// [`Strict`](Freshness::Strict).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if `freshness` is bounded.
    #[must_use]
    pub fn with_freshness(self, freshness: Freshness) -> Self {
        let cache = Arc::new(self.cache.with_freshness(&self.store, freshness));
        Self { cache, ..self }
    }

    /// Trusts a row only if documents signed from the root confirm it, for the organization
    /// `org`. Others are not decided about.
    ///
    /// Decisions alone are held to it. Lists show the rows, which are the draft of the next
    /// statement.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if freshness is bounded.
    #[must_use]
    pub fn rooted(self, org: OrgId, anchor: TrustAnchor) -> Self {
        let rooted = RootedTrust::new(org, anchor);
        let cache = Arc::new(self.cache.with_root(&self.store, rooted));
        Self { cache, ..self }
    }

    /// Decides which of `signers` the organization `org` accepts for the package
    /// `expected_name`, as fresh as [`Freshness`] says. Trust that has ended still counts for
    /// as long as the clock may be ahead; nothing else is measured by a clock.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from answering about now is an error, never a yes.
    pub async fn decide(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
        clock_skew_allowance: ClockSkewAllowance,
    ) -> Result<TrustDecision, TrustError> {
        let CurrentTrust { trust, now } = self.cache.read(&self.store, org, signers).await?;
        let context = DecisionContext::at(now).with_allowance(clock_skew_allowance);
        Ok(decide_signers(&trust, signers, Packages::Named(expected_name), context)?)
    }

    /// The present, which expiry is measured against: the later of the local and the
    /// store's clock.
    pub async fn now(&self) -> Result<DateTime<Utc>, TrustError> {
        let asked = boot_time();
        Ok(present(self.store.heartbeat().await?.as_of, asked))
    }

    /// Refuses trust that would end before it began.
    pub(crate) async fn require_future(
        &self,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), TrustError> {
        let Some(expires_at) = expires_at else { return Ok(()) };
        let now = self.now().await?;
        match now >= expires_at {
            true => Err(TrustError::ExpiryPast { expires_at, now }),
            false => Ok(()),
        }
    }

    pub(crate) async fn require_grantable(
        &self,
        parent: OrgId,
        child: OrgId,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), TrustError> {
        if parent == child {
            let org = self.store.organization(OrganizationRef::Id(parent)).await?.name;
            return Err(TrustError::SelfGrant { org });
        }
        self.require_future(expires_at).await
    }

    /// What bears on whether `org` accepts a key, as of now.
    pub(crate) async fn trust_in_key(
        &self,
        org: OrgId,
        key: Fingerprint,
    ) -> Result<Arc<OrganizationTrust>, TrustError> {
        read_store(&self.store, org, &Signers::one(key)).await
    }

    pub(crate) fn require_kek(&self) -> Result<&KeyEncryptionKey, TrustError> {
        self.kek.as_ref().ok_or(TrustError::NoKeyEncryptionKey)
    }
}

/// Without a KEK: what verifying needs.
impl From<StoreReader> for TrustReader {
    fn from(store: StoreReader) -> Self {
        Self::new(store, None)
    }
}

/// Without a KEK: what verifying needs.
impl From<&StoreReader> for TrustReader {
    fn from(store: &StoreReader) -> Self {
        store.clone().into()
    }
}

/// Without a KEK: what verifying needs.
impl From<Store> for TrustReader {
    fn from(store: Store) -> Self {
        StoreReader::clone(&store).into()
    }
}

/// Without a KEK: what verifying needs.
impl From<&Store> for TrustReader {
    fn from(store: &Store) -> Self {
        StoreReader::clone(store).into()
    }
}

/// With the same cache.
impl From<&Self> for TrustReader {
    fn from(trust: &Self) -> Self {
        trust.clone()
    }
}
