//! A store that an older program has filled decides after its migration as before.

mod old_store;

use signing_trust::Signers;
use signing_trust::store::{RevocationReason, Store, StoreError};
use uuid::Uuid;

use super::assert_unbroken;
use crate::support::{Database, assert_refused, kek, on_both_backends};
use old_store::{OldStore, Word, at};

on_both_backends! {
    store_of_the_first_migration_decides_as_before,
    migration_keeps_every_row_and_says_why_keys_were_revoked,
    migration_does_not_lower_the_epoch_and_leaves_the_log_unbroken,
    every_table_of_trust_raises_the_epoch_after_the_migration,
    migrated_store_takes_every_new_change,
}

async fn store_of_the_first_migration_decides_as_before(database: Database) {
    let old = OldStore::fill(database).await;
    assert_refused!(
        Store::open(&old.database.url()).await,
        StoreError::SchemaOutdated { missing } if missing.first() == Some(&"0002_steering")
    );
    let keys = old.migrate().await;

    let verdicts = old.verdicts();
    assert_eq!(verdicts.len(), 4 * old.keys.len());
    for (org, key, expected) in verdicts {
        let fingerprint = old.keys[key].fingerprint();
        let package = "lib.so".parse().unwrap();
        let decision = keys.decide(org, &Signers::one(fingerprint), &package).await.unwrap();
        let verdict = decision.about(&fingerprint).map(|trusted| trusted.via.clone());
        assert_eq!(verdict, expected, "{org} about {key}");
        assert_eq!(decision.floor(), None);
        let everything = keys.find_trusted_key(org, &fingerprint).await.unwrap();
        assert_eq!(everything.map(|trusted| trusted.via), expected.ok(), "{org} about {key}");
    }
    let found = keys.find_signatures(old.operator, old.digest).await.unwrap();
    assert_eq!(found.len(), 1);
    let signer = found[0].envelope.as_ref().unwrap().signatures()[0].claimed_signer();
    assert_eq!(signer, Some(old.keys[0].fingerprint()));
}

async fn migration_keeps_every_row_and_says_why_keys_were_revoked(database: Database) {
    let old = OldStore::fill(database).await;
    let keys = old.migrate().await;

    for (id, org, key, word) in &old.rows {
        let row = keys.store().trusted_key(*id).await.unwrap();
        let public = old.keys[*key].verifying_key();
        let revoked = *word != Word::Trusted;
        assert_eq!((row.org_id, row.fingerprint), (*org, public.fingerprint()));
        assert_eq!(row.public_key, (*word != Word::Denied).then_some(public));
        assert_eq!(row.name.is_some(), *word != Word::Denied);
        assert_eq!((row.created_at, row.revoked_at), (at(2), revoked.then(|| at(5))));
        assert_eq!(row.revocation_reason, revoked.then_some(RevocationReason::Retired));
        assert_eq!((row.revocation_note, row.expires_at), (None, None));
    }
    let grants = keys.list_grants(old.operator).await.unwrap();
    let expected = old.grants.iter().filter(|grant| grant.3.is_none());
    let mut expected: Vec<_> = expected.map(|grant| (grant.0, grant.2)).collect();
    expected.sort();
    let mut found: Vec<_> = grants.iter().map(|grant| (grant.id, grant.child_org_id)).collect();
    found.sort();
    assert_eq!(found, expected);
    assert!(grants.iter().all(|grant| (&grant.packages, grant.expires_at) == (&None, None)));

    let signing = keys.list_signing_keys(old.vendor).await.unwrap();
    for (place, id) in old.signing.iter().enumerate() {
        let key = signing.iter().find(|key| key.id == *id).unwrap();
        let revoked = place == 1;
        assert_eq!(key.fingerprint, old.keys[place].fingerprint());
        assert_eq!(key.revoked_at, revoked.then(|| at(6)));
        assert_eq!(key.revocation_reason, revoked.then_some(RevocationReason::Retired));
    }
    let unwrapped = keys.get_signing_key(old.signing[0]).await.unwrap();
    assert_eq!(unwrapped.fingerprint(), old.keys[0].fingerprint());
}

/// The epoch, asked past the program: it opens no store that is not migrated.
async fn old_epoch_is_at_most(database: &Database, epoch: i64) -> bool {
    // A division by nothing is what a condition can be told by without rows.
    let sql = match database.is_sqlite() {
        true => format!(
            "CREATE TEMP TABLE least (epoch INTEGER CHECK (epoch <= {epoch}));
             INSERT INTO least SELECT trust_epoch FROM store_state"
        ),
        false => format!("SELECT 1 / (trust_epoch <= {epoch})::int FROM store_state"),
    };
    database.execute(&sql).await.is_ok()
}

