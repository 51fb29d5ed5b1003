//! Somebody else on the machine writes files beside a SQLite store, or replaces it.
//!
//! The store, its owner's file of mode 0600, is in a directory that others may write to.
//! SQLite applies a journal that lies beside a database to that database, no matter who
//! wrote it. So each test first shows that the files that are planted do replace the store, and
//! then that no command uses it.

mod journals;
mod readers;
mod replaced;
mod super_journal;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::support::{Run, Scratch, as_nobody, as_root, succeed};

const UNSAFE: &str = "UnsafeDatabaseFile";
const PACKAGE: &str = "evil.so";
const VERIFY: [&str; 6] = ["--json", "package", "verify", PACKAGE, "--org", "acme"];

/// A store whose organization `acme` trusts nobody, a store of the attacker whose `acme`
/// trusts the attacker's key, and a package that this key has signed.
struct Target {
    victim: Scratch,
    attacker: Scratch,
}

impl Target {
    fn new() -> Self {
        let attacker = Scratch::with_orgs(&["acme"]);
        attacker.key_files("evil");
        attacker.json(&["keys", "trust", "--org", "acme", "--import", "evil.pub.pem"]);
        attacker.signed_package(PACKAGE, "evil.pem");
        attacker.run(&VERIFY).assert_accepted();
        let victim = Scratch::with_orgs(&["acme"]);
        for file in [PACKAGE, "evil.so.sig"] {
            victim.write(file, attacker.read(file));
        }
        let target = Self { victim, attacker };
        target.verify().assert_failed(1, "UntrustedSigner");
        target
    }

    /// Everybody may create files beside the store, and remove none but their own.
    fn share_directory(&self) {
        chmod(&self.directory(), 0o1777);
    }

    /// The owner follows the advice to take others' right to write away.
    fn close_directory(&self) {
        chmod(&self.directory(), 0o755);
    }

    fn directory(&self) -> PathBuf {
        self.victim.path("")
    }

    fn store(&self) -> PathBuf {
        self.victim.path("store.db")
    }

    /// As `nobody`, puts a file beside the store.
    fn plant(&self, name: &str, content: &[u8]) {
        let source = self.attacker.path("planted");
        fs::write(&source, content).unwrap();
        chmod(&source, 0o644);
        chmod(&self.attacker.path(""), 0o755);
        let mut copy = Command::new("cp");
        copy.arg(source).arg(self.victim.path(name));
        succeed(&mut as_nobody(&copy));
    }

    /// What the owner of the store is told about the attacker's package.
    fn verify(&self) -> Run {
        self.victim.run(&VERIFY)
    }

    /// Whether SQLite itself, which checks nothing, finds the attacker's key in a copy
    /// of the store with these files beside it.
    fn is_replaced_by(&self, planted: &[(&str, &[u8])]) -> bool {
        let copy = tempfile::tempdir().unwrap();
        let path = copy.path().join("store.db");
        fs::copy(self.store(), &path).unwrap();
        for (name, content) in planted {
            fs::write(copy.path().join(name), content).unwrap();
        }
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let fails_without_a_key = "CREATE TEMP TABLE found (one INTEGER NOT NULL);
             INSERT INTO found SELECT min(1) FROM trusted_keys HAVING count(*) > 0;
             CREATE TEMP TABLE one (n INTEGER CHECK (n = 1));
             INSERT INTO one SELECT count(*) FROM found;";
        connection.batch_execute(fails_without_a_key).is_ok()
    }

    /// Asserts that nothing that uses the store does.
    #[track_caller]
    fn assert_refused(&self) {
        self.verify().assert_failed(2, UNSAFE);
        for arguments in [
            &["orgs", "list"][..],
            &["orgs", "create", "another"],
            &["keys", "list", "--org", "acme"],
            &["audit", "verify", "--org", "acme"],
            &["db", "status"],
            &["db", "migrate"],
        ] {
            self.victim.fails(2, UNSAFE, arguments);
        }
    }
}

impl Run {
    #[track_caller]
    fn assert_accepted(&self) {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// As root, gives a file to another user.
fn chown(path: &Path, user: u32) {
    let mut chown = Command::new("chown");
    chown.arg("-h").arg(user.to_string()).arg(path);
    succeed(&mut as_root(&chown));
}
