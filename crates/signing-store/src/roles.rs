mod held;
mod lock_table;
mod name;
mod owner;
mod protection;
mod stale;

use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use signing_crypto::OrgId;

use crate::error::StoreError;
use crate::organization_ref::OrganizationRef;
use crate::schema_safety::SchemaSafety;
use crate::state::{PendingChange, change};
use crate::store::Store;

pub use held::{HeldRights, TableRight};
pub use lock_table::LockTable;
pub use name::{RoleName, RoleNameError, RoleNameFault};
pub use owner::OwnerRights;
pub use protection::{ProtectionFault, ServerProtection};
pub use stale::StaleRole;

/// What a database role is for, and so what it may do: no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RolePurpose {
    /// Verifies: reads trust and signatures. Sees no private key, not even a
    /// wrapped one, and changes nothing.
    Runner,
    /// Signs for one organization, with the KEK: also reads that organization's wrapped
    /// private keys and adds signatures for it. Changes no trust, and cannot touch the
    /// audit log, which every revocation has to be written to.
    Signer(OrgId),
    /// Manages keys and trust, and removes signatures. Deletes no other row, and cannot
    /// rewrite the audit log.
    Admin,
}

/// How much of the server a role may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoleLimits {
    /// 50 connections for a runner, 10 for a signer, any number for an administrator.
    #[default]
    OfPurpose,
    /// So many connections.
    Connections(u16),
    /// Whatever the role has: the server's administrator sets it.
    Unchanged,
}

/// Where runners and signers find what they may see: no table, so they can lock none.
const VIEWS: &str = "cloacina_views";
/// Where the tables are.
const TABLES: &str = "cloacina";

/// A right, the schema that it is about, and the tables or views in it.
type Right = (&'static str, &'static str, &'static [&'static str]);

impl RolePurpose {
    fn rights(self) -> &'static [Right] {
        const READ: Right = (
            "SELECT",
            VIEWS,
            &[
                "schema_migrations",
                "store_state",
                "trust_history",
                "organizations",
                "trusted_keys",
                "trust_grants",
                "compromised_keys",
                "version_floors",
                "trust_documents",
                "package_signatures",
            ],
        );
        const NEW_SIGNATURE: &str =
            "INSERT (id, org_id, package_digest, envelope, envelope_digest)";
        const NEW_DOCUMENT: &str = "INSERT (org_id, kind, version, envelope)";
        match self {
            Self::Runner => &[READ],
            Self::Signer(_) => &[
                READ,
                ("SELECT", VIEWS, &["signing_keys", "signature_locks"]),
                ("UPDATE (locked)", VIEWS, &["signature_locks"]),
                (NEW_SIGNATURE, VIEWS, &["package_signatures"]),
            ],
            Self::Admin => &[
                (
                    "SELECT",
                    TABLES,
                    &[
                        "schema_migrations",
                        "store_state",
                        "trust_history",
                        "organizations",
                        "signing_keys",
                        "trusted_keys",
                        "trust_grants",
                        "compromised_keys",
                        "version_floors",
                        "trust_documents",
                        "package_signatures",
                        "audit_heads",
                        "audit_log",
                        "kek_lock",
                        "signature_locks",
                    ],
                ),
                (
                    "INSERT",
                    TABLES,
                    &[
                        "organizations",
                        "signing_keys",
                        "trusted_keys",
                        "trust_grants",
                        "compromised_keys",
                        "version_floors",
                        "audit_heads",
                        "audit_log",
                        "signature_locks",
                    ],
                ),
                (NEW_DOCUMENT, TABLES, &["trust_documents"]),
                (NEW_SIGNATURE, TABLES, &["package_signatures"]),
                ("UPDATE (kek_id)", TABLES, &["store_state"]),
                ("UPDATE (deleted_at)", TABLES, &["organizations"]),
                (
                    "UPDATE (revoked_at, revocation_reason, revocation_note, wrapped_key)",
                    TABLES,
                    &["signing_keys"],
                ),
                (
                    "UPDATE (revoked_at, revocation_reason, revocation_note, public_key, name, \
                     expires_at)",
                    TABLES,
                    &["trusted_keys"],
                ),
                ("UPDATE (revoked_at)", TABLES, &["trust_grants"]),
                ("UPDATE (floor, set_at)", TABLES, &["version_floors"]),
                ("UPDATE (envelope, envelope_digest)", TABLES, &["package_signatures"]),
                ("DELETE", TABLES, &["package_signatures"]),
                ("UPDATE (sequence, entry_hash)", TABLES, &["audit_heads"]),
                ("UPDATE (singleton)", TABLES, &["kek_lock"]),
                ("UPDATE (locked)", TABLES, &["signature_locks"]),
            ],
        }
    }

    /// One transaction that gives the Postgres role `role` exactly the rights of
    /// this purpose, whatever rights it had on the store's tables before, and these
    /// limits. It fails if the role can act as the owner of the store, or as a superuser.
    pub fn sql(self, role: &RoleName, limits: RoleLimits) -> String {
        format!("BEGIN;\n{}\nCOMMIT;\n", self.statements(role, limits).join("\n"))
    }

    /// The statements of that transaction.
    pub fn statements(self, role: &RoleName, limits: RoleLimits) -> Vec<String> {
        let mut statements = vec![owner::guard(role)];
        statements.extend(self.grants(role));
        statements.extend(self.limits(role, limits));
        statements
    }

    fn grants(self, role: &RoleName) -> Vec<String> {
        let name = quoted(role);
        let number = format!("{}::regrole", literal(&name));
        let schema = match self {
            Self::Runner | Self::Signer(_) => VIEWS,
            Self::Admin => TABLES,
        };
        let mut statements = vec![
            format!("REVOKE ALL ON ALL TABLES IN SCHEMA {TABLES}, {VIEWS} FROM {name};"),
            format!("REVOKE ALL ON SCHEMA {TABLES}, {VIEWS} FROM {name};"),
            // A role that was dropped leaves its organization behind.
            format!(
                "DELETE FROM {TABLES}.role_organizations WHERE role = {number} \
                 OR role NOT IN (SELECT oid FROM pg_catalog.pg_roles);"
            ),
            format!("GRANT USAGE ON SCHEMA {schema} TO {name};"),
        ];
        for (right, schema, tables) in self.rights() {
            let tables: Vec<_> = tables.iter().map(|table| format!("{schema}.{table}")).collect();
            statements.push(format!("GRANT {right} ON {} TO {name};", tables.join(", ")));
        }
        let org = match self {
            Self::Runner => return statements,
            Self::Signer(org) => literal(&org.to_string()),
            Self::Admin => "NULL".into(),
        };
        statements.push(format!(
            "INSERT INTO {TABLES}.role_organizations (role, org_id) VALUES ({number}, {org});"
        ));
        statements
    }

    /// The role may change its time-outs, and not how many connections it may make.
    fn limits(self, role: &RoleName, limits: RoleLimits) -> Vec<String> {
        let role = quoted(role);
        let connections = match (limits, self) {
            (RoleLimits::Unchanged, _) => return Vec::new(),
            (RoleLimits::Connections(connections), _) => i32::from(connections),
            (RoleLimits::OfPurpose, Self::Runner) => 50,
            (RoleLimits::OfPurpose, Self::Signer(_)) => 10,
            (RoleLimits::OfPurpose, Self::Admin) => -1,
        };
        vec![
            format!("ALTER ROLE {role} CONNECTION LIMIT {connections};"),
            format!("ALTER ROLE {role} SET statement_timeout = '10s';"),
            format!("ALTER ROLE {role} SET lock_timeout = '8s';"),
            format!("ALTER ROLE {role} SET idle_in_transaction_session_timeout = '30s';"),
        ]
    }
}

