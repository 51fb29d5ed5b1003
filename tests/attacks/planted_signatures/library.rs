//! A signer's role plants rows among the stored signatures.

use std::collections::BTreeSet;

use signing_crypto::{OrgId, PackageDigest, SignatureEnvelope, SigningKey};
use signing_loader::{PackageError, SignatureSource, VerificationError, package_statement};
use signing_trust::store::{RolePurpose, SIGNATURES_IN_ALL, SIGNATURES_PER_ORG, StoreError};
use signing_trust::{TrustError, TrustLimits};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use crate::store_rules::assert_unbroken;
use crate::support::{Backend, Role, Vendor, World, assert_refused, on_both_backends, run};

on_both_backends! {
    row_that_cannot_be_read_hides_no_signature,
    signatures_that_hide_a_good_one_are_removed,
    look_up_is_limited_and_leaves_out_no_organization,
}

/// Adds a row as the owner of the database can.
async fn add_row(world: &World, org: OrgId, digest: PackageDigest, envelope: &str, at: &str) {
    let database = &world.database;
    let sql = format!(
        "INSERT INTO package_signatures
         (id, org_id, package_digest, envelope, envelope_digest, created_at)
         VALUES ({}, {}, {}, {envelope}, {}, {at})",
        database.id(&Uuid::new_v4()),
        database.id(org.as_uuid()),
        database.bytes(digest.as_bytes()),
        database.bytes(SigningKey::generate().unwrap().fingerprint().as_bytes()),
    );
    database.execute(&sql).await.unwrap();
}

async fn row_that_cannot_be_read_hides_no_signature(world: World) {
    let vendor = world.vendor("acme").await;
    let parent = world.org("parent").await;
    world.keys.grant_trust(parent, vendor.org, TrustLimits::default()).await.unwrap();
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let digest = *vendor.signature.unverified_statement().unwrap().digest();
    let rows = match world.database.is_sqlite() {
        // The second is no time that there is, the third no text.
        true => [("'none'", "1"), ("'{}'", "9223372036854775807"), ("CAST(X'ff' AS TEXT)", "2")],
        false => [("'none'", "now()"), ("'{}'", "'infinity'"), ("''", "'280000-01-01'")],
    };
    for (envelope, at) in rows {
        add_row(&world, vendor.org, digest, envelope, at).await;
    }
    for org in [vendor.org, parent] {
        let signer = world.signer(&vendor.package, org, SignatureSource::Database).await;
        assert_eq!(signer, vendor.key.fingerprint);
    }
    let found = world.keys.find_signatures(vendor.org, digest).await.unwrap();
    assert_eq!(found.len(), 4);
    for unreadable in found.iter().filter(|found| found.envelope.is_err()) {
        world.keys.remove_signature(unreadable.id).await.unwrap();
    }
    assert_eq!(world.keys.find_signatures(vendor.org, digest).await.unwrap().len(), 1);
}

async fn signatures_that_hide_a_good_one_are_removed(world: World) {
    let vendor = world.vendor("acme").await;
    world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
    let statement = package_statement(&vendor.package).unwrap();
    for _ in 0..SIGNATURES_PER_ORG {
        let stranger = SigningKey::generate().unwrap();
        let signature = SignatureEnvelope::sign(&statement, &stranger);
        world.keys.store_signature(vendor.org, &signature).await.unwrap();
    }
    assert_refused!(
        world.verify(&vendor.package, vendor.org, SignatureSource::Database).await,
        PackageError::Verification(VerificationError::UntrustedSigner { .. })
    );

    // As the administrator's role has it, where there are roles.
    let role = match world.database.is_sqlite() {
        true => None,
        false => Some(world.role(RolePurpose::Admin).await),
    };
    let by = match &role {
        None => None,
        Some(role) => Some(world.seen_by(role).await),
    };
    let by = by.as_ref().unwrap_or(&world);
    let found = by.keys.find_signatures(vendor.org, *statement.digest()).await.unwrap();
    for planted in &found {
        by.keys.remove_signature(planted.id).await.unwrap();
    }

    let signer = world.signer(&vendor.package, vendor.org, SignatureSource::Database).await;
    assert_eq!(signer, vendor.key.fingerprint);
    assert_refused!(
        by.keys.remove_signature(found[0].id).await,
        TrustError::Store(StoreError::SignatureNotFound { id }) if id == found[0].id
    );
    let log = world.store.audit_log(vendor.org).await.unwrap();
    assert_unbroken(&log);
    let removed = log.iter().filter(|entry| entry.event_type == "package.signature.removed");
    assert_eq!(removed.count(), SIGNATURES_PER_ORG);
    if let Some(role) = role {
        role.remove().await;
    }
}

