use std::io::Read;
use std::path::Path;

use signing_trust::TrustReader;
use signing_trust::store::{DatabaseUrl, SchemaStatus, StoreError, StoreReader};

use super::check::Checks;
use super::readers;
use crate::error::CliError;
use crate::files;

/// Whether the store can be read. Gives it if its tables are up to date, without which nothing
/// else in it can be understood.
pub(super) async fn check(url: &DatabaseUrl, checks: &mut Checks) -> Option<TrustReader> {
    let Some(store) = open(url, checks).await else {
        checks.not_checked("tables", "there is no store to look at");
        return None;
    };
    checks.ok("store", format!("{url} answers"));
    if let Some(database) = url.sqlite_path() {
        readers::check(database, checks);
    }
    let error: CliError = match store.schema_status().await {
        Ok(SchemaStatus::Current) => match store.require_sound_file().await {
            Ok(()) => {
                checks.ok("tables", "they are up to date");
                return Some(TrustReader::from(store));
            }
            Err(error) => error.into(),
        },
        Ok(SchemaStatus::Outdated { missing }) => StoreError::SchemaOutdated { missing }.into(),
        Ok(SchemaStatus::TooNew { unknown }) => StoreError::SchemaTooNew { unknown }.into(),
        Ok(_) => StoreError::NoStore.into(),
        Err(error) => error.into(),
    };
    checks.error("tables", &error);
    None
}

async fn open(url: &DatabaseUrl, checks: &mut Checks) -> Option<StoreReader> {
    if url.sqlite_path().is_some_and(keeps_write_ahead_log) {
        checks.problem(
            "store",
            format!("{url} keeps a write-ahead log: reading it leaves files beside it"),
            "have it keep a rollback journal: cloacina db migrate",
        );
        checks.not_checked(readers::CHECK, "the store is not opened");
        return None;
    }
    match StoreReader::open_to_inspect(url).await {
        Ok(store) => return Some(store),
        Err(error @ (StoreError::UnsafeFile(_) | StoreError::Unreadable { .. })) => {
            checks.not_checked("store", format!("{url} is not opened, because of its files"));
            checks.error(readers::CHECK, &error.into());
        }
        Err(error) => {
            checks.error("store", &error.into());
            if !url.is_postgres() {
                checks.not_checked(readers::CHECK, "the store cannot be opened");
            }
        }
    }
    None
}

/// Whether a SQLite file says that changes to it are in a write-ahead log, by the versions of its
/// format (section 1.3 of SQLite's file format).
///
/// To be called before the store is opened: when a process closes a file, it loses the locks that
/// SQLite holds on it.
fn keeps_write_ahead_log(database: &Path) -> bool {
    const LOG: u8 = 2;
    let mut header = [0; 20];
    files::open(database, None).is_ok_and(|mut file| file.read_exact(&mut header).is_ok())
        && header.starts_with(b"SQLite format 3\0")
        && header[18..].contains(&LOG)
}
