//! A signing key that replaces another.

use chrono::{SubsecRound, TimeDelta, Utc};
use signing_crypto::{KeyId, SignatureEnvelope, SigningKey, WrapContext};
use signing_loader::SignatureSource;
use signing_trust::store::{
    AuditEntry, Change, NewSigningKey, PackageSignatureRecord, Revocation, SigningKeyRecord,
    StoreError,
};
use signing_trust::{KeyManager, Resign, Resigned, Rotation, TrustError, TrustLimits};

use crate::support::{Vendor, World, assert_refused, kek, on_both_backends};

on_both_backends! {
    successor_is_made_named_and_trusted_as_long_as_the_old_key,
    old_key_goes_on_until_somebody_revokes_it,
    successor_of_a_key_that_is_not_trusted_is_not_trusted,
    stored_signatures_are_re_signed_over_the_same_statement,
    statement_that_was_not_named_is_not_re_signed,
    full_envelope_gets_another_beside_it,
    rotation_begun_again_changes_nothing,
    rotation_stopped_after_any_step_goes_on_where_it_stopped,
    two_rotations_at_once_make_one_successor,
    successor_of_a_successor_takes_its_place,
    compromised_key_is_not_rotated,
    retired_key_is_rotated_only_if_that_was_begun_before,
    signatures_that_their_organization_refuses_are_not_re_signed,
    signatures_of_a_key_whose_trust_has_expired_are_not_signed_again,
    others_that_trust_the_old_key_are_told,
}

impl World {
    async fn rotate(&self, id: KeyId, resign: Resign) -> Result<Rotation, TrustError> {
        self.keys.rotate_signing_key(id, None, resign).await
    }

    async fn kept(&self, vendor: &Vendor) -> Vec<PackageSignatureRecord> {
        self.keys.store().stored_signatures(vendor.org, None, 100).await.unwrap()
    }

    /// Packages that the vendor has signed, whose signatures it keeps.
    async fn keep_signatures(&self, vendor: &Vendor, count: usize) {
        for number in 0..count {
            let path = self.file(&format!("p{number}.so"), format!("{number}").as_bytes());
            let signature = self.sign(&path, &vendor.key).await;
            self.keys.store_signature(vendor.org, &signature).await.unwrap();
        }
    }

    /// The keys, the trusted keys and the stored signatures: all that a rotation changes.
    async fn everything(&self, vendor: &Vendor) -> String {
        let keys = self.keys.store().signing_keys(vendor.org).await.unwrap();
        let trusted = self.keys.store().own_trusted_keys(vendor.org).await.unwrap();
        let log = self.keys.store().audit_log(vendor.org).await.unwrap().len();
        format!("{keys:?}{trusted:?}{:?}{log}", self.kept(vendor).await)
    }
}

fn successor(rotation: &Rotation) -> SigningKeyRecord {
    rotation.successor.clone().into_inner()
}

async fn successor_is_made_named_and_trusted_as_long_as_the_old_key(world: World) {
    let acme = world.vendor("acme").await;
    let until = (Utc::now() + TimeDelta::days(30)).trunc_subsecs(6);
    let key = &acme.key.public_key;
    world.keys.trust_public_key(acme.org, key, None, Some(until)).await.unwrap();

    let rotation = world.rotate(acme.key.id, Resign::Leave).await.unwrap();

    let Change::Made(new) = &rotation.successor else { panic!("{rotation:?}") };
    assert_eq!((new.name.as_str(), new.org_id), ("release.2", acme.org));
    assert_eq!(new.predecessor_id, Some(acme.key.id));
    assert_ne!(new.fingerprint, acme.key.fingerprint);
    let Some(Change::Made(trusted)) = &rotation.trusted else { panic!("{rotation:?}") };
    assert_eq!((trusted.fingerprint, trusted.expires_at), (new.fingerprint, Some(until)));
    let by_new = SignatureSource::Memory(world.sign(&acme.package, new).await);
    assert_eq!(world.signer(&acme.package, acme.org, by_new).await, new.fingerprint);
    let log = world.store.audit_log(acme.org).await.unwrap();
    let made = log.iter().find(|entry| entry.details.contains(&new.id.to_string())).unwrap();
    assert!(made.details.contains(&format!("\"predecessor_id\":\"{}\"", acme.key.id)), "{made:?}");
}

