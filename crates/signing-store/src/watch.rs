use crate::error::StoreError;
use crate::pool::Pool;
use crate::store::StoreReader;
use crate::tables::store_state::Heartbeat;

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
}

impl StoreReader {
    /// Starts to watch for changes of trust.
    pub async fn watch_trust(&self) -> Result<TrustWatch, StoreError> {
        match self.pool.clone() {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(_) => Ok(TrustWatch {
                store: self.clone(),
                #[cfg(feature = "postgres")]
                listener: None,
            }),
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => {
                let listener = pool.manager().listen().await?;
                Ok(TrustWatch { store: self.clone(), listener: Some(listener) })
            }
        }
    }
}

impl TrustWatch {
    /// Asks for the trust epoch and state, over the connection that listens if there is one:
    /// an answer shows that a change would have been heard. One by another process of the
    /// server than the one that listens, as behind a pooler of transactions, is refused.
    ///
    /// # Errors
    ///
    /// As [`StoreReader::trust_in_keys`].
    pub async fn heartbeat(&self) -> Result<Heartbeat, StoreError> {
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
            return listener.notified().await;
        }
        std::future::pending().await
    }
}
