//! What the connected role may do, and how that compares with what a purpose needs.

use std::collections::BTreeSet;
use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::RunQueryDsl;
use signing_crypto::OrgId;

use super::{RolePurpose, TABLES, VIEWS};
use crate::error::StoreError;
use crate::pool::read;
use crate::sql_types::Id;
use crate::store::StoreReader;

/// What a Postgres role may do with the store, also as a member of other roles, and by rights
/// that everybody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRights {
    /// The role.
    pub role: String,
    /// Whether it can act as a role that the server asks for no right, or that may run programs
    /// on the server, write its files, create roles, or pass by row-level security.
    pub is_unrestricted: bool,
    /// Whether it owns the store's tables, or can act as the role that does.
    pub is_owner: bool,
    rights: BTreeSet<TableRight>,
    /// Those of the roles that it is a member of, inherited or not.
    reachable: BTreeSet<TableRight>,
}

/// A right on a schema, or on a table or view or one of its columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableRight {
    object: String,
    privilege: String,
    column: Option<String>,
}

impl HeldRights {
    /// The rights that the purpose needs and the role lacks.
    pub fn lacking(&self, purpose: RolePurpose) -> Vec<TableRight> {
        needed(purpose).into_iter().filter(|right| !self.has(right)).collect()
    }

    /// The rights that the role has or can take by `SET ROLE`, and that the purpose does not
    /// need.
    pub fn beyond(&self, purpose: RolePurpose) -> Vec<TableRight> {
        let needed = needed(purpose);
        self.rights
            .union(&self.reachable)
            .filter(|right| !right.is_among(&needed))
            .cloned()
            .collect()
    }

    /// A role that may use the tables needs no views.
    fn has(&self, right: &TableRight) -> bool {
        right.is_among(&self.rights) || right.on_the_table().is_among(&self.rights)
    }
}

impl TableRight {
    /// A right on all columns.
    pub(super) fn whole(object: String, privilege: String) -> Self {
        Self { object, privilege, column: None }
    }

    /// The same on the table of a view.
    fn on_the_table(&self) -> Self {
        let object = match self.object.strip_prefix(VIEWS) {
            Some(rest) => format!("{TABLES}{rest}"),
            None => self.object.clone(),
        };
        Self { object, ..self.clone() }
    }

    /// A right on a whole table includes that on each of its columns.
    fn is_among(&self, others: &BTreeSet<Self>) -> bool {
        others.contains(self) || others.contains(&Self { column: None, ..self.clone() })
    }
}

impl fmt::Display for TableRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.privilege)?;
        if let Some(column) = &self.column {
            write!(f, " ({column})")?;
        }
        write!(f, " on {}", self.object)
    }
}

/// The rights of a purpose, each column apart.
fn needed(purpose: RolePurpose) -> BTreeSet<TableRight> {
    let schema = match purpose {
        RolePurpose::Runner | RolePurpose::Signer(_) => VIEWS,
        RolePurpose::Admin => TABLES,
    };
    let usage = TableRight { object: schema.into(), privilege: "USAGE".into(), column: None };
    let mut needed = BTreeSet::from([usage]);
    for (right, schema, tables) in purpose.rights() {
        let (privilege, columns) = match right.split_once(" (") {
            Some((privilege, columns)) => {
                let columns = columns.trim_end_matches(')').split(',');
                (privilege, columns.map(|column| Some(column.trim().to_owned())).collect())
            }
            None => (*right, vec![None]),
        };
        for table in *tables {
            needed.extend(columns.iter().map(|column| TableRight {
                object: format!("{schema}.{table}"),
                privilege: privilege.to_owned(),
                column: column.clone(),
            }));
        }
    }
    needed
}

