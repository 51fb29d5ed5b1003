mod documents;
mod floors;
mod grants;
mod kek_rotation;
mod organizations;
mod rotation;
mod signatures;
mod signing_keys;
mod trusted_keys;

use std::ops::Deref;

use signing_crypto::{ActorName, KeyEncryptionKey};
use signing_store::{AuditEntry, Store, StoreError, StoreReader};

use crate::actor::Actor;
use crate::audit::{AuditEvent, Caller, EventType};
use crate::cache::{Freshness, TrustCache};
use crate::clock::usable_clock_time;
use crate::decision::DecisionError;
use crate::error::TrustError;
use crate::trust_reader::TrustReader;

pub use rotation::{OtherHolder, Rotation};

/// Where keys and trust are changed, on a store, and asked as by a [`TrustReader`].
///
/// Every change is one transaction together with its entry in the audit log and
/// the new trust epoch. Once it is known to be committed, the entry is also emitted as an event,
/// even if the caller no longer waits for the change. There is an entry without an event if that
/// is never known: the program ended, or the database did not answer the commit, and the change
/// failed with [`StoreError::OutcomeUnknown`].
///
/// Both name who made the change: see [`with_actor`](Self::with_actor). Trusting, denying,
/// revoking and granting are idempotent: done again, they change and log nothing.
#[derive(Clone, Debug)]
pub struct KeyManager {
    reader: TrustReader,
    store: Store,
    actor: Option<ActorName>,
}

/// What can change trust can be asked about it.
impl Deref for KeyManager {
    type Target = TrustReader;

    fn deref(&self) -> &TrustReader {
        &self.reader
    }
}

impl KeyManager {
    /// Manages the keys in `store`. Without `kek` everything works but what needs
    /// a private key; verifying needs none.
    pub fn new(store: Store, kek: Option<KeyEncryptionKey>) -> Self {
        Self { reader: TrustReader::new(StoreReader::clone(&store), kek), store, actor: None }
    }

    /// The same, with a KEK.
    #[must_use]
    pub fn with_kek(self, kek: KeyEncryptionKey) -> Self {
        Self { reader: self.reader.with_kek(kek), ..self }
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

    /// As [`TrustReader::with_freshness`].
    ///
    /// # Panics
    ///
    /// As there.
    #[must_use]
    pub fn with_freshness(self, freshness: Freshness) -> Self {
        Self { reader: self.reader.with_freshness(freshness), ..self }
    }

    /// An event about a change that is made now.
    fn event(&self, event_type: EventType) -> AuditEvent {
        let actor = match &self.actor {
            Some(name) => Actor::Named(name.clone()),
            None => Actor::of_this_process(),
        };
        AuditEvent::new(event_type).actor(actor)
    }

    /// Makes the change that `event` describes: it is the entry that `change` writes, and is
    /// emitted by the task that commits the change.
    ///
    /// This manager's own decisions know of the change when it returns, however fresh they
    /// are, and also if it may or may not have been made, or the caller stops waiting for it.
    async fn change<'a, T, F: Future<Output = Result<T, StoreError>>>(
        &'a self,
        event: AuditEvent,
        change: impl FnOnce(&'a Store, AuditEntry) -> F,
    ) -> Result<T, TrustError> {
        // A row of that time would be older than what it changes.
        usable_clock_time().map_err(DecisionError::from)?;
        let _forgets = ForgetsConfirmation(&self.reader.cache);
        Ok(change(&self.store, event.into_entry(Caller::current())).await?)
    }
}

/// Without a KEK: what verifying needs.
impl From<Store> for KeyManager {
    fn from(store: Store) -> Self {
        Self::new(store, None)
    }
}

/// With the same cache, and the same KEK.
impl From<KeyManager> for TrustReader {
    fn from(keys: KeyManager) -> Self {
        keys.reader
    }
}

/// With the same cache, and the same KEK.
impl From<&KeyManager> for TrustReader {
    fn from(keys: &KeyManager) -> Self {
        keys.reader.clone()
    }
}

/// Forgets, when it is dropped, that the store has confirmed what is kept.
struct ForgetsConfirmation<'a>(&'a TrustCache);

impl Drop for ForgetsConfirmation<'_> {
    fn drop(&mut self) {
        self.0.forget_confirmation();
    }
}
