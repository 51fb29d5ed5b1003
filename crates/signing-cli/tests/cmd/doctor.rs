//! What is wrong, and what to do about it.

mod role;
mod signed_trust;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{NOBODY, OTHER_KEK, Scratch, as_nobody, as_root, finish, forge, text};

/// What `doctor` says.
struct Examined {
    code: i32,
    checks: Vec<Value>,
}

impl Examined {
    fn of(scratch: &Scratch, arguments: &[&str]) -> Self {
        Self::by(scratch, arguments, |_| {})
    }

    fn by(
        scratch: &Scratch,
        arguments: &[&str],
        prepare: impl FnOnce(&mut std::process::Command),
    ) -> Self {
        let mut command = scratch.command(&["doctor", "--json"]);
        prepare(command.args(arguments));
        let run = finish(&mut command, b"");
        let document = run.document();
        let checks = document["result"]["checks"].as_array().unwrap().clone();
        Self { code: run.code, checks }
    }

    /// The only check of this name has this verdict.
    #[track_caller]
    fn assert(&self, check: &str, verdict: &str) -> &Value {
        let found: Vec<_> = self.checks.iter().filter(|found| found["check"] == check).collect();
        assert_eq!(found.len(), 1, "{check}: {:#?}", self.checks);
        assert_eq!(found[0]["verdict"], verdict, "{:#?}", found[0]);
        let is_to_be_mended = ["warning", "problem"].contains(&verdict);
        assert_eq!(found[0].get("next").is_some(), is_to_be_mended, "{:#?}", found[0]);
        found[0]
    }

    /// Whether anything is a problem, as the exit code says.
    #[track_caller]
    fn assert_problems(&self, problems: usize) {
        let found = self.checks.iter().filter(|check| check["verdict"] == "problem").count();
        assert_eq!(found, problems, "{:#?}", self.checks);
        assert_eq!(self.code, i32::from(problems > 0));
    }
}

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    fs::set_permissions(scratch.path(""), Permissions::from_mode(0o700)).unwrap();
    scratch.json(&["init", "acme"]);
    scratch
}

