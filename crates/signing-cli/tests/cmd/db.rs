use std::fs;

use crate::support::{Scratch, finish, text};

mod a_store_is_migrated_once_and_shown {
    use super::*;

    #[test]
    fn on_sqlite() {
        migrate_and_show(&Scratch::new());
    }

    #[test]
    #[ignore = "needs Postgres: cargo xtask test-db"]
    fn on_postgres() {
        let scratch = Scratch::on_empty_postgres();
        scratch.fails(2, "NoStore", &["db", "status"]);
        scratch.fails(2, "NoStore", &["orgs", "create", "acme"]);
        migrate_and_show(&scratch);
    }
}

fn migrate_and_show(scratch: &Scratch) {
    let made = scratch.json(&["db", "migrate"]);
    assert!(!made["applied"].as_array().unwrap().is_empty());
    assert_eq!(scratch.json(&["db", "migrate"])["applied"], serde_json::json!([]));

    let status = scratch.json(&["db", "status"]);
    assert_eq!(status["schema"], "current");
    assert_eq!(status["kek_id"], serde_json::Value::Null);
    let epoch = status["trust_epoch"].as_i64().unwrap();
    scratch.json(&["orgs", "create", "acme"]);
    scratch.stored_key("release", "acme");
    let later = scratch.json(&["db", "status"]);
    assert!(later["trust_epoch"].as_i64().unwrap() > epoch);
    assert_eq!(text(&later["kek_id"]).len(), 32);
    assert_eq!(later["store_id"], status["store_id"]);
}

