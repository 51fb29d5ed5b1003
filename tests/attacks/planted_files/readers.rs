//! Another user who reads the store, and must not change it nor leave anything there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use super::journals::rollback_journal;
use super::{chmod, chown};
use crate::support::{Run, Scratch, as_nobody, as_root, finish};

const MAY_READ: [u32; 2] = [0o755, 0o644];
const READ_ONLY: [u32; 2] = [0o555, 0o444];

/// A store that others may read, with a key that is trusted and a package that it signed.
struct Shared {
    scratch: Scratch,
    program: PathBuf,
}

impl Shared {
    fn new() -> Self {
        let scratch = Scratch::with_orgs(&["acme"]);
        scratch.key_files("release");
        scratch.json(&["keys", "trust", "--org", "acme", "--import", "release.pub.pem"]);
        scratch.signed_package("lib.so", "release.pem");
        chmod(&scratch.path("lib.so"), 0o644);
        // Where it was built, another user may not be able to reach it.
        let program = scratch.path("cloacina");
        fs::copy(env!("CARGO_BIN_EXE_cloacina"), &program).unwrap();
        let shared = Self { scratch, program };
        shared.allow(MAY_READ);
        shared
    }

    fn allow(&self, [directory, file]: [u32; 2]) {
        chmod(&self.scratch.path("store.db"), file);
        chmod(&self.scratch.path(""), directory);
    }

    /// The program, run by the reader.
    fn reader(&self, arguments: &[&str]) -> Command {
        let mut command = self.scratch.tool(self.program.to_str().unwrap());
        command.arg("--json").args(arguments);
        command.env("CLOACINA_DATABASE_URL", self.scratch.path("store.db"));
        as_nobody(&command)
    }

    fn reads(&self, arguments: &[&str]) -> Run {
        finish(&mut self.reader(arguments), b"")
    }

    fn verify(&self) -> Run {
        self.reads(&VERIFY)
    }

    /// Asserts that whatever only reads does so, and that nothing was written.
    fn assert_readable(&self) {
        let before = self.state();
        self.verify().assert_accepted();
        for arguments in [
            &["package", "verify", "lib.so", "--org", "acme", "--explain"][..],
            &["package", "inspect", "lib.so.sig", "--org", "acme"],
            &["package", "floor", "list", "--org", "acme"],
            &["keys", "list", "--org", "acme"],
            &["keys", "list", "--compromised"],
            &["orgs", "list"],
            &["orgs", "show", "acme"],
            &["trust", "graph"],
            &["audit", "list", "--org", "acme"],
            &["audit", "verify", "--org", "acme"],
            &["db", "status"],
        ] {
            self.reads(arguments).assert_accepted();
        }
        assert_eq!(self.state(), before);
    }

    fn state(&self) -> (Vec<String>, Vec<u8>, i64) {
        let changed = fs::metadata(self.scratch.path("")).unwrap().mtime_nsec();
        (self.scratch.files(), self.scratch.read("store.db"), changed)
    }
}

