//! What keeps the roles of a Postgres server from holding up changes of the store.

use serde_json::Value;

use crate::support::{Role, Run, Scratch, finish, text};

/// The check of this name that `doctor` makes in a store.
fn examined(run: &Run, name: &str) -> Value {
    let document = run.document();
    let checks = document["result"]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap().clone()
}

fn examine(scratch: &Scratch, name: &str) -> Value {
    examined(&scratch.run(&["doctor", "--json"]), name)
}

fn run_as(scratch: &Scratch, role: &Role, arguments: &[&str]) -> Run {
    let url = scratch.database().url_of(role, &role.password);
    finish(scratch.command(arguments).env("CLOACINA_DATABASE_URL", url), b"")
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_superuser_protects_the_server_once() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let role = scratch.database().create_role();
    let grants = ["db", "grants", "--role", &role.name, "--as", "runner"];
    assert_eq!(examine(&scratch, "server protection")["verdict"], "warning");
    assert_eq!(scratch.json(&grants)["protection"], "printed");
    assert_eq!(examine(&scratch, "server protection")["verdict"], "warning");
    let apply = [&grants[..], &["--apply"]].concat();
    assert_eq!(scratch.json(&apply)["protection"], "applied");
    assert_eq!(scratch.json(&apply)["protection"], "in_force");
    assert_eq!(examine(&scratch, "server protection")["verdict"], "ok");
    // The role sees the same.
    let as_role = run_as(&scratch, &role, &["doctor", "--json"]);
    assert_eq!(examined(&as_role, "server protection")["verdict"], "ok");
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn printed_statements_protect_the_server() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let role = scratch.database().create_role();
    let run = scratch.run(&["db", "grants", "--role", &role.name, "--as", "runner"]);
    for _ in 0..2 {
        scratch.database().forge(&run.stdout);
        assert_eq!(examine(&scratch, "server protection")["verdict"], "ok");
    }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn an_owner_that_is_no_superuser_is_told_what_is_missing() {
    let scratch = Scratch::on_empty_postgres();
    let database = scratch.database();
    let (owner, runner) = (database.create_role(), database.create_role());
    database.execute(&format!("ALTER DATABASE {} OWNER TO {}", database.name(), owner.name));
    assert_eq!(run_as(&scratch, &owner, &["db", "migrate"]).code, 0);
    let grants = ["db", "grants", "--role", &runner.name, "--as", "runner", "--without-limits"];
    let apply = [&grants[..], &["--apply"]].concat();
    let run = run_as(&scratch, &owner, &apply);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("the server is not protected"), "{}", run.stderr);
    let run = run_as(&scratch, &owner, &[&apply[..], &["--json"]].concat());
    assert_eq!(run.document()["result"]["protection"], "incomplete");
    // After a superuser has applied it, all is well.
    scratch.json(&apply);
    let run = run_as(&scratch, &owner, &apply);
    assert!(run.code == 0 && !run.stderr.contains("not protected"), "{}", run.stderr);
    database.execute(&format!("ALTER DATABASE {} OWNER TO CURRENT_USER", database.name()));
    database.forge(&format!("REASSIGN OWNED BY {} TO CURRENT_USER", owner.name));
    for role in [&owner, &runner] {
        database.forge(&format!("DROP OWNED BY {}", role.name));
    }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn protection_that_was_weakened_in_one_place_is_a_warning() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let role = scratch.database().create_role();
    let protect = ["db", "grants", "--role", &role.name, "--as", "runner", "--apply"];
    let name = &role.name;
    for (weaken, fault) in [
        ("DROP EVENT TRIGGER cloacina_refuse_definitions", "no event trigger"),
        ("ALTER EVENT TRIGGER cloacina_refuse_definitions DISABLE", "does not fire"),
        ("ALTER EVENT TRIGGER cloacina_refuse_definitions ENABLE", "does not fire"),
        ("ALTER FUNCTION cloacina_guard.refuse_definitions() RESET search_path", "not set up"),
        (
            "CREATE OR REPLACE FUNCTION cloacina_guard.refuse_definitions() RETURNS event_trigger
             LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS 'BEGIN END'",
            "not set up",
        ),
        (
            &format!("ALTER FUNCTION cloacina_guard.refuse_definitions() OWNER TO {name}"),
            "which is not a superuser",
        ),
        ("GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC", "lo_create(oid)"),
    ] {
        scratch.json(&protect);
        assert_eq!(examine(&scratch, "server protection")["verdict"], "ok");
        scratch.database().forge(weaken);
        let found = examine(&scratch, "server protection");
        assert_eq!(found["verdict"], "warning", "{weaken}: {found}");
        assert!(text(&found["message"]).contains(fault), "{weaken}: {found}");
    }
    scratch.json(&protect);
}

/// As after a restore: a dump does not say who may connect.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_store_s_database_that_every_role_may_connect_to_is_a_warning() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let found = examine(&scratch, "database");
    assert_eq!(found["verdict"], "warning", "{found}");
    let next = text(&found["next"]);
    let (_, revoke) = next.split_once(": ").unwrap();
    scratch.database().forge(revoke.split(';').next().unwrap());
    assert_eq!(examine(&scratch, "database")["verdict"], "ok");
}

/// The tests' server is open to all roles, as servers are by default.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn other_databases_that_a_role_may_connect_to_are_a_warning() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let role = scratch.database().create_role();
    scratch.json(&["db", "grants", "--role", &role.name, "--as", "runner", "--apply"]);
    let as_role = run_as(&scratch, &role, &["doctor", "--json"]);
    let found = examined(&as_role, "other databases");
    assert_eq!(found["verdict"], "warning", "{found}");
    let next = text(&found["next"]);
    let (_, revoke) = next.split_once(": ").unwrap();
    assert!(
        revoke.starts_with("REVOKE CONNECT ON DATABASE ") && revoke.contains("postgres"),
        "{next}"
    );
    let database = scratch.database();
    database.forge(&format!("GRANT pg_execute_server_program TO {}", role.name));
    let as_role = run_as(&scratch, &role, &["doctor", "--json"]);
    assert!(!as_role.stdout.contains("other databases"), "{}", as_role.stdout);
}
