//! How a row of the statement is read: one that cannot be read makes no other unreadable.

use std::collections::BTreeMap;
use std::error::Error;

use chrono::{DateTime, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::row::Field;
use diesel::sql_types::{Nullable, Text};
use signing_crypto::{Fingerprint, PackageName, PackageVersion};

use super::KeyRow;
use crate::backend::connection::impl_from_sql_row;
use crate::backend::origin::{Origin, OriginColumns};
use crate::sql_types::{Bytes, Id, Instant, Label};
use crate::tables::organizations::OrganizationRecord;
use crate::tables::trust_grants::TrustGrantRecord;
use crate::tables::trusted_keys::TrustedKeyRecord;

/// The columns: where the row is from and the organization's floors; an organization; the
/// grant by which it counts; its row about a key; when the key was declared compromised.
pub(super) type Columns = (
    Nullable<OriginColumns>,
    Nullable<Text>,
    Nullable<(Id, Label, Instant, Nullable<Instant>)>,
    Nullable<(Id, Id, Id, Instant, Nullable<Instant>, Nullable<Label>, Nullable<Instant>)>,
    Nullable<(
        Id,
        Id,
        Bytes,
        Nullable<Bytes>,
        Nullable<Label>,
        Instant,
        Nullable<Instant>,
        Nullable<Label>,
        Nullable<Label>,
        Nullable<Instant>,
    )>,
    Nullable<Instant>,
);

/// Of these columns, where the store's id, the grant's and the fingerprint are.
const STORE_ID: usize = 0;
const GRANT_ID: usize = 12;
const FINGERPRINT: usize = 21;

type Values = (
    Option<Origin>,
    Option<String>,
    Option<OrganizationRecord>,
    Option<TrustGrantRecord>,
    Option<TrustedKeyRecord>,
    Option<DateTime<Utc>>,
);

type Head = (Origin, OrganizationRecord, BTreeMap<PackageName, PackageVersion>);

pub(super) enum Row {
    /// The organization itself. There is one such row, if there is the organization.
    Head(Box<Head>),
    Key(Box<KeyRow>),
    Unreadable {
        /// Whether it is a row of the organization itself.
        own: bool,
        fingerprint: Option<Fingerprint>,
        error: Box<dyn Error + Send + Sync>,
    },
}

impl_from_sql_row!(Row, Columns);

impl Row {
    fn read<'a, DB: Backend>(row: &impl diesel::row::Row<'a, DB>) -> deserialize::Result<Self>
    where
        Values: FromSqlRow<Columns, DB>,
        Fingerprint: FromSql<Bytes, DB>,
    {
        let is_there = |column: usize| row.get(column).is_some_and(|field| !field.is_null());
        match Values::build_from_row(row).and_then(Self::of) {
            Ok(row) => Ok(row),
            // Without it nothing is known.
            Err(error) if is_there(STORE_ID) => Err(error),
            Err(error) => {
                let fingerprint = row.get(FINGERPRINT).and_then(|field| {
                    <Fingerprint as FromSql<Bytes, DB>>::from_nullable_sql(field.value()).ok()
                });
                Ok(Self::Unreadable { own: !is_there(GRANT_ID), fingerprint, error })
            }
        }
    }

    fn of(values: Values) -> deserialize::Result<Self> {
        match values {
            (Some(origin), floors, Some(organization), None, None, None) => {
                Ok(Self::Head(Box::new((origin, organization, read_floors(floors)?))))
            }
            (None, None, None, None, Some(key), compromised_at) => {
                Ok(Self::Key(Box::new(KeyRow { grant: None, key, compromised_at })))
            }
            (None, None, Some(child), Some(grant), Some(key), compromised_at) => {
                let grant = Some((grant, child));
                Ok(Self::Key(Box::new(KeyRow { grant, key, compromised_at })))
            }
            _ => Err("a row that was not asked for".into()),
        }
    }
}

fn read_floors(json: Option<String>) -> deserialize::Result<BTreeMap<PackageName, PackageVersion>> {
    let Some(json) = json else { return Ok(BTreeMap::new()) };
    let floors: BTreeMap<String, String> = serde_json::from_str(&json)?;
    floors.iter().map(|(name, floor)| Ok((name.parse()?, floor.parse()?))).collect()
}
