//! A server that dies by SIGKILL in the middle of a rotation, which is then run again.

use signing_crypto::KeyId;
use signing_loader::SignatureSource;
use signing_trust::store::{Change, KekRotationRecord, Revocation, StoreError};
use signing_trust::{KeyManager, Resign, Resigned, Rotation, TrustError};
use tokio::task::JoinHandle;

use super::killed::{kill_during, wait_after_commits};
use crate::support::{OwnServer, Vendor, World, is_away, kek, run_alone};

const KEPT: usize = 4;

/// Makes changes of one row wait for the holder of the lock 1.
fn wait_in_change(table: &str, row: &str) -> String {
    format!(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE UPDATE ON {table} FOR EACH ROW
             WHEN (OLD.id = {row}) EXECUTE FUNCTION wait()"
    )
}

/// An organization with packages that it keeps signatures for.
async fn keeping(world: &World) -> Vendor {
    let acme = world.vendor("acme").await;
    for number in 0..KEPT {
        let path = world.file(&format!("p{number}.so"), format!("{number}").as_bytes());
        let signature = world.sign(&path, &acme.key).await;
        world.keys.store_signature(acme.org, &signature).await.unwrap();
    }
    acme
}

fn rotate(keys: &KeyManager, id: KeyId) -> JoinHandle<Result<Rotation, TrustError>> {
    let keys = keys.clone();
    tokio::spawn(async move { keys.rotate_signing_key(id, None, Resign::All).await })
}

/// Runs the rotation again, which must complete it, and ends the old key's trust.
async fn assert_completes(world: &World, acme: &Vendor, already: u64) -> Rotation {
    let done = rotate(&world.keys, acme.key.id).await.unwrap().unwrap();
    let added = KEPT as u64 - already;
    assert_eq!(done.signatures, Resigned { added, already, ..Resigned::default() });
    assert_eq!(world.store.signing_keys(acme.org).await.unwrap().len(), 2);
    world.keys.verify_audit_log(acme.org, &[]).await.unwrap();

    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
    for number in 0..KEPT {
        let path = world.path(&format!("p{number}.so"));
        let signer = world.signer(&path, acme.org, SignatureSource::Database).await;
        assert_eq!(signer, done.successor.clone().into_inner().fingerprint);
    }
    done
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_while_a_successor_is_made_leaves_none_and_the_rotation_completes_when_run_again() {
    run_alone(async |server: OwnServer, world: World| {
        let acme = keeping(&world).await;
        // The successor is inserted by then, its log entry is not.
        let client = world.database.connect().await;
        client.batch_execute("BEGIN; LOCK TABLE audit_log").await.unwrap();

        let rotation = rotate(&world.keys, acme.key.id);
        let error = kill_during(rotation, "Lock", (&server, &world)).await;

        assert!(is_away(&error), "{error:?}");
        assert_eq!(world.store.signing_keys(acme.org).await.unwrap().len(), 1);
        assert_eq!(world.store.own_trusted_keys(acme.org).await.unwrap().len(), 1);
        let done = assert_completes(&world, &acme, 0).await;
        assert!(matches!(done.successor, Change::Made(_)), "{done:?}");
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_while_signatures_are_made_again_keeps_those_made_and_the_rotation_completes() {
    run_alone(async |server: OwnServer, world: World| {
        let acme = keeping(&world).await;
        let kept = world.store.stored_signatures(acme.org, None, 100).await.unwrap();
        let third = world.database.id(kept[2].id.as_uuid());
        let sql = wait_in_change("package_signatures", &third);
        world.database.execute(&sql).await.unwrap();
        let client = world.database.connect().await;
        client.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();

        let rotation = rotate(&world.keys, acme.key.id);
        let error = kill_during(rotation, "Lock", (&server, &world)).await;

        assert!(is_away(&error), "{error:?}");
        let after = world.store.stored_signatures(acme.org, None, 100).await.unwrap();
        let changed: Vec<_> = kept.iter().zip(&after).map(|(one, two)| one != two).collect();
        assert_eq!(changed, [true, true, false, false]);
        let done = assert_completes(&world, &acme, 2).await;
        assert!(matches!(done.successor, Change::Unchanged(_)), "{done:?}");
        assert!(matches!(done.trusted, Some(Change::Unchanged(_))), "{done:?}");
    });
}

fn rotate_kek(keys: &KeyManager) -> JoinHandle<Result<Change<KekRotationRecord>, TrustError>> {
    let keys = keys.clone();
    tokio::spawn(async move { keys.rotate_kek(&kek(2)).await })
}

/// How often each organization's log tells of a rotation.
async fn logged(world: &World, keys: &[KeyId]) -> Vec<usize> {
    let mut counts = Vec::new();
    for id in keys {
        let org = world.store.signing_key(*id).await.unwrap().org_id;
        let log = world.store.audit_log(org).await.unwrap();
        counts.push(log.iter().filter(|record| record.event_type == "kek.rotated").count());
        world.keys.verify_audit_log(org, &[]).await.unwrap();
    }
    counts
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_during_a_kek_rotation_leaves_all_keys_old_and_it_completes_when_run_again() {
    run_alone(async |server: OwnServer, world: World| {
        let keys = world.four_keys().await;
        // The one that is wrapped last.
        let last = world.database.id(keys.iter().max().unwrap().as_uuid());
        world.database.execute(&wait_in_change("signing_keys", &last)).await.unwrap();
        let client = world.database.connect().await;
        client.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();

        let error = kill_during(rotate_kek(&world.keys), "Lock", (&server, &world)).await;

        assert!(is_away(&error), "{error:?}");
        world.assert_all_under(1, &keys).await;
        assert_eq!(logged(&world, &keys).await, [0; 4]);
        let again = rotate_kek(&world.keys).await.unwrap().unwrap();
        assert!(matches!(again, Change::Made(_)), "{again:?}");
        world.assert_all_under(2, &keys).await;
        assert_eq!(logged(&world, &keys).await, [1; 4]);
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn server_killed_after_a_kek_rotation_is_written_leaves_all_keys_new() {
    run_alone(async |server: OwnServer, world: World| {
        let keys = world.four_keys().await;
        wait_after_commits(&world.database).await;

        let error = kill_during(rotate_kek(&world.keys), "SyncRep", (&server, &world)).await;

        assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
        world.database.execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
        world.database.execute("SELECT pg_reload_conf()").await.unwrap();
        world.assert_all_under(2, &keys).await;
        assert_eq!(logged(&world, &keys).await, [1; 4]);
        let again = rotate_kek(&world.keys).await.unwrap().unwrap();
        assert!(matches!(again, Change::Unchanged(_)), "{again:?}");
    });
}
