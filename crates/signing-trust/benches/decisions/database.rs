use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use signing_crypto::{Fingerprint, OrgId, SigningKey};
use signing_trust::store::{DatabaseUrl, RequiredTls};
use signing_trust::{KeyManager, TrustLimits, TrustRoot};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::Question;
use crate::bare::Bare;
use crate::signed;

const GRANTS: usize = 100;

/// Which database, and for Postgres on which server.
#[derive(Clone)]
pub(crate) enum Backend {
    Sqlite,
    Postgres(String),
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "Postgres",
        })
    }
}

/// A database of its own for one data set.
pub(crate) struct Database {
    backend: Backend,
    name: String,
    address: String,
    _directory: TempDir,
}

impl Database {
    pub(crate) async fn create(backend: &Backend) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let name = format!("cloacina_bench_{}", Uuid::new_v4().simple());
        let address = match backend {
            Backend::Sqlite => {
                directory.path().join("cloacina.db").to_str().context("not UTF-8")?.to_owned()
            }
            Backend::Postgres(server) => {
                execute(server, &format!("CREATE DATABASE {name}")).await?;
                with_database(server, &name)?
            }
        };
        Ok(Self { backend: backend.clone(), name, address, _directory: directory })
    }

    pub(crate) async fn remove(self) -> Result<()> {
        match &self.backend {
            Backend::Sqlite => Ok(()),
            Backend::Postgres(server) => {
                execute(server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
            }
        }
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    pub(crate) fn url(&self) -> Result<DatabaseUrl> {
        Ok(DatabaseUrl::parse(&self.address, RequiredTls::DangerNone)?)
    }

    pub(crate) fn bare(&self) -> Result<Bare> {
        match self.backend {
            Backend::Sqlite => Bare::sqlite(&self.address),
            Backend::Postgres(_) => Bare::postgres(&self.address),
        }
    }

    /// Makes `size` organizations with ten trusted keys each. Those that are asked
    /// about are made through `keys`, since decisions check the keys that they find;
    /// the others only have to be in the way.
    pub(crate) async fn fill(&self, keys: &KeyManager, size: usize) -> Result<Organizations> {
        let parent = keys.create_organization("parent".parse()?).await?.id;
        let mut children = Vec::new();
        for n in 0..GRANTS {
            let child = keys.create_organization(format!("child-{n}").parse()?).await?.id;
            let key = SigningKey::generate()?.verifying_key();
            keys.trust_public_key(child, &key, None, None).await?;
            keys.grant_trust(parent, child, TrustLimits::default()).await?;
            children.push((child, key.fingerprint()));
        }
        let others = size - GRANTS - 1;
        match self.backend {
            Backend::Sqlite => {
                let mut connection = SqliteConnection::establish(&self.address)?;
                connection.batch_execute(&sqlite_filling(others))?;
            }
            Backend::Postgres(_) => {
                execute(&self.address, &postgres_filling(others)).await?;
                // As autovacuum does, only now rather than in the middle of a row.
                execute(&self.address, "VACUUM ANALYZE").await?;
            }
        }
        Ok(Organizations { parent, children })
    }
}

/// Whom to ask about which key.
pub(crate) struct Organizations {
    parent: OrgId,
    children: Vec<(OrgId, Fingerprint)>,
}

impl Organizations {
    pub(crate) fn parent(&self) -> OrgId {
        self.parent
    }

    /// Every organization that is asked about publishes what it trusts. Returns the parent's
    /// root.
    pub(crate) async fn publish(&self, keys: &KeyManager) -> Result<TrustRoot> {
        let mut roots = BTreeMap::new();
        for (child, _) in &self.children {
            roots.insert(*child, signed::publish(keys, *child, BTreeMap::new()).await?.digest());
        }
        signed::publish(keys, self.parent, roots).await
    }

    /// Each child about the key that it trusts itself.
    pub(crate) fn direct(&self) -> Result<Arc<[Question]>> {
        self.children.iter().map(|(child, key)| Question::new(*child, *key)).collect()
    }

    /// The parent about each of those keys.
    pub(crate) fn inherited(&self) -> Result<Arc<[Question]>> {
        self.children.iter().map(|(_, key)| Question::new(self.parent, *key)).collect()
    }

    /// The parent about keys that nobody has heard of.
    pub(crate) fn unknown(&self) -> Result<Arc<[Question]>> {
        let stranger = |_| Question::new(self.parent, SigningKey::generate()?.fingerprint());
        self.children.iter().map(stranger).collect()
    }
}

fn sqlite_filling(others: usize) -> String {
    format!(
        "BEGIN IMMEDIATE;
         WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {others})
         INSERT INTO organizations (id, name, created_at)
         SELECT randomblob(16), 'other-' || n, 0 FROM series WHERE {others} > 0;
         WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 10)
         INSERT INTO trusted_keys (id, org_id, fingerprint, public_key, created_at)
         SELECT randomblob(16), organizations.id, randomblob(32), randomblob(32), 0
         FROM organizations CROSS JOIN series
         WHERE n > (SELECT count(*) FROM trusted_keys WHERE org_id = organizations.id);
         COMMIT;"
    )
}

fn postgres_filling(others: usize) -> String {
    format!(
        "INSERT INTO organizations (id, name, created_at)
         SELECT gen_random_uuid(), 'other-' || n, now() FROM generate_series(1, {others}) AS n;
         INSERT INTO trusted_keys (id, org_id, fingerprint, public_key, created_at)
         SELECT gen_random_uuid(), organizations.id,
                sha256(sha256((organizations.id || ' ' || n)::bytea)),
                sha256((organizations.id || ' ' || n)::bytea), now()
         FROM organizations CROSS JOIN generate_series(1, 10) AS n
         WHERE n > (SELECT count(*) FROM trusted_keys WHERE org_id = organizations.id);"
    )
}

async fn execute(url: &str, sql: &str) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    // A statement of its own: VACUUM is in no transaction.
    client.batch_execute("SET search_path = cloacina").await?;
    Ok(client.batch_execute(sql).await?)
}

/// The URL of another database on the same server.
fn with_database(server: &str, name: &str) -> Result<String> {
    let (address, options) = match server.split_once('?') {
        Some((address, options)) => (address, format!("?{options}")),
        None => (server, String::new()),
    };
    let (scheme, rest) = address.split_once("://").context("the server's URL has no scheme")?;
    let authority = rest.split('/').next().unwrap_or(rest);
    Ok(format!("{scheme}://{authority}/{name}{options}"))
}
