//! Private keys under a new KEK: all of them, or none.

use std::collections::BTreeMap;
use std::time::Duration;

use signing_crypto::{KeyId, WrapError};
use signing_trust::store::{Change, Store, StoreError};
use signing_trust::{KeyManager, TrustError};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::store_rules::assert_unbroken;
use crate::support::{World, assert_refused, kek, on_both_backends};

on_both_backends! {
    every_key_opens_with_the_new_kek_and_none_with_the_old_one,
    rotation_is_logged_once_for_each_organization_with_keys,
    rotation_done_again_changes_nothing,
    rotation_to_the_same_kek_is_refused,
    rotation_from_another_kek_than_the_stores_is_refused,
    key_that_does_not_open_stops_the_rotation_and_is_named,
    key_that_is_malformed_stops_the_rotation_and_is_named,
    of_two_rotations_at_once_one_is_made,
    keys_made_during_a_rotation_are_refused_or_kept_and_never_lost,
}

impl World {
    fn under(&self, which: u8) -> KeyManager {
        KeyManager::new(self.store.clone(), Some(kek(which)))
    }

    /// Four keys, of which one is of an organization that was deleted;
    /// and an organization without keys.
    pub(crate) async fn four_keys(&self) -> [KeyId; 4] {
        let [acme, other, gone] =
            [self.org("acme").await, self.org("other").await, self.org("gone").await];
        self.org("without-keys").await;
        let keys = [
            self.key(acme, "first").await.id,
            self.key(acme, "second").await.id,
            self.key(other, "first").await.id,
            self.key(gone, "first").await.id,
        ];
        self.keys.delete_organization(gone).await.unwrap();
        keys
    }

    /// Asserts that all of the keys open with this KEK of the two, and with no other.
    pub(crate) async fn assert_all_under(&self, which: u8, keys: &[KeyId]) {
        assert_eq!(self.keys.store().state().await.unwrap().kek_id, Some(kek(which).id()));
        for id in keys {
            let key = self.under(which).proven_key(*id).await.unwrap();
            let record = self.keys.store().signing_key(*id).await.unwrap();
            assert_eq!(key.fingerprint(), record.fingerprint);
            assert_refused!(
                self.under(3 - which).proven_key(*id).await,
                TrustError::Wrap(WrapError::OtherKek { .. })
            );
        }
    }

    async fn log_lengths(&self) -> BTreeMap<String, usize> {
        let mut lengths = BTreeMap::new();
        for org in self.keys.store().organizations().await.unwrap() {
            let log = self.keys.store().audit_log(org.id).await.unwrap();
            assert_unbroken(&log);
            lengths.insert(org.name.to_string(), log.len());
        }
        lengths
    }
}

async fn every_key_opens_with_the_new_kek_and_none_with_the_old_one(world: World) {
    let keys = world.four_keys().await;
    world.assert_all_under(1, &keys).await;
    let acme = world.vendor("vendor").await;
    let epoch = world.store.heartbeat().await.unwrap().state;

    let rotated = world.keys.rotate_kek(&kek(2)).await.unwrap();

    let Change::Made(rotated) = rotated else { panic!("nothing was done: {rotated:?}") };
    assert_eq!((rotated.old, rotated.new), (Some(kek(1).id()), kek(2).id()));
    assert_eq!(rotated.keys.values().sum::<u64>(), 5);
    world.assert_all_under(2, &keys).await;
    // What is trusted is not touched.
    assert_eq!(world.store.heartbeat().await.unwrap().state, epoch);
    assert_eq!(world.verdict(acme.org, &acme).await, Ok(acme.direct()));
    // And back, so that it is shown that nothing was lost on the way.
    world.under(2).rotate_kek(&kek(1)).await.unwrap();
    world.assert_all_under(1, &keys).await;
}

async fn rotation_is_logged_once_for_each_organization_with_keys(world: World) {
    let keys = world.four_keys().await;
    let before = world.log_lengths().await;

    world.keys.rotate_kek(&kek(2)).await.unwrap();

    let after = world.log_lengths().await;
    for (name, more) in [("acme", 1), ("other", 1), ("without-keys", 0)] {
        assert_eq!(after[name], before[name] + more, "{name}");
    }
    let mut counts = Vec::new();
    for id in [keys[0], keys[2], keys[3]] {
        let org = world.store.signing_key(id).await.unwrap().org_id;
        let log = world.store.audit_log(org).await.unwrap();
        assert_unbroken(&log);
        let last = log.last().unwrap();
        assert_eq!(last.event_type, "kek.rotated");
        let details: serde_json::Value = serde_json::from_str(&last.details).unwrap();
        assert_eq!(details["old_kek_id"], kek(1).id().to_string());
        assert_eq!(details["new_kek_id"], kek(2).id().to_string());
        counts.push(details["keys"].as_str().unwrap().to_owned());
    }
    assert_eq!(counts, ["2", "1", "1"]);
}

async fn rotation_done_again_changes_nothing(world: World) {
    let keys = world.four_keys().await;
    world.keys.rotate_kek(&kek(2)).await.unwrap();
    let before = world.log_lengths().await;

    let again = world.keys.rotate_kek(&kek(2)).await.unwrap();

    assert!(matches!(again, Change::Unchanged(_)), "{again:?}");
    assert_eq!(world.log_lengths().await, before);
    world.assert_all_under(2, &keys).await;
}

async fn rotation_to_the_same_kek_is_refused(world: World) {
    let keys = world.four_keys().await;
    assert_refused!(world.keys.rotate_kek(&kek(1)).await, TrustError::SameKek);
    world.assert_all_under(1, &keys).await;
}

