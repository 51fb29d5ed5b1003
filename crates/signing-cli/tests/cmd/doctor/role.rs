//! What is wrong with a role of a Postgres server, and with the connection.

use super::Examined;
use crate::support::{Role, Scratch, finish, text};

fn examine_as(scratch: &Scratch, role: &Role, expected: Option<&str>) -> Examined {
    let url = scratch.database().url_of(role, &role.password);
    let arguments: Vec<_> = expected.into_iter().flat_map(|role| ["--role", role]).collect();
    Examined::by(scratch, &arguments, |command| {
        command.env("CLOACINA_DATABASE_URL", url);
    })
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_role_has_what_its_purpose_needs_and_no_more() {
    let scratch = Scratch::on_postgres(&["acme"]);
    scratch.stored_key("release", "acme");
    let purposes = ["runner", "signer", "admin"];
    let roles = purposes.map(|purpose| {
        let role = scratch.database().create_role();
        let grants = ["db", "grants", "--role", &role.name, "--as", purpose, "--apply"];
        scratch.json(&grants);
        role
    });
    for (purpose, role) in purposes.iter().zip(&roles) {
        let examined = examine_as(&scratch, role, Some(purpose));
        examined.assert("role", "ok");
        examined.assert("tables", "ok");
        examined.assert("clock", "ok");
        let examined = examine_as(&scratch, role, None);
        examined.assert("role", "ok");
        examined.assert("expiry", "ok");
    }
    let [runner, signer, admin] = &roles;
    // Where a runner is there is no key encryption key, and none is missing.
    let url = scratch.database().url_of(runner, &runner.password);
    let without_kek = Examined::by(&scratch, &[], |command| {
        command.env("CLOACINA_DATABASE_URL", url).env_remove("CLOACINA_KEY_ENCRYPTION_KEY");
    });
    without_kek.assert("key encryption key", "ok");
    without_kek.assert_problems(0);
    let found = examine_as(&scratch, signer, Some("signer"));
    let organization = text(&found.assert("organization", "ok")["message"]).to_owned();
    assert!(organization.ends_with(" can sign for acme"), "{organization}");
    for role in [runner, admin] {
        let found = examine_as(&scratch, role, None);
        assert!(!found.checks.iter().any(|check| check["check"] == "organization"));
    }
    for (role, expected, verdict) in [
        (signer, "runner", "warning"),
        (admin, "runner", "warning"),
        (runner, "signer", "problem"),
        (runner, "admin", "problem"),
    ] {
        let found = examine_as(&scratch, role, Some(expected));
        let next = text(&found.assert("role", verdict)["next"]);
        assert!(next.contains("cloacina db grants --role"), "{next}");
    }
    // One right less, and one more.
    let (name, database) = (&runner.name, scratch.database());
    database.forge(&format!("REVOKE SELECT ON cloacina_views.trust_grants FROM {name}"));
    examine_as(&scratch, runner, Some("runner")).assert("role", "problem");
    database.forge(&format!("GRANT SELECT ON cloacina_views.trust_grants TO {name}"));
    database.forge(&format!("GRANT SELECT ON cloacina_views.audit_log TO {name}"));
    examine_as(&scratch, runner, Some("runner")).assert("role", "warning");
    database
        .forge(&format!("DELETE FROM role_organizations WHERE role = '{}'::regrole", signer.name));
    let found = examine_as(&scratch, signer, Some("signer"));
    found.assert("role", "ok");
    found.assert("organization", "problem");
    // The tests' own role is a superuser.
    Examined::of(&scratch, &["--role", "runner"]).assert("role", "warning");
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_role_without_rights_and_a_server_without_proof_are_reported() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let examined = Examined::of(&scratch, &[]);
    examined.assert("connection", "warning");
    examined.assert("store", "ok");
    examined.assert_problems(0);
    let role = scratch.database().create_role();
    let examined = examine_as(&scratch, &role, Some("runner"));
    examined.assert("store", "ok");
    examined.assert("tables", "problem");
    assert_eq!(examined.code, 1);
    let wrong = Role { name: role.name.clone(), password: "wrong".into() };
    examine_as(&scratch, &wrong, None).assert("store", "problem");
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn an_owner_that_has_lost_a_right_to_its_tables_is_a_problem_whose_remedy_mends_it() {
    let scratch = Scratch::on_empty_postgres();
    let database = scratch.database();
    let (owner, runner) = (database.create_role(), database.create_role());
    let name = &owner.name;
    database.execute(&format!("ALTER DATABASE {} OWNER TO {name}", database.name()));
    let run = |role: &Role, arguments: &[&str]| {
        let url = database.url_of(role, &role.password);
        finish(scratch.command(arguments).env("CLOACINA_DATABASE_URL", url), b"")
    };
    assert_eq!(run(&owner, &["db", "migrate"]).code, 0);
    let grant = ["--json", "db", "grants", "--role", name, "--as", "admin", "--apply"];
    run(&owner, &grant).assert_failed(2, "RoleActsAsOwner");
    scratch.json(&["db", "grants", "--role", &runner.name, "--as", "runner", "--apply"]);
    assert_eq!(run(&owner, &["orgs", "create", "acme"]).code, 0);
    for take in [
        format!("REVOKE UPDATE ON store_state FROM {name}"),
        format!("REVOKE INSERT ON trust_history FROM {name}"),
        format!("REVOKE USAGE ON SCHEMA cloacina_views FROM {name}"),
    ] {
        examine_as(&scratch, &runner, None).assert("owner", "ok");
        database.forge(&take);
        let examined = examine_as(&scratch, &runner, None);
        let next = text(&examined.assert("owner", "problem")["next"]).to_owned();
        let (_, remedy) = next.split_once(": ").unwrap();
        database.forge(remedy);
    }
    examine_as(&scratch, &owner, None).assert("owner", "ok");
    assert_eq!(run(&owner, &["orgs", "create", "another"]).code, 0);
    database.execute(&format!("ALTER DATABASE {} OWNER TO CURRENT_USER", database.name()));
    database.forge(&format!("REASSIGN OWNED BY {name} TO CURRENT_USER"));
    for role in [&owner, &runner] {
        database.forge(&format!("DROP OWNED BY {}", role.name));
    }
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn roles_that_are_bound_to_an_organization_and_cannot_sign_are_listed() {
    let scratch = Scratch::on_postgres(&["acme"]);
    let stale = || {
        let examined = Examined::by(&scratch, &[], |_| ());
        examined.checks.iter().find(|check| check["check"] == "stale roles").cloned()
    };
    let grant = |role: &str, purpose: &str| {
        scratch.json(&["db", "grants", "--role", role, "--as", purpose, "--apply"]);
    };
    let (signer, former) = (scratch.database().create_role(), scratch.database().create_role());
    for role in [&signer, &former] {
        grant(&role.name, "signer");
    }
    assert_eq!(stale(), None);
    let database = scratch.database();
    database
        .forge(&format!("REVOKE ALL ON cloacina_views.package_signatures FROM {}", former.name));
    database.forge("INSERT INTO role_organizations (role, org_id) VALUES (4294967290::oid, NULL)");
    let found = stale().unwrap();
    assert_eq!(found["verdict"], "warning");
    let (message, next) = (text(&found["message"]), text(&found["next"]));
    for named in [&*former.name, "4294967290"] {
        assert!(message.contains(named), "{message}");
    }
    assert!(!message.contains(&signer.name), "{message}");
    database.forge(next.strip_prefix("as the owner of the tables: ").unwrap());
    assert_eq!(stale(), None);
}
