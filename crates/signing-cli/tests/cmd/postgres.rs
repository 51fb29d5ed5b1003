//! The program as the roles of a Postgres server use it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{Role, Run, Scratch, finish, text};

/// A store with a trusted key, a signing key and a package that the first has signed.
struct Shop {
    scratch: Scratch,
    trusted: String,
    signing: String,
}

impl Shop {
    fn open() -> Self {
        let scratch = Scratch::on_postgres(&["acme"]);
        scratch.key_files("dev");
        scratch.signed_package("a.so", "dev.pem");
        let trust = ["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"];
        let trusted = text(&scratch.json(&trust)["id"]);
        let (signing, _) = scratch.stored_key("release", "acme");
        Self { scratch, trusted, signing }
    }

    /// A role that was given the rights of a purpose.
    fn role(&self, purpose: &str) -> Role {
        let role = self.scratch.database().create_role();
        // Until then it has none.
        self.denies(&role, &["db", "status"]);
        let mut grants = vec!["db", "grants", "--role", &role.name, "--as", purpose, "--apply"];
        if purpose == "signer" {
            grants.extend(["--org", "acme"]);
        }
        assert_eq!(self.scratch.json(&grants)["applied"], true);
        role
    }

    fn run_as(&self, role: &Role, password: &str, arguments: &[&str]) -> Run {
        let url = self.scratch.database().url_of(role, password);
        let mut command = self.scratch.command(arguments);
        finish(command.env("CLOACINA_DATABASE_URL", url), b"")
    }

    #[track_caller]
    fn allows(&self, role: &Role, arguments: &[&str]) -> Value {
        let run = self.run_as(role, &role.password, &[arguments, &["--json"]].concat());
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run.document()["result"].clone()
    }

    /// Postgres refused it, and not for any other reason.
    #[track_caller]
    fn denies(&self, role: &Role, arguments: &[&str]) {
        let run = self.run_as(role, &role.password, &[arguments, &["--json"]].concat());
        run.assert_failed(2, "DatabasePermissionDenied");
        assert!(run.stderr.contains("permission denied for "), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(&role.name), "{arguments:?}: {}", run.stderr);
        run.assert_says_nowhere(&role.password);
    }

    /// To the server that is no error: it warns, and gives nothing.
    fn gives_no_rights_as(&self, role: &Role) {
        let more = ["--json", "db", "grants", "--role", &role.name, "--as", "admin", "--apply"];
        self.run_as(role, &role.password, &more).assert_failed(2, "NotTheOwner");
    }

    /// Everything that changes keys or trust is denied, and nothing of it is done.
    fn denies_every_change(&self, role: &Role) {
        let before = self.state();
        let Self { trusted, signing, .. } = self;
        let fingerprint = "ab".repeat(32);
        for arguments in [
            &["orgs", "create", "mine"][..],
            &["orgs", "delete", "acme", "--yes"],
            &["keys", "generate", "--name", "mine", "--org", "acme"],
            &[
                "keys",
                "trust",
                "--org",
                "acme",
                "--import",
                "dev.pub.pem",
                "--expires",
                "2999-01-01",
            ],
            &["keys", "deny", &fingerprint, "--org", "acme"],
            &["keys", "revoke", trusted],
            &["keys", "revoke", signing],
            &["keys", "rotate", signing],
            &["audit", "list", "--org", "acme"],
        ] {
            self.denies(role, arguments);
        }
        assert_eq!(self.state(), before);
    }

    /// What the owner sees of it all.
    fn state(&self) -> Vec<Value> {
        let org = ["--org", "acme"];
        [&["db", "status"][..], &["orgs", "list"], &[&["keys", "list"][..], &org].concat()]
            .into_iter()
            .chain([&[&["audit", "list"][..], &org].concat()[..]])
            .map(|arguments| self.scratch.json(arguments))
            .collect()
    }
}

