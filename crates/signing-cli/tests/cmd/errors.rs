//! Errors that need a machine, a store or a signature in a state of its own. What each
//! error looks like is beside `error/golden.rs`; here they come about.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;
use signing_crypto::SigningKey;

use crate::support::{Run, Scratch, finish, forge, text};

/// The run's error has the code, the exit code and a next step that says this.
#[track_caller]
fn assert_next(run: &Run, exit: i32, code: &str, next: &str) {
    run.assert_failed(exit, code);
    let said = text(&run.document()["error"]["next"]);
    assert!(said.contains(next), "{said}");
    assert!(run.stderr.contains(&format!("next: {said}")), "{}", run.stderr);
}

#[test]
fn a_store_that_a_newer_program_has_migrated_is_left_alone() {
    let scratch = Scratch::with_orgs(&["acme"]);
    forge(&scratch, "INSERT INTO schema_migrations (name) VALUES ('9999_later')");
    for arguments in [&["orgs", "create", "later"][..], &["db", "migrate"]] {
        let run = scratch.fails(2, "SchemaTooNew", arguments);
        assert_next(&run, 2, "SchemaTooNew", "use a newer cloacina");
        assert!(run.stderr.contains("\"9999_later\""), "{}", run.stderr);
    }
    forge(&scratch, "DELETE FROM schema_migrations WHERE name = '9999_later'");
    assert_eq!(scratch.json(&["orgs", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_store_below_something_that_is_no_directory_cannot_be_made() {
    let scratch = Scratch::new();
    scratch.write("file", "");
    let arguments = ["db", "migrate", "--database-url", "sqlite:file/store.db"];
    let run = scratch.fails(2, "UnusableDatabaseFile", &arguments);
    assert_next(&run, 2, "UnusableDatabaseFile", "check that the directory exists");
    let named = scratch.path("file").display().to_string();
    assert!(run.stderr.contains(&named), "{}", run.stderr);
    assert_eq!(scratch.files(), ["file"]);
}

#[test]
fn a_database_url_that_is_not_unicode_is_not_guessed() {
    let scratch = Scratch::new();
    let mut command = scratch.command(&["db", "migrate", "--json"]);
    let run = finish(command.env("CLOACINA_DATABASE_URL", OsStr::from_bytes(b"store\xff.db")), b"");
    assert_next(&run, 2, "NotUnicode", "set CLOACINA_DATABASE_URL to text in UTF-8");
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn a_machine_without_descriptors_to_give_is_told_from_a_broken_store() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let list = |descriptors: u32| {
        // Descriptors that the tests inherited would count.
        let script = format!(
            "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n {descriptors} || exit 99; \
             exec \"$0\" orgs list --json"
        );
        let mut shell = scratch.tool("sh");
        finish(shell.args(["-c", &script, env!("CARGO_BIN_EXE_cloacina")]), b"")
    };
    assert_next(&list(4), 2, "RuntimeFailed", "ulimit -a");
    assert_eq!(list(64).code, 0);
}

#[test]
fn a_successor_keeps_the_one_before_from_coming_back() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    let rotate = || text(&scratch.json(&["keys", "rotate", &id])["successor"]["id"]);
    let first = rotate();
    scratch.json(&["keys", "revoke", &first]);
    let second = rotate();
    assert_ne!(first, second);

    let reinstate = ["keys", "reinstate", &first, "--note", "by mistake"];
    let run = scratch.fails(2, "SuccessorExists", &reinstate);
    assert_next(&run, 2, "SuccessorExists", "to make another, revoke it first");
    scratch.json(&["keys", "revoke", &second]);
    assert_eq!(scratch.json(&reinstate)["changed"], true);
}

#[test]
fn a_signature_that_names_no_key_is_tried_against_so_many_keys_and_no_more() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"]);
    let mut document: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    document["signatures"][0].as_object_mut().unwrap().remove("keyid");
    scratch.write("a.so.sig", document.to_string());

    let trust_more = |count: usize| {
        scratch.inspect(async |keys| {
            let org = keys.store().organizations().await.unwrap()[0].id;
            for _ in 0..count {
                let key = SigningKey::generate().unwrap().verifying_key();
                keys.trust_public_key(org, &key, None, None).await.unwrap();
            }
        });
    };
    let verify = ["package", "verify", "a.so", "--org", "acme"];
    trust_more(63);
    scratch.json(&verify);
    trust_more(1);
    let run = scratch.fails(2, "TooManyCandidates", &verify);
    assert_next(&run, 2, "TooManyCandidates", "a tool that writes a keyid");
}

#[cfg(feature = "postgres")]
#[test]
fn root_certificates_that_are_none_are_noticed_before_anybody_is_asked() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.write("empty.pem", "");
    scratch.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for file in ["gone.pem", "empty.pem", "broken.pem", "dev.pub.pem"] {
        let url = format!("postgres://ann@127.0.0.1:1/db?sslrootcert={file}");
        let status = ["db", "status", "--database-url", &url];
        let run = scratch.fails(2, "InvalidRootCertificates", &status);
        assert_next(&run, 2, "InvalidRootCertificates", "sslrootcert=<PEM file>");
        assert!(run.stderr.contains(file), "{}", run.stderr);
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("postgres://ann@{address}/db?sslmode=disable");
    // The system takes connections for it, and nobody ever answers.
    let status = ["db", "status", "--danger-allow-insecure-database", "--database-url", &url];
    let run = Scratch::new().fails(2, "DatabaseTimedOut", &status);
    assert_next(&run, 2, "DatabaseTimedOut", "try again when the database answers");
}

/// Each command line is complete but for one value, which no type has.
#[test]
fn a_wrong_value_is_a_usage_error_in_every_command_before_anything_runs() {
    let scratch = Scratch::new();
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for line in [
        "orgs create a:b",
        "orgs show a:b",
        "orgs delete a:b",
        "orgs grant-trust --from a:b --to vendor",
        "orgs grant-trust --from acme --to a:b",
        "orgs grant-trust --from acme --to vendor --expires soon",
        "orgs grant-trust --from acme --to vendor --packages a/b",
        "orgs revoke-trust --from acme --to a:b",
        "keys generate --name a:b --org acme",
        "keys generate --name a:b --output dev.pem",
        "keys generate --name dev --org a:b",
        "keys import --name a:b --org acme --key dev.pem",
        "keys list --org a:b",
        "keys export a:b",
        "keys trust --org acme --key-id a:b",
        "keys trust --org acme --import dev.pub.pem --name a:b",
        "keys trust --org acme --import dev.pub.pem --expires soon",
        "keys deny a:b --org acme",
        "keys revoke a:b",
        "keys revoke a/b/c --org acme",
        "keys revoke /b --org acme --signing",
        "keys revoke 67e55044 --org a:b --trusted",
        "keys reinstate a:b --note mistake",
        "keys rotate a:b",
        "keys rotate 67e55044-10b1-426f-9247-bb680e5fe0c8 --name a:b",
        "package sign a.so --key dev.pem --expires soon",
        "package sign a.so --key dev.pem --name a/b",
        "package sign a.so --key-id a:b",
        "package verify a.so --org a:b",
        "package inspect a.so --org a:b",
        "package unstore release",
        "package floor set --org acme --name a.so latest",
        "package floor unset --org acme --name a/b",
        "trust graph --org a:b",
        "audit list --org acme --since soon",
        "audit list --org acme --until soon",
        "audit list --org acme --event keys",
        "audit list --org acme --key a:b",
        "audit verify --org a:b",
        "audit verify --checkpoint kept --key-id a:b",
        "audit checkpoint --all --key-id a:b",
        "db grants --role r --as signer --org a:b",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let run = scratch.fails(2, "Usage", &words);
        assert!(run.stderr.starts_with("error: invalid value '"), "{line}: {}", run.stderr);
    }
    assert_eq!(scratch.files(), [""; 0]);
    // The same with a value of the right form gets as far as the store, which is missing.
    scratch.fails(2, "NoDatabase", &["keys", "revoke", id]);
    scratch.fails(2, "NoDatabase", &["audit", "list", "--org", "acme", "--since", "8w"]);
}

#[test]
fn a_wrong_value_is_answered_with_the_usage_of_its_command() {
    let scratch = Scratch::new();
    for (line, usage) in [
        // Refused beside the other options, as one that is refused by itself.
        ("orgs grant-trust --from a --to b --packages a/b", "Usage: cloacina orgs grant-trust"),
        ("orgs grant-trust --from a --to b --expires x", "For more information"),
        ("orgs grant-trust --from a", "Usage: cloacina orgs grant-trust"),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let run = scratch.run(&words);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(usage), "{}", run.stderr);
        assert!(!run.stderr.contains("Usage: cloacina [OPTIONS]"), "{}", run.stderr);
        assert!(!run.stderr.contains("\n\n\n"), "{}", run.stderr);
    }
    let program = scratch.run(&["--unknown"]);
    assert!(program.stderr.contains("Usage: cloacina [OPTIONS] <COMMAND>"), "{}", program.stderr);
}
