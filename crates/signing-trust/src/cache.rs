use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use signing_crypto::{OrgId, TrustStateId};
use signing_store::{Heartbeat, StoreReader};
use tokio::task::JoinHandle;

use crate::decision::Signers;
use crate::error::TrustError;
use crate::signed::RootedTrust;
use crate::snapshot::{OrganizationTrust, TimedHeartbeat, boot_time};
use crate::source::read_store;

mod watch;

pub(crate) use watch::pause_before_reconnecting;

/// How old what is known about trust may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// Every decision asks the store. One that starts after a revocation returned
    /// knows of it.
    #[default]
    Strict,
    /// Decisions may be answered from memory as long as a change would have been
    /// noticed: while connected, and no longer than this after the last
    /// heartbeat that it answered was sent. Beyond that the store is asked, and if
    /// it cannot be, nothing is decided.
    ///
    /// On Postgres a change is heard of when it commits. On SQLite only heartbeats
    /// find out, three in this time.
    Bounded(Duration),
}

/// How much is kept at most, in entries about keys and floors.
const MAX_SIZE: usize = 50_000;

/// What was read about one organization and some signers, to be used again: if the store
/// has just said that trust is in the same state, or said so recently enough.
///
/// The state of trust is a random number that every change replaces, so an equal one is
/// proof, whatever became of the database meanwhile.
#[derive(Debug)]
pub(crate) struct TrustCache {
    freshness: Freshness,
    /// Whose signed documents count beside the rows, if any are asked for.
    rooted: Option<Arc<RootedTrust>>,
    kept: Arc<Mutex<CacheEntries>>,
    watcher: Option<JoinHandle<()>>,
}

/// The trust of an organization as of the present.
#[derive(Clone, Debug)]
pub(crate) struct CurrentTrust {
    pub(crate) trust: Arc<OrganizationTrust>,
    pub(crate) now: DateTime<Utc>,
}

impl TrustCache {
    /// To be called within a runtime, if `freshness` is bounded.
    pub(crate) fn new(store: &StoreReader, freshness: Freshness) -> Self {
        let kept: Arc<Mutex<CacheEntries>> = Arc::default();
        let watcher = match freshness {
            Freshness::Strict => None,
            Freshness::Bounded(bound) => {
                let watch = watch::watch(store.clone(), bound, Arc::downgrade(&kept));
                Some(tokio::spawn(watch))
            }
        };
        Self { freshness, rooted: None, kept, watcher }
    }

    /// An empty cache of the same kind, of answers that are `freshness` old.
    ///
    /// To be called within a runtime, if `freshness` is bounded.
    pub(crate) fn with_freshness(&self, store: &StoreReader, freshness: Freshness) -> Self {
        let mut cache = Self::new(store, freshness);
        cache.rooted.clone_from(&self.rooted);
        cache
    }

    /// An empty cache of answers that are as fresh, and trust what `rooted` does.
    pub(crate) fn with_root(&self, store: &StoreReader, rooted: RootedTrust) -> Self {
        let mut cache = Self::new(store, self.freshness);
        cache.rooted = Some(Arc::new(rooted));
        cache
    }

    /// An empty cache of what the same documents trust, to be used in another runtime. It
    /// shares no lock with this one: a task may hold that which is never run again.
    pub(crate) fn for_another_runtime(&self) -> Self {
        let rooted = self.rooted.as_ref().map(|rooted| Arc::new(rooted.unread()));
        let (freshness, kept) = (Freshness::Strict, Arc::default());
        Self { freshness, rooted, kept, watcher: None }
    }

    /// What bears on whether `org` accepts the signers, as fresh as it must be.
    pub(crate) async fn read(
        &self,
        store: &StoreReader,
        org: OrgId,
        signers: &Signers,
    ) -> Result<CurrentTrust, TrustError> {
        let Some(key) = cache_key(org, signers) else {
            return Ok(CurrentTrust::new(self.ask(store, org, signers).await?));
        };
        // A change that was made from here counts before anybody tells of it.
        let (kept, confirmed) = self.lock().get(&key, store.last_heartbeat());
        if let Some(trust) = kept {
            if let Some(heartbeat) = confirmed {
                return Ok(CurrentTrust { trust, now: heartbeat.now() });
            }
            let asked = boot_time();
            let heartbeat = store.heartbeat().await?;
            return self.read_as_of(store, org, signers, TimedHeartbeat { heartbeat, asked }).await;
        }
        self.ask_and_keep(store, key).await
    }

    /// What bears on whether `org` accepts the signers, no older than what the store was just
    /// asked about its state.
    pub(crate) async fn read_as_of(
        &self,
        store: &StoreReader,
        org: OrgId,
        signers: &Signers,
        as_of: TimedHeartbeat,
    ) -> Result<CurrentTrust, TrustError> {
        let Some(key) = cache_key(org, signers) else {
            return Ok(CurrentTrust::new(self.ask(store, org, signers).await?));
        };
        // Another task may have read it meanwhile.
        let (kept, _) = self.lock().get(&key, None);
        if let Some(trust) = kept.filter(|trust| is_not_older(trust, &as_of.heartbeat)) {
            return Ok(CurrentTrust { trust, now: as_of.now() });
        }
        self.ask_and_keep(store, key).await
    }

