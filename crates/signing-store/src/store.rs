use std::ops::Deref;
use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;

use crate::backend::access::Access;
use crate::backend::deadline::LONG_OPERATION_LIMIT;
use crate::error::StoreError;
use crate::migrate;
use crate::migrations::SchemaStatus;
use crate::pool::{Pool, read};
use crate::schema_safety::SchemaSafety;
use crate::state::{LastSeen, PendingChange};
use crate::url::DatabaseUrl;
#[cfg(feature = "sqlite")]
use crate::url::Location;

/// A store that can be changed: a pool of connections to one database.
///
/// Clones share the pool.
#[derive(Clone)]
pub struct Store {
    reader: StoreReader,
}

/// A store, to read from: it has nothing that changes it.
///
/// ```compile_fail,E0599
/// # async fn example(url: &signing_store::DatabaseUrl, org: signing_crypto::OrgId) {
/// let store = signing_store::StoreReader::open(url).await.unwrap();
/// let entry = signing_store::AuditEntry::new("organization.deleted");
/// store.delete_organization(org, entry).await.unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct StoreReader {
    pub(crate) pool: Pool,
    pub(crate) seen: Arc<LastSeen>,
}

/// A store that can be changed can be read.
impl Deref for Store {
    type Target = StoreReader;

    fn deref(&self) -> &StoreReader {
        &self.reader
    }
}

impl StoreReader {
    /// Opens a database to read from.
    ///
    /// A SQLite file is opened read-only, and nothing is written beside it, also if the
    /// owner runs this process: the file may be on a read-only file system, or belong to
    /// another user that the URL names. There is one exception. When a program was killed
    /// during a change, the change must be undone before anything can be read. A process that
    /// may write does so; any other gets [`StoreError::HotJournal`].
    ///
    /// # Errors
    ///
    /// As for [`Store::open`].
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_for(url, Access::Read).await
    }

    /// Opens a database to look at it, whatever is in it: nothing is created, changed or undone,
    /// and its tables need not be up to date, or be there at all.
    ///
    /// # Errors
    ///
    /// As for [`Store::open`], but for its tables. [`StoreError::HotJournal`] also where
    /// this process could undo the change of a program that was killed.
    pub async fn open_to_inspect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let pool = Pool::connect(url, Access::Inspect)?;
        let reached: Result<(), StoreError> =
            read!(pool, |conn| { Ok(conn.batch_execute("SELECT 1").await?) });
        reached?;
        Ok(Self::new(pool))
    }

    /// Compares the database's migrations with this program's.
    pub async fn schema_status(&self) -> Result<SchemaStatus, StoreError> {
        migrate::status(&self.pool).await
    }

    /// Asserts that a SQLite file is sound, page by page, by SQLite's `integrity_check`.
    /// [`Store::open`] has done so; for one that only reads it takes too long, some 10 ms for
    /// each MiB.
    ///
    /// # Errors
    ///
    /// [`StoreError::UnsafeSchema`] if its pages are damaged, or somebody who could write the file
    /// has left an index that leads to other rows, pages that will be written over, or a history of
    /// trust that does not end at the present state.
    pub async fn require_sound_file(&self) -> Result<(), StoreError> {
        self.require_sound_file_with(&self.schema_status().await?).await
    }

    async fn require_sound_file_with(&self, status: &SchemaStatus) -> Result<(), StoreError> {
        let status = status.clone();
        read!(self.pool, LONG_OPERATION_LIMIT, |conn| { conn.require_sound_file(&status).await })
    }

    /// The same store, with connections of its own, for a thread that has a runtime of its
    /// own: a connection is carried by the runtime in which it was made. Makes none yet.
    ///
    /// What one of the two has seen, the other does not fall behind.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if there can be no further pool.
    pub fn with_own_connections(&self) -> Result<Self, StoreError> {
        Ok(Self { pool: self.pool.with_own_connections()?, seen: self.seen.clone() })
    }

    async fn open_for(url: &DatabaseUrl, access: Access) -> Result<Self, StoreError> {
        let pool = Pool::connect(url, access)?;
        match migrate::status(&pool).await? {
            SchemaStatus::Current => Ok(Self::new(pool)),
            SchemaStatus::Empty => Err(StoreError::NoStore),
            SchemaStatus::Outdated { missing } => Err(StoreError::SchemaOutdated { missing }),
            SchemaStatus::TooNew { unknown } => Err(StoreError::SchemaTooNew { unknown }),
        }
    }

    fn new(pool: Pool) -> Self {
        Self { pool, seen: Arc::default() }
    }
}

impl Store {
    /// Opens a database that exists and whose tables are up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoDatabase`], [`StoreError::NoStore`] and
    /// [`StoreError::SchemaOutdated`] if it is to be [migrated](Self::migrate) first;
    /// nothing is created.
    /// [`StoreError::UnsafeFile`] if others could replace a SQLite file,
    /// [`StoreError::ReadOnly`] if this process may only read it or the URL says that it is
    /// another user's, and [`StoreError::UnsafeSchema`] if somebody has changed how it works.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let reader = StoreReader::open_for(url, Access::Write).await?;
        Self::checked(reader, &SchemaStatus::Current).await
    }

    /// Opens a database after bringing its tables up to date; a SQLite file is
    /// made if it is missing, readable by its owner only. Says which migrations
    /// were applied.
    ///
    /// Programs that do this at once all get the same store. One that is killed meanwhile
    /// leaves a SQLite file with all its tables, or none.
    pub async fn migrate(url: &DatabaseUrl) -> Result<(Self, Vec<&'static str>), StoreError> {
        #[cfg(feature = "sqlite")]
        let created = match &url.0 {
            Location::Sqlite(target) => {
                let complete = migrate::complete_database();
                crate::backend::sqlite::create(target, complete).await?.unwrap_or_default()
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => Vec::new(),
        };
        #[cfg(not(feature = "sqlite"))]
        let created = Vec::new();
        let pool = Pool::connect(url, Access::Write)?;
        let status = migrate::status(&pool).await?;
        let store = Self::checked(StoreReader::new(pool), &status).await?;
        let applied = match status {
            SchemaStatus::Current => created,
            SchemaStatus::Empty | SchemaStatus::Outdated { .. } => {
                migrate::apply(&store.pool).await?
            }
            SchemaStatus::TooNew { unknown } => return Err(StoreError::SchemaTooNew { unknown }),
        };
        Ok((store, applied))
    }

    async fn checked(reader: StoreReader, status: &SchemaStatus) -> Result<Self, StoreError> {
        reader.require_sound_file_with(status).await?;
        Ok(Self { reader })
    }
}

impl std::fmt::Debug for StoreReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreReader").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl From<&Store> for PendingChange {
    fn from(store: &Store) -> Self {
        Self::of(&store.pool, &store.seen)
    }
}

/// The result of an idempotent change. A change that is refused is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// It was made.
    Made(T),
    /// It had been made before: nothing was changed.
    Unchanged(T),
}

impl<T> Change<T> {
    /// What the change is about, made now or before.
    pub fn into_inner(self) -> T {
        match self {
            Self::Made(value) | Self::Unchanged(value) => value,
        }
    }

    /// What the change is about, and whether it was made now.
    pub fn into_parts(self) -> (T, bool) {
        let is_made = matches!(self, Self::Made(_));
        (self.into_inner(), is_made)
    }
}
