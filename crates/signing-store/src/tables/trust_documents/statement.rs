//! The statement that reads the documents that count.
//!
//! It is text: diesel's query language has no way to limit the rows of each organization.
//! Each part of it looks up the documents of one organization and one kind in the primary
//! key, newest first, and stops at its limit. So the
//! number of documents of an organization does not slow down those that granted it trust.

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use signing_crypto::OrgId;

use super::row::Columns;
use crate::sql_types::{Bind, Id, bind};

pub(super) struct DocumentsStatement {
    org: Bind<OrgId>,
}

impl DocumentsStatement {
    pub(super) fn new(org: OrgId) -> Self {
        Self { org: bind(org) }
    }
}

/// Prepared once by its text.
impl QueryId for DocumentsStatement {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for DocumentsStatement {
    type SqlType = Columns;
}

/// The organization, and each that it granted trust to, which is its own `child`.
macro_rules! reachable {
    () => {
        ", reachable AS (
            SELECT org AS org_id, NULL AS child FROM asked
            UNION ALL
            SELECT g.child_org_id, g.child_org_id FROM trust_grants g CROSS JOIN organizations o
            WHERE g.parent_org_id = (SELECT org FROM asked) AND g.revoked_at IS NULL
              AND o.id = g.child_org_id AND o.deleted_at IS NULL
        ) "
    };
}

/// Where this is read from, if there is the organization.
macro_rules! head {
    ($origin:expr) => {
        concat!(
            "SELECT ",
            $origin,
            ", NULL, NULL, NULL, NULL, NULL, NULL, NULL
             FROM organizations o CROSS JOIN store_state s
             WHERE o.id = (SELECT org FROM asked) AND s.singleton = 1 "
        )
    };
}

/// Some of the documents of each organization. Both databases know the size of a text
/// without reading it.
macro_rules! of_each {
    ($open:literal, $selected:expr, $close:literal, $envelope:expr) => {
        concat!(
            "UNION ALL
             SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL,
             r.child, d.org_id, d.kind, d.version, CAST(octet_length(d.envelope) AS BIGINT), ",
            $envelope,
            ", d.created_at FROM reachable r CROSS JOIN ",
            $open,
            $selected,
            $close
        )
    };
}

/// The newest documents of one kind. The owner of the database can lift the limits that it
/// has for sizes, so what is larger is not read. Another organization's may be smaller only:
/// what it publishes must not be able to keep this one waiting.
macro_rules! newest {
    ($open:literal, $columns:literal, $close:literal, $kind:literal, $most:literal, $own:literal, $of_child:literal) => {
        of_each!(
            $open,
            concat!(
                "SELECT ",
                $columns,
                " FROM trust_documents WHERE org_id = r.org_id AND kind = '",
                $kind,
                "' ORDER BY version DESC LIMIT ",
                $most
            ),
            $close,
            concat!(
                "CASE WHEN octet_length(d.envelope) <= CASE WHEN r.child IS NULL THEN ",
                $own,
                " ELSE ",
                $of_child,
                " END THEN d.envelope END"
            )
        )
    };
}

/// A document of no known kind, if there is one: it may have been one that counts. It is
/// looked for between the kinds, in their order.
macro_rules! of_no_kind {
    ($open:literal, $columns:literal, $close:literal) => {
        of_each!(
            $open,
            concat!(
                between!($columns, "kind < 'revocations'"),
                " UNION ALL ",
                between!($columns, "kind > 'revocations' AND kind < 'root'"),
                " UNION ALL ",
                between!($columns, "kind > 'root' AND kind < 'statement'"),
                " UNION ALL ",
                between!($columns, "kind > 'statement'"),
                " LIMIT 1"
            ),
            $close,
            "NULL"
        )
    };
}

macro_rules! between {
    ($columns:literal, $kinds:literal) => {
        concat!("SELECT ", $columns, " FROM trust_documents WHERE org_id = r.org_id AND ", $kinds)
    };
}

macro_rules! documents {
    ($head:expr, $open:literal, $columns:literal, $close:literal) => {
        concat!(
            reachable!(),
            $head,
            newest!($open, $columns, $close, "root", 64, 98304, 98304),
            newest!($open, $columns, $close, "statement", 1, 6291456, 1048576),
            newest!($open, $columns, $close, "revocations", 1, 6291456, 1048576),
            of_no_kind!($open, $columns, $close)
        )
    };
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::pg::Pg;

    use super::*;
    use crate::backend::origin::origin_text;

    const DOCUMENTS: &str = documents!(head!(origin_text!(postgres)), "LATERAL (", "*", ") d ");

    impl QueryFragment<Pg> for DocumentsStatement {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
            out.push_sql("WITH asked AS (SELECT ");
            out.push_bind_param::<Id, _>(&self.org)?;
            out.push_sql("::uuid AS org) ");
            out.push_sql(DOCUMENTS);
            Ok(())
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::sqlite::Sqlite;

    use super::*;
    use crate::backend::origin::origin_text;

    const DOCUMENTS: &str = documents!(
        head!(origin_text!(sqlite)),
        "trust_documents d WHERE d.rowid IN (",
        "rowid",
        ") "
    );

    impl QueryFragment<Sqlite> for DocumentsStatement {
        fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
            out.push_sql("WITH asked AS (SELECT ");
            out.push_bind_param::<Id, _>(&self.org)?;
            out.push_sql(" AS org) ");
            out.push_sql(DOCUMENTS);
            Ok(())
        }
    }
}

/// The statement as Postgres gets it, to see how a server plans it. Hidden: only tests of the
/// plans ask for it.
#[cfg(feature = "postgres")]
#[doc(hidden)]
pub fn trust_documents_statement() -> String {
    use diesel::query_builder::QueryBuilder;

    let mut text = diesel::pg::PgQueryBuilder::default();
    let statement = DocumentsStatement::new(OrgId::random());
    statement.to_sql(&mut text, &diesel::pg::Pg).expect("the statement is constant");
    text.finish()
}
