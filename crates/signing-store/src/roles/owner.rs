//! The rights of the owner of the store, which its triggers and views use.

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use super::held::TableRight;
use super::name::RoleName;
use super::{TABLES, literal};
use crate::error::StoreError;
use crate::pool::read;
use crate::store::StoreReader;

/// The rights that the owner of a Postgres store should have and lacks. An owner can lose
/// rights to its own tables, and then no change of trust can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerRights {
    /// The role.
    pub owner: String,
    /// What it lacks.
    pub lacking: Vec<TableRight>,
}

impl StoreReader {
    /// What the owner of the store lacks.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, where the file's permissions decide.
    pub async fn owner_rights(&self) -> Result<OwnerRights, StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let found: Result<(OwnerRow, Vec<LackingRow>), StoreError> = read!(self.pool, |conn| {
            let owner = diesel::sql_query(OWNER).get_result(conn).await?;
            Ok((owner, diesel::sql_query(LACKING).load(conn).await?))
        });
        let (OwnerRow { owner }, rows) = found?;
        let lacking = rows.into_iter().map(|row| TableRight::whole(row.object, row.privilege));
        Ok(OwnerRights { owner, lacking: lacking.collect() })
    }
}

/// A condition: whether a role can act as the owner of the store, or as a superuser.
pub(super) fn acts_as_owner(role: &RoleName) -> String {
    format!("{TABLES}.can_act_as_owner({})", literal(role.as_str()))
}

/// A statement that fails if the role can. The body is a literal, because a role's name could
/// end a dollar-quoted one.
pub(super) fn guard(role: &RoleName) -> String {
    let body = format!(
        "BEGIN IF {} THEN RAISE 'this role can act as the owner of the store, or as a \
         superuser'; END IF; END",
        acts_as_owner(role)
    );
    format!("DO {};", literal(&body))
}

const OWNER: &str = "
    SELECT pg_catalog.pg_get_userbyid(nspowner)::text AS owner
    FROM pg_catalog.pg_namespace WHERE nspname = 'cloacina'";

const LACKING: &str = "
    SELECT nspname::text AS object, 'USAGE' AS privilege
    FROM pg_catalog.pg_namespace
    WHERE nspname IN ('cloacina', 'cloacina_views')
      AND NOT pg_catalog.has_schema_privilege(nspowner, oid, 'USAGE')
    UNION ALL
    SELECT nspname || '.' || relname, privilege
    FROM pg_catalog.pg_class
    JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
    WHERE nspname = 'cloacina' AND relkind = 'r'
      AND NOT pg_catalog.has_table_privilege(relowner, pg_class.oid, privilege)
    ORDER BY 1, 2";

#[derive(QueryableByName)]
struct OwnerRow {
    #[diesel(sql_type = Text)]
    owner: String,
}

#[derive(QueryableByName)]
struct LackingRow {
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Text)]
    privilege: String,
}