const VERIFY: [&str; 5] = ["package", "verify", "a.so", "--org", "acme"];

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_runners_role_verifies_and_neither_sees_private_keys_nor_changes_anything() {
    let shop = Shop::open();
    let runner = shop.role("runner");
    shop.allows(&runner, &VERIFY);
    shop.allows(&runner, &["db", "status"]);
    shop.allows(&runner, &["orgs", "list"]);

    // What it may see is shown, and that it may not see the rest.
    for (arguments, trusted) in [
        (&["keys", "list", "--org", "acme"][..], "accepted"),
        (&["orgs", "show", "acme"], "trusted_keys"),
    ] {
        let shown = shop.allows(&runner, arguments);
        assert_eq!(shown["signing_keys"], Value::Null);
        assert_eq!(shown[trusted].as_array().unwrap().len(), 1);
        let shown = shop.run_as(&runner, &runner.password, arguments).stdout;
        assert!(shown.contains(": this database role may not see them\n"), "{shown}");
        assert_eq!(shop.scratch.json(arguments)["signing_keys"].as_array().unwrap().len(), 1);
    }
    shop.denies(&runner, &["keys", "export", &shop.signing]);
    let audit = shop.run_as(&runner, &runner.password, &["audit", "verify"]);
    assert!(audit.stderr.contains("has all rights of a runner"), "{}", audit.stderr);
    shop.denies(&runner, &["package", "sign", "a.so", "--key-id", &shop.signing, "--store"]);
    shop.gives_no_rights_as(&runner);
    shop.denies_every_change(&runner);

    // What it accepted it refuses when an operator has revoked it.
    shop.scratch.json(&["keys", "revoke", &shop.trusted]);
    let run = shop.run_as(&runner, &runner.password, &[&VERIFY[..], &["--json"]].concat());
    run.assert_failed(1, "UntrustedSigner");
}

