//! The question about trust, as text: diesel's query language has no way to say in
//! which order tables are read, and no limit within a condition.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Nullable};
use signing_crypto::{Fingerprint, OrgId, PackageName};

use crate::schema::trusted_keys;
use crate::sql_types::{Bind, Bytes, Id, Instant, Label, bind};
use crate::store_state::{InRecovery, ServerTime};

/// What bears on whether an organisation accepts some keys, in one statement: all of
/// it is read from one snapshot.
pub(super) struct Question<A> {
    org: Bind<OrgId>,
    package: Option<Bind<PackageName>>,
    about: A,
}

impl<A> Question<A> {
    pub(super) fn new(org: OrgId, package: Option<&PackageName>, about: A) -> Self {
        Self { org: bind(org), package: package.cloned().map(bind), about }
    }
}

/// Which keys a question is about.
pub(super) trait About: 'static {
    const STATEMENT: &'static str;

    /// Whether the text is the same each time, so that it can be prepared once.
    const CONSTANT: bool;

    fn keys(&self) -> &[Bind<Fingerprint>] {
        &[]
    }

    fn most(&self) -> &i64 {
        &i64::MAX
    }
}

/// One key.
pub(super) struct AboutOne(pub(super) Bind<Fingerprint>);

impl About for AboutOne {
    const STATEMENT: &'static str = ABOUT_NAMED;
    const CONSTANT: bool = true;

    fn keys(&self) -> &[Bind<Fingerprint>] {
        std::slice::from_ref(&self.0)
    }
}

/// Several keys, or none.
pub(super) struct AboutNamed(pub(super) Vec<Bind<Fingerprint>>);

impl About for AboutNamed {
    const STATEMENT: &'static str = ABOUT_NAMED;
    const CONSTANT: bool = false;

    fn keys(&self) -> &[Bind<Fingerprint>] {
        &self.0
    }
}

/// Every key, up to so many facts.
pub(super) struct AboutAll {
    pub(super) most: i64,
}

impl About for AboutAll {
    const STATEMENT: &'static str = ABOUT_ALL;
    const CONSTANT: bool = true;

    fn most(&self) -> &i64 {
        &self.most
    }
}

macro_rules! origin {
    () => {
        "SELECT s.store_id, s.schema_version, s.trust_epoch, s.trust_state, {in recovery},
         {server time}, "
    };
}

macro_rules! word {
    () => {
        "k.id, k.org_id, k.fingerprint, k.public_key, k.name, k.created_at, k.revoked_at,
         k.revocation_reason, k.revocation_note, k.expires_at, c.declared_at "
    };
}

macro_rules! granted {
    () => {
        concat!(
            origin!(),
            "NULL, o.id, o.name, o.deleted_at, g.id, g.packages, g.expires_at, ",
            word!()
        )
    };
}

/// What the organisation says itself, then what those say that it granted trust.
///
/// A key that at most a hundred organisations hold is looked up by its holders; where
/// more do, the grants are gone through, of which an organisation makes fewer. So what a
/// question costs grows neither with how many organisations there are nor with how many
/// hold a key. `LIMIT` keeps Postgres to that order, and `CROSS JOIN` SQLite; the index by
/// holders serves only where `public_key IS NOT NULL` is asked for.
const ABOUT_NAMED: &str = concat!(
    origin!(),
    "f.floor, o.id, o.name, o.deleted_at, NULL, NULL, NULL, ",
    word!(),
    "FROM organizations o
     CROSS JOIN store_state s
     LEFT JOIN version_floors f ON f.org_id = o.id AND f.package_name = {package}
     LEFT JOIN trusted_keys k ON k.org_id = o.id AND k.fingerprint IN ({keys})
     LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
     WHERE o.id = {org} AND s.singleton = 1
     UNION ALL ",
    granted!(),
    "FROM (SELECT * FROM trusted_keys
           WHERE fingerprint IN ({keys}) AND public_key IS NOT NULL LIMIT 101) k
     CROSS JOIN trust_grants g
     CROSS JOIN organizations o
     CROSS JOIN store_state s
     LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
     WHERE NOT EXISTS (SELECT 1 FROM trusted_keys
                       WHERE fingerprint IN ({keys}) AND public_key IS NOT NULL
                       LIMIT 1 OFFSET 100)
       AND g.parent_org_id = {org} AND g.child_org_id = k.org_id AND g.revoked_at IS NULL
       AND o.id = k.org_id AND s.singleton = 1
     UNION ALL ",
    granted!(),
    "FROM trust_grants g
     CROSS JOIN trusted_keys k
     CROSS JOIN organizations o
     CROSS JOIN store_state s
     LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
     WHERE EXISTS (SELECT 1 FROM trusted_keys
                   WHERE fingerprint IN ({keys}) AND public_key IS NOT NULL
                   LIMIT 1 OFFSET 100)
       AND g.parent_org_id = {org} AND g.revoked_at IS NULL
       AND k.org_id = g.child_org_id AND k.fingerprint IN ({keys})
       AND o.id = k.org_id AND s.singleton = 1"
);

