//! The store is refused wherever it is opened.

use signing_trust::store::{SchemaFault, Store, StoreError, StoreReader};

use crate::support::{Backend, World, run};

#[test]
fn a_store_with_a_planted_trigger_is_not_opened() {
    run(Backend::Sqlite, async |world: World| {
        let url = world.database.url();
        Store::open(&url).await.unwrap();
        let plant = "CREATE TRIGGER undo AFTER INSERT ON compromised_keys BEGIN
                         DELETE FROM compromised_keys;
                     END";
        world.database.execute(plant).await.unwrap();
        for opened in [
            Store::open(&url).await.map(drop),
            StoreReader::open(&url).await.map(drop),
            Store::migrate(&url).await.map(drop),
        ] {
            let Err(StoreError::UnsafeSchema { fault, .. }) = opened else {
                panic!("{opened:?}");
            };
            assert_eq!(fault, SchemaFault::UnknownObject { object: "undo".into() });
        }

        world.database.execute("DROP TRIGGER undo").await.unwrap();
        Store::open(&url).await.unwrap();

        // Statistics, new pages, and a table that has its name back change nothing.
        for harmless in [
            "ANALYZE",
            "VACUUM",
            "ALTER TABLE trusted_keys RENAME TO kept; ALTER TABLE kept RENAME TO trusted_keys",
        ] {
            world.database.execute(harmless).await.unwrap();
            Store::open(&url).await.unwrap_or_else(|error| panic!("{harmless}: {error}"));
        }
    });
}
