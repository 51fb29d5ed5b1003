use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, SchemaStatus, StoreError, StoreReader};

use super::check::Checks;
use super::readers;
use crate::error::CliError;

/// Whether the store can be read. Gives it if its tables are up to date, without which nothing
/// else in it can be understood.
pub(super) async fn check(url: &DatabaseUrl, checks: &mut Checks) -> Option<KeyManager> {
    let store = match StoreReader::open_to_inspect(url).await {
        Ok(store) => store,
        Err(error @ (StoreError::UnsafeFile(_) | StoreError::Unreadable { .. })) => {
            checks.not_checked("store", format!("{url} is not opened, because of its files"));
            checks.error("store files", &error.into());
            checks.not_checked("tables", "there is no store to look at");
            return None;
        }
        Err(error) => {
            checks.error("store", &error.into());
            checks.not_checked("tables", "there is no store to look at");
            return None;
        }
    };
    checks.ok("store", format!("{url} answers"));
    if let Some(database) = url.sqlite_path() {
        readers::check(database, checks);
    }
    let error: CliError = match store.schema_status().await {
        Ok(SchemaStatus::Current) => {
            checks.ok("tables", "they are up to date");
            return Some(KeyManager::from(store));
        }
        Ok(SchemaStatus::Outdated { missing }) => StoreError::SchemaOutdated { missing }.into(),
        Ok(SchemaStatus::TooNew { unknown }) => StoreError::SchemaTooNew { unknown }.into(),
        Ok(_) => StoreError::NoStore.into(),
        Err(error) => error.into(),
    };
    checks.error("tables", &error);
    None
}