#[test]
fn a_missing_store_is_an_error_and_is_not_made() {
    let scratch = Scratch::new();
    for arguments in [
        &["db", "status"][..],
        &["orgs", "list"],
        &["orgs", "delete", "acme"],
        &["keys", "list", "--org", "acme"],
        &["keys", "generate", "--name", "k", "--org", "acme"],
    ] {
        let run = scratch.fails(2, "NoDatabase", arguments);
        assert!(run.stderr.contains("store.db"), "{}", run.stderr);
        assert!(run.stderr.contains("cloacina init"), "{}", run.stderr);
    }
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn the_store_is_private_whatever_the_umask() {
    let scratch = Scratch::new();
    let mut shell = scratch.tool("sh");
    shell.args(["-c", "umask 000; exec \"$0\" db migrate", env!("CARGO_BIN_EXE_cloacina")]);
    shell.env("CLOACINA_DATABASE_URL", scratch.path("new/store.db"));
    let run = finish(&mut shell, b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(scratch.mode("new/store.db"), 0o600);
    assert_eq!(scratch.mode("new"), 0o700);
}

#[test]
fn without_a_url_the_store_is_in_the_users_data_directory() {
    let scratch = Scratch::new();
    let migrate = |arguments: &[&str]| {
        finish(scratch.command(arguments).env_remove("CLOACINA_DATABASE_URL"), b"")
    };
    assert_eq!(migrate(&["db", "migrate"]).code, 0);
    assert!(scratch.exists("home/data/cloacina/cloacina.db"));
    assert_eq!(migrate(&["db", "status"]).code, 0);
    let elsewhere = migrate(&["db", "migrate", "--database-url", "sqlite:here.db"]);
    assert_eq!(elsewhere.code, 0);
    assert!(scratch.exists("here.db"));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let scratch = Scratch::new();
    scratch.write("store.db", "this is a letter to my aunt, not a database at all".repeat(100));
    let before = scratch.read("store.db");
    scratch.fails(2, "NotADatabase", &["db", "status"]);
    scratch.fails(2, "NotADatabase", &["db", "migrate"]);
    scratch.fails(2, "NotADatabase", &["orgs", "create", "acme"]);
    assert_eq!(scratch.read("store.db"), before);
}

#[test]
fn an_empty_file_is_a_store_without_tables() {
    let scratch = Scratch::new();
    scratch.write("store.db", "");
    let run = scratch.fails(2, "NoStore", &["orgs", "create", "acme"]);
    assert!(run.stderr.contains("next: "), "{}", run.stderr);
    scratch.json(&["db", "migrate"]);
    scratch.json(&["orgs", "create", "acme"]);
}

#[test]
fn urls_that_name_no_store_are_refused() {
    let scratch = Scratch::new();
    for url in ["", "sqlite:", ":memory:", "mysql://host/db"] {
        scratch.fails(2, "InvalidDatabaseUrl", &["db", "migrate", "--database-url", url]);
    }
    assert_eq!(scratch.files(), [""; 0]);
}

#[cfg(feature = "postgres")]
mod postgres {
    use signing_trust::store::{RoleLimits, RoleName, RolePurpose, ServerProtection};

    use super::*;

    #[test]
    fn a_password_on_the_command_line_is_refused_and_never_shown() {
        let scratch = Scratch::new();
        let status = |url: &str, code: &str| {
            let run = scratch.fails(2, code, &["db", "status", "-vv", "--database-url", url]);
            run.assert_says_nowhere("hunter2");
            // It goes on after that, and shows commands.
            let doctor = scratch.run(&["doctor", "--database-url", url]);
            doctor.assert_says_nowhere("hunter2");
            run
        };
        let run = status("postgres://ann:hunter2@127.0.0.1:1/db", "PasswordOnCommandLine");
        assert!(run.stderr.contains("next: put the whole URL into"), "{}", run.stderr);
        status("postgres://127.0.0.1:1/db?password=hunter2", "PasswordOnCommandLine");
        status("postgres://ann:hunter2@db.example/db?sslmode=disable", "InsecureConnection");
        status("postgres:/ann:hunter2@db.example/db", "InvalidDatabaseUrl");
        status("postgres://ann:hunter2@127.0.0.1:port/db", "InvalidDatabaseUrl");
        status("mysql://ann:hunter2@127.0.0.1/db", "InvalidDatabaseUrl");
        // Nothing that may be of a password is looked up, or read as a parameter.
        for url in [
            "postgres://u:p@hunter2@127.0.0.1:1/db",
            "postgres://u:a@hunter2/x@127.0.0.1/db",
            "postgres://u:a@b?sslmode=hunter2@h/db",
        ] {
            let run = status(url, "InvalidDatabaseUrl");
            assert!(run.stderr.contains("%40 for an @"), "{}", run.stderr);
            let mut command = scratch.command(&["db", "status", "-vv", "--json"]);
            let run = finish(command.env("CLOACINA_DATABASE_URL", url), b"");
            run.assert_failed(2, "InvalidDatabaseUrl");
            run.assert_says_nowhere("hunter2");
        }
        // Without a password the same address is tried, and nobody is there.
        status("postgres://ann@127.0.0.1:1/db", "DatabaseNotListening");
    }

    #[test]
    fn a_password_in_the_environment_is_used_and_never_shown() {
        let scratch = Scratch::new();
        // Bound and dropped at once, so that nobody listens there.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        for arguments in [&["db", "status"][..], &["db", "migrate"], &["orgs", "create", "acme"]] {
            let mut command = scratch.command(arguments);
            command.args(["--json", "-vv"]);
            command.env(
                "CLOACINA_DATABASE_URL",
                format!("postgres://ann:hunter2@127.0.0.1:{port}/db"),
            );
            let run = finish(&mut command, b"");
            run.assert_failed(2, "DatabaseNotListening");
            run.assert_says_nowhere("hunter2");
            assert!(run.stderr.contains("next: "), "{}", run.stderr);
        }
    }

    #[test]
    fn server_on_this_machine_is_asked_without_tls_only_if_that_is_said() {
        let scratch = Scratch::new();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://ann@127.0.0.1:{port}/db?sslmode=disable");
        let status = ["db", "status", "--database-url", &url];
        scratch.fails(2, "InsecureConnection", &status);
        let nobody = listener.accept().unwrap_err();
        assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);

        listener.set_nonblocking(false).unwrap();
        // The server closes every connection.
        let server = std::thread::spawn(move || listener.accept().map(drop));
        let allowed = [&status[..], &["--danger-allow-insecure-database"]].concat();
        let run = scratch.fails(2, "DatabaseUnavailable", &allowed);
        assert!(run.stderr.contains("warning: no TLS proves that 127.0.0.1"), "{}", run.stderr);
        server.join().unwrap().unwrap();
    }

    #[test]
    fn less_than_verified_tls_is_refused() {
        let scratch = Scratch::new();
        for url in [
            "postgres://ann@db.example/db?sslmode=disable",
            "postgres://ann@192.0.2.1:5432/db?sslmode=require",
            "postgres://ann@localhost/db?sslmode=require",
        ] {
            let run =
                scratch.fails(2, "InsecureConnection", &["db", "status", "--database-url", url]);
            assert!(run.stderr.contains("next: "), "{}", run.stderr);
        }
    }

    #[test]
    fn the_rights_of_a_purpose_are_printed_as_the_library_gives_them() {
        let scratch = Scratch::new();
        let role = "night \"watch\"";
        let name: RoleName = role.parse().unwrap();
        let acme = scratch.json(&["orgs", "create", "acme"]);
        let acme = acme["id"].as_str().unwrap().parse().unwrap();
        for (purpose, rights) in [
            (&["runner"][..], RolePurpose::Runner),
            (&["signer", "--org", "acme"], RolePurpose::Signer(acme)),
            (&["admin"], RolePurpose::Admin),
        ] {
            let grants = [&["db", "grants", "--role", role, "--as"], purpose].concat();
            let limits = RoleLimits::OfPurpose;
            assert_eq!(scratch.json(&grants)["sql"], rights.sql(&name, limits), "{purpose:?}");
            let printed = scratch.run(&grants).stdout;
            let (of_role, of_superuser) = printed.split_once("\n\n-- ").unwrap();
            assert_eq!(format!("{of_role}\n"), rights.sql(&name, limits), "{purpose:?}");
            assert!(of_superuser.ends_with(&ServerProtection::sql()), "{of_superuser}");
        }
    }

    #[test]
    fn rights_for_every_role_are_not_printed() {
        let scratch = Scratch::new();
        let grants = |role| scratch.run(&["db", "grants", "--role", role, "--as", "runner"]);
        assert_eq!(grants("publics").code, 0);
        let refused = grants("public");
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
        assert!(refused.stderr.contains("it means every role"), "{}", refused.stderr);
    }

    #[test]
    fn a_role_may_have_one_connection_and_not_none() {
        let scratch = Scratch::new();
        let grants = ["db", "grants", "--role", "runner", "--as", "runner", "--connections"];
        let run = scratch.run(&[&grants[..], &["0"]].concat());
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stderr.contains("expected a number of 1 or more"), "{}", run.stderr);
        let sql = scratch.json(&[&grants[..], &["1"]].concat())["sql"].clone();
        assert!(sql.as_str().unwrap().contains("CONNECTION LIMIT 1;"), "{sql}");
    }

    #[test]
    fn a_sqlite_file_has_no_roles() {
        let scratch = Scratch::new();
        scratch.json(&["orgs", "create", "acme"]);
        let apply = ["db", "grants", "--role", "runner", "--as", "runner", "--apply"];
        scratch.fails(2, "NoRoles", &apply);
    }
}

#[test]
fn store_that_a_command_makes_is_named() {
    let scratch = Scratch::new();
    let made = scratch.run(&["orgs", "create", "acme"]);
    let expected = format!("note: created the store {}\n", scratch.path("store.db").display());
    assert_eq!((made.code, made.stderr.as_str()), (0, expected.as_str()));
    // Only the one that makes it says so, and none that was told to be quiet.
    assert_eq!(scratch.run(&["orgs", "create", "other"]).stderr, "");
    fs::remove_file(scratch.path("store.db")).unwrap();
    assert_eq!(scratch.run(&["--quiet", "orgs", "create", "acme"]).stderr, "");
}
