//! What Postgres itself lets the roles do that `grant_role` sets up.

mod rights;

use std::fmt::Debug;
use std::time::Duration;

use signing_crypto::{OrgId, SigningKey};
use signing_loader::{PackageError, SignatureSource};
use signing_trust::store::{Change, RolePurpose, Store, StoreError};
use signing_trust::{Freshness, KeyManager, TrustError};

use crate::support::{
    Backend, Role, Vendor, World, add_signature, assert_refused, kek, run, shown,
};

/// The world as somebody sees it who connects as `role`.
async fn seen_by(role: &Role, world: &World) -> World {
    let store = Store::open(&role.login.url("")).await.unwrap();
    let keys = KeyManager::new(store, Some(kek(1)));
    World { keys, config: world.config.clone(), database: world.database.clone() }
}

async fn role(world: &World, purpose: RolePurpose) -> Role {
    Role::create(&world.database, world.keys.store(), purpose).await
}

/// Asserts that Postgres refused it, and not for any other reason.
fn assert_denied<T: Debug>(result: Result<T, TrustError>) {
    match result {
        Err(error @ TrustError::Store(StoreError::Unavailable(_))) => {
            assert!(shown(&error).contains("permission denied for table"), "{}", shown(&error));
        }
        other => panic!("expected a denial, found {other:?}"),
    }
}

/// Asserts that each change of trust is denied, and that none was made.
async fn assert_trust_cannot_be_changed(by: &World, world: &World, vendor: &Vendor, child: OrgId) {
    let (keys, store) = (&by.keys, world.keys.store());
    world.keys.grant_trust(child, vendor.org).await.unwrap();
    let before = (store.state().await.unwrap(), store.audit_log(vendor.org).await.unwrap());
    let stranger = SigningKey::generate().unwrap();

    assert_denied(keys.create_organization("mine".parse().unwrap()).await);
    assert_denied(keys.delete_organization(vendor.org).await);
    assert_denied(keys.create_signing_key(vendor.org, "mine".parse().unwrap()).await);
    assert_denied(keys.revoke_signing_key(vendor.key.id).await);
    assert_denied(keys.trust_public_key(vendor.org, &stranger.verifying_key(), None).await);
    assert_denied(keys.revoke_trusted_key(vendor.trusted.id).await);
    assert_denied(keys.deny_key(vendor.org, &stranger.fingerprint(), None).await);
    assert_denied(keys.grant_trust(vendor.org, child).await);
    assert_denied(keys.revoke_trust(child, vendor.org).await);

    let after = (store.state().await.unwrap(), store.audit_log(vendor.org).await.unwrap());
    assert_eq!(after, before);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn runner_verifies_and_can_neither_sign_nor_change_trust() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let child = world.org("child").await;
        world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        let role = role(&world, RolePurpose::Runner).await;

        for freshness in [Freshness::Strict, Freshness::Bounded(Duration::from_secs(60))] {
            let mut by = seen_by(&role, &world).await;
            by.keys = by.keys.with_freshness(freshness);
            for source in [vendor.memory(), SignatureSource::Database] {
                let signer = by.signer(&vendor.package, vendor.org, source).await;
                assert_eq!(signer, vendor.key.fingerprint);
            }
            assert_denied(by.keys.get_signing_key(vendor.key.id).await);
            assert_denied(by.keys.export_public_key(vendor.key.id).await);
            assert_denied(by.keys.list_signing_keys(vendor.org).await);
            assert_denied(by.keys.store_signature(vendor.org, &vendor.signature).await);
            assert_trust_cannot_be_changed(&by, &world, &vendor, child).await;
        }

        // What the runner accepted it refuses when an operator has revoked it.
        let by = seen_by(&role, &world).await;
        world.keys.revoke_trusted_key(vendor.trusted.id).await.unwrap();
        assert_refused!(
            by.verify(&vendor.package, vendor.org, vendor.memory()).await,
            PackageError::Verification(_)
        );
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signer_signs_and_cannot_change_trust() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let child = world.org("child").await;
        let role = role(&world, RolePurpose::Signer).await;
        let by = seen_by(&role, &world).await;

        let signature = by.sign(&vendor.package, &vendor.key).await;
        let stored = by.keys.store_signature(vendor.org, &signature).await.unwrap();
        assert!(matches!(stored, Change::Made(_)), "{stored:?}");
        let digest = *signature.unverified_statement().unwrap().digest();
        let kept = by.keys.kept_signatures(vendor.org, digest).await.unwrap();
        let more = add_signature(&signature, &SigningKey::generate().unwrap());
        let stored = by.keys.store_signature_beside(&kept, &more).await.unwrap();
        assert!(matches!(stored, Some(Change::Made(_))), "{stored:?}");
        let signer = by.signer(&vendor.package, vendor.org, SignatureSource::Database).await;
        assert_eq!(signer, vendor.key.fingerprint);
        assert_trust_cannot_be_changed(&by, &world, &vendor, child).await;
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn admin_does_everything_that_a_key_manager_can() {
    run(Backend::Postgres, async |world: World| {
        let role = role(&world, RolePurpose::Admin).await;
        let by = seen_by(&role, &world).await;

        let vendor = by.vendor("acme").await;
        by.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        let operator = by.org("operator").await;
        by.keys.grant_trust(operator, vendor.org).await.unwrap();
        by.signer(&vendor.package, operator, SignatureSource::Database).await;
        by.keys.revoke_trust(operator, vendor.org).await.unwrap();
        by.keys
            .deny_key(operator, &vendor.key.fingerprint, Some("not for us".parse().unwrap()))
            .await
            .unwrap();
        by.keys.revoke_trusted_key(vendor.trusted.id).await.unwrap();
        by.keys.revoke_signing_key(vendor.key.id).await.unwrap();
        by.keys.delete_organization(operator).await.unwrap();

        let log = by.keys.store().audit_log(vendor.org).await.unwrap();
        // Storing a signature changes no trust, so it is not among them.
        assert_eq!(log.len(), 5);
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn admin_that_becomes_a_runner_changes_nothing_more() {
    run(Backend::Postgres, async |world: World| {
        let role = role(&world, RolePurpose::Admin).await;
        let by = seen_by(&role, &world).await;
        let vendor = by.vendor("acme").await;
        let child = by.org("child").await;

        let store = world.keys.store();
        store.grant_role(RolePurpose::Runner, &role.login.user).await.unwrap();

        assert_trust_cannot_be_changed(&by, &world, &vendor, child).await;
        assert_denied(by.keys.get_signing_key(vendor.key.id).await);
        let signer = by.signer(&vendor.package, vendor.org, vendor.memory()).await;
        assert_eq!(signer, vendor.key.fingerprint);
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn role_that_does_not_exist_is_given_nothing() {
    run(Backend::Postgres, async |world: World| {
        let store = world.keys.store();
        for role in ["", "cloacina_nobody", "cloacina\"; DROP TABLE organizations; --"] {
            let refused = store.grant_role(RolePurpose::Admin, role).await;
            assert_refused!(refused, StoreError::Unavailable(_));
        }
        world.org("acme").await;
    });
}

#[test]
fn sqlite_has_no_roles() {
    run(Backend::Sqlite, async |world: World| {
        let refused = world.keys.store().grant_role(RolePurpose::Runner, "runner").await;
        assert_refused!(refused, StoreError::NoRoles);
    });
}
