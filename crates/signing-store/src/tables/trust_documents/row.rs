//! How a row of the statement is read: one that cannot be read makes no other unreadable.

use std::error::Error;

use chrono::{DateTime, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::row::Field;
use diesel::sql_types::{BigInt, Nullable, Text};
use signing_crypto::OrgId;

use super::TrustDocumentRecord;
use crate::backend::connection::impl_from_sql_row;
use crate::backend::origin::{Origin, OriginColumns};
use crate::sql_types::{Id, Instant, StoredText};

/// The columns: where the row is from; the organization that was granted trust, if it is
/// about one; its document with the size of the envelope.
pub(super) type Columns = (
    Nullable<OriginColumns>,
    Nullable<Id>,
    Nullable<(Id, Text, BigInt, BigInt, Nullable<Text>, Instant)>,
);

/// Of these columns, where the store's id and the organization's are.
const STORE_ID: usize = 0;
const CHILD: usize = 7;

type Values = (
    Option<Origin>,
    Option<OrgId>,
    Option<(OrgId, StoredText, i64, i64, Option<StoredText>, DateTime<Utc>)>,
);

type Source = Box<dyn Error + Send + Sync>;

pub(super) enum Row {
    /// There is one such row, if there is the organization.
    Head(Origin),
    Document(TrustDocumentRecord),
    UnreadableOwn(Source),
    UnreadableOfChild {
        child: Option<OrgId>,
        error: Source,
    },
}

impl_from_sql_row!(Row, Columns);

impl Row {
    fn read<'a, DB: Backend>(row: &impl diesel::row::Row<'a, DB>) -> deserialize::Result<Self>
    where
        Values: FromSqlRow<Columns, DB>,
        OrgId: FromSql<Id, DB>,
    {
        let is_there = |column: usize| row.get(column).is_some_and(|field| !field.is_null());
        match Values::build_from_row(row).and_then(Self::of) {
            Ok(row) => Ok(row),
            // Without it nothing is known.
            Err(error) if is_there(STORE_ID) => Err(error),
            Err(error) if is_there(CHILD) => {
                let child = row.get(CHILD).and_then(|field| {
                    <OrgId as FromSql<Id, DB>>::from_nullable_sql(field.value()).ok()
                });
                Ok(Self::UnreadableOfChild { child, error })
            }
            Err(error) => Ok(Self::UnreadableOwn(error)),
        }
    }

    fn of(values: Values) -> deserialize::Result<Self> {
        match values {
            (Some(origin), None, None) => Ok(Self::Head(origin)),
            (None, _, Some((org, kind, version, _, Some(envelope), created_at))) => {
                let stored = (org, kind, version, envelope, created_at);
                Ok(Self::Document(TrustDocumentRecord::read(stored)?))
            }
            (None, _, Some((_, kind, version, size, None, _))) => {
                let kind = String::from_utf8_lossy(kind.as_bytes()).into_owned();
                Err(format!(
                    "version {version} of the kind {kind:?}, which has {size} bytes, is not a \
                     document that the tables allow"
                )
                .into())
            }
            _ => Err("a row that was not asked for".into()),
        }
    }
}