impl Store {
    /// Gives a Postgres role exactly the rights of a purpose, and these limits, in one
    /// transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, where the file's permissions decide;
    /// [`StoreError::NotTheOwner`] if the rights are not this user's to give;
    /// [`StoreError::NoSuchRole`] if the server has no such role;
    /// [`StoreError::RoleActsAsOwner`] if the role can act as the owner, or as a superuser;
    /// [`StoreError::LimitsNotAllowed`] if it may not set this role's limits;
    /// [`StoreError::OrganizationNotFound`] if there is no such organization to sign for.
    pub async fn grant_role(
        &self,
        purpose: RolePurpose,
        role: &RoleName,
        limits: RoleLimits,
    ) -> Result<(), StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        if let RolePurpose::Signer(org) = purpose {
            self.organization(OrganizationRef::Id(org)).await?;
        }
        let statements = purpose.statements(role, limits).join("\n");
        let acts_as_owner = owner::acts_as_owner(role);
        let may_limit = match limits {
            RoleLimits::Unchanged => "TRUE".to_owned(),
            _ => may_limit(role),
        };
        let exists = format!(
            "EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {})",
            literal(role.as_str())
        );
        let role = role.to_string();
        let change = PendingChange::of_any_store(&self.pool);
        change!(change, |conn| {
            conn.require_safe_schema().await?;
            if !diesel::select(sql::<Bool>(OWNED)).get_result::<bool>(conn).await? {
                return Err(StoreError::NotTheOwner);
            }
            if !diesel::select(sql::<Bool>(&exists)).get_result::<bool>(conn).await? {
                return Err(StoreError::NoSuchRole(role));
            }
            if diesel::select(sql::<Bool>(&acts_as_owner)).get_result::<bool>(conn).await? {
                return Err(StoreError::RoleActsAsOwner { role });
            }
            if !diesel::select(sql::<Bool>(&may_limit)).get_result::<bool>(conn).await? {
                return Err(StoreError::LimitsNotAllowed { role });
            }
            Ok(conn.batch_execute(&statements).await?)
        })
    }
}

