//! What Postgres itself lets the roles do that `grant_role` sets up.

mod admin;
mod owner;
mod rights;

use std::fmt::Debug;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use signing_crypto::{OrgId, SigningKey, TrustDocumentKind};
use signing_loader::{PackageError, SignatureSource};
use signing_trust::store::{
    AuditEntry, Change, Revocation, RoleLimits, RolePurpose, Store, StoreError,
};
use signing_trust::{Freshness, KeyManager, Resign, TrustError, TrustLimits};
use uuid::Uuid;

use crate::support::{
    Backend, Role, Vendor, World, add_signature, assert_refused, kek, run, shown, trust_document,
};

/// The world as somebody sees it who connects as `role`.
async fn seen_by(role: &Role, world: &World) -> World {
    let store = Store::open(&role.login.url("")).await.unwrap();
    let keys = KeyManager::new(store.clone(), Some(kek(1)));
    World {
        store,
        keys,
        config: world.config.clone(),
        require_signatures: world.require_signatures,
        database: world.database.clone(),
    }
}

async fn role(world: &World, purpose: RolePurpose) -> Role {
    Role::create(&world.database, &world.store, purpose).await
}

/// Asserts that Postgres refused it, and not for any other reason.
fn assert_denied<T: Debug>(result: Result<T, impl Into<TrustError>>) {
    match result.map_err(Into::into) {
        Err(error @ TrustError::Store(StoreError::PermissionDenied(_))) => {
            assert!(shown(&error).contains("permission denied for "), "{}", shown(&error));
        }
        other => panic!("expected a denial, found {other:?}"),
    }
}