async fn old_key_goes_on_until_somebody_revokes_it(world: World) {
    let acme = world.vendor("acme").await;
    world.rotate(acme.key.id, Resign::All).await.unwrap();
    assert_eq!(world.verdict(acme.org, &acme).await, Ok(acme.direct()));
    assert!(world.keys.get_signing_key(acme.key.id).await.is_ok());
}

async fn successor_of_a_key_that_is_not_trusted_is_not_trusted(world: World) {
    let org = world.org("acme").await;
    let key = world.key(org, "release").await;
    let rotation = world.rotate(key.id, Resign::Leave).await.unwrap();
    assert_eq!((&rotation.trusted, &rotation.old_trusted), (&None, &None));
    assert_eq!(world.store.own_trusted_keys(org).await.unwrap(), []);
}

async fn stored_signatures_are_re_signed_over_the_same_statement(world: World) {
    let acme = world.vendor("acme").await;
    world.keep_signatures(&acme, 3).await;
    // By another key; and one that only says that it is by the old one.
    let other = world.key(acme.org, "other").await;
    let by_other = world.sign(&acme.package, &other).await;
    world.keys.store_signature(acme.org, &by_other).await.unwrap();
    let forged = {
        let old = acme.key.fingerprint.to_string();
        by_other.to_json().replace(&other.fingerprint.to_string(), &old)
    };
    let forged = SignatureEnvelope::parse(forged.as_bytes()).unwrap();
    world.keys.store_signature(acme.org, &forged).await.unwrap();
    let before = world.kept(&acme).await;

    let left = world.rotate(acme.key.id, Resign::Leave).await.unwrap();
    assert_eq!(left.signatures, Resigned { left: 3, ..Resigned::default() });
    assert_eq!(world.kept(&acme).await, before);
    let rotation = world.rotate(acme.key.id, Resign::All).await.unwrap();

    assert_eq!(rotation.signatures, Resigned { added: 3, ..Resigned::default() });
    let new = successor(&rotation);
    let after = world.kept(&acme).await;
    assert_eq!(after.len(), before.len());
    let mut re_signed = 0;
    for (before, after) in before.iter().zip(&after) {
        let parse = |record: &PackageSignatureRecord| {
            SignatureEnvelope::parse(record.envelope.as_bytes()).unwrap()
        };
        let (old, after) = (parse(before), parse(after));
        assert_eq!(old.signed_bytes(), after.signed_bytes());
        if old.verify(&acme.key.public_key).is_ok() {
            re_signed += 1;
            assert!(after.verify(&acme.key.public_key).is_ok());
            assert!(after.verify(&new.public_key).is_ok());
        } else {
            assert_eq!(old, after);
        }
    }
    assert_eq!(re_signed, 3);
    // The old key's trust can end now.
    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
    for number in 0..3 {
        let path = world.path(&format!("p{number}.so"));
        let signer = world.signer(&path, acme.org, SignatureSource::Database).await;
        assert_eq!(signer, new.fingerprint);
    }
}

