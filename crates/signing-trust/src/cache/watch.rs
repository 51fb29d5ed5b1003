//! Keeps what is kept confirmed, as long as the store would tell of a change.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, Weak};
use std::time::Duration;

use signing_store::{StoreError, StoreReader, TrustWatch};
use tokio::time::{sleep, timeout};

use super::{CacheEntries, Confirmation, lock};
use crate::snapshot::{TimedHeartbeat, boot_time};

/// Goes on until nothing is kept any more.
pub(super) async fn watch(store: StoreReader, bound: Duration, kept: Weak<Mutex<CacheEntries>>) {
    while kept.strong_count() > 0 {
        if let Ok(Ok(connected)) = timeout(bound, store.watch_trust()).await {
            // However this ends, nothing is known from here on.
            let _ = listen(connected, bound, &kept).await;
        }
        if !forget_confirmation(&kept) {
            return;
        }
        sleep(pause_before_reconnecting(bound)).await;
    }
}

async fn listen(
    mut connected: TrustWatch,
    bound: Duration,
    kept: &Weak<Mutex<CacheEntries>>,
) -> Result<(), StoreError> {
    loop {
        let Some(before) = kept.upgrade() else { return Ok(()) };
        let forgotten = lock(&before).forgotten;
        drop(before);
        let asked = boot_time();
        let Ok(heartbeat) = timeout(bound, connected.heartbeat()).await else { return Ok(()) };
        let heartbeat = TimedHeartbeat { heartbeat: heartbeat?, asked };
        let confirmation = Confirmation { heartbeat, until: asked.saturating_add(bound) };
        let Some(upgraded) = kept.upgrade() else { return Ok(()) };
        lock(&upgraded).confirm(confirmation, forgotten);
        drop(upgraded);
        if let Ok(changed) = timeout(bound / 3, connected.changed()).await {
            // Before anything else is asked: the notification came after the commit.
            if !forget_confirmation(kept) {
                return Ok(());
            }
            changed?;
        }
    }
}

/// Forgets that the store has confirmed what is kept. Says whether anything is kept.
fn forget_confirmation(kept: &Weak<Mutex<CacheEntries>>) -> bool {
    let Some(kept) = kept.upgrade() else { return false };
    lock(&kept).forget_confirmation();
    true
}

/// The pause before reconnecting, for callers whose answers must be no older than `bound`. It
/// differs each time, so that programs which were cut off together do not all come back together.
pub(crate) fn pause_before_reconnecting(bound: Duration) -> Duration {
    scattered((bound / 3).clamp(Duration::from_millis(10), Duration::from_secs(1)))
}

/// Between half of the pause and all of it.
fn scattered(pause: Duration) -> Duration {
    // Its keys are random.
    let random = RandomState::new().hash_one(()) as u32;
    pause.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_scattered_within_bounds() {
        let pause = Duration::from_secs(1);
        let pauses: Vec<_> = (0..100).map(|_| scattered(pause)).collect();
        assert!(pauses.iter().all(|scattered| (pause / 2..=pause).contains(scattered)));
        assert!(pauses.iter().any(|scattered| *scattered != pauses[0]));
    }
}
