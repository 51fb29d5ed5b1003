//! The triggers that raise the epoch, no matter who makes a change and how.

use signing_trust::store::RolePurpose;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::support::{Backend, Role, Runner, World, run};

async fn epoch(world: &World) -> i64 {
    world.store.state().await.unwrap().trust_epoch
}

async fn admin(world: &World) -> (Role, Client) {
    let role = Role::create(&world.database, &world.store, RolePurpose::Admin).await;
    let client = role.login.connect().await;
    (role, client)
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn change_in_a_session_that_replicates_is_known_to_the_next_decision() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let strict = Runner::strict(&world, &vendor).await;
        for _ in 0..2 {
            assert!(strict.decide().await.unwrap());
        }
        let sql = "SET session_replication_role = replica;
                   UPDATE trusted_keys SET revoked_at = now()";
        world.database.execute(sql).await.unwrap();
        assert!(!strict.decide().await.unwrap());

        let sql = "SET session_replication_role = replica; DELETE FROM audit_log";
        let refused = world.database.execute(sql).await.unwrap_err();
        let refused = refused.downcast::<tokio_postgres::Error>().unwrap();
        assert_eq!(refused.code(), Some(&SqlState::RAISE_EXCEPTION));
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn temporary_table_does_not_keep_the_epoch_from_rising() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let strict = Runner::strict(&world, &vendor).await;
        assert!(strict.decide().await.unwrap());
        let (role, client) = admin(&world).await;
        let sql = "CREATE TEMP TABLE store_state AS SELECT * FROM cloacina.store_state;
                   CREATE TEMP TABLE trust_history AS SELECT * FROM cloacina.trust_history;
                   CREATE FUNCTION pg_temp.pg_notify(text, text) RETURNS void LANGUAGE plpgsql
                   AS 'BEGIN RAISE ''called''; END';
                   SET search_path = pg_temp, cloacina";
        client.batch_execute(sql).await.unwrap();
        let before = epoch(&world).await;

        client.batch_execute("UPDATE trusted_keys SET revoked_at = now()").await.unwrap();

        assert!(epoch(&world).await > before);
        assert!(!strict.decide().await.unwrap());
        drop(client);
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn no_role_can_put_the_triggers_functions_on_a_table_of_its_own() {
    run(Backend::Postgres, async |world: World| {
        let (role, client) = admin(&world).await;
        client.batch_execute("CREATE TEMP TABLE mine (trust_epoch BIGINT)").await.unwrap();
        for function in ["raise_trust_epoch", "record_trust_state"] {
            let sql = format!(
                "CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {function}()"
            );
            let error = client.batch_execute(&sql).await.unwrap_err();
            assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{function}");
        }
        drop(client);
        role.remove().await;
    });
}
