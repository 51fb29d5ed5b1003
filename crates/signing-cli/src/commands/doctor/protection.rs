//! Whether a role of a Postgres server can stop changes of trust without any right.

use signing_trust::KeyManager;
use signing_trust::store::{ProtectionFault, ServerProtection};

use super::check::Checks;

const CHECK: &str = "server protection";
const DATABASES: &str = "other databases";

/// How many databases a line names.
const MAX_DATABASES: usize = 3;

pub(super) async fn check(keys: Option<&KeyManager>, checks: &mut Checks) {
    let Some(keys) = keys else {
        checks.not_checked(CHECK, "there is no store to ask");
        return;
    };
    match keys.store().server_protection().await {
        Ok(ServerProtection { faults, other_databases, .. }) => {
            protection(&faults, checks);
            // What a superuser can do is said about its role.
            if !keys.store().held_rights().await.is_ok_and(|held| held.is_unrestricted) {
                databases(&other_databases, checks);
            }
        }
        Err(error) => checks.error(CHECK, &error.into()),
    }
}

fn protection(faults: &[ProtectionFault], checks: &mut Checks) {
    if faults.is_empty() {
        return checks.ok(
            CHECK,
            "only owners and superusers define anything in this database, and not every role may \
             execute the functions for large objects, advisory locks, snapshots and messages in \
             the log of changes",
        );
    }
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    checks.warning(
        CHECK,
        format!("a role may be able to stop every change of trust: {}", faults.join("; ")),
        "have a superuser run what this prints last: cloacina db grants --role <role> --as runner",
    );
}

fn databases(others: &[String], checks: &mut Checks) {
    let named = others.iter().take(MAX_DATABASES).map(String::as_str).collect::<Vec<_>>();
    let named = match others.len().saturating_sub(MAX_DATABASES) {
        _ if others.is_empty() => {
            return checks
                .ok(DATABASES, "this role can connect to no other database of the server");
        }
        0 => named.join(", "),
        left => format!("{}, and {left} more", named.join(", ")),
    };
    checks.warning(
        DATABASES,
        format!(
            "this role can connect to {named}, and from there lock what all databases of the \
             server share"
        ),
        "as a superuser, for each of them: REVOKE CONNECT ON DATABASE <name> FROM PUBLIC",
    );
}