impl StoreReader {
    /// What the connected role may do.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, where the file's permissions decide.
    pub async fn held_rights(&self) -> Result<HeldRights, StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let rows: Result<(RoleRow, Vec<RightRow>), StoreError> = read!(self.pool, |conn| {
            let role = diesel::sql_query(ROLE).get_result(conn).await?;
            Ok((role, diesel::sql_query(RIGHTS).load(conn).await?))
        });
        let (RoleRow { role, is_unrestricted, is_owner }, found) = rows?;
        let (mut rights, mut reachable) = (BTreeSet::new(), BTreeSet::new());
        for RightRow { object, privilege, column, is_own } in found {
            let right = TableRight { object, privilege, column };
            if is_own {
                rights.insert(right.clone());
            }
            reachable.insert(right);
        }
        Ok(HeldRights { role, is_unrestricted, is_owner, rights, reachable })
    }

    /// The organizations for which the connected role may keep signatures and read wrapped keys.
    /// Only a role with the rights of a signer can see them.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, where the file's permissions decide.
    pub async fn organizations_to_sign_for(&self) -> Result<Vec<OrgId>, StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let rows: Result<Vec<OrganizationRow>, StoreError> = read!(self.pool, |conn| {
            Ok(diesel::sql_query("SELECT org_id FROM signature_locks").load(conn).await?)
        });
        Ok(rows?.into_iter().map(|row| row.org_id).collect())
    }
}

/// A member that does not inherit a role's rights can still act as that role.
const ROLE: &str = "
    SELECT current_user::text AS role,
           EXISTS (SELECT FROM pg_catalog.pg_roles
                   WHERE (rolsuper OR rolcreaterole OR rolbypassrls
                          OR rolname IN ('pg_write_server_files', 'pg_execute_server_program'))
                     AND (pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
                          OR pg_catalog.pg_has_role(current_user, oid, 'MEMBER')))
               AS is_unrestricted,
           coalesce((SELECT bool_or(pg_catalog.pg_has_role(session_user, nspowner, 'MEMBER')
                                    OR pg_catalog.pg_has_role(nspowner, 'MEMBER'))
                     FROM pg_catalog.pg_namespace
                     WHERE nspname IN ('cloacina', 'cloacina_views')), FALSE) AS is_owner";

const RIGHTS: &str = "
    WITH roles AS (
        SELECT oid, rolname = current_user AS is_own FROM pg_catalog.pg_roles
        WHERE rolname = current_user OR pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
    ), schemas AS (
        SELECT oid, nspname::text AS name FROM pg_catalog.pg_namespace
        WHERE nspname IN ('cloacina', 'cloacina_views')
    ), relations AS (
        SELECT pg_class.oid, schemas.name || '.' || relname AS name
        FROM pg_catalog.pg_class JOIN schemas ON relnamespace = schemas.oid
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
    )
    SELECT name AS object, privilege, NULL::text AS column, is_own
    FROM roles CROSS JOIN schemas CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) AS privilege
    WHERE pg_catalog.has_schema_privilege(roles.oid, schemas.oid, privilege)
    UNION ALL
    SELECT name, privilege, NULL, is_own
    FROM roles CROSS JOIN relations CROSS JOIN
         unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
             AS privilege
    WHERE pg_catalog.has_table_privilege(roles.oid, relations.oid, privilege)
    UNION ALL
    SELECT name, privilege, attname::text, is_own
    FROM roles CROSS JOIN relations
    JOIN pg_catalog.pg_attribute ON attrelid = relations.oid AND attnum > 0 AND NOT attisdropped
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
    WHERE pg_catalog.has_column_privilege(roles.oid, relations.oid, attnum, privilege)
      AND NOT pg_catalog.has_table_privilege(roles.oid, relations.oid, privilege)";

#[derive(QueryableByName)]
struct RoleRow {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    is_unrestricted: bool,
    #[diesel(sql_type = Bool)]
    is_owner: bool,
}

#[derive(QueryableByName)]
struct OrganizationRow {
    #[diesel(sql_type = Id)]
    org_id: OrgId,
}