const ABOUT_ALL: &str = concat!(
    origin!(),
    "f.floor, o.id, o.name, o.deleted_at, NULL, NULL, NULL, ",
    word!(),
    "FROM organizations o
     CROSS JOIN store_state s
     LEFT JOIN version_floors f ON f.org_id = o.id AND f.package_name = {package}
     LEFT JOIN trusted_keys k ON k.org_id = o.id
     LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
     WHERE o.id = {org} AND s.singleton = 1
     UNION ALL ",
    granted!(),
    "FROM trust_grants g
     CROSS JOIN trusted_keys k
     CROSS JOIN organizations o
     CROSS JOIN store_state s
     LEFT JOIN compromised_keys c ON c.fingerprint = k.fingerprint
     WHERE g.parent_org_id = {org} AND g.revoked_at IS NULL
       AND k.org_id = g.child_org_id AND o.id = g.child_org_id AND s.singleton = 1
     LIMIT {most}"
);

/// The statements with which a decision asks Postgres, for whoever wants to see how its
/// server plans them: about one key, about two, and about every key.
#[cfg(feature = "postgres")]
pub fn trust_questions() -> [String; 3] {
    fn text<A: About>(about: A) -> String {
        use diesel::query_builder::QueryBuilder;

        let question = Question::new(OrgId::random(), None, about);
        let mut text = diesel::pg::PgQueryBuilder::default();
        QueryFragment::<diesel::pg::Pg>::to_sql(&question, &mut text, &diesel::pg::Pg)
            .expect("the statement is constant");
        text.finish()
    }
    let key = || bind(Fingerprint::from_bytes([0; 32]));
    [text(AboutOne(key())), text(AboutNamed(vec![key(), key()])), text(AboutAll { most: 1 })]
}

impl<A: About> QueryId for Question<A> {
    type QueryId = Question<A>;

    const HAS_STATIC_QUERY_ID: bool = A::CONSTANT;
}

impl<A: About> Query for Question<A> {
    type SqlType = (
        (Id, BigInt, BigInt, Id, Bool, Nullable<Instant>),
        Nullable<Label>,
        Id,
        Label,
        Nullable<Instant>,
        Nullable<(Id, Nullable<Label>, Nullable<Instant>)>,
        Nullable<trusted_keys::SqlType>,
        Nullable<Instant>,
    );
}

impl<A, DB> QueryFragment<DB> for Question<A>
where
    A: About,
    DB: Backend + HasSqlType<Id> + HasSqlType<Label> + HasSqlType<Bytes>,
    Bind<OrgId>: ToSql<Id, DB>,
    Bind<PackageName>: ToSql<Label, DB>,
    Bind<Fingerprint>: ToSql<Bytes, DB>,
    i64: ToSql<BigInt, DB>,
    InRecovery: QueryFragment<DB>,
    ServerTime: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !A::CONSTANT {
            out.unsafe_to_cache_prepared();
        }
        for (position, piece) in A::STATEMENT.split(['{', '}']).enumerate() {
            if position % 2 == 0 {
                out.push_sql(piece);
                continue;
            }
            match piece {
                "org" => out.push_bind_param::<Id, _>(&self.org)?,
                "package" => out.push_bind_param::<Nullable<Label>, _>(&self.package)?,
                "most" => out.push_bind_param::<BigInt, _>(self.about.most())?,
                "keys" => {
                    for (position, key) in self.about.keys().iter().enumerate() {
                        if position > 0 {
                            out.push_sql(", ");
                        }
                        out.push_bind_param::<Bytes, _>(key)?;
                    }
                }
                "in recovery" => InRecovery.walk_ast(out.reborrow())?,
                "server time" => ServerTime.walk_ast(out.reborrow())?,
                hole => unreachable!("the statement has a hole {hole:?}"),
            }
        }
        Ok(())
    }
}
