//! Whether a role of a Postgres server can stop changes of trust without any right.

use crate::lines::first_of;
use signing_trust::TrustReader;
use signing_trust::store::{LockTable, ProtectionFault};

use super::check::Checks;

const CHECK: &str = "server protection";
const DATABASE: &str = "database";
const DATABASES: &str = "other databases";
const LOCKS: &str = "table of locks";

/// How many databases a line names.
const MAX_DATABASES: usize = 3;

pub(super) async fn check(keys: Option<&TrustReader>, checks: &mut Checks) {
    let Some(keys) = keys else {
        checks.not_checked(CHECK, "there is no store to ask");
        return;
    };
    if let Some(server) = checks.read(CHECK, keys.store().server_protection().await) {
        protection(&server.faults, checks);
        database(server.open_database.as_deref(), checks);
        // What a superuser can do is said about its role.
        if !keys.store().held_rights().await.is_ok_and(|held| held.is_unrestricted) {
            databases(&server.other_databases, checks);
        }
    }
    if let Some(table) = checks.read(LOCKS, keys.store().lock_table().await) {
        lock_table(table, checks);
    }
}

/// What the server lets everybody do, it can only have room for.
fn lock_table(table: LockTable, checks: &mut Checks) {
    let LockTable { locks_per_transaction, connections, .. } = table;
    let (room, demand) = (table.room(), table.demand());
    let what = format!(
        "the server has room for {room} locks (max_locks_per_transaction = \
         {locks_per_transaction}), and all roles except superusers can take {demand} by reading \
         in {connections} connections"
    );
    if room >= demand {
        return checks.ok(LOCKS, what);
    }
    checks.warning(
        LOCKS,
        what,
        format!(
            "give each login a lower CONNECTION LIMIT, or as a superuser: ALTER SYSTEM SET \
             max_locks_per_transaction = {}; then restart the server",
            table.needed_per_transaction()
        ),
    );
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

/// What a dump does not contain, so that it is missing after a restore.
fn database(open: Option<&str>, checks: &mut Checks) {
    let Some(name) = open else {
        return checks.ok(DATABASE, "only roles that may connect to it by name can do so");
    };
    checks.warning(
        DATABASE,
        format!("every role of the server can connect to {name}, without any right in it"),
        format!(
            "as a superuser: REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC; GRANT CONNECT \
             ON DATABASE {name} TO <each role>"
        ),
    );
}

fn databases(others: &[String], checks: &mut Checks) {
    if others.is_empty() {
        return checks.ok(DATABASES, "this role can connect to no other database of the server");
    }
    let named = first_of(others, MAX_DATABASES);
    checks.warning(
        DATABASES,
        format!(
            "this role can connect to {named}, and from there lock what all databases of the \
             server share"
        ),
        format!("as a superuser: REVOKE CONNECT ON DATABASE {} FROM PUBLIC", others.join(", ")),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::check::{DoctorView, Verdict};

    #[test]
    fn table_of_locks_that_has_no_room_for_all_connections_is_a_warning() {
        for (connections, verdict) in [(20, Verdict::Ok), (22, Verdict::Warning)] {
            let table = LockTable { locks_per_transaction: 64, transactions: 100, connections };
            let mut checks = Checks::default();
            lock_table(table, &mut checks);
            assert!(DoctorView::of(&checks).is_only(verdict), "{connections}");
        }
    }
}
