//! The statement that reads what bears on whom an organization accepts, about the keys that
//! are named and about all keys.
//!
//! It is text: diesel's query language has no way to say in which order tables are read.
//! `CROSS JOIN` keeps SQLite to the order, and `LIMIT` keeps Postgres to it.

use std::collections::BTreeSet;

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;
use signing_crypto::{Fingerprint, OrgId};

use super::row::Columns;
use crate::sql_types::{Bind, Id, bind};

/// Which keys are asked about.
pub(super) enum Keys {
    /// These: however many they are, they are one parameter.
    Named {
        #[cfg(feature = "postgres")]
        array: Vec<Bind<Fingerprint>>,
        /// In hexadecimal digits. SQLite has no arrays.
        #[cfg(feature = "sqlite")]
        json: String,
    },
    /// All, up to so many rows.
    All { most: i64 },
}

impl Keys {
    pub(super) fn named(keys: BTreeSet<Fingerprint>) -> Self {
        #[cfg(feature = "sqlite")]
        let digits: Vec<_> = keys.iter().map(|key| format!("\"{key}\"")).collect();
        Self::Named {
            #[cfg(feature = "sqlite")]
            json: format!("[{}]", digits.join(",")),
            #[cfg(feature = "postgres")]
            array: keys.into_iter().map(bind).collect(),
        }
    }
}

pub(super) struct SnapshotQuery {
    org: Bind<OrgId>,
    keys: Keys,
}

impl SnapshotQuery {
    pub(super) fn new(org: OrgId, keys: Keys) -> Self {
        Self { org: bind(org), keys }
    }
}

/// Prepared once by its text, of which there are two.
impl QueryId for SnapshotQuery {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for SnapshotQuery {
    type SqlType = Columns;
}

/// The organization, where this is read from, and its floors.
macro_rules! head {
    ($origin:expr, $floors:literal) => {
        concat!(
            "SELECT ",
            $origin,
            ", (SELECT ",
            $floors,
            " FROM version_floors f WHERE f.org_id = o.id AND f.floor IS NOT NULL),
             o.id, o.name, o.created_at, o.deleted_at,
             NULL, NULL, NULL, NULL, NULL, NULL, NULL,
             NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
             FROM organizations o CROSS JOIN store_state s
             WHERE o.id = (SELECT org FROM asked) AND s.singleton = 1
             UNION ALL "
        )
    };
}

macro_rules! key {
    () => {
        "k.id, k.org_id, k.fingerprint, k.public_key, k.name, k.created_at, k.revoked_at,
         k.revocation_reason, k.revocation_note, k.expires_at, c.declared_at "
    };
}

/// What organizations say that were granted trust.
macro_rules! granted {
    ($from:literal) => {
        concat!(
            "SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
             o.id, o.name, o.created_at, o.deleted_at,
             g.id, g.parent_org_id, g.child_org_id, g.created_at, g.revoked_at, g.packages,
             g.expires_at, ",
            key!(),
            $from,
            " CROSS JOIN organizations o
             LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
             WHERE g.parent_org_id = (SELECT org FROM asked) AND g.revoked_at IS NULL
               AND k.org_id = g.child_org_id AND o.id = k.org_id "
        )
    };
}

/// What the organization says itself.
macro_rules! own {
    () => {
        concat!(
            "UNION ALL
             SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
             NULL, NULL, NULL, NULL, NULL, NULL, NULL, ",
            key!(),
            "FROM trusted_keys k
             LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
             WHERE k.org_id = (SELECT org FROM asked) "
        )
    };
}

/// A key that at most a hundred organizations hold is looked up by its holders; where more
/// do, the grants are gone through, of which an organization makes fewer. So what it costs
/// grows neither with how many organizations there are nor with how many hold a key. The
/// index by holders serves only where `public_key IS NOT NULL` is asked for.
macro_rules! about_named {
    ($head:expr, $is:literal) => {
        concat!(
            ", held AS MATERIALIZED (
                SELECT * FROM trusted_keys WHERE fingerprint ",
            $is,
            " AND public_key IS NOT NULL LIMIT 101
             ) ",
            $head,
            granted!("FROM held k CROSS JOIN trust_grants g"),
            "AND (SELECT count(*) FROM held) <= 100 UNION ALL ",
            granted!("FROM trust_grants g CROSS JOIN trusted_keys k"),
            "AND (SELECT count(*) FROM held) > 100 AND k.fingerprint ",
            $is,
            own!(),
            "AND k.fingerprint ",
            $is
        )
    };
}