const VERIFY: [&str; 5] = ["package", "verify", "lib.so", "--org", "acme"];

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn reader_of_another_user_reads_and_leaves_no_file() {
    let shared = Shared::new();
    for modes in [MAY_READ, READ_ONLY] {
        shared.allow(modes);
        shared.assert_readable();
    }
    // What the owner then does, others see.
    shared.allow(MAY_READ);
    let list = shared.scratch.json(&["keys", "list", "--org", "acme"]);
    let trusted = list["accepted"][0]["id"].as_str().unwrap();
    shared.scratch.json(&["keys", "revoke", trusted]);
    shared.verify().assert_failed(1, "UntrustedSigner");
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn store_on_a_read_only_file_system_is_read() {
    let shared = Shared::new();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && \"$@\"";
    let directory = shared.scratch.path("").display().to_string();
    let as_owner = |arguments: &[&str]| {
        let program = shared.scratch.command(arguments);
        let mut command = shared.scratch.tool("unshare");
        command.args(["--mount", "sh", "-c", mount, "sh", &directory, "env"]);
        for name in ["CLOACINA_DATABASE_URL", "CLOACINA_KEY_ENCRYPTION_KEY"] {
            let value = program.get_envs().find(|(found, _)| *found == name).unwrap().1.unwrap();
            command.arg(format!("{name}={}", value.to_str().unwrap()));
        }
        command.arg(program.get_program()).arg("--json").args(arguments);
        finish(&mut as_root(&command), b"")
    };
    // Nobody but root can mount, and root believes its own files and those of a named user.
    chown(&shared.scratch.path("store.db"), 0);
    chown(&shared.scratch.path(""), 0);
    as_owner(&VERIFY).assert_accepted();
    as_owner(&["audit", "verify", "--org", "acme"]).assert_accepted();
    as_owner(&["orgs", "create", "other"]).assert_failed(2, "ReadOnlyDatabase");
    as_owner(&["db", "migrate"]).assert_failed(2, "ReadOnlyDatabase");
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn reader_of_another_user_is_told_what_it_may_not_do() {
    let shared = Shared::new();
    let before = shared.state();
    for change in [
        &["orgs", "create", "other"][..],
        &["keys", "deny", &"0".repeat(64), "--org", "acme"],
        &["db", "migrate"],
    ] {
        shared.reads(change).assert_failed(2, "ReadOnlyDatabase");
    }
    assert_eq!(shared.state(), before);
    for mode in [0o600, 0o640] {
        shared.allow([0o755, mode]);
        shared.verify().assert_failed(2, "UnreadableDatabase");
    }
    shared.allow(MAY_READ);
    shared.verify().assert_accepted();
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn interrupted_change_is_undone_by_those_who_may_write_and_reported_by_others() {
    for recover in [&VERIFY[..], &["db", "status"], &["db", "migrate"], &["orgs", "list"]] {
        let shared = Shared::new();
        let whole = shared.scratch.read("store.db");
        interrupt_a_change(&shared.scratch);
        let interrupted = shared.state();
        assert!(interrupted.1 != whole, "the change did not reach the file");
        shared.verify().assert_failed(2, "InterruptedChange");
        shared.reads(&["orgs", "create", "other"]).assert_failed(2, "ReadOnlyDatabase");
        assert_eq!(shared.state(), interrupted);
        // To look is not to undo, also for the owner.
        let examined = shared.scratch.run(&["doctor"]);
        assert_eq!(examined.code, 1, "{}", examined.stdout);
        assert_eq!(shared.state(), interrupted);

        let owner = shared.scratch.run(&[&["--json"], recover].concat());
        assert_eq!(owner.code, 0, "{recover:?}: {}", owner.stderr);
        assert!(!shared.scratch.exists("store.db-journal"));
        assert!(shared.scratch.read("store.db") == whole, "{recover:?}");
        shared.verify().assert_accepted();
    }
}

#[test]
fn init_continues_after_an_interrupted_change() {
    let scratch = Scratch::new();
    let init = ["init", "acme", "--json"];
    scratch.json(&init[..2]);
    let whole = scratch.read("store.db");
    interrupt_a_change(&scratch);
    let look = [&init[..], &["--dry-run"]].concat();
    scratch.run(&look).assert_failed(2, "InterruptedChange");
    assert!(scratch.exists("store.db-journal"));
    let steps = scratch.json(&init[..2])["steps"].clone();
    let outcomes: Vec<_> = steps.as_array().unwrap().iter().map(|step| &step["outcome"]).collect();
    assert!(outcomes.iter().all(|outcome| **outcome == "existed"), "{steps}");
    assert!(!scratch.exists("store.db-journal"));
    assert!(scratch.read("store.db") == whole);
    assert_eq!(scratch.run(&look).code, 0);
}

/// As if a program had been killed after it had changed the first pages in the file.
fn interrupt_a_change(scratch: &Scratch) {
    let path = scratch.path("store.db");
    let before = scratch.read("store.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("DELETE FROM trusted_keys;").unwrap();
    drop(connection);
    let journal = scratch.path("store.db-journal");
    fs::write(&journal, rollback_journal(&before)).unwrap();
    chmod(&journal, 0o644);
}
