//! A rollback journal that ends in the name of a file, which SQLite deletes when it has undone the
//! change.

use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use super::{UNSAFE, chmod, chown};
use crate::support::{NOBODY, Scratch};

const COMMANDS: [&[&str]; 4] = [
    &["package", "verify", "lib.so", "--org", "acme"],
    &["keys", "list", "--org", "acme"],
    &["orgs", "create", "another"],
    &["db", "migrate"],
];

fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("release");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "release.pub.pem"]);
    scratch.signed_package("lib.so", "release.pem");
    scratch.write("victim", "the only copy");
    scratch
}

/// It puts no page back.
fn journal(scratch: &Scratch, names: &Path) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    const PAGE: u32 = 4096;
    const SECTOR: u32 = 512;
    // A page that no database has.
    let locking_page = 0x4000_0000 / PAGE + 1;
    let pages = scratch.read("store.db").len() as u32 / PAGE;
    let mut journal = MAGIC.to_vec();
    for field in [0, 0, pages, SECTOR, PAGE] {
        journal.extend(field.to_be_bytes());
    }
    journal.resize(SECTOR as usize, 0);
    let name = names.to_str().unwrap().as_bytes();
    let sum = name.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    journal.extend(locking_page.to_be_bytes());
    journal.extend(name);
    journal.extend((name.len() as u32).to_be_bytes());
    journal.extend(sum.to_be_bytes());
    journal.extend(MAGIC);
    journal
}

#[test]
fn journal_that_names_a_file_deletes_none() {
    let scratch = scratch();
    let journal = journal(&scratch, &scratch.path("victim"));
    scratch.write("store.db-journal", &journal);
    chmod(&scratch.path("store.db-journal"), 0o600);
    for command in COMMANDS {
        scratch.fails(2, UNSAFE, command);
    }
    assert_ne!(scratch.run(&["doctor"]).code, 0);
    assert_eq!(scratch.read("store.db-journal"), journal);
    assert_eq!(scratch.read("victim"), b"the only copy");

    // SQLite itself does.
    let path = scratch.path("store.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("SELECT count(*) FROM sqlite_schema").unwrap();
    assert!(!scratch.exists("victim"));
    scratch.json(COMMANDS[0]);
}

/// The owner could put another journal there after it was looked at.
#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn store_of_another_user_is_only_read() {
    let scratch = scratch();
    let url = format!("sqlite:{}?owner=nobody", scratch.path("store.db").display());
    let journal = journal(&scratch, &scratch.path("victim"));
    let run =
        |command: &[&str]| scratch.run(&[&["--json", "--database-url", &url], command].concat());
    for (path, mode) in [("store.db", 0o644), ("", 0o755)] {
        chmod(&scratch.path(path), mode);
        chown(&scratch.path(path), NOBODY);
    }
    for command in &COMMANDS[..2] {
        assert_eq!(run(command).code, 0);
    }
    for command in &COMMANDS[2..] {
        run(command).assert_failed(2, "ReadOnlyDatabase");
    }
    chown(&scratch.path(""), rustix::process::geteuid().as_raw());
    scratch.write("store.db-journal", &journal);
    chmod(&scratch.path("store.db-journal"), 0o644);
    for path in ["store.db-journal", ""] {
        chown(&scratch.path(path), NOBODY);
    }
    for command in &COMMANDS[..2] {
        run(command).assert_failed(2, "InterruptedChange");
    }
    chown(&scratch.path(""), rustix::process::geteuid().as_raw());
    assert_eq!(fs::read(scratch.path("victim")).unwrap(), b"the only copy");
}
