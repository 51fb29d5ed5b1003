//! How a fingerprint is compared with those that are asked about.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;
use signing_crypto::Fingerprint;

#[cfg(feature = "postgres")]
use crate::sql_types::bind;
use crate::sql_types::{Bind, Bytes};

/// It is one of so many.
pub(in crate::trust_facts) struct OneOf<const N: usize>(pub(super) [Bind<Fingerprint>; N]);

impl<const N: usize, DB> QueryFragment<DB> for OneOf<N>
where
    DB: Backend + HasSqlType<Bytes>,
    Bind<Fingerprint>: ToSql<Bytes, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("IN (");
        for (position, key) in self.0.iter().enumerate() {
            if position > 0 {
                out.push_sql(", ");
            }
            out.push_bind_param::<Bytes, _>(key)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

/// It is one of these. However many they are, they are one parameter.
pub(in crate::trust_facts) struct AmongThem {
    #[cfg(feature = "postgres")]
    array: Vec<Bind<Fingerprint>>,
    /// SQLite has no arrays.
    #[cfg(feature = "sqlite")]
    json: String,
}

impl AmongThem {
    pub(super) fn new(keys: &[Fingerprint]) -> Self {
        Self {
            #[cfg(feature = "postgres")]
            array: keys.iter().copied().map(bind).collect(),
            #[cfg(feature = "sqlite")]
            json: json(keys),
        }
    }
}

/// A list of them in hexadecimal digits.
#[cfg(feature = "sqlite")]
fn json(keys: &[Fingerprint]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    format!("[{}]", keys.join(","))
}

#[cfg(feature = "postgres")]
impl QueryFragment<diesel::pg::Pg> for AmongThem {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("= ANY(");
        out.push_bind_param::<diesel::sql_types::Array<Bytes>, _>(&self.array)?;
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
impl QueryFragment<diesel::sqlite::Sqlite> for AmongThem {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        out.push_sql("IN (SELECT unhex(value) FROM json_each(");
        out.push_bind_param::<diesel::sql_types::Text, _>(&self.json)?;
        out.push_sql("))");
        Ok(())
    }
}
