//! A journal that another user wrote beside the store.

use std::fs;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use super::{Target, chmod};

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn planted_rollback_journal_does_not_replace_the_store() {
    planted("store.db-journal", |target| rollback_journal(&target.attacker.read("store.db")));
}

#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn planted_write_ahead_log_does_not_replace_the_store() {
    planted("store.db-wal", write_ahead_log);
}

/// The index of a write-ahead log says which of its pages count.
#[test]
#[ignore = "needs root or sudo: cargo xtask test-db"]
fn planted_index_of_a_write_ahead_log_is_not_used() {
    let target = Target::new();
    target.share_directory();
    target.plant("store.db-shm", &[0; 32768]);
    target.close_directory();
    target.assert_refused();
    fs::remove_file(target.victim.path("store.db-shm")).unwrap();
    target.verify().assert_failed(1, "UntrustedSigner");
}

fn planted(name: &str, make: impl Fn(&Target) -> Vec<u8>) {
    let target = Target::new();
    let journal = make(&target);
    assert!(!target.is_replaced_by(&[]), "the untouched store has the attacker's key");
    assert!(target.is_replaced_by(&[(name, &journal)]), "the attack does nothing");

    target.share_directory();
    target.plant(name, &journal);
    target.assert_refused();
    // The directory is mended, and what was planted is still there.
    target.close_directory();
    target.assert_refused();
    assert!(target.verify().stderr.contains(name));

    assert_eq!(target.victim.read(name), journal, "it was used");
    fs::remove_file(target.victim.path(name)).unwrap();
    target.verify().assert_failed(1, "UntrustedSigner");
}

#[test]
fn store_in_a_directory_that_others_may_write_to_is_not_used() {
    let target = Target::new();
    for mode in [0o1777, 0o777, 0o775, 0o757] {
        chmod(&target.directory(), mode);
        target.assert_refused();
    }
    for mode in [0o755, 0o750, 0o700] {
        chmod(&target.directory(), mode);
        target.verify().assert_failed(1, "UntrustedSigner");
    }
}

/// A rollback journal with every page of a database: what SQLite writes before it changes
/// them, and puts back when a program was killed meanwhile.
pub(super) fn rollback_journal(database: &[u8]) -> Vec<u8> {
    const PAGE: usize = 4096;
    const SECTOR: usize = 512;
    let pages = database.chunks_exact(PAGE);
    let count = u32::try_from(pages.len()).unwrap();
    let mut journal = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7".to_vec();
    // The number of pages in the journal, the checksums' nonce, the number of pages in the
    // database, and the sizes of a sector and a page.
    for field in [count, 0, count, SECTOR as u32, PAGE as u32] {
        journal.extend(field.to_be_bytes());
    }
    journal.resize(SECTOR, 0);
    for (page, number) in pages.zip(1_u32..) {
        let sampled = (1..=(PAGE - 1) / 200).map(|step| u32::from(page[PAGE - 200 * step]));
        journal.extend(number.to_be_bytes());
        journal.extend(page);
        journal.extend(sampled.sum::<u32>().to_be_bytes());
    }
    journal
}

/// A write-ahead log with every page of the attacker's store.
fn write_ahead_log(target: &Target) -> Vec<u8> {
    let path = target.attacker.path("store.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    let write_every_page = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; VACUUM;";
    connection.batch_execute(write_every_page).unwrap();
    // It is there as long as somebody has the database open.
    target.attacker.read("store.db-wal")
}
