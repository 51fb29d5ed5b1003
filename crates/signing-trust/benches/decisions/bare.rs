use anyhow::Result;
use deadpool::managed;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use signing_crypto::{Fingerprint, OrgId};
use tokio_postgres::{Client, Error, NoTls, Statement};

/// As many as the store's own pool.
const POOL_SIZE: usize = 8;

/// The query that one would write without this crate: is there a row, not revoked?
///
/// It knows neither grants nor tombstones, and cannot tell whether the server that
/// answers is the right one and up to date.
#[derive(Clone)]
pub(crate) enum Bare {
    Sqlite(managed::Pool<SqliteManager>),
    Postgres(managed::Pool<PostgresManager>),
}

type SqliteManager = AsyncDieselConnectionManager<SyncConnectionWrapper<SqliteConnection>>;

impl Bare {
    pub(crate) fn sqlite(path: &str) -> Result<Self> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = SqliteManager::new_with_config(path, config);
        Ok(Self::Sqlite(managed::Pool::builder(manager).max_size(POOL_SIZE).build()?))
    }

    pub(crate) fn postgres(url: &str) -> Result<Self> {
        let manager = PostgresManager(url.parse()?);
        Ok(Self::Postgres(managed::Pool::builder(manager).max_size(POOL_SIZE).build()?))
    }

    pub(crate) async fn trusts(&self, org: OrgId, fingerprint: &Fingerprint) -> Result<bool> {
        match self {
            Self::Sqlite(pool) => {
                let mut connection = pool.get().await?;
                let found: Option<(Option<Vec<u8>>, Option<i64>)> = trusted_keys::table
                    .filter(trusted_keys::org_id.eq(org.as_uuid().as_bytes().as_slice()))
                    .filter(trusted_keys::fingerprint.eq(fingerprint.as_bytes().as_slice()))
                    .select((trusted_keys::public_key, trusted_keys::revoked_at))
                    .get_result(&mut *connection)
                    .await
                    .optional()?;
                Ok(matches!(found, Some((Some(_), None))))
            }
            Self::Postgres(pool) => {
                let connection = pool.get().await?;
                let (client, statement) = &*connection;
                let values: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
                    [org.as_uuid(), &fingerprint.as_bytes().as_slice()];
                let found = client.query_opt(statement, &values).await?;
                let Some(row) = found else { return Ok(false) };
                let key: Option<&[u8]> = row.try_get(0)?;
                Ok(key.is_some() && !row.try_get::<_, bool>(1)?)
            }
        }
    }
}

/// Connections with the one statement prepared.
pub(crate) struct PostgresManager(tokio_postgres::Config);

impl managed::Manager for PostgresManager {
    type Type = (Client, Statement);
    type Error = Error;

    async fn create(&self) -> Result<(Client, Statement), Error> {
        let (client, connection) = self.0.connect(NoTls).await?;
        tokio::spawn(connection);
        let statement = client
            .prepare(
                "SELECT public_key, revoked_at IS NOT NULL FROM cloacina.trusted_keys \
                 WHERE org_id = $1 AND fingerprint = $2",
            )
            .await?;
        Ok((client, statement))
    }

    async fn recycle(
        &self,
        _: &mut (Client, Statement),
        _: &managed::Metrics,
    ) -> managed::RecycleResult<Error> {
        Ok(())
    }
}

diesel::table! {
    trusted_keys (id) {
        id -> Binary,
        org_id -> Binary,
        fingerprint -> Binary,
        public_key -> Nullable<Binary>,
        revoked_at -> Nullable<BigInt>,
    }
}