async fn statement_that_was_not_named_is_not_re_signed(world: World) {
    let acme = world.vendor("acme").await;
    world.keep_signatures(&acme, 2).await;
    let (_, shown) = world.keys.resigned_packages(acme.key.id).await.unwrap();
    let shown = Resign::Only(shown.into_iter().map(|package| package.statement).collect());
    // Who has the old key is faster than the answer.
    let planted = world.sign(&world.file("planted.so", b"planted"), &acme.key).await;
    world.keys.store_signature(acme.org, &planted).await.unwrap();

    let foreseen = world.keys.rotation_impact(acme.key.id, None, shown.clone()).await.unwrap();
    let rotation = world.rotate(acme.key.id, shown).await.unwrap();

    assert_eq!(rotation.signatures, Resigned { added: 2, left: 1, ..Resigned::default() });
    assert_eq!(foreseen.signatures, rotation.signatures);
    assert_eq!(foreseen.packages, rotation.packages);
    let rest = world.rotate(acme.key.id, Resign::All).await.unwrap();
    assert_eq!(rest.signatures, Resigned { added: 1, already: 2, ..Resigned::default() });
}

async fn full_envelope_gets_another_beside_it(world: World) {
    let acme = world.vendor("acme").await;
    let mut full = acme.signature.clone();
    while full.add_signature(&SigningKey::generate().unwrap()).is_ok() {}
    world.keys.store_signature(acme.org, &full).await.unwrap();

    let rotation = world.rotate(acme.key.id, Resign::All).await.unwrap();
    assert_eq!(rotation.signatures, Resigned { added: 1, ..Resigned::default() });
    let again = world.rotate(acme.key.id, Resign::All).await.unwrap();
    assert_eq!(again.signatures, Resigned { already: 1, ..Resigned::default() });

    assert_eq!(world.kept(&acme).await.len(), 2);
    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
    let signer = world.signer(&acme.package, acme.org, SignatureSource::Database).await;
    assert_eq!(signer, successor(&rotation).fingerprint);
}

async fn rotation_begun_again_changes_nothing(world: World) {
    let acme = world.vendor("acme").await;
    world.keep_signatures(&acme, 2).await;
    let first = world.rotate(acme.key.id, Resign::All).await.unwrap();
    let before = world.everything(&acme).await;

    let again = world.rotate(acme.key.id, Resign::All).await.unwrap();

    assert_eq!(again.successor, Change::Unchanged(successor(&first)));
    assert!(matches!(again.trusted, Some(Change::Unchanged(_))), "{again:?}");
    assert_eq!(again.signatures, Resigned { already: 2, ..Resigned::default() });
    assert_eq!(world.everything(&acme).await, before);
}

/// What each step leaves, made by hand.
async fn rotation_stopped_after_any_step_goes_on_where_it_stopped(world: World) {
    for steps in 0..=3 {
        let acme = world.vendor(&format!("acme{steps}")).await;
        world.keep_signatures(&acme, 3).await;
        let key = SigningKey::generate().unwrap();
        let (id, name) = (KeyId::random(), "next".parse().unwrap());
        if steps >= 1 {
            let (org, predecessor) = (acme.org, Some(acme.key.id));
            let wrapped_key = kek(1).wrap_key(&key, &WrapContext { org, id, predecessor }).unwrap();
            let public_key = key.verifying_key();
            let new = NewSigningKey { id, org_id: org, name, public_key, wrapped_key, predecessor };
            world.store.insert_signing_key(new, AuditEntry::new("test")).await.unwrap();
        }
        if steps >= 2 {
            let public = key.verifying_key();
            world.keys.trust_public_key(acme.org, &public, None, None).await.unwrap();
        }
        if steps >= 3 {
            let kept = &world.kept(&acme).await[1];
            let mut envelope = SignatureEnvelope::parse(kept.envelope.as_bytes()).unwrap();
            envelope.add_signature(&key).unwrap();
            let old = acme.key.fingerprint;
            let store = &world.store;
            let replaced = store.replace_package_signature(kept, old, &envelope).await.unwrap();
            assert_eq!(replaced, Change::Made(kept.id));
        }

        let rotation = world.rotate(acme.key.id, Resign::All).await.unwrap();

        assert_eq!(matches!(rotation.successor, Change::Unchanged(_)), steps >= 1);
        assert_eq!(matches!(rotation.trusted, Some(Change::Unchanged(_))), steps >= 2);
        let already = u64::from(steps >= 3);
        assert_eq!(
            rotation.signatures,
            Resigned { added: 3 - already, already, ..Resigned::default() }
        );
        let new = successor(&rotation);
        assert_eq!(new.id == id, steps >= 1);
        world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
        for number in 0..3 {
            let path = world.path(&format!("p{number}.so"));
            let signer = world.signer(&path, acme.org, SignatureSource::Database).await;
            assert_eq!(signer, new.fingerprint);
        }
    }
}