async fn rotation_from_another_kek_than_the_stores_is_refused(world: World) {
    let keys = world.four_keys().await;
    let before = world.log_lengths().await;

    assert_refused!(
        world.under(7).rotate_kek(&kek(2)).await,
        TrustError::Store(StoreError::OtherKek { expected, found })
            if (expected, found) == (kek(1).id(), kek(7).id())
    );

    assert_eq!(world.log_lengths().await, before);
    world.assert_all_under(1, &keys).await;
}

/// A rotation that one key's bytes stop, whichever of the keys it is.
async fn assert_stops(world: World, wrapped: impl Fn(&World) -> String) {
    let keys = world.four_keys().await;
    let before = world.log_lengths().await;
    for bad in keys {
        let id = world.database.id(bad.as_uuid());
        let (_, good) = world.store.wrapped_signing_key(bad).await.unwrap();
        let set = async |bytes: &str| {
            let sql = format!("UPDATE signing_keys SET wrapped_key = {bytes} WHERE id = {id}");
            world.database.execute(&sql).await.unwrap();
        };
        set(&wrapped(&world)).await;

        assert_refused!(
            world.keys.rotate_kek(&kek(2)).await,
            TrustError::Store(StoreError::NotRewrapped { id, .. }) if id == bad
        );

        set(&world.database.bytes(good.as_bytes())).await;
        assert_eq!(world.log_lengths().await, before);
        world.assert_all_under(1, &keys).await;
    }
    world.keys.rotate_kek(&kek(2)).await.unwrap();
    world.assert_all_under(2, &keys).await;
}

async fn key_that_does_not_open_stops_the_rotation_and_is_named(world: World) {
    // It says that it is under the KEK, and its tag is wrong.
    let mut bytes = vec![0; 77];
    bytes[0] = 1;
    bytes[1..17].copy_from_slice(kek(1).id().as_bytes());
    assert_stops(world, move |world| world.database.bytes(&bytes)).await;
}

async fn key_that_is_malformed_stops_the_rotation_and_is_named(world: World) {
    assert_stops(world, |world| world.database.bytes(&[1; 5])).await;
}

async fn of_two_rotations_at_once_one_is_made(world: World) {
    let keys = world.four_keys().await;
    let url = world.database.url();
    let rotations: JoinSet<_> = [2, 3]
        .into_iter()
        .map(|new| {
            let url = url.clone();
            async move {
                let manager = KeyManager::new(Store::open(&url).await.unwrap(), Some(kek(1)));
                (new, manager.rotate_kek(&kek(new)).await)
            }
        })
        .collect();

    let (made, refused): (Vec<_>, Vec<_>) =
        rotations.join_all().await.into_iter().partition(|(_, result)| result.is_ok());

    let [(new, Ok(Change::Made(_)))] = made[..] else { panic!("{made:?}") };
    assert_refused!(
        refused.into_iter().next().unwrap().1,
        TrustError::Store(StoreError::OtherKek { expected, .. }) if expected == kek(new).id()
    );
    for id in keys {
        world.under(new).proven_key(id).await.unwrap();
    }
}

const ROUNDS: u8 = 8;
const WRITERS: usize = 3;

/// Between two keys of a writer. SQLite's lock has no queue: writers that never pause can keep a
/// rotation from it until it gives up.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes keys, each second one for a new organization, until the KEK is refused.
async fn make_keys(keys: KeyManager, writer: usize, round: u8) -> Vec<KeyId> {
    let name = |number: usize| format!("w{writer}.{round}.{number}");
    let mut made = Vec::new();
    let mut org = keys.create_organization(name(0).parse().unwrap()).await.unwrap().id;
    for number in 1.. {
        if number % 2 == 0 {
            org = keys.create_organization(name(number).parse().unwrap()).await.unwrap().id;
        }
        match keys.create_signing_key(org, name(number).parse().unwrap()).await {
            Ok(key) => made.push(key.id),
            Err(TrustError::Store(StoreError::OtherKek { .. })) => break,
            Err(error) => panic!("{error:?}"),
        }
        sleep(PAUSE).await;
    }
    made
}

async fn keys_made_during_a_rotation_are_refused_or_kept_and_never_lost(world: World) {
    let url = world.database.url();
    let mut all = world.four_keys().await.to_vec();
    for round in 1..=ROUNDS {
        // Each has a pool of its own, as processes have.
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let store = Store::open(&url).await.unwrap();
            writers.spawn(make_keys(KeyManager::new(store, Some(kek(round))), writer, round));
        }
        // Some keys are there already, so that it lands among the writers.
        let count = async || {
            let mut count = 0;
            for org in world.store.organizations().await.unwrap() {
                count += world.store.signing_keys(org.id).await.unwrap().len();
            }
            count
        };
        let before = count().await;
        while count().await < before + WRITERS {}
        let rotator = KeyManager::new(Store::open(&url).await.unwrap(), Some(kek(round)));
        rotator.rotate_kek(&kek(round + 1)).await.unwrap();

        let made: Vec<KeyId> = writers.join_all().await.into_iter().flatten().collect();
        assert!(made.len() >= WRITERS, "{made:?}");
        all.extend(made);
        let now = world.under(round + 1);
        for id in &all {
            now.proven_key(*id).await.unwrap();
        }
    }
    // Nothing else was kept, and every log is whole.
    let lengths = world.log_lengths().await;
    let mut kept = 1; // the key of the organization that was deleted
    for org in world.store.organizations().await.unwrap() {
        kept += world.store.signing_keys(org.id).await.unwrap().len();
    }
    assert_eq!(kept, all.len());
    assert!(lengths.len() > WRITERS * usize::from(ROUNDS));
}
