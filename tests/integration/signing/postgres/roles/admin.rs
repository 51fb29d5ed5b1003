//! An admin's role does everything that a key manager can.

use chrono::{TimeDelta, Utc};
use signing_crypto::{PackagePatterns, SigningKey};
use signing_loader::{PackageError, SignatureSource};
use signing_trust::store::{Change, Revocation, RolePurpose};
use signing_trust::{Resign, TrustLimits};

use super::{role, seen_by};
use crate::store_rules::assert_unbroken;
use crate::support::{Backend, Vendor, World, add_signature, assert_refused, kek, run};

/// Revokes the vendor's keys and takes that back.
async fn have_second_thoughts(by: &World, vendor: &Vendor) {
    let note = "a mistake".parse().unwrap();
    by.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    by.keys.reinstate_trusted_key(vendor.trusted.id, &note).await.unwrap();
    by.keys.revoke_signing_key(vendor.key.id, Revocation::retired()).await.unwrap();
    by.keys.reinstate_signing_key(vendor.key.id, &note).await.unwrap();
    by.signer(&vendor.package, vendor.org, vendor.memory()).await;
}

/// Sets, raises and takes away the lowest version of a package.
async fn move_a_floor(by: &World, vendor: &Vendor) {
    for floor in [Some("1.2.3"), Some("2.0.0"), None] {
        let floor = floor.map(|floor| floor.parse().unwrap());
        let package = "other.so".parse().unwrap();
        let set = by.keys.set_version_floor(vendor.org, &package, floor).await.unwrap();
        assert!(matches!(set, Change::Made(_)), "{set:?}");
    }
}

/// Keeps a signature, one beside it, and puts a successor's into both.
async fn keep_and_replace_signatures(by: &World, vendor: &Vendor) {
    by.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let digest = *vendor.signature.unverified_statement().unwrap().digest();
    let kept = by.keys.stored_signatures(vendor.org, digest).await.unwrap();
    let more = add_signature(&vendor.signature, &SigningKey::generate().unwrap());
    let stored = by.keys.store_signature_beside(&kept, &more).await.unwrap();
    assert!(matches!(stored, Change::Made(_)), "{stored:?}");

    let rotation = by.keys.rotate_signing_key(vendor.key.id, None, Resign::All).await.unwrap();
    assert!(matches!(rotation.trusted, Some(Change::Made(_))), "{rotation:?}");
    assert!(rotation.signatures.added > 0, "{rotation:?}");
    assert_eq!(rotation.signatures.left, 0);
}

async fn rotate_the_kek(by: &mut World, vendor: &Vendor) {
    let rotated = by.keys.rotate_kek(&kek(2)).await.unwrap();
    assert!(matches!(rotated, Change::Made(_)), "{rotated:?}");
    by.keys = by.keys.clone().with_kek(kek(2));
    let key = by.keys.get_signing_key(vendor.key.id).await.unwrap();
    assert_eq!(key.fingerprint(), vendor.key.fingerprint);
}

async fn types_of_events(by: &World, org: signing_crypto::OrgId) -> Vec<String> {
    let log = by.keys.store().audit_log(org).await.unwrap();
    assert_unbroken(&log);
    log.into_iter().map(|entry| entry.event_type).collect()
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn admin_manages_an_organizations_keys_signatures_and_floors() {
    run(Backend::Postgres, async |world: World| {
        let role = role(&world, RolePurpose::Admin).await;
        let mut by = seen_by(&role, &world).await;

        let vendor = by.vendor("acme").await;
        have_second_thoughts(&by, &vendor).await;
        move_a_floor(&by, &vendor).await;
        keep_and_replace_signatures(&by, &vendor).await;
        by.signer(&vendor.package, vendor.org, SignatureSource::Database).await;
        rotate_the_kek(&mut by, &vendor).await;

        // Keeping a signature changes no trust, so it is not among them.
        let expected = [
            "organization.created",
            "key.signing.created",
            "key.trusted.added",
            "key.trusted.revoked",
            "key.trusted.reinstated",
            "key.signing.revoked",
            "key.signing.reinstated",
            "package.floor.set",
            "package.floor.set",
            "package.floor.set",
            "key.signing.created",
            "key.trusted.added",
            "kek.rotated",
        ];
        assert_eq!(types_of_events(&by, vendor.org).await, expected);
        by.keys.verify_audit_log(vendor.org, &[]).await.unwrap();
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn admin_manages_trust_between_organizations_and_ends_it_for_all() {
    run(Backend::Postgres, async |world: World| {
        let role = role(&world, RolePurpose::Admin).await;
        let by = seen_by(&role, &world).await;
        let vendor = by.vendor("acme").await;
        let operator = by.org("operator").await;

        let until = Utc::now() + TimeDelta::days(1);
        let patterns = |pattern: &str| PackagePatterns::new(vec![pattern.into()]).unwrap();
        for packages in [Some(patterns("other.so")), Some(patterns("acme.*")), None] {
            let scope = TrustLimits { packages, expires_at: Some(until) };
            by.keys.grant_trust(operator, vendor.org, scope).await.unwrap();
        }
        by.signer(&vendor.package, operator, vendor.memory()).await;
        by.keys.revoke_trust(operator, vendor.org).await.unwrap();
        for until in [Some(until), None] {
            let key = &vendor.key.public_key;
            let trusted = by.keys.trust_public_key(operator, key, None, until).await;
            assert!(matches!(trusted, Ok(Change::Made(_))), "{trusted:?}");
        }
        by.signer(&vendor.package, operator, vendor.memory()).await;

        let [denied, stolen] = [(); 2].map(|()| SigningKey::generate().unwrap().fingerprint());
        by.keys.deny_key(operator, &denied, Some("not for us".parse().unwrap())).await.unwrap();
        by.keys.danger_declare_compromised(operator, &stolen, None).await.unwrap();
        let compromised = Revocation::compromised();
        by.keys.revoke_signing_key(vendor.key.id, compromised).await.unwrap();
        for org in [vendor.org, operator] {
            let refused = by.verify(&vendor.package, org, vendor.memory()).await;
            assert_refused!(refused, PackageError::Verification(_));
        }
        by.keys.delete_organization(operator).await.unwrap();

        let expected = [
            "organization.created",
            "trust.grant.created",
            "trust.grant.created",
            "trust.grant.created",
            "trust.grant.revoked",
            "key.trusted.added",
            "key.trusted.added",
            "key.denied",
            "key.compromised",
            "organization.deleted",
        ];
        assert_eq!(types_of_events(&by, operator).await, expected);
        role.remove().await;
    });
}