async fn two_rotations_at_once_make_one_successor(world: World) {
    let acme = world.vendor("acme").await;
    world.keep_signatures(&acme, 4).await;
    let rotate = |keys: KeyManager| async move {
        keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap()
    };
    let [one, other] =
        [tokio::spawn(rotate(world.keys.clone())), tokio::spawn(rotate(world.keys.clone()))];
    let (one, other) = (one.await.unwrap(), other.await.unwrap());

    assert_eq!(successor(&one), successor(&other));
    assert_eq!(one.signatures.added + other.signatures.added, 4);
    assert_eq!(world.store.signing_keys(acme.org).await.unwrap().len(), 2);
}

async fn successor_of_a_successor_takes_its_place(world: World) {
    let acme = world.vendor("acme").await;
    let second = successor(&world.rotate(acme.key.id, Resign::Leave).await.unwrap());
    let third = successor(&world.rotate(second.id, Resign::Leave).await.unwrap());
    assert_eq!(third.name.as_str(), "release.3");
    // One that is revoked leaves its place to another, with a name of its own.
    world.keys.revoke_signing_key(third.id, Revocation::retired()).await.unwrap();
    let fourth = successor(&world.rotate(second.id, Resign::Leave).await.unwrap());
    assert_eq!(fourth.name.as_str(), "release.4");
    let taken = "release".parse().unwrap();
    let refused = world.keys.rotate_signing_key(fourth.id, Some(taken), Resign::Leave).await;
    assert_refused!(refused, TrustError::Store(StoreError::NameTaken { .. }));
}

async fn compromised_key_is_not_rotated(world: World) {
    let by_owner = world.vendor("acme").await;
    let compromised = Revocation::compromised();
    world.keys.revoke_signing_key(by_owner.key.id, compromised).await.unwrap();
    let by_administrator = world.vendor("other").await;
    let fingerprint = by_administrator.key.fingerprint;
    world.keys.danger_declare_compromised(by_owner.org, &fingerprint, None).await.unwrap();

    for vendor in [by_owner, by_administrator] {
        let before = world.everything(&vendor).await;
        for resign in [Resign::Leave, Resign::All] {
            assert_refused!(
                world.rotate(vendor.key.id, resign).await,
                TrustError::Store(StoreError::Compromised { fingerprint, .. })
                    if fingerprint == vendor.key.fingerprint
            );
        }
        assert_eq!(world.everything(&vendor).await, before);
    }
}

async fn retired_key_is_rotated_only_if_that_was_begun_before(world: World) {
    let acme = world.vendor("acme").await;
    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    assert_refused!(
        world.rotate(acme.key.id, Resign::All).await,
        TrustError::SigningKeyRevoked { id, .. } if id == acme.key.id
    );

    world.keys.reinstate_signing_key(acme.key.id, &"begin".parse().unwrap()).await.unwrap();
    world.keep_signatures(&acme, 1).await;
    let begun = world.rotate(acme.key.id, Resign::Leave).await.unwrap();
    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    let done = world.rotate(acme.key.id, Resign::All).await.unwrap();
    assert_eq!(successor(&done), successor(&begun));
    assert_eq!(done.signatures.added, 1);
}