/// Asserts that each change of trust is denied, and that none was made.
async fn assert_trust_cannot_be_changed(by: &World, world: &World, vendor: &Vendor, child: OrgId) {
    let (keys, store) = (&by.keys, &world.store);
    world.keys.grant_trust(child, vendor.org, TrustLimits::default()).await.unwrap();
    let [retired, refused] = [(); 2].map(|()| SigningKey::generate().unwrap());
    let name = format!("retired-{}", Uuid::new_v4()).parse().unwrap();
    let retired = world.keys.import_signing_key(vendor.org, name, &retired).await.unwrap().id;
    world.keys.revoke_signing_key(retired, Revocation::retired()).await.unwrap();
    let denied = world.keys.deny_key(vendor.org, &refused.fingerprint(), None).await.unwrap();
    let denied = denied.into_inner().id;
    let state = async || {
        let log = store.audit_log(vendor.org).await.unwrap();
        let keys = store.signing_keys(vendor.org).await.unwrap();
        (store.state().await.unwrap(), log, keys)
    };
    let before = state().await;
    let stranger = SigningKey::generate().unwrap();
    let (stranger_key, stranger) = (stranger.verifying_key(), stranger.fingerprint());
    let soon = Some(Utc::now() + TimeDelta::days(1));
    let (note, package) = ("mine".parse().unwrap(), "acme.so".parse().unwrap());

    assert_denied(keys.create_organization("mine".parse().unwrap()).await);
    assert_denied(keys.delete_organization(vendor.org).await);

    assert_denied(keys.create_signing_key(vendor.org, "mine".parse().unwrap()).await);
    assert_denied(keys.rotate_signing_key(vendor.key.id, None, Resign::Leave).await);
    assert_denied(keys.rotate_signing_key(vendor.key.id, None, Resign::All).await);
    assert_denied(keys.rotate_kek(&kek(2)).await);
    assert_denied(keys.revoke_signing_key(vendor.key.id, Revocation::retired()).await);
    let compromised = Revocation::compromised();
    assert_denied(keys.revoke_signing_key(vendor.key.id, compromised).await);
    assert_denied(keys.reinstate_signing_key(retired, &note).await);

    assert_denied(keys.trust_public_key(vendor.org, &stranger_key, None, None).await);
    let known = &vendor.key.public_key;
    assert_denied(keys.trust_public_key(vendor.org, known, None, soon).await);
    assert_denied(keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await);
    assert_denied(keys.reinstate_trusted_key(denied, &note).await);
    assert_denied(keys.deny_key(vendor.org, &stranger, None).await);
    assert_denied(keys.danger_declare_compromised(vendor.org, &stranger, None).await);
    let floor = Some("1.2.3".parse().unwrap());
    assert_denied(keys.set_version_floor(vendor.org, &package, floor).await);

    assert_denied(keys.grant_trust(vendor.org, child, TrustLimits::default()).await);
    let scope = TrustLimits { packages: None, expires_at: soon };
    assert_denied(keys.grant_trust(child, vendor.org, scope).await);
    assert_denied(keys.revoke_trust(child, vendor.org).await);

    let document = trust_document(TrustDocumentKind::Root, 1);
    let entry = AuditEntry::new("trust.documents.added");
    let added = by.store.add_trust_documents(child, vec![document], entry).await;
    assert_denied(added.map_err(TrustError::from));

    assert_eq!(state().await, before);
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
            assert_denied(by.keys.store().signing_keys(vendor.org).await);
            assert_denied(by.keys.store_signature(vendor.org, &vendor.signature).await);
            assert_trust_cannot_be_changed(&by, &world, &vendor, child).await;
        }

        // What the runner accepted it refuses when an operator has revoked it.
        let by = seen_by(&role, &world).await;
        world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
        assert_refused!(
            by.verify(&vendor.package, vendor.org, vendor.memory()).await,
            PackageError::Verification(_)
        );
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signer_signs_and_adds_to_what_is_kept_and_changes_nothing_else() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let child = world.org("child").await;
        let role = role(&world, RolePurpose::Signer(vendor.org)).await;
        let by = seen_by(&role, &world).await;

        let signature = by.sign(&vendor.package, &vendor.key).await;
        let stored = by.keys.store_signature(vendor.org, &signature).await.unwrap();
        assert!(matches!(stored, Change::Made(_)), "{stored:?}");
        let digest = *signature.unverified_statement().unwrap().digest();
        let kept = by.keys.stored_signatures(vendor.org, digest).await.unwrap();
        let more = add_signature(&signature, &SigningKey::generate().unwrap());
        let stored = by.keys.store_signature_beside(&kept, &more).await.unwrap();
        assert!(matches!(stored, Change::Made(_)), "{stored:?}");
        let signer = by.signer(&vendor.package, vendor.org, SignatureSource::Database).await;
        assert_eq!(signer, vendor.key.fingerprint);
        assert_trust_cannot_be_changed(&by, &world, &vendor, child).await;
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn runners_and_signers_read_trust_documents_and_only_an_admin_adds_them() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let operator = world.org("operator").await;
        world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
        let purposes = [RolePurpose::Admin, RolePurpose::Runner, RolePurpose::Signer(vendor.org)];
        for purpose in purposes {
            let role = role(&world, purpose).await;
            let by = seen_by(&role, &world).await;
            let document = trust_document(TrustDocumentKind::Root, 1);
            let entry = AuditEntry::new("trust.documents.added");
            let added = by.store.add_trust_documents(vendor.org, vec![document], entry).await;
            match purpose {
                RolePurpose::Admin => added.unwrap(),
                _ => assert_denied(added.map_err(TrustError::from)),
            }
            let read = by.store.trust_documents(operator).await.unwrap().records;
            let of: Vec<_> = read.iter().map(|record| (record.org_id, record.kind)).collect();
            assert_eq!(of, [(vendor.org, TrustDocumentKind::Root)], "{purpose:?}");
            let history = by.store.trust_document_history(vendor.org).await.unwrap();
            assert_eq!(history, read, "{purpose:?}");
            role.remove().await;
        }
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

        let store = &world.store;
        let limits = RoleLimits::OfPurpose;
        store.grant_role(RolePurpose::Runner, &role.name(), limits).await.unwrap();

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
        let store = &world.store;
        for role in ["cloacina_nobody", "cloacina\"; DROP TABLE organizations; --"] {
            let role = &role.parse().unwrap();
            let refused = store.grant_role(RolePurpose::Admin, role, RoleLimits::OfPurpose).await;
            assert_refused!(refused, StoreError::NoSuchRole(_));
        }
        world.org("acme").await;
    });
}

#[test]
fn sqlite_has_no_roles() {
    run(Backend::Sqlite, async |world: World| {
        let (store, limits) = (&world.store, RoleLimits::OfPurpose);
        let refused =
            store.grant_role(RolePurpose::Runner, &"runner".parse().unwrap(), limits).await;
        assert_refused!(refused, StoreError::NoRoles);
    });
}
