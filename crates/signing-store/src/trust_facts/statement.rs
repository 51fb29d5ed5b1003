//! The question about trust, and which keys it can be about.

#[cfg(feature = "postgres")]
mod each;
mod keys;
mod text;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Nullable};
use signing_crypto::{Fingerprint, OrgId, PackageName};

use crate::sql_types::{Bind, Bytes, Id, Instant, Label, bind};
use crate::store_state::{InRecovery, ServerTime};

use keys::{AmongThem, OneOf};
use text::{ABOUT_ALL, ABOUT_FEW, ABOUT_MANY, ABOUT_ONE};

#[cfg(feature = "postgres")]
pub(super) use each::Questions;
pub(super) use text::FEW_HOLDERS;

/// What a statement answers: where that comes from, then what the organization has set,
/// and then a fact.
pub(super) type Facts = (
    Nullable<(Id, BigInt, BigInt, Id, Bool, Nullable<Instant>)>,
    Nullable<Label>,
    Id,
    Label,
    Nullable<Instant>,
    Nullable<(Id, Nullable<Label>, Nullable<Instant>)>,
    Nullable<(Id, Bytes, Nullable<Bytes>, Nullable<Label>, Nullable<Instant>, Nullable<Instant>)>,
    Nullable<Instant>,
);

/// What bears on whether an organization accepts some keys, in one statement: all of
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

/// Which keys a question is about. The text is the same each time, so that it is
/// prepared once.
pub(super) trait About: 'static {
    const STATEMENT: &'static str;

    /// What a fingerprint has to be.
    type Keys;

    fn keys(&self) -> &Self::Keys;

    fn most(&self) -> &i64 {
        &i64::MAX
    }
}

/// One key, that few hold: see [`FEW_HOLDERS`].
pub(super) struct AboutOne(OneOf<1>);

impl AboutOne {
    pub(super) fn new(key: Fingerprint) -> Self {
        Self(OneOf([bind(key)]))
    }
}

impl About for AboutOne {
    const STATEMENT: &'static str = ABOUT_ONE;

    type Keys = OneOf<1>;

    fn keys(&self) -> &OneOf<1> {
        &self.0
    }
}

/// So many keys, of which some may be the same.
pub(super) struct AboutFew<const N: usize>(OneOf<N>);

impl<const N: usize> AboutFew<N> {
    pub(super) fn new(keys: [Fingerprint; N]) -> Self {
        Self(OneOf(keys.map(bind)))
    }
}

impl<const N: usize> About for AboutFew<N> {
    const STATEMENT: &'static str = ABOUT_FEW;

    type Keys = OneOf<N>;

    fn keys(&self) -> &OneOf<N> {
        &self.0
    }
}

/// Any number of keys, or none.
pub(super) struct AboutMany(AmongThem);

impl AboutMany {
    pub(super) fn new(keys: &[Fingerprint]) -> Self {
        Self(AmongThem::new(keys))
    }
}

impl About for AboutMany {
    const STATEMENT: &'static str = ABOUT_MANY;

    type Keys = AmongThem;

    fn keys(&self) -> &AmongThem {
        &self.0
    }
}

/// Every key, up to so many facts.
pub(super) struct AboutAll {
    pub(super) most: i64,
}

impl About for AboutAll {
    const STATEMENT: &'static str = ABOUT_ALL;

    type Keys = ();

    fn keys(&self) -> &() {
        &()
    }

    fn most(&self) -> &i64 {
        &self.most
    }
}

/// The statements with which a decision asks Postgres, for whoever wants to see how its
/// server plans them: about one key, about one each by several organizations, about one
/// that many hold, about two, about many, and about every key.
#[cfg(feature = "postgres")]
pub fn trust_questions() -> [String; 6] {
    fn text(statement: &impl QueryFragment<diesel::pg::Pg>) -> String {
        use diesel::query_builder::QueryBuilder;

        let mut text = diesel::pg::PgQueryBuilder::default();
        statement.to_sql(&mut text, &diesel::pg::Pg).expect("the statement is constant");
        text.finish()
    }
    fn about<A: About<Keys: QueryFragment<diesel::pg::Pg>>>(about: A) -> String {
        text(&Question::new(OrgId::random(), None, about))
    }
    let key = Fingerprint::from_bytes([0; 32]);
    [
        about(AboutOne::new(key)),
        text(&Questions::default()),
        about(AboutFew::new([key])),
        about(AboutFew::new([key, key])),
        about(AboutMany::new(&[key])),
        about(AboutAll { most: 1 }),
    ]
}

impl<A: About> QueryId for Question<A> {
    type QueryId = Question<A>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<A: About> Query for Question<A> {
    type SqlType = Facts;
}

impl<A, DB> QueryFragment<DB> for Question<A>
where
    A: About<Keys: QueryFragment<DB>>,
    DB: Backend + HasSqlType<Id> + HasSqlType<Label>,
    Bind<OrgId>: ToSql<Id, DB>,
    Bind<PackageName>: ToSql<Label, DB>,
    i64: ToSql<BigInt, DB>,
    InRecovery: QueryFragment<DB>,
    ServerTime: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        walk(A::STATEMENT, out, |hole, out| match hole {
            "org" => out.push_bind_param::<Id, _>(&self.org),
            "package" => out.push_bind_param::<Nullable<Label>, _>(&self.package),
            "most" => out.push_bind_param::<BigInt, _>(self.about.most()),
            "is" => self.about.keys().walk_ast(out.reborrow()),
            "in recovery" => InRecovery.walk_ast(out.reborrow()),
            "server time" => ServerTime.walk_ast(out.reborrow()),
            hole => unreachable!("the statement has a hole {hole:?}"),
        })
    }
}

/// Puts something into each hole of a statement. This is done several times each time
/// that it is asked, so it has to be quick.
fn walk<'b, DB: Backend>(
    statement: &'static str,
    mut out: AstPass<'_, 'b, DB>,
    fill: impl Fn(&str, &mut AstPass<'_, 'b, DB>) -> QueryResult<()>,
) -> QueryResult<()> {
    let mut rest = statement;
    while let Some((text, hole)) = rest.split_once('{') {
        let (hole, after) = hole.split_once('}').expect("a hole has an end");
        out.push_sql(text);
        fill(hole, &mut out)?;
        rest = after;
    }
    out.push_sql(rest);
    Ok(())
}