fn set_mode(scratch: &Scratch, name: &str, mode: u32) {
    fs::set_permissions(scratch.path(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_good_store_has_no_problem() {
    let scratch = scratch();
    let before = scratch.files();
    let examined = Examined::of(&scratch, &[]);
    examined.assert_problems(0);
    for check in
        ["store", "store files", "tables", "clock", "key encryption key", "sealed memory", "expiry"]
    {
        examined.assert(check, "ok");
    }
    assert_eq!(examined.checks.len(), 7);
    assert_eq!(scratch.files(), before);
}

#[test]
fn a_store_that_is_not_there_is_a_problem_and_is_not_made() {
    let scratch = Scratch::new();
    let examined = Examined::of(&scratch, &[]);
    examined.assert_problems(1);
    examined.assert("store", "problem");
    for check in ["store files", "tables", "clock", "key encryption key", "expiry"] {
        examined.assert(check, "not_checked");
    }
    // What does not need the store is checked all the same.
    examined.assert("sealed memory", "ok");
    assert_eq!(scratch.files(), [""; 0]);
}

#[test]
fn files_that_others_can_write_are_a_problem() {
    let scratch = scratch();
    for (name, bad, good) in [("store.db", 0o666, 0o600), ("", 0o777, 0o700)] {
        set_mode(&scratch, name, bad);
        let examined = Examined::of(&scratch, &[]);
        let next = text(&examined.assert("store files", "problem")["next"]);
        assert!(next.contains("chmod") || next.contains("mkdir"), "{next}");
        examined.assert("store", "not_checked");
        set_mode(&scratch, name, good);
        Examined::of(&scratch, &[]).assert_problems(0);
    }
}

#[test]
fn a_store_with_a_write_ahead_log_is_not_opened_and_gets_no_files() {
    let scratch = scratch();
    forge(&scratch, "PRAGMA journal_mode = WAL");
    let before = scratch.files();
    let examined = Examined::of(&scratch, &[]);
    let next = text(&examined.assert("store", "problem")["next"]).to_owned();
    examined.assert("store files", "not_checked");
    assert_eq!(scratch.files(), before);

    assert!(next.ends_with("cloacina db migrate"), "{next}");
    scratch.json(&["db", "migrate"]);
    Examined::of(&scratch, &[]).assert_problems(0);
    assert_eq!(scratch.files(), before);
}

#[test]
fn a_store_that_can_only_be_read_is_examined() {
    let scratch = scratch();
    for (name, mode) in [("store.db", 0o444), ("", 0o555)] {
        set_mode(&scratch, name, mode);
    }
    Examined::of(&scratch, &[]).assert_problems(0);
    set_mode(&scratch, "", 0o700);
}

#[test]
fn tables_of_another_version_are_a_problem() {
    let scratch = scratch();
    forge(&scratch, "INSERT INTO schema_migrations VALUES ('9999_future')");
    let examined = Examined::of(&scratch, &[]);
    examined.assert_problems(1);
    examined.assert("store", "ok");
    examined.assert("tables", "problem");
    examined.assert("expiry", "not_checked");
    forge(&scratch, "DELETE FROM schema_migrations WHERE name = '9999_future'");
    Examined::of(&scratch, &[]).assert("tables", "ok");
}

#[test]
fn a_kek_that_does_not_fit_is_a_problem_and_one_that_is_missing_a_warning() {
    const VAR: &str = "CLOACINA_KEY_ENCRYPTION_KEY";
    let scratch = scratch();
    let with = |arguments: &[&str], kek: Option<&str>| {
        Examined::by(&scratch, arguments, |command| {
            match kek {
                Some(kek) => command.env(VAR, kek),
                None => command.env_remove(VAR),
            };
        })
    };
    let other = with(&[], Some(OTHER_KEK));
    let message = text(&other.assert("key encryption key", "problem")["message"]);
    assert!(message.contains(VAR), "{message}");
    other.assert_problems(1);
    with(&[], Some("short")).assert("key encryption key", "problem");
    with(&[], None).assert("key encryption key", "warning");
    // It depends on what the machine is for.
    with(&["--role", "signer"], None).assert("key encryption key", "problem");
    with(&["--role", "runner"], None).assert("key encryption key", "ok");
    Examined::of(&scratch, &["--role", "signer"]).assert("key encryption key", "ok");
    Examined::of(&scratch, &["--role", "runner"]).assert("key encryption key", "warning");
    Examined::of(&scratch, &["--role", "runner"]).assert("role", "not_checked");
}

#[test]
fn a_kek_file_that_others_can_read_is_a_problem() {
    let scratch = scratch();
    scratch.write("kek", crate::support::KEK);
    let by_file = |mode| {
        set_mode(&scratch, "kek", mode);
        Examined::of(&scratch, &["--kek-file", "kek"])
    };
    let next = text(&by_file(0o644).assert("key encryption key", "problem")["next"]);
    assert!(next.starts_with("chmod 600 "), "{next}");
    // In the directory of the store, it is in every copy of that.
    by_file(0o600).checks.iter().find(|check| check["verdict"] == "warning").unwrap();
    fs::create_dir(scratch.path("apart")).unwrap();
    fs::rename(scratch.path("kek"), scratch.path("apart/kek")).unwrap();
    Examined::of(&scratch, &["--kek-file", "apart/kek"]).assert("key encryption key", "ok");
    set_mode(&scratch, "apart", 0o777);
    let examined = Examined::of(&scratch, &["--kek-file", "apart/kek"]);
    let next = text(&examined.assert("key encryption key", "problem")["next"]);
    assert!(next.contains("then: chmod go-w "), "{next}");
}

#[test]
fn a_private_key_that_is_not_its_rows_is_a_problem() {
    let scratch = scratch();
    forge(&scratch, "UPDATE signing_keys SET wrapped_key = zeroblob(length(wrapped_key))");
    let examined = Examined::of(&scratch, &[]);
    let message = text(&examined.assert("key encryption key", "problem")["message"]);
    assert!(message.starts_with("acme/release cannot be used"), "{message}");
    examined.assert_problems(1);
}

#[test]
fn a_clock_that_is_behind_the_log_is_a_problem() {
    let scratch = scratch();
    Examined::of(&scratch, &[]).assert("clock", "ok");
    let day = 24 * 60 * 60 * 1_000_000_i64;
    let later = format!("UPDATE audit_log SET occurred_at = occurred_at + {day}");
    forge(&scratch, &format!("DROP TRIGGER audit_log_is_not_updated; {later}"));
    Examined::of(&scratch, &[]).assert("clock", "problem");
}

#[test]
fn what_ends_within_30_days_is_a_warning_and_what_ends_later_is_not() {
    let scratch = scratch();
    scratch.key_files("dev");
    scratch.json(&["orgs", "create", "vendor"]);
    let trust = ["keys", "trust", "--org", "acme", "--import", "dev.pub.pem", "--expires"];
    let grant = ["orgs", "grant-trust", "--from", "acme", "--to", "vendor", "--expires"];
    scratch.write("a.so", "a");
    let sign =
        ["sign", "a.so", "--key", "dev.pem", "--org", "acme", "--store", "--force", "--expires"];
    for (command, what) in [
        (&trust[..], "acme's trust in"),
        (&grant, "the trust that acme grants vendor"),
        (&sign, "acme's signature"),
    ] {
        scratch.json(&[command, &["60d"]].concat());
        Examined::of(&scratch, &[]).assert("expiry", "ok");
        scratch.json(&[command, &["7d"]].concat());
        let examined = Examined::of(&scratch, &[]);
        let message = text(&examined.assert("expiry", "warning")["message"]);
        assert!(message.starts_with(what), "{message}");
        examined.assert_problems(0);
        forge(&scratch, "DELETE FROM package_signatures");
        scratch.json(&[command, &["60d"]].concat());
        forge(&scratch, "DELETE FROM package_signatures");
    }
}

#[test]
fn a_signature_that_ends_is_renewed_with_its_version_and_for_all_who_signed() {
    let scratch = scratch();
    scratch.write("a.so", "a");
    let (_, fingerprint) = scratch.stored_key("night", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "acme/night"]);
    let sign = ["sign", "a.so", "--key-id", "acme/night", "--store", "--expires", "7d"];
    let kept = scratch.json(&[&sign[..], &["--package-version", "1.4.0"]].concat());
    let kept = text(&kept[0]["signature_id"]);
    let next = || text(&Examined::of(&scratch, &[]).assert("expiry", "warning")["next"]);

    let sign_again = format!(
        "cloacina sign <path> --name a.so --package-version 1.4.0 --key-id acme/{} --store --force \
         --expires 365d",
        &fingerprint[..16]
    );
    let remove = format!("cloacina package unstore {kept}");
    let is_used = "if the package is still used, sign it again: ";
    assert_eq!(next(), format!("{is_used}{sign_again}; then remove this signature: {remove}"));
    for command in [&sign_again, &remove] {
        let command = command.replace("<path>", "a.so");
        scratch.json(&command.split(' ').skip(1).collect::<Vec<_>>());
    }
    Examined::of(&scratch, &[]).assert("expiry", "ok");

    // Another signer's would be lost.
    let alone = scratch.json(&[&sign[..], &["--force"]].concat());
    let cosign = ["package", "cosign", "a.so", "--org", "acme", "--key-id", "acme/release"];
    scratch.json(&[&cosign[..], &["--store", "--yes"]].concat());
    scratch.json(&["package", "unstore", &text(&alone[0]["signature_id"])]);
    let both = "; have each other signer add theirs: cloacina package cosign <path> --name a.so";
    assert!(next().contains(both), "{}", next());

    // What nobody accepts any more needs no successor.
    for key in ["acme/night", "acme/release"] {
        scratch.json(&["keys", "revoke", key, "--trusted"]);
    }
    Examined::of(&scratch, &[]).assert("expiry", "ok");
}

#[test]
fn trust_that_ends_is_renewed_by_what_the_store_has_of_the_key() {
    let scratch = scratch();
    scratch.key_files("dev");
    let (id, fingerprint) = scratch.stored_key("own", "acme");
    for (which, key, renewal) in [
        ("--key-id", &*id, format!("--key-id {}", &fingerprint[..16])),
        ("--import", "dev.pub.pem", "--import <public key>".to_owned()),
    ] {
        let trust = ["keys", "trust", "--org", "acme", which, key, "--expires"];
        scratch.json(&[&trust[..], &["7d"]].concat());
        let next = text(&Examined::of(&scratch, &[]).assert("expiry", "warning")["next"]);
        let command = format!("cloacina keys trust --org acme {renewal} --expires 365d");
        assert!(next.starts_with(&format!("to renew it: {command}")), "{next}");
        let command = command.replace("<public key>", "dev.pub.pem");
        scratch.json(&command.split(' ').skip(1).collect::<Vec<_>>());
        Examined::of(&scratch, &[]).assert("expiry", "ok");
    }
}

#[test]
fn documents_that_were_just_signed_are_not_near_their_end() {
    let scratch = scratch();
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    // They live for a month, and for one day.
    scratch.json(&[&init[..], &["--expires", "1d"]].concat());
    Examined::of(&scratch, &[]).assert("expiry", "ok");
}

#[test]
fn the_files_of_signed_trust_are_examined_where_they_are_named() {
    let scratch = scratch();
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "root.json"]].concat());
    let named = ["--trust-root", "root.json", "--state-file", "root.json.state"];
    let good = Examined::of(&scratch, &named);
    good.assert("root document", "ok");
    good.assert("state file", "ok");
    for (name, check) in [("root.json", "root document"), ("root.json.state", "state file")] {
        set_mode(&scratch, name, 0o666);
        let examined = Examined::of(&scratch, &named);
        examined.assert(check, "problem");
        examined.assert_problems(1);
        set_mode(&scratch, name, 0o600);
    }
    let before = scratch.files();
    let absent = Examined::of(&scratch, &["--state-file", "other.state"]);
    absent.assert("state file", "warning");
    assert_eq!(scratch.files(), before);
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn a_state_file_that_cannot_be_written_is_a_problem() {
    let scratch = scratch();
    scratch.key_files("root");
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    scratch.json(&[&init[..], &["--root-output", "root.json"]].concat());
    fs::create_dir(scratch.path("state")).unwrap();
    // Another user finds his store and a state file, whose directory is root's.
    for path in ["", "state"] {
        set_mode(&scratch, path, 0o755);
    }
    let doctor = scratch.command(&["doctor", "--json", "--state-file", "state/acme.state"]);
    let mut doctor = as_nobody(&doctor);
    doctor.env("CLOACINA_DATABASE_URL", "gone.db").env("HOME", "/nonexistent");
    let verdict = |doctor: &mut std::process::Command| {
        let document = finish(doctor, b"").document();
        let checks = document["result"]["checks"].as_array().unwrap().clone();
        text(&checks.iter().find(|check| check["check"] == "state file").unwrap()["verdict"])
    };
    assert_eq!(verdict(&mut doctor), "problem");
    let mut give = as_root(scratch.tool("chown").args([&NOBODY.to_string(), "state"]));
    assert_eq!(finish(&mut give, b"").code, 0);
    assert_eq!(verdict(&mut doctor), "warning", "it is not there, and can be made");
}

#[test]
fn people_read_a_line_for_each_check_and_a_total() {
    let scratch = scratch();
    let run = scratch.run(&["doctor", "--role", "runner"]);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    assert!(run.stdout.contains("\nwarning key encryption key: "), "{}", run.stdout);
    assert!(run.stdout.contains("\n  next: "), "{}", run.stdout);
    let total = "8 checks: 0 problems, 1 warning, 1 not checked\n";
    assert!(run.stdout.ends_with(total), "{}", run.stdout);
    scratch.fails(1, "ProblemsFound", &["doctor", "--database-url", "gone.db"]);
}
