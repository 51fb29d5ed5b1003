//! SQL types of our own, native on both backends, and how values become them.
//!
//! A value that a column should never hold fails to load: a row that somebody
//! else wrote is checked as strictly as any other input.

use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{SqlType, Text};
use sha2::{Digest, Sha256};
use signing_crypto::{
    Fingerprint, GrantId, KekId, KeyId, KeyName, Note, OrgId, OrgName, PackageDigest, PackageName,
    PackagePatterns, PackageVersion, RevocationReason, SignatureId, StoreId, TrustStateId,
    TrustedKeyId, UncheckedKey, VerifyingKey, WrappedKey,
};

/// A UUID: `uuid` on Postgres, 16 bytes on SQLite.
#[derive(Clone, Copy, SqlType, QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 2950, array_oid = 2951)))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Binary")))]
pub struct Id;

/// A point in time: `timestamptz` on Postgres, microseconds since 1970 on SQLite.
#[derive(Clone, Copy, SqlType, QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 1184, array_oid = 1185)))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Long")))]
pub struct Instant;

/// Bytes of a checked form: `bytea` on Postgres, a blob on SQLite.
#[derive(Clone, Copy, SqlType, QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 17, array_oid = 1001)))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Binary")))]
pub struct Bytes;

/// Text of a checked form: `text` on both.
#[derive(Clone, Copy, SqlType, QueryId)]
#[cfg_attr(feature = "postgres", diesel(postgres_type(oid = 25, array_oid = 1009)))]
#[cfg_attr(feature = "sqlite", diesel(sqlite_type(name = "Text")))]
pub struct Label;

/// A value on its way into a statement. The values are types of other crates,
/// which diesel's traits can reach through a type of ours only.
#[derive(Clone, Copy, Debug, AsExpression)]
#[diesel(sql_type = Id)]
#[diesel(sql_type = Instant)]
#[diesel(sql_type = Bytes)]
#[diesel(sql_type = Label)]
pub(crate) struct Bind<T>(T);

pub(crate) fn bind<T>(value: T) -> Bind<T> {
    Bind(value)
}

/// Lets a value be read from a column; how, its `FromSql` says.
macro_rules! queryable {
    ($sql:ident: $rust:ty) => {
        impl<DB> Queryable<$sql, DB> for $rust
        where
            DB: diesel::backend::Backend,
            $rust: FromSql<$sql, DB>,
        {
            type Row = $rust;

            fn build(row: $rust) -> deserialize::Result<$rust> {
                Ok(row)
            }
        }
    };
}

macro_rules! bytes_value {
    ($($sql:ident: $rust:ty: $as_bytes:expr, $from_bytes:expr;)*) => {$(
        queryable!($sql: $rust);

        #[cfg(feature = "postgres")]
        impl ToSql<$sql, diesel::pg::Pg> for Bind<$rust> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
                let as_bytes: fn(&$rust) -> &[u8] = $as_bytes;
                std::io::Write::write_all(out, as_bytes(&self.0))?;
                Ok(IsNull::No)
            }
        }

        #[cfg(feature = "postgres")]
        impl FromSql<$sql, diesel::pg::Pg> for $rust {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
                let from_bytes: fn(&[u8]) -> deserialize::Result<$rust> = $from_bytes;
                from_bytes(value.as_bytes())
            }
        }

        #[cfg(feature = "sqlite")]
        impl ToSql<$sql, diesel::sqlite::Sqlite> for Bind<$rust> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
                let as_bytes: fn(&$rust) -> &[u8] = $as_bytes;
                out.set_value(as_bytes(&self.0));
                Ok(IsNull::No)
            }
        }

        #[cfg(feature = "sqlite")]
        impl FromSql<$sql, diesel::sqlite::Sqlite> for $rust {
            fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
                let from_bytes: fn(&[u8]) -> deserialize::Result<$rust> = $from_bytes;
                from_bytes(value.read_blob())
            }
        }
    )*};
}