    async fn ask_and_keep(
        &self,
        store: &StoreReader,
        key: Key,
    ) -> Result<CurrentTrust, TrustError> {
        let trust = self.ask(store, key.0, &key.1).await?;
        self.lock().keep(key, &trust);
        Ok(CurrentTrust::new(trust))
    }

    async fn ask(
        &self,
        store: &StoreReader,
        org: OrgId,
        signers: &Signers,
    ) -> Result<Arc<OrganizationTrust>, TrustError> {
        let Some(rooted) = &self.rooted else { return read_store(store, org, signers).await };
        rooted.require_org(org)?;
        let rows = read_store(store, org, signers).await?;
        rooted.restrict(store, rows).await
    }

    /// Forgets that the store has confirmed what is kept, because trust was changed from here.
    pub(crate) fn forget_confirmation(&self) {
        self.lock().forget_confirmation();
    }

    fn lock(&self) -> MutexGuard<'_, CacheEntries> {
        lock(&self.kept)
    }
}

impl Drop for TrustCache {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
    }
}

impl CurrentTrust {
    /// What was just read.
    fn new(trust: Arc<OrganizationTrust>) -> Self {
        Self { now: trust.now(), trust }
    }
}

/// Whether the value is of the state of trust that the heartbeat tells, or of a later one.
fn is_not_older(trust: &OrganizationTrust, heartbeat: &Heartbeat) -> bool {
    trust.as_of.is_some_and(|as_of| {
        as_of.heartbeat.state == heartbeat.state || as_of.heartbeat.epoch > heartbeat.epoch
    })
}

type Key = (OrgId, Signers);

/// Under what to keep what bears on the signers, if it is kept. Who writes signature files must
/// not decide how much is kept.
fn cache_key(org: OrgId, signers: &Signers) -> Option<Key> {
    match signers.named.len() == 1 && !signers.unnamed {
        true => Some((org, signers.clone())),
        false => None,
    }
}

/// Values of one state of trust. What they take is bounded, however large they are.
#[derive(Debug, Default)]
struct CacheEntries {
    /// The epoch and state that all of them are of.
    state: Option<(i64, TrustStateId)>,
    values: HashMap<Key, Arc<OrganizationTrust>>,
    size: usize,
    confirmed: Option<Confirmation>,
    /// How often a confirmation was forgotten. A confirmation that was asked for before the
    /// last time does not count.
    forgotten: u64,
}

/// Trust was in the state that this heartbeat reported.
#[derive(Clone, Copy, Debug)]
struct Confirmation {
    heartbeat: TimedHeartbeat,
    /// Until when it counts, since boot.
    until: Duration,
}

impl CacheEntries {
    /// The value, and by what it is known to be the one that the store would give, which was
    /// last seen to say `last`.
    fn get(
        &self,
        key: &Key,
        last: Option<Heartbeat>,
    ) -> (Option<Arc<OrganizationTrust>>, Option<TimedHeartbeat>) {
        let value = self.values.get(key).cloned();
        let confirmed = self.confirmed.filter(|Confirmation { heartbeat, until }| {
            let state = heartbeat.heartbeat.state;
            boot_time() < *until
                && self.state.is_some_and(|(_, kept)| kept == state)
                && last.is_some_and(|last| last.state == state)
        });
        (value, confirmed.map(|confirmation| confirmation.heartbeat))
    }

    /// Confirms what is kept, unless trust was changed from here since this was asked for.
    fn confirm(&mut self, confirmation: Confirmation, forgotten: u64) {
        if self.forgotten == forgotten {
            self.confirmed = Some(confirmation);
        }
    }

    fn forget_confirmation(&mut self) {
        self.confirmed = None;
        self.forgotten = self.forgotten.wrapping_add(1);
    }

    /// Keeps a value instead of all that are of an older state. One that is of an older
    /// state itself is not kept, nor one that is too large.
    fn keep(&mut self, key: Key, trust: &Arc<OrganizationTrust>) {
        let Some(TimedHeartbeat { heartbeat, .. }) = trust.as_of else { return };
        let (epoch, state) = (heartbeat.epoch, heartbeat.state);
        if self.state != Some((epoch, state)) {
            if self.state.is_some_and(|(kept, _)| epoch < kept) {
                return;
            }
            self.clear();
            self.state = Some((epoch, state));
        }
        if let Some(before) = self.values.remove(&key) {
            self.size -= before.size();
        }
        let size = trust.size();
        if size > MAX_SIZE {
            return;
        }
        if self.size + size > MAX_SIZE {
            self.clear();
        }
        self.size += size;
        self.values.insert(key, trust.clone());
    }

    fn clear(&mut self) {
        self.values.clear();
        self.size = 0;
    }
}

fn lock(kept: &Mutex<CacheEntries>) -> MutexGuard<'_, CacheEntries> {
    // After a panic in between, at worst too little is kept.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
