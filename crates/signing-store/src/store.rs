use std::sync::Arc;

use crate::pool::Pool;
use crate::store_state::Seen;
#[cfg(feature = "postgres")]
use crate::trust_facts::Asking;
use crate::{DatabaseUrl, SchemaStatus, StoreError, migrate};

/// A store: a pool of connections to one database.
///
/// Clones share the pool.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: Pool,
    pub(crate) seen: Arc<Seen>,
    #[cfg(feature = "postgres")]
    pub(crate) asking: Option<Asking>,
}

impl Store {
    /// Opens a database that exists and whose tables are up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoDatabase`], [`StoreError::NoStore`] and
    /// [`StoreError::SchemaOutdated`] if it is to be [migrated](Self::migrate) first;
    /// nothing is created.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        if let Some(path) = url.sqlite_path() {
            match path.try_exists() {
                Ok(true) => {}
                Ok(false) => return Err(StoreError::NoDatabase { path: path.into() }),
                Err(source) => return Err(StoreError::File { path: path.into(), source }),
            }
        }
        let pool = Pool::connect(url)?;
        match migrate::status(&pool).await? {
            SchemaStatus::Current => Ok(Self::new(pool)),
            SchemaStatus::Empty => Err(StoreError::NoStore),
            SchemaStatus::Outdated { missing } => Err(StoreError::SchemaOutdated { missing }),
            SchemaStatus::TooNew { unknown } => Err(StoreError::SchemaTooNew { unknown }),
        }
    }

    /// Opens a database after bringing its tables up to date; a SQLite file is
    /// made if there is none, readable by its owner only. Says which migrations
    /// were applied.
    pub async fn migrate(url: &DatabaseUrl) -> Result<(Self, Vec<&'static str>), StoreError> {
        #[cfg(feature = "sqlite")]
        if let Some(path) = url.sqlite_path() {
            crate::backend::sqlite::create_file(path)?;
        }
        let pool = Pool::connect(url)?;
        let applied = match migrate::status(&pool).await? {
            SchemaStatus::Current => Vec::new(),
            SchemaStatus::Empty | SchemaStatus::Outdated { .. } => migrate::apply(&pool).await?,
            SchemaStatus::TooNew { unknown } => return Err(StoreError::SchemaTooNew { unknown }),
        };
        Ok((Self::new(pool), applied))
    }

    fn new(pool: Pool) -> Self {
        Self {
            #[cfg(feature = "postgres")]
            asking: Asking::of(&pool),
            pool,
            seen: Arc::default(),
        }
    }

    /// Compares the database's migrations with this program's.
    pub async fn schema_status(&self) -> Result<SchemaStatus, StoreError> {
        migrate::status(&self.pool).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What an idempotent change came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// It was made.
    Made(T),
    /// It had been made before: nothing was changed.
    AlreadySo(T),
}

impl<T> Change<T> {
    /// What the change is about, made now or before.
    pub fn into_inner(self) -> T {
        match self {
            Self::Made(value) | Self::AlreadySo(value) => value,
        }
    }
}
