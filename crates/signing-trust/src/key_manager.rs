mod audit_log;
mod documents;
mod floors;
mod follow;
mod grants;
mod graph;
mod impact;
mod kek_rotation;
mod next_documents;
mod organizations;
mod proven_key;
mod publication_impact;
mod rotation;
mod signature_search;
mod signatures;
mod signing_keys;
mod trusted_keys;

use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{ActorName, Fingerprint, KeyEncryptionKey, OrgId, PackageName};
use signing_store::{AuditEntry, AuditReceipt, Store, StoreError, StoreReader};

use crate::acceptance::ClockSkewAllowance;
use crate::actor::Actor;
use crate::audit::{AuditEvent, EventType};
use crate::cache::{CurrentTrust, Freshness, TrustCache};
use crate::candidates::decide_signers;
use crate::clock::usable_clock_time;
use crate::decision::{DecisionError, Signers, TrustDecision};
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages};
use crate::signed::{RootedTrust, TrustAnchor};
use crate::snapshot::{OrganizationTrust, boot_time, present};
use crate::source::read_store;

pub use follow::TrustFollower;
pub use impact::{
    AffectedSignature, AffectedSignatures, OrganizationKeys, PlannedSuccessor, RevocationImpact,
    RotationImpact, TrustImpact,
};
pub use next_documents::{DocumentPlan, NextDocuments, NextRoot};
pub use proven_key::ProvenKey;
pub use publication_impact::PublicationImpact;
pub use rotation::{OtherHolder, Outdated, Resign, Resigned, ResignedPackage, Rotation};
pub use signature_search::SearchExtent;
pub use signatures::{KeptSignatures, StoredSignature};

/// Where keys and trust are changed and asked, on a store.
///
/// Every change is one transaction together with its entry in the audit log and
/// the new trust epoch; when it is committed, the entry is also emitted as an event.
/// Both name who made the change: see [`with_actor`](Self::with_actor). Trusting, denying,
/// revoking and granting are idempotent: done again, they change and log nothing.
#[derive(Clone, Debug)]
pub struct KeyManager {
    store: OpenedStore,
    kek: Option<KeyEncryptionKey>,
    actor: Option<ActorName>,
    cache: Arc<TrustCache>,
}

impl KeyManager {
    /// Manages the keys in `store`. Without `kek` everything works but what needs
    /// a private key; verifying needs none.
    pub fn new(store: Store, kek: Option<KeyEncryptionKey>) -> Self {
        Self::of(OpenedStore::ToChange(store), kek)
    }

    fn of(store: OpenedStore, kek: Option<KeyEncryptionKey>) -> Self {
        let cache = Arc::new(TrustCache::new(&store, Freshness::Strict));
        Self { store, kek, actor: None, cache }
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

    /// Names who makes the changes, for automation that knows better than the operating
    /// system. With `None`, as without this, it is the operating system's user and the host.
    ///
    /// The log holds it as this program claims it. A program that can write the log can claim
    /// any actor; only the database role is asked of the server.
    #[must_use]
    pub fn with_actor(self, actor: impl Into<Option<ActorName>>) -> Self {
        Self { actor: actor.into(), ..self }
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
    /// Decisions alone are held to it. Lists, and what changes trust, show and change the rows,
    /// which are the draft of the next statement.
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
    async fn require_future(&self, expires_at: Option<DateTime<Utc>>) -> Result<(), TrustError> {
        let Some(expires_at) = expires_at else { return Ok(()) };
        let now = self.now().await?;
        match now >= expires_at {
            true => Err(TrustError::ExpiryPast { expires_at, now }),
            false => Ok(()),
        }
    }

    /// What bears on whether `org` accepts a key, as of now.
    async fn trust_in_key(
        &self,
        org: OrgId,
        key: Fingerprint,
    ) -> Result<Arc<OrganizationTrust>, TrustError> {
        read_store(&self.store, org, &Signers::one(key)).await
    }

    /// An event about a change that is made now.
    fn event(&self, event_type: EventType) -> AuditEvent {
        let actor = match &self.actor {
            Some(name) => Actor::Named(name.clone()),
            None => Actor::of_this_process(),
        };
        AuditEvent::new(event_type).actor(actor)
    }

    /// Makes the change that `event` describes: it is the entry that `change` writes, and
    /// is emitted if that was written and committed.
    ///
    /// This manager's own decisions know of the change when it returns, however fresh they
    /// are, and also if it may or may not have been made, or the caller stops waiting for it.
    async fn change<'a, T, F: Future<Output = Result<T, StoreError>>>(
        &'a self,
        event: AuditEvent,
        change: impl FnOnce(&'a Store, AuditEntry) -> F,
    ) -> Result<T, TrustError> {
        let store = self.store_to_change()?;
        // A row of that time would be older than what it changes.
        usable_clock_time().map_err(DecisionError::from)?;
        let _forgets = ForgetsConfirmation(&self.cache);
        let receipt = AuditReceipt::default();
        let outcome = change(store, event.entry(&receipt)).await?;
        if let Some(added) = receipt.added() {
            event.with_added(added).emit();
        }
        Ok(outcome)
    }

    fn store_to_change(&self) -> Result<&Store, TrustError> {
        match &self.store {
            OpenedStore::ToChange(store) => Ok(store),
            OpenedStore::ToRead(_) => Err(TrustError::OpenedReadOnly),
        }
    }

    fn require_kek(&self) -> Result<&KeyEncryptionKey, TrustError> {
        self.kek.as_ref().ok_or(TrustError::NoKeyEncryptionKey)
    }
}

/// Without a KEK: what verifying needs.
impl From<Store> for KeyManager {
    fn from(store: Store) -> Self {
        Self::new(store, None)
    }
}

/// Without a KEK: what verifying needs.
impl From<&Store> for KeyManager {
    fn from(store: &Store) -> Self {
        Self::new(store.clone(), None)
    }
}

/// Without a KEK, and to read from: changes are refused by [`TrustError::OpenedReadOnly`].
impl From<StoreReader> for KeyManager {
    fn from(store: StoreReader) -> Self {
        Self::of(OpenedStore::ToRead(store), None)
    }
}

/// Without a KEK, and to read from: changes are refused by [`TrustError::OpenedReadOnly`].
impl From<&StoreReader> for KeyManager {
    fn from(store: &StoreReader) -> Self {
        store.clone().into()
    }
}

/// With the same cache.
impl From<&Self> for KeyManager {
    fn from(keys: &Self) -> Self {
        keys.clone()
    }
}

/// What a manager reads, and changes if it may.
#[derive(Clone, Debug)]
enum OpenedStore {
    ToRead(StoreReader),
    ToChange(Store),
}

impl Deref for OpenedStore {
    type Target = StoreReader;

    fn deref(&self) -> &StoreReader {
        match self {
            Self::ToRead(store) => store,
            Self::ToChange(store) => store,
        }
    }
}

/// Forgets, when it is dropped, that the store has confirmed what is kept.
struct ForgetsConfirmation<'a>(&'a TrustCache);

impl Drop for ForgetsConfirmation<'_> {
    fn drop(&mut self) {
        self.0.forget_confirmation();
    }
}