const OWNED: &str = "(SELECT coalesce(bool_and(pg_has_role(nspowner, 'USAGE')), FALSE)
                      FROM pg_namespace WHERE nspname IN ('cloacina', 'cloacina_views'))";

/// Whether the connected user may set a role's limits. From Postgres 16 on it needs the
/// admin option on that role.
fn may_limit(role: &RoleName) -> String {
    format!(
        "(SELECT rolsuper OR rolcreaterole
                 AND (current_setting('server_version_num')::int < 160000
                      OR pg_has_role({}, 'USAGE WITH ADMIN OPTION'))
          FROM pg_roles WHERE rolname = current_user)",
        literal(role.as_str())
    )
}

/// An identifier as Postgres reads it back (section 4.1.1 of its manual).
fn quoted(identifier: &RoleName) -> String {
    format!("\"{}\"", identifier.as_str().replace('"', "\"\""))
}

/// A text as Postgres reads it back with `standard_conforming_strings` (section 4.1.2).
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purposes() -> [RolePurpose; 3] {
        [RolePurpose::Runner, RolePurpose::Signer(OrgId::random()), RolePurpose::Admin]
    }

    fn role(name: &str) -> RoleName {
        name.parse().unwrap()
    }

    fn granted(purpose: RolePurpose) -> Vec<String> {
        let mut statements = purpose.statements(&role("role"), RoleLimits::OfPurpose);
        statements.retain(|statement| statement.starts_with("GRANT"));
        statements
    }

    #[test]
    fn a_runner_reads_and_sees_no_private_key() {
        for statement in granted(RolePurpose::Runner) {
            assert!(statement.starts_with("GRANT SELECT ON ") || statement.contains("USAGE"));
            assert!(!statement.contains("signing_keys"), "{statement}");
        }
    }

    #[test]
    fn runners_and_signers_can_name_no_table() {
        for purpose in [RolePurpose::Runner, RolePurpose::Signer(OrgId::random())] {
            for statement in granted(purpose) {
                let names_a_table = statement.contains(" cloacina.");
                let opens_the_schema = statement.contains("SCHEMA cloacina ");
                assert!(!names_a_table && !opens_the_schema, "{statement}");
            }
        }
    }

    #[test]
    fn nobody_may_rewrite_the_audit_log_or_delete_anything_but_signatures() {
        for statement in purposes().into_iter().flat_map(granted) {
            assert!(!statement.contains("TRUNCATE"), "{statement}");
            assert!(!(statement.contains("UPDATE") && statement.contains("audit_log")));
            let signatures = "GRANT DELETE ON cloacina.package_signatures TO \"role\";";
            assert!(!statement.contains("DELETE") || statement == signatures, "{statement}");
        }
    }

    #[test]
    fn nobody_may_set_the_state_of_trust_its_history_or_the_time_of_a_row_by_hand() {
        for statement in purposes().into_iter().flat_map(granted) {
            assert!(!statement.contains("trust_epoch") && !statement.contains("trust_state"));
            assert!(!statement.contains("created_at"), "{statement}");
            let reads = statement.starts_with("GRANT SELECT");
            assert!(reads || !statement.contains("history"), "{statement}");
        }
    }

    #[test]
    fn runners_and_signers_have_a_limit_and_administrators_have_none() {
        for (purpose, limit) in purposes().into_iter().zip(["50", "10", "-1"]) {
            let sql = purpose.sql(&role("role"), RoleLimits::OfPurpose);
            assert!(sql.contains(&format!("CONNECTION LIMIT {limit};")), "{sql}");
            let sql = purpose.sql(&role("role"), RoleLimits::Connections(7));
            assert!(sql.contains("CONNECTION LIMIT 7;"), "{sql}");
            let sql = purpose.sql(&role("role"), RoleLimits::Unchanged);
            assert!(!sql.contains("ALTER ROLE"), "{sql}");
        }
    }

    #[test]
    fn a_role_is_a_name_and_never_a_statement() {
        let name = "a\"; DROP TABLE organizations; --'";
        let sql = RolePurpose::Admin.sql(&role(name), RoleLimits::OfPurpose);
        assert!(sql.contains("FROM \"a\"\"; DROP TABLE organizations; --'\";"), "{sql}");
        let number = "role = '\"a\"\"; DROP TABLE organizations; --''\"'::regrole OR ";
        assert!(sql.contains(number), "{sql}");
        let guard = "can_act_as_owner(''a\"; DROP TABLE organizations; --'''''') THEN";
        assert!(sql.contains(guard), "{sql}");
    }
}