macro_rules! label_value {
    ($($rust:ty),*) => {$(
        queryable!(Label: $rust);

        #[cfg(feature = "postgres")]
        impl ToSql<Label, diesel::pg::Pg> for Bind<$rust> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
                std::io::Write::write_all(out, self.0.as_str().as_bytes())?;
                Ok(IsNull::No)
            }
        }

        #[cfg(feature = "postgres")]
        impl FromSql<Label, diesel::pg::Pg> for $rust {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
                Ok(std::str::from_utf8(value.as_bytes())?.parse()?)
            }
        }

        #[cfg(feature = "sqlite")]
        impl ToSql<Label, diesel::sqlite::Sqlite> for Bind<$rust> {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
                out.set_value(self.0.as_str());
                Ok(IsNull::No)
            }
        }

        #[cfg(feature = "sqlite")]
        impl FromSql<Label, diesel::sqlite::Sqlite> for $rust {
            fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
                Ok(value.read_text().parse()?)
            }
        }
    )*};
}

#[cfg(feature = "sqlite")]
type SqliteValue<'a> = <diesel::sqlite::Sqlite as diesel::backend::Backend>::RawValue<'a>;

label_value!(
    OrgName,
    KeyName,
    Note,
    PackageName,
    PackagePatterns,
    PackageVersion,
    RevocationReason
);

bytes_value! {
    Id: OrgId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Id: KeyId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Id: TrustedKeyId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Id: GrantId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Id: SignatureId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Id: StoreId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Id: TrustStateId: |id| id.as_uuid().as_bytes(), |bytes| Ok(uuid::Uuid::from_slice(bytes)?.into());
    Bytes: Fingerprint: |value| value.as_bytes(), |bytes| Ok(Self::from_bytes(bytes.try_into()?));
    Bytes: PackageDigest: |value| value.as_bytes(), |bytes| Ok(Self::from_bytes(bytes.try_into()?));
    Bytes: EnvelopeDigest: |value| &value.0, |bytes| Ok(Self(bytes.try_into()?));
    Bytes: KekId: |value| value.as_bytes(), |bytes| Ok(Self::from_bytes(bytes.try_into()?));
    Bytes: VerifyingKey: |value| value.as_bytes(), |bytes| Ok(Self::from_slice(bytes)?);
    Bytes: UncheckedKey: |value| value.as_bytes(), |bytes| Ok(Self::from_bytes(bytes.try_into()?));
    Bytes: WrappedKey: |value| value.as_bytes(), |bytes| Ok(Self::from_slice(bytes)?);
}

/// SHA-256 of an envelope's JSON: the same one is stored once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnvelopeDigest([u8; 32]);

impl EnvelopeDigest {
    pub(crate) fn of(json: &[u8]) -> Self {
        Self(Sha256::digest(json).into())
    }
}

/// Text as the database has it, which need not be UTF-8: reading it never fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredText(Vec<u8>);

impl StoredText {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Itself, if it is UTF-8.
    pub(crate) fn into_string(self) -> Result<String, std::string::FromUtf8Error> {
        String::from_utf8(self.0)
    }
}

queryable!(Text: StoredText);

#[cfg(feature = "postgres")]
impl FromSql<Text, diesel::pg::Pg> for StoredText {
    fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().into()))
    }
}

#[cfg(feature = "sqlite")]
impl FromSql<Text, diesel::sqlite::Sqlite> for StoredText {
    fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.read_blob().into()))
    }
}

/// Postgres counts microseconds from 2000-01-01T00:00:00Z, in Unix time this:
#[cfg(feature = "postgres")]
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

#[cfg(feature = "postgres")]
impl ToSql<Instant, diesel::pg::Pg> for Bind<DateTime<Utc>> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
        let micros = self.0.timestamp_micros() - POSTGRES_EPOCH_MICROS;
        std::io::Write::write_all(out, &micros.to_be_bytes())?;
        Ok(IsNull::No)
    }
}

#[cfg(feature = "postgres")]
impl FromSql<Instant, diesel::pg::Pg> for DateTime<Utc> {
    fn from_sql(value: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
        let micros = i64::from_be_bytes(value.as_bytes().try_into()?);
        micros
            .checked_add(POSTGRES_EPOCH_MICROS)
            .and_then(DateTime::from_timestamp_micros)
            .ok_or_else(|| "a time out of range".into())
    }
}

#[cfg(feature = "sqlite")]
impl ToSql<Instant, diesel::sqlite::Sqlite> for Bind<DateTime<Utc>> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
        out.set_value(self.0.timestamp_micros());
        Ok(IsNull::No)
    }
}

#[cfg(feature = "sqlite")]
impl FromSql<Instant, diesel::sqlite::Sqlite> for DateTime<Utc> {
    fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
        DateTime::from_timestamp_micros(value.read_long())
            .ok_or_else(|| "a time out of range".into())
    }
}