macro_rules! about_all {
    ($head:expr) => {
        concat!(
            $head,
            granted!("FROM trust_grants g CROSS JOIN trusted_keys k"),
            own!(),
            "LIMIT (SELECT most FROM asked)"
        )
    };
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::pg::Pg;
    use diesel::sql_types::Array;

    use super::*;
    use crate::backend::origin::origin_text;
    use crate::sql_types::Bytes;

    macro_rules! head_here {
        () => {
            head!(origin_text!(postgres), "json_object_agg(f.package_name, f.floor)::text")
        };
    }

    const ABOUT_NAMED: &str =
        about_named!(head_here!(), "= ANY((SELECT keys FROM asked)::bytea[]) ");
    const ABOUT_ALL: &str = about_all!(head_here!());

    impl QueryFragment<Pg> for SnapshotQuery {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
            out.push_sql("WITH asked AS (SELECT ");
            out.push_bind_param::<Id, _>(&self.org)?;
            match &self.keys {
                Keys::Named { array, .. } => {
                    out.push_sql("::uuid AS org, ");
                    out.push_bind_param::<Array<Bytes>, _>(array)?;
                    out.push_sql("::bytea[] AS keys) ");
                    out.push_sql(ABOUT_NAMED);
                }
                Keys::All { most } => {
                    out.push_sql("::uuid AS org, ");
                    out.push_bind_param::<BigInt, _>(most)?;
                    out.push_sql("::bigint AS most) ");
                    out.push_sql(ABOUT_ALL);
                }
            }
            Ok(())
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::sql_types::Text;
    use diesel::sqlite::Sqlite;

    use super::*;
    use crate::backend::origin::origin_text;

    macro_rules! head_here {
        () => {
            head!(origin_text!(sqlite), "json_group_object(f.package_name, f.floor)")
        };
    }

    const ABOUT_NAMED: &str = about_named!(
        head_here!(),
        "IN (SELECT unhex(value) FROM json_each((SELECT keys FROM asked))) "
    );
    const ABOUT_ALL: &str = about_all!(head_here!());

    impl QueryFragment<Sqlite> for SnapshotQuery {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            out.push_sql("WITH asked AS (SELECT ");
            out.push_bind_param::<Id, _>(&self.org)?;
            match &self.keys {
                Keys::Named { json, .. } => {
                    out.push_sql(" AS org, ");
                    out.push_bind_param::<Text, _>(json)?;
                    out.push_sql(" AS keys) ");
                    out.push_sql(ABOUT_NAMED);
                }
                Keys::All { most } => {
                    out.push_sql(" AS org, ");
                    out.push_bind_param::<BigInt, _>(most)?;
                    out.push_sql(" AS most) ");
                    out.push_sql(ABOUT_ALL);
                }
            }
            Ok(())
        }
    }
}

/// The statements as Postgres gets them, about named keys and about all, to see how a server
/// plans them. Hidden: only tests of the plans ask for them.
#[cfg(feature = "postgres")]
#[doc(hidden)]
pub fn snapshot_statements() -> [String; 2] {
    use diesel::query_builder::QueryBuilder;

    let text = |keys| {
        let mut text = diesel::pg::PgQueryBuilder::default();
        let statement = SnapshotQuery::new(OrgId::random(), keys);
        statement.to_sql(&mut text, &diesel::pg::Pg).expect("the statement is constant");
        text.finish()
    };
    [text(Keys::named(BTreeSet::new())), text(Keys::All { most: 1 })]
}