async fn migration_does_not_lower_the_epoch_and_leaves_the_log_unbroken(database: Database) {
    let old = OldStore::fill(database).await;
    // 4 organisations, 8 keys and 4 grants have raised it.
    assert!(!old_epoch_is_at_most(&old.database, 15).await);
    assert!(old_epoch_is_at_most(&old.database, 16).await);

    let keys = old.migrate().await;

    let state = keys.store().state().await.unwrap();
    assert!(state.trust_epoch >= 16, "{state:?}");
    assert_eq!(state.kek_id, Some(kek(1).id()));
    for org in [old.operator, old.vendor, old.former, old.gone] {
        let log = keys.store().audit_log(org).await.unwrap();
        assert_unbroken(&log);
        let before = old.log.iter().filter(|entry| entry.org_id == org).cloned();
        assert_eq!(log, before.collect::<Vec<_>>());
    }
    keys.revoke_trusted_key(old.row(old.operator, 5)).await.unwrap();
    let log = keys.store().audit_log(old.operator).await.unwrap();
    assert_unbroken(&log);
    assert_eq!(log.len(), 4);
    for sql in ["UPDATE audit_log SET details = '{}'", "DELETE FROM audit_log"] {
        assert!(old.database.execute(sql).await.is_err(), "{sql}");
    }
}

async fn every_table_of_trust_raises_the_epoch_after_the_migration(database: Database) {
    let old = OldStore::fill(database).await;
    let keys = old.migrate().await;
    let [operator, vendor] = [old.operator, old.vendor].map(|org| old.id(org.as_uuid()));
    let (now, id) = (old.time(Some(at(10))), old.id(&Uuid::new_v4()));
    let bytes = old.database.bytes(&[7; 32]);
    let tables = [
        ("organizations", format!("(id, name, created_at) VALUES ({id}, 'new', {now})")),
        (
            "trusted_keys",
            format!(
                "(id, org_id, fingerprint, created_at, revoked_at)
                 VALUES ({id}, {vendor}, {bytes}, {now}, {now})"
            ),
        ),
        (
            "trust_grants",
            format!(
                "(id, parent_org_id, child_org_id, created_at)
                 VALUES ({id}, {vendor}, {operator}, {now})"
            ),
        ),
        (
            "compromised_keys",
            format!("(fingerprint, declared_by, declared_at) VALUES ({bytes}, {vendor}, {now})"),
        ),
        (
            "version_floors",
            format!("(org_id, package_name, set_at) VALUES ({vendor}, 'a.so', {now})"),
        ),
    ];
    for (table, row) in tables {
        let (condition, same) = match table {
            "compromised_keys" => (format!("fingerprint = {bytes}"), "declared_at"),
            "version_floors" => ("package_name = 'a.so'".into(), "set_at"),
            _ => (format!("id = {id}"), "created_at"),
        };
        for sql in [
            format!("INSERT INTO {table} {row}"),
            format!("UPDATE {table} SET {same} = {same} WHERE {condition}"),
            format!("DELETE FROM {table} WHERE {condition}"),
        ] {
            let before = keys.store().state().await.unwrap().trust_epoch;
            old.execute(&sql).await;
            assert!(keys.store().state().await.unwrap().trust_epoch > before, "{sql}");
        }
    }
}

async fn migrated_store_takes_every_new_change(database: Database) {
    let old = OldStore::fill(database).await;
    let keys = old.migrate().await;
    let note = "a mistake".parse().unwrap();
    let accepts = async |org, key: usize| {
        keys.find_trusted_key(org, &old.keys[key].fingerprint()).await.unwrap().is_some()
    };

    // The denial without a key leaves a row that says nothing, which was forbidden.
    keys.reinstate_trusted_key(old.row(old.operator, 2), &note).await.unwrap();
    assert!(accepts(old.operator, 2).await);
    keys.reinstate_trusted_key(old.row(old.vendor, 1), &note).await.unwrap();
    assert!(accepts(old.operator, 1).await);
    keys.danger_declare_compromised(old.former, &old.keys[1].fingerprint(), None).await.unwrap();
    assert!(!accepts(old.operator, 1).await);
    keys.reinstate_signing_key(old.signing[1], &note).await.unwrap_err();

    let until = Some("2999-01-01T00:00:00Z".parse().unwrap());
    let public = old.keys[5].verifying_key();
    keys.trust_public_key_until(old.operator, &public, None, until).await.unwrap();
    let row = keys.store().trusted_key(old.row(old.operator, 5)).await.unwrap();
    assert_eq!(row.expires_at, until);
    let (package, floor) = ("lib.so".parse().unwrap(), "1.0.0".parse().unwrap());
    keys.set_version_floor(old.operator, &package, Some(floor)).await.unwrap();
    assert_eq!(keys.list_version_floors(old.operator).await.unwrap().len(), 1);
    keys.grant_trust(old.operator, old.former).await.unwrap();
    assert!(accepts(old.operator, 4).await);
    // One row per organisation and key, one living grant per pair: the indexes are there.
    let again = format!(
        "INSERT INTO trusted_keys (id, org_id, fingerprint, created_at, revoked_at)
         SELECT {}, org_id, fingerprint, created_at, created_at FROM trusted_keys WHERE id = {}",
        old.id(&Uuid::new_v4()),
        old.id(old.row(old.operator, 5).as_uuid()),
    );
    assert!(old.database.execute(&again).await.is_err());
}