async fn signatures_that_their_organization_refuses_are_not_re_signed(world: World) {
    let acme = world.vendor("acme").await;
    world.keep_signatures(&acme, 2).await;
    let kept = world.kept(&acme).await;
    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();

    assert_refused!(
        world.rotate(acme.key.id, Resign::All).await,
        TrustError::Store(StoreError::KeyRefused { fingerprint, .. })
            if fingerprint == acme.key.fingerprint
    );
    // Nor if it is revoked between the question and the change.
    let envelope = SignatureEnvelope::parse(kept[0].envelope.as_bytes()).unwrap();
    let old = acme.key.fingerprint;
    assert_refused!(
        world.store.replace_package_signature(&kept[0], old, &envelope).await,
        StoreError::KeyRefused { .. }
    );
    let rotation = world.rotate(acme.key.id, Resign::Leave).await.unwrap();
    assert_eq!(rotation.trusted, None);
    assert_eq!(world.kept(&acme).await, kept);
}

async fn signatures_of_a_key_whose_trust_has_expired_are_not_signed_again(world: World) {
    let [acme, parent] = [world.vendor("acme").await, world.vendor("parent").await];
    world.keep_signatures(&acme, 2).await;
    let key = &acme.key.public_key;
    let until = (Utc::now() + TimeDelta::days(30)).trunc_subsecs(6);
    world.keys.trust_public_key(acme.org, key, None, Some(until)).await.unwrap();
    let row = world.database.id(acme.trusted.id.as_uuid());
    let end = async |value: &str| {
        let sql = format!("UPDATE trusted_keys SET expires_at = {value} WHERE id = {row}");
        world.database.execute(&sql).await.unwrap();
    };
    end(if world.database.is_sqlite() { "1" } else { "'1970-01-01T00:00:00.000001Z'" }).await;
    // That it is trusted through a grant changes nothing: nothing new is to hang on it.
    world.trust(parent.org, &acme.key).await;
    world.keys.grant_trust(acme.org, parent.org, TrustLimits::default()).await.unwrap();
    assert!(world.verdict(acme.org, &acme).await.is_ok());
    let before = world.everything(&acme).await;

    assert_refused!(
        world.rotate(acme.key.id, Resign::All).await,
        TrustError::TrustExpired { fingerprint, at }
            if fingerprint == acme.key.fingerprint && at.timestamp_micros() == 1
    );
    assert_eq!(world.everything(&acme).await, before);
    let rotation = world.rotate(acme.key.id, Resign::Leave).await.unwrap();
    assert_eq!((&rotation.trusted, &rotation.old_trusted), (&None, &None));
    assert_eq!(rotation.signatures, Resigned { left: 2, ..Resigned::default() });

    // Trusted for longer, both are done.
    world.keys.trust_public_key(acme.org, key, None, Some(until)).await.unwrap();
    let rotation = world.rotate(acme.key.id, Resign::All).await.unwrap();
    assert!(matches!(rotation.trusted, Some(Change::Made(_))), "{rotation:?}");
    assert_eq!(rotation.signatures, Resigned { added: 2, ..Resigned::default() });
}

async fn others_that_trust_the_old_key_are_told(world: World) {
    let acme = world.vendor("acme").await;
    let [behind, ahead] = [world.org("behind").await, world.org("ahead").await];
    for org in [behind, ahead] {
        world.trust(org, &acme.key).await;
    }
    let first = world.rotate(acme.key.id, Resign::Leave).await.unwrap();
    assert!(first.others.iter().all(|other| other.trusted.is_none()));
    let row = world.trust(ahead, &successor(&first)).await;

    let again = world.rotate(acme.key.id, Resign::Leave).await.unwrap();

    let told: Vec<_> = again.others.iter().map(|other| (other.org.id, other.trusted)).collect();
    assert_eq!(told, [(ahead, Some(row.id)), (behind, None)]);
    assert_eq!(again.old_trusted.map(|row| row.id), Some(acme.trusted.id));
}
