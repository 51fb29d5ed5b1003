use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::pool::write;
use crate::{Store, StoreError};

/// What a database role is for, and so what it may do: no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolePurpose {
    /// Verifies: reads trust and signatures. Sees no private key, not even a
    /// wrapped one, and changes nothing.
    Runner,
    /// Signs, with the KEK: also reads wrapped private keys and adds signatures.
    /// Changes no trust, and cannot touch the audit log, which every revocation
    /// has to be written to.
    Signer,
    /// Manages keys and trust. Deletes no row, and cannot rewrite the audit log.
    Admin,
}

const EVERY_TABLE: &str = "store_state, trust_history, schema_migrations, organizations, \
                           signing_keys, trusted_keys, trust_grants, compromised_keys, \
                           version_floors, package_signatures, audit_heads, audit_log";

impl RolePurpose {
    fn rights(self) -> &'static [(&'static str, &'static str)] {
        const RUNNER: (&str, &str) = (
            "SELECT",
            "store_state, trust_history, schema_migrations, organizations, trusted_keys, \
             trust_grants, compromised_keys, version_floors, package_signatures",
        );
        match self {
            Self::Runner => &[RUNNER],
            Self::Signer => &[RUNNER, ("SELECT", "signing_keys"), ("INSERT", "package_signatures")],
            Self::Admin => &[
                ("SELECT", EVERY_TABLE),
                (
                    "INSERT",
                    "organizations, signing_keys, trusted_keys, trust_grants, compromised_keys, \
                     version_floors, package_signatures, audit_heads, audit_log",
                ),
                ("UPDATE (kek_id)", "store_state"),
                ("UPDATE (deleted_at)", "organizations"),
                (
                    "UPDATE (revoked_at, revocation_reason, revocation_note, wrapped_key)",
                    "signing_keys",
                ),
                (
                    "UPDATE (revoked_at, revocation_reason, revocation_note, public_key, name, \
                     expires_at)",
                    "trusted_keys",
                ),
                ("UPDATE (revoked_at)", "trust_grants"),
                ("UPDATE (floor, set_at)", "version_floors"),
                ("UPDATE (envelope, envelope_digest)", "package_signatures"),
                ("UPDATE (sequence, entry_hash)", "audit_heads"),
            ],
        }
    }

    /// The statements that give the Postgres role `role` exactly the rights of
    /// this purpose, whatever rights it had on the store's tables before.
    pub fn sql(self, role: &str) -> String {
        self.statements(role).join("\n") + "\n"
    }

    /// The same, each statement apart.
    pub fn statements(self, role: &str) -> Vec<String> {
        let role = quoted(role);
        let revoke = format!("REVOKE ALL ON {EVERY_TABLE} FROM {role};");
        let grants = self.rights().iter();
        let grants =
            grants.map(|(rights, tables)| format!("GRANT {rights} ON {tables} TO {role};"));
        std::iter::once(revoke).chain(grants).collect()
    }
}

impl Store {
    /// Gives a Postgres role exactly the rights of a purpose, in one transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoles`] on SQLite, where the file's permissions decide;
    /// [`StoreError::NotTheOwner`] if the rights are not this user's to give.
    pub async fn grant_role(&self, purpose: RolePurpose, role: &str) -> Result<(), StoreError> {
        if !self.pool.is_postgres() {
            return Err(StoreError::NoRoles);
        }
        let statements = purpose.sql(role);
        let tables = EVERY_TABLE.replace(", ", "'::regclass, '");
        let owned = format!(
            "(SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class
              WHERE oid IN ('{tables}'::regclass))"
        );
        write!(self.pool, |conn| {
            if !diesel::select(sql::<Bool>(&owned)).get_result::<bool>(conn).await? {
                return Err(StoreError::NotTheOwner);
            }
            Ok(conn.batch_execute(&statements).await?)
        })
    }
}

/// An identifier as Postgres reads it back (section 4.1.1 of its manual).
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_reads_and_sees_no_private_key() {
        let sql = RolePurpose::Runner.sql("runner");
        let granted: Vec<_> = sql.lines().filter(|line| line.starts_with("GRANT")).collect();
        assert!(granted.iter().all(|line| line.starts_with("GRANT SELECT ON ")), "{sql}");
        assert!(granted.iter().all(|line| !line.contains("signing_keys")), "{sql}");
    }

    #[test]
    fn nobody_may_delete_or_rewrite_the_audit_log() {
        for purpose in [RolePurpose::Runner, RolePurpose::Signer, RolePurpose::Admin] {
            let sql = purpose.sql("role");
            for line in sql.lines().filter(|line| line.starts_with("GRANT")) {
                assert!(!line.contains("DELETE") && !line.contains("TRUNCATE"), "{line}");
                assert!(!(line.contains("UPDATE") && line.contains("audit_log")), "{line}");
            }
        }
    }

    #[test]
    fn nobody_may_set_the_state_of_trust_or_its_history_by_hand() {
        for purpose in [RolePurpose::Runner, RolePurpose::Signer, RolePurpose::Admin] {
            let sql = purpose.sql("role");
            for line in sql.lines().filter(|line| line.starts_with("GRANT")) {
                assert!(!line.contains("trust_epoch") && !line.contains("trust_state"), "{line}");
                assert!(line.starts_with("GRANT SELECT") || !line.contains("history"), "{line}");
            }
        }
    }

    #[test]
    fn a_role_is_a_name_and_never_a_statement() {
        let sql = RolePurpose::Runner.sql("a\"; DROP TABLE organizations; --");
        assert!(sql.contains("FROM \"a\"\"; DROP TABLE organizations; --\";"), "{sql}");
    }
}
