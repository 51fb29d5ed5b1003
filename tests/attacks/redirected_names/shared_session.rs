//! A pooler hands a store's statements to the session of another client, who leads that
//! session to copies of the tables.

use signing_trust::store::{RolePurpose, Store, StoreError};
use signing_trust::{KeyManager, TrustError};

use crate::attacks::redirected_names::search_path::copy_tables_and_add_a_key;
use crate::support::{Backend, Login, Pooler, World, assert_refused, run};

const OF_THE_STORE: &str = "cloacina, cloacina_views, pg_temp";

/// A store whose next statement is answered by a session that another client has used, with
/// this `search_path`.
async fn store_in_a_session_with(login: &Login, search_path: &str) -> Store {
    let pooler = Pooler::to(login).await;
    let store = Store::open(&pooler.login().url("")).await.unwrap();
    let other = pooler.login().connect().await;
    other.batch_execute(&format!("SET search_path = {search_path}")).await.unwrap();
    pooler.exchange_sessions().await;
    store
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn session_that_leads_to_other_tables_says_nothing_about_trust() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let role = world.role(RolePurpose::Runner).await;
        let planted = copy_tables_and_add_a_key(&world, &vendor, &role).await;
        let keys = [planted.fingerprint()];

        for path in [OF_THE_STORE, "mine, cloacina_views", "mine, pg_catalog, cloacina_views"] {
            let store = store_in_a_session_with(&role.login, path).await;
            let heartbeat = store.heartbeat().await;
            let named = store.trust_in_keys(vendor.org, &keys).await;
            let all = store.trust_in_all_keys(vendor.org, 10).await;
            let rows = store.trust_rows(None).await;
            if path == OF_THE_STORE {
                heartbeat.unwrap();
                assert!(named.unwrap().key_rows.is_empty());
                assert_eq!(all.unwrap().key_rows.len(), 1);
                assert_eq!(rows.unwrap().keys.len(), 1);
            } else {
                assert_refused!(heartbeat, StoreError::SessionSettingsLost);
                assert_refused!(named, StoreError::SessionSettingsLost);
                assert_refused!(all, StoreError::SessionSettingsLost);
                assert_refused!(rows, StoreError::SessionSettingsLost);
            }
        }
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn nothing_is_changed_in_a_session_that_leads_to_other_tables() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let role = world.role(RolePurpose::Runner).await;
        copy_tables_and_add_a_key(&world, &vendor, &role).await;

        for (name, path) in [("first", OF_THE_STORE), ("second", "mine, cloacina")] {
            let store = store_in_a_session_with(&world.database.login(), path).await;
            let keys = KeyManager::new(store, None);
            let created = keys.create_organization(name.parse().unwrap()).await;
            if path == OF_THE_STORE {
                created.unwrap();
            } else {
                assert_refused!(created, TrustError::Store(StoreError::SessionSettingsLost));
            }
        }
        assert_eq!(world.store.organizations().await.unwrap().len(), 2);
        role.remove().await;
    });
}