/// Ten organizations keep as many signatures as are looked at of each: more than are
/// looked at in all.
async fn look_up_is_limited_and_leaves_out_no_organization(world: World) {
    let parent = world.vendor("parent").await;
    let digest = *parent.signature.unverified_statement().unwrap().digest();
    let now = if world.database.is_sqlite() { "1" } else { "now()" };
    let mut organizations = BTreeSet::from([parent.org]);
    for child in 0..10 {
        let child = world.org(&format!("child-{child}")).await;
        world.keys.grant_trust(parent.org, child, TrustLimits::default()).await.unwrap();
        for _ in 0..=SIGNATURES_PER_ORG {
            add_row(&world, child, digest, "'none'", now).await;
        }
        organizations.insert(child);
    }
    world.keys.store_signature(parent.org, &parent.signature).await.unwrap();

    let found = world.keys.find_signatures(parent.org, digest).await.unwrap();

    assert_eq!(found.len(), SIGNATURES_IN_ALL);
    assert_eq!(found[0].org, parent.org);
    let first: BTreeSet<_> = found[..organizations.len()].iter().map(|kept| kept.org).collect();
    assert_eq!(first, organizations);
}

/// What the role's database says to a row for `vendor`'s organization that names its time.
async fn plant(
    world: &World,
    vendor: &Vendor,
    role: &Role,
    created_at: &str,
) -> Result<(), SqlState> {
    let statement = package_statement(&vendor.package).unwrap();
    let envelope = SignatureEnvelope::sign(&statement, &SigningKey::generate().unwrap());
    let database = &world.database;
    let sql = format!(
        "INSERT INTO package_signatures
         (id, org_id, package_digest, envelope, envelope_digest, created_at)
         VALUES (gen_random_uuid(), {}, {}, '{}', sha256(gen_random_uuid()::text::bytea), {created_at})",
        database.id(vendor.org.as_uuid()),
        database.bytes(statement.digest().as_bytes()),
        envelope.to_json(),
    );
    let client = role.login.connect().await;
    client.batch_execute(&sql).await.map_err(|error| error.code().unwrap().clone())
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signer_can_not_date_a_signature_and_hides_none() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let parent = world.org("parent").await;
        world.keys.grant_trust(parent, vendor.org, TrustLimits::default()).await.unwrap();
        world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        let role = world.role(RolePurpose::Signer(vendor.org)).await;

        for created_at in ["'infinity'", "now() + interval '1 year'", "DEFAULT"] {
            let refused = plant(&world, &vendor, &role, created_at).await;
            assert_eq!(refused, Err(SqlState::INSUFFICIENT_PRIVILEGE), "{created_at}");
        }

        for org in [vendor.org, parent] {
            let signer = world.signer(&vendor.package, org, SignatureSource::Database).await;
            assert_eq!(signer, vendor.key.fingerprint);
        }
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn signer_keeps_signatures_for_its_own_organization_only() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let other = world.vendor("other").await;
        let role = world.role(RolePurpose::Signer(vendor.org)).await;
        let by = world.seen_by(&role).await;

        by.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        by.keys.get_signing_key(vendor.key.id).await.unwrap();
        assert_refused!(
            by.keys.store_signature(other.org, &other.signature).await,
            TrustError::Store(StoreError::RoleOfAnotherOrganization { org }) if org == other.org
        );
        assert_refused!(
            by.keys.get_signing_key(other.key.id).await,
            TrustError::Store(StoreError::SigningKeyNotFound { id }) if id == other.key.id
        );

        let digest = *other.signature.unverified_statement().unwrap().digest();
        assert_eq!(world.keys.find_signatures(other.org, digest).await.unwrap().len(), 0);
        role.remove().await;
    });
}
