//! What the store does with its tables, its log and its callers.

mod audit;
mod concurrency;
mod migration;
mod secrets;
mod signer_lists;
mod trust_documents;

use std::ffi::CStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

use libsqlite3_sys::{SQLITE_BUSY, SQLITE_FULL, SQLITE_NOTADB, SQLITE_READONLY, sqlite3_errstr};
use rustix::fs::Mode;
use rustix::process::umask;
use signing_trust::store::{AuditRecord, SchemaStatus, Store, StoreError};

use crate::support::{
    Backend, Canary, Database, World, assert_refused, on_both_backends, run, run_in_child,
};

on_both_backends! {
    migrating_twice_is_a_no_op,
    unmigrated_database_is_not_opened,
    database_of_a_newer_program_is_not_touched,
    failed_migration_leaves_nothing_behind,
    opened_store_has_what_was_migrated,
}

/// Asserts that each entry follows on the one before.
pub(crate) fn assert_unbroken(log: &[AuditRecord]) {
    let mut previous = vec![0; 32];
    for (entry, sequence) in log.iter().zip(1..) {
        assert_eq!((entry.sequence, &entry.previous_hash), (sequence, &previous));
        assert_eq!(entry.entry_hash, entry.computed_hash());
        previous.clone_from(&entry.entry_hash);
    }
}

async fn migrating_twice_is_a_no_op(database: Database) {
    let (first, applied) = Store::migrate(&database.url()).await.unwrap();
    assert_eq!(applied.first(), Some(&"0001_initial"));
    let before = first.state().await.unwrap();

    let (second, applied) = Store::migrate(&database.url()).await.unwrap();

    assert!(applied.is_empty(), "{applied:?}");
    assert_eq!(second.state().await.unwrap(), before);
    assert_eq!(second.schema_status().await.unwrap(), SchemaStatus::Current);
}

async fn unmigrated_database_is_not_opened(database: Database) {
    if database.is_sqlite() {
        let absent = Store::open(&database.url()).await;
        assert_refused!(absent, StoreError::NoDatabase { path } if path == database.file());
        assert!(!database.file().exists());
        File::create(database.file()).unwrap();
    }
    assert_refused!(Store::open(&database.url()).await, StoreError::NoStore);
    Store::migrate(&database.url()).await.unwrap();
    assert!(Store::open(&database.url()).await.is_ok());
}

async fn database_of_a_newer_program_is_not_touched(database: Database) {
    let (store, _) = Store::migrate(&database.url()).await.unwrap();
    let sql = "INSERT INTO schema_migrations (name) VALUES ('9999_from_the_future')";
    database.execute(sql).await.unwrap();

    let opened = Store::open(&database.url()).await;
    let migrated = Store::migrate(&database.url()).await.map(|(store, _)| store);
    for refused in [opened, migrated] {
        assert_refused!(
            refused,
            StoreError::SchemaTooNew { unknown } if unknown == "9999_from_the_future"
        );
    }
    let unknown = "9999_from_the_future".into();
    assert_eq!(store.schema_status().await.unwrap(), SchemaStatus::TooNew { unknown });
}

async fn failed_migration_leaves_nothing_behind(database: Database) {
    if database.is_sqlite() {
        File::create(database.file()).unwrap();
    } else {
        database.execute("CREATE SCHEMA cloacina").await.unwrap();
    }
    let schema = if database.is_sqlite() { "main" } else { "cloacina" };
    // The migration makes this table late, after most of the others.
    let in_the_way = format!("CREATE TABLE {schema}.audit_log (in_the_way INTEGER)");
    database.execute(&in_the_way).await.unwrap();

    let failed = Store::migrate(&database.url()).await;
    let no_table = match database.is_sqlite() {
        // It does not begin.
        true => {
            assert_refused!(failed, StoreError::UnsafeSchema { .. });
            "no such table"
        }
        false => {
            assert_refused!(failed, StoreError::Unavailable(_));
            "does not exist"
        }
    };
    database.refuses("SELECT * FROM organizations", no_table).await;

    database.execute(&format!("DROP TABLE {schema}.audit_log")).await.unwrap();
    Store::migrate(&database.url()).await.unwrap();
    assert!(database.execute("SELECT * FROM organizations").await.is_ok());
}

async fn opened_store_has_what_was_migrated(world: World) {
    let org = world.org("acme").await;
    let state = world.store.state().await.unwrap();

    let opened = Store::open(&world.database.url()).await.unwrap();

    assert_eq!(opened.state().await.unwrap(), state);
    assert_eq!(opened.organizations().await.unwrap()[0].id, org);
}

#[test]
fn sqlite_store_is_one_file_that_only_its_owner_can_read_whatever_the_umask() {
    const NAME: &str = concat!(
        module_path!(),
        "::sqlite_store_is_one_file_that_only_its_owner_can_read_whatever_the_umask"
    );
    run_in_child(NAME, Canary::IsSilent, || {
        umask(Mode::empty());
        run(Backend::Sqlite, async |world: World| {
            world.org("acme").await;
            let mode = fs::metadata(world.database.file()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let directory = fs::read_dir(&world.database.directory).unwrap();
            let files: Vec<_> = directory.map(|entry| entry.unwrap().path()).collect();
            assert_eq!(files, [world.database.file()]);
        });
    });
}

#[test]
fn directory_that_migrating_makes_is_its_owners_only() {
    run(Backend::Sqlite, async |database: Database| {
        let directory = database.directory.join("data/cloacina");
        let url = directory.join("cloacina.db").to_str().unwrap().parse().unwrap();
        Store::migrate(&url).await.unwrap();
        for made in [&directory, directory.parent().unwrap()] {
            assert_eq!(fs::metadata(made).unwrap().permissions(), Permissions::from_mode(0o40700));
        }
    });
}

#[test]
fn sqlite_file_with_url_syntax_in_its_name_is_that_file() {
    run(Backend::Sqlite, async |database: Database| {
        let path = database.directory.join("100%25?mode=memory#x.db");
        let url = path.to_str().unwrap().parse().unwrap();
        Store::migrate(&url).await.unwrap();
        assert!(fs::metadata(&path).unwrap().len() > 0);
        assert!(Store::open(&url).await.is_ok());
    });
}

/// Diesel hands over the text of an error and not its code, so the store compares the text.
/// The library has one text for each of these codes.
#[test]
#[expect(unsafe_code, reason = "SQLite's own function is C")]
fn texts_that_the_store_compares_are_those_of_sqlites_result_codes() {
    for (code, text) in [
        (SQLITE_BUSY, "database is locked"),
        (SQLITE_FULL, "database or disk is full"),
        (SQLITE_NOTADB, "file is not a database"),
        (SQLITE_READONLY, "attempt to write a readonly database"),
    ] {
        // SAFETY: the function takes any number (https://sqlite.org/c3ref/errcode.html).
        let found = unsafe { sqlite3_errstr(code) };
        // SAFETY: the text is static and ends with NUL.
        let found = unsafe { CStr::from_ptr(found) };
        assert_eq!(found.to_str(), Ok(text));
    }
}