#[derive(QueryableByName)]
struct RightRow {
    #[diesel(sql_type = Text)]
    object: String,
    #[diesel(sql_type = Text)]
    privilege: String,
    #[diesel(sql_type = Nullable<Text>)]
    column: Option<String>,
    #[diesel(sql_type = Bool)]
    is_own: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purposes() -> [RolePurpose; 3] {
        [RolePurpose::Runner, RolePurpose::Signer(OrgId::random()), RolePurpose::Admin]
    }

    fn with(rights: BTreeSet<TableRight>) -> HeldRights {
        HeldRights {
            role: "r".into(),
            is_unrestricted: false,
            is_owner: false,
            rights,
            reachable: BTreeSet::new(),
        }
    }

    #[test]
    fn what_a_role_can_take_is_beyond_and_yet_lacking() {
        let [runner, _, admin] = purposes();
        let mut held = with(needed(runner));
        held.reachable = needed(admin);
        assert_ne!(shown(held.beyond(runner)), [""; 0]);
        assert_ne!(shown(held.lacking(admin)), [""; 0]);
    }

    fn shown(rights: Vec<TableRight>) -> Vec<String> {
        rights.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_role_with_exactly_the_rights_of_a_purpose_lacks_none_and_has_no_more() {
        for purpose in purposes() {
            let held = with(needed(purpose));
            assert_eq!(shown(held.lacking(purpose)), [""; 0], "{purpose:?}");
            assert_eq!(shown(held.beyond(purpose)), [""; 0], "{purpose:?}");
        }
    }

    #[test]
    fn each_right_that_is_taken_away_is_lacking_and_each_that_is_added_is_beyond() {
        for purpose in purposes() {
            for right in needed(purpose) {
                let mut rights = needed(purpose);
                rights.remove(&right);
                assert_eq!(with(rights).lacking(purpose), [right]);
            }
            let object = "cloacina.audit_log".to_owned();
            let more = TableRight { object, privilege: "DELETE".into(), column: None };
            let mut rights = needed(purpose);
            rights.insert(more.clone());
            assert_eq!(with(rights).beyond(purpose), [more]);
        }
    }

    #[test]
    fn what_a_signer_may_do_beyond_a_runner_is_named() {
        let [runner, signer, _] = purposes();
        let beyond = shown(with(needed(signer)).beyond(runner));
        assert!(beyond.contains(&"SELECT on cloacina_views.signing_keys".to_owned()), "{beyond:?}");
        let envelope = "INSERT (envelope) on cloacina_views.package_signatures";
        assert!(beyond.contains(&envelope.to_owned()), "{beyond:?}");
        assert_eq!(shown(with(needed(signer)).lacking(runner)), [""; 0]);
    }

    #[test]
    fn an_administrator_lacks_nothing_that_a_runner_or_a_signer_needs() {
        let [runner, signer, admin] = purposes();
        let held = with(needed(admin));
        for purpose in [runner, signer] {
            assert_eq!(shown(held.lacking(purpose)), [""; 0], "{purpose:?}");
            assert_ne!(shown(held.beyond(purpose)), [""; 0], "{purpose:?}");
        }
        assert_ne!(shown(with(needed(signer)).lacking(admin)), [""; 0]);
    }

    #[test]
    fn a_right_on_a_whole_table_includes_its_columns() {
        let signer = purposes()[1];
        let mut rights = needed(signer);
        rights.retain(|right| right.column.is_none());
        for (object, privilege) in [("package_signatures", "INSERT"), ("signature_locks", "UPDATE")]
        {
            let object = format!("cloacina_views.{object}");
            rights.insert(TableRight { object, privilege: privilege.into(), column: None });
        }
        let held = with(rights);
        assert_eq!(shown(held.lacking(signer)), [""; 0]);
        assert_eq!(held.beyond(signer).len(), 2);
    }
}
