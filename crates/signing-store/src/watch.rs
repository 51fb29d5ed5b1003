#[cfg(any(feature = "postgres", test))]
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::error::StoreError;
#[cfg(feature = "postgres")]
use crate::pool::Pool;
use crate::store::StoreReader;
use crate::tables::store_state::Heartbeat;

/// Any role may notify, as often as it likes. After a while without notifications, the first is
/// answered at once.
#[cfg(any(feature = "postgres", test))]
const SHORTEST_PERIOD: Duration = Duration::from_millis(5);

/// Watches for changes of trust, and notices when it can no longer do so.
///
/// On Postgres this is a connection of its own that listens on the channel
/// `cloacina_trust`, where a program notifies after it has committed a change; a server in
/// recovery cannot be listened to. A notification may be lost, and a change that is made
/// by hand has none: [`heartbeat`](Self::heartbeat) finds out about those, as it does
/// about every change on SQLite.
#[derive(Debug)]
pub struct TrustWatch {
    store: StoreReader,
    #[cfg(feature = "postgres")]
    listener: Option<crate::backend::postgres::Listener>,
    /// When the last heartbeat was sent, and when the next one may be.
    sent: Instant,
    next: Instant,
}

impl StoreReader {
    /// Starts to watch for changes of trust.
    pub async fn watch_trust(&self) -> Result<TrustWatch, StoreError> {
        #[cfg(feature = "postgres")]
        let listener = match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => None,
            Pool::Postgres(pool) => Some(pool.manager().listen().await?),
        };
        let now = Instant::now();
        Ok(TrustWatch {
            store: self.clone(),
            #[cfg(feature = "postgres")]
            listener,
            sent: now,
            next: now,
        })
    }
}

impl TrustWatch {
    /// Asks for the trust epoch and state, over the connection that listens if there is one:
    /// an answer shows that a change would have been heard. One by another process of the
    /// server than the one that listens, as behind a pooler of transactions, is refused.
    ///
    /// Waits a few milliseconds if a change was announced just after the last heartbeat.
    ///
    /// # Errors
    ///
    /// As [`StoreReader::trust_in_keys`].
    pub async fn heartbeat(&mut self) -> Result<Heartbeat, StoreError> {
        sleep_until(self.next).await;
        self.sent = Instant::now();
        #[cfg(feature = "postgres")]
        if let Some(listener) = &self.listener {
            let before = self.store.seen.latest();
            let origin = listener.origin().await?;
            self.store.seen.accept(origin, before, &mut &self.store.pool).await?;
            return Ok(origin.into());
        }
        self.store.heartbeat().await
    }

    /// Waits until a change of trust is announced.
    ///
    /// # Errors
    ///
    /// The connection was cut: nothing more will be heard.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        #[cfg(feature = "postgres")]
        if let Some(listener) = &mut self.listener {
            listener.notified().await?;
            self.announced();
            return Ok(());
        }
        std::future::pending().await
    }

    #[cfg(any(feature = "postgres", test))]
    fn announced(&mut self) {
        self.next = self.sent + SHORTEST_PERIOD;
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::store::Store;

    async fn watch(directory: &tempfile::TempDir) -> TrustWatch {
        let file = directory.path().join("cloacina.db");
        let url = file.to_str().unwrap().parse().unwrap();
        let (store, _) = Store::migrate(&url).await.unwrap();
        store.watch_trust().await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn announcements_are_answered_once_in_5_ms_however_many_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = watch(&directory).await;
        let begun = Instant::now();
        for count in 1..=20 {
            for _ in 0..10 {
                watch.announced();
            }
            watch.heartbeat().await.unwrap();
            assert_eq!(begun.elapsed(), count * Duration::from_millis(5));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn first_announcement_in_a_while_is_answered_at_once_and_so_is_a_question() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = watch(&directory).await;
        watch.heartbeat().await.unwrap();
        tokio::time::advance(Duration::from_millis(5)).await;
        let begun = Instant::now();
        watch.announced();
        for _ in 0..2 {
            watch.heartbeat().await.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
