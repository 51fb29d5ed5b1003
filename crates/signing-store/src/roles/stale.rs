//! Bindings of roles to organizations that are left over.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel_async::RunQueryDsl;

use super::OWNED;
use crate::error::StoreError;
use crate::pool::read;
use crate::store::StoreReader;

/// A role that the store has bound to an organization to sign for, and that cannot sign.
///
/// The store keeps a role's number. A role that is made later could get the number of one that was
/// dropped, and with it the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaleRole {
    /// The server has no role of this number any more.
    Dropped {
        /// The number.
        number: i64,
    },
    /// The role has no right to keep signatures.
    WithoutRights {
        /// The role.
        name: String,
    },
}

impl StoreReader {
    /// The stale roles, or `None` if this user cannot see them: only the owner of the store and
    /// superusers can.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, where the file's permissions decide.
    pub async fn stale_roles(&self) -> Result<Option<Vec<StaleRole>>, StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let found: Result<Option<Vec<StaleRow>>, StoreError> = read!(self.pool, |conn| {
            if !diesel::select(diesel::dsl::sql::<Bool>(OWNED)).get_result::<bool>(conn).await? {
                return Ok(None);
            }
            Ok(Some(diesel::sql_query(STALE).load(conn).await?))
        });
        let stale = |StaleRow { number, name }| match name {
            Some(name) => StaleRole::WithoutRights { name },
            None => StaleRole::Dropped { number },
        };
        Ok(found?.map(|rows| rows.into_iter().map(stale).collect()))
    }
}

const STALE: &str = "
    SELECT DISTINCT bound.role::oid::bigint AS number, role.rolname::text AS name
    FROM cloacina.role_organizations AS bound
    LEFT JOIN pg_catalog.pg_roles AS role ON role.oid = bound.role
    WHERE role.oid IS NULL OR NOT (
        pg_catalog.has_any_column_privilege(
            role.oid, 'cloacina_views.package_signatures', 'INSERT')
        OR pg_catalog.has_any_column_privilege(
            role.oid, 'cloacina.package_signatures', 'INSERT'))
    ORDER BY 1";

#[derive(QueryableByName)]
struct StaleRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
}