/// More rights than its purpose needs would be given by mistake.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_role_with_the_rights_of_its_purpose_is_not_told_to_get_more() {
    let shop = Shop::open();
    let (runner, signer) = (shop.role("runner"), shop.role("signer"));
    for (role, noun, arguments) in [
        (&runner, "a runner", &["keys", "show", "release"][..]),
        (&signer, "a signer", &["keys", "rotate", "release"]),
    ] {
        let run = shop.run_as(role, &role.password, &[arguments, &["--json"]].concat());
        run.assert_failed(2, "DatabasePermissionDenied");
        let told = format!("next: {} has all rights of {noun}, and this command", role.name);
        assert!(run.stderr.contains(&told), "{}", run.stderr);
        assert!(!run.stderr.contains("db grants"), "{}", run.stderr);
    }
    let none = shop.scratch.database().create_role();
    let run = shop.run_as(&none, &none.password, &["db", "status", "--json"]);
    run.assert_failed(2, "DatabasePermissionDenied");
    let grant = format!("cloacina db grants --role {} --as runner --apply", none.name);
    assert!(run.stderr.contains(&grant), "{}", run.stderr);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_role_that_does_not_exist_is_to_be_made_first() {
    let shop = Shop::open();
    let grants = |role| ["db", "grants", "--role", role, "--as", "runner", "--apply"];
    let run = shop.scratch.fails(2, "NoSuchRole", &grants("no such role"));
    let next = "next: make the role first: CREATE ROLE \"no such role\" LOGIN; then again";
    assert!(run.stderr.contains(next), "{}", run.stderr);
    let role = shop.scratch.database().create_role();
    assert_eq!(shop.scratch.json(&grants(&role.name))["applied"], true);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_signers_role_signs_and_stores_and_changes_no_trust() {
    let shop = Shop::open();
    let signer = shop.role("signer");
    let (second, _) = shop.scratch.stored_key("second", "acme");
    shop.scratch.write("b.so", "the bytes of b.so");
    for key in [&shop.signing, &second] {
        shop.allows(&signer, &["package", "sign", "b.so", "--key-id", key, "--store"]);
    }
    shop.allows(&signer, &VERIFY);
    shop.gives_no_rights_as(&signer);
    shop.denies_every_change(&signer);

    // For another organization it neither reads keys nor keeps signatures.
    shop.scratch.json(&["orgs", "create", "other"]);
    let (key, _) = shop.scratch.stored_key("other", "other");
    let sign = ["package", "sign", "b.so", "--key-id", &key, "--store", "--json"];
    shop.run_as(&signer, &signer.password, &sign).assert_failed(2, "NoSuchKey");
    let sign = ["package", "sign", "b.so", "--key", "dev.pem", "--store", "--org", "other"];
    let sign = [&sign[..], &["--json"]].concat();
    let run = shop.run_as(&signer, &signer.password, &sign);
    run.assert_failed(2, "RoleOfAnotherOrganization");
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn an_admins_role_removes_what_a_signers_role_stored() {
    let shop = Shop::open();
    let (signer, admin) = (shop.role("signer"), shop.role("admin"));
    shop.scratch.write("b.so", "the bytes of b.so");
    shop.allows(&signer, &["package", "sign", "b.so", "--key-id", &shop.signing, "--store"]);
    let explain = ["package", "verify", "b.so", "--org", "acme", "--explain", "--json"];
    let explained = shop.run_as(&admin, &admin.password, &explain).document();
    let id = text(&explained["result"][0]["explanation"][0]["source"]["signature_id"]);
    let shown = shop.allows(&signer, &["keys", "show", &shop.signing, "--org", "acme"]);
    assert_eq!(shown["history"], Value::Null);
    let show = ["keys", "show", &shop.signing, "--org", "acme"];
    let shown = shop.run_as(&signer, &signer.password, &show).stdout;
    assert!(shown.contains("\nchanges: this database role may not see them\n"), "{shown}");
    shop.denies(&signer, &["package", "unstore", &id]);
    let removed = shop.allows(&admin, &["package", "unstore", &id]);
    assert_eq!(removed[0]["signature_id"], id);
    let run = shop.run_as(&admin, &admin.password, &["package", "unstore", &id, "--json"]);
    run.assert_failed(2, "NoSuchSignature");
    let run = shop.run_as(&admin, &admin.password, &explain);
    run.assert_failed(1, "SignatureNotFound");
    shop.allows(&admin, &["audit", "verify", "--org", "acme"]);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn an_admins_role_manages_keys_and_trust() {
    let shop = Shop::open();
    let admin = shop.role("admin");
    shop.allows(&admin, &["orgs", "create", "mine"]);
    shop.allows(&admin, &["keys", "generate", "--name", "mine", "--org", "mine"]);
    shop.allows(&admin, &["keys", "list", "--org", "acme"]);
    shop.allows(&admin, &VERIFY);
    assert_eq!(shop.allows(&admin, &["keys", "revoke", &shop.trusted])["changed"], true);
    assert_eq!(shop.allows(&admin, &["keys", "revoke", &shop.signing])["changed"], true);
    shop.scratch.fails(1, "UntrustedSigner", &VERIFY);
    shop.allows(&admin, &["audit", "verify", "--org", "acme"]);
    shop.gives_no_rights_as(&admin);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn a_wrong_password_is_refused_and_shown_nowhere() {
    let shop = Shop::open();
    let runner = shop.role("runner");
    for more in [&[][..], &["--json"], &["-v", "-v"], &["--json", "-v", "-v"]] {
        for arguments in [&VERIFY[..], &["db", "status"], &["db", "migrate"]] {
            let arguments = [arguments, more].concat();
            let run = shop.run_as(&runner, "hunter2", &arguments);
            assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
            if more.contains(&"--json") {
                run.assert_failed(2, "DatabasePasswordRefused");
            }
            assert!(run.stderr.contains("password authentication failed"), "{}", run.stderr);
            run.assert_says_nowhere("hunter2");
        }
    }
    let run = shop.run_as(&runner, &runner.password, &[&VERIFY[..], &["-v", "-v"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.assert_says_nowhere(&runner.password);
}

/// The roles of a server, each with something that is wrong about it.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn what_keeps_a_role_from_the_store_is_named() {
    let shop = Shop::open();
    let runner = shop.role("runner");
    let fails = |url: &str, code| {
        let mut command = shop.scratch.command(&["--json", "db", "status"]);
        let run = finish(command.env("CLOACINA_DATABASE_URL", url), b"");
        run.assert_failed(2, code);
        assert!(run.stderr.contains("next: "), "{}", run.stderr);
        run.assert_says_nowhere(&runner.password);
    };
    let database = shop.scratch.database();
    let url = database.url_of(&runner, &runner.password);
    shop.allows(&runner, &["db", "status"]);
    fails(&database.url_of(&runner, "hunter2"), "DatabasePasswordRefused");
    let name = database.name();
    fails(&url.replace(&format!("/{name}?"), "/no_such_database?"), "NoSuchDatabase");

    let role = &runner.name;
    for (statement, undo, code) in [
        ("NOLOGIN", "LOGIN", "DatabaseRoleRefused"),
        ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "DatabaseTooManyConnections"),
        ("PASSWORD NULL", &*format!("PASSWORD '{}'", runner.password), "DatabasePasswordRefused"),
    ] {
        database.execute(&format!("ALTER ROLE {role} {statement}"));
        fails(&url, code);
        database.execute(&format!("ALTER ROLE {role} {undo}"));
        shop.allows(&runner, &["db", "status"]);
    }

    database.execute(&format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"));
    fails(&url, "DatabaseConnectDenied");
    database.execute(&format!("GRANT CONNECT ON DATABASE {name} TO {role}"));
    shop.allows(&runner, &["db", "status"]);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_whose_sessions_are_read_only_by_default_changes_the_store_all_the_same() {
    let shop = Shop::open();
    let admin = shop.role("admin");
    let database = shop.scratch.database();
    database.execute(&format!("ALTER ROLE {} SET default_transaction_read_only = on", admin.name));
    shop.allows(&admin, &["orgs", "create", "mine"]);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn password_comes_from_where_libpq_takes_it() {
    let shop = Shop::open();
    let runner = shop.role("runner");
    let database = shop.scratch.database();
    let url = database.url_of(&runner, "").replace(":@", "@");
    let run = |variables: &[(&str, &str)]| {
        let mut command = shop.scratch.command(&["--json", "db", "status"]);
        command.env("CLOACINA_DATABASE_URL", &url).envs(variables.iter().copied());
        let run = finish(&mut command, b"");
        run.assert_says_nowhere(&runner.password);
        run
    };
    run(&[]).assert_failed(2, "DatabasePasswordNeeded");
    assert_eq!(run(&[("PGPASSWORD", &runner.password)]).code, 0);
    run(&[("PGPASSWORD", "hunter2")]).assert_failed(2, "DatabasePasswordRefused");

    let line =
        |password: &str| format!("127.0.0.1:*:{}:{}:{password}\n", database.name(), runner.name);
    let (right, wrong) = (shop.scratch.path("right"), shop.scratch.path("wrong"));
    shop.scratch.write("right", line(&runner.password));
    shop.scratch.write("wrong", line("hunter2"));
    for (path, mode) in [(&right, 0o600), (&wrong, 0o600)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let [right, wrong] = [&right, &wrong].map(|path| path.to_str().unwrap());
    assert_eq!(run(&[("PGPASSFILE", right)]).code, 0);
    run(&[("PGPASSFILE", wrong)]).assert_failed(2, "DatabasePasswordRefused");
    // The variable goes before the file.
    assert_eq!(run(&[("PGPASSFILE", wrong), ("PGPASSWORD", &runner.password)]).code, 0);
    run(&[("PGPASSFILE", right), ("PGPASSWORD", "hunter2")])
        .assert_failed(2, "DatabasePasswordRefused");
    // What else libpq reads is not: the URL alone names the server.
    assert_eq!(run(&[("PGPASSFILE", right), ("PGHOST", "db.example"), ("PGPORT", "1")]).code, 0);

    fs::set_permissions(right, fs::Permissions::from_mode(0o640)).unwrap();
    run(&[("PGPASSFILE", right)]).assert_failed(2, "UnusablePasswordFile");
}
