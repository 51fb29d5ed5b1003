//! A signer's role plants rows among the kept signatures.

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_loader::{SignatureSource, package_statement};
use tokio_postgres::error::SqlState;

use super::{seen_by, signer};
use crate::support::{Backend, Role, Vendor, World, run};

/// What the role's database says to a row for `vendor`'s organization that names its time.
async fn plant(world: &World, vendor: &Vendor, role: &Role, created_at: &str) -> Result<(), SqlState> {
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
        world.keys.grant_trust(parent, vendor.org).await.unwrap();
        world.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        let role = signer(&world, vendor.org).await;

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
        let role = signer(&world, vendor.org).await;
        let by = seen_by(&role, &world).await;

        by.keys.store_signature(vendor.org, &vendor.signature).await.unwrap();
        by.keys.get_signing_key(vendor.key.id).await.unwrap();
        by.keys.store_signature(other.org, &other.signature).await.unwrap_err();
        by.keys.get_signing_key(other.key.id).await.unwrap_err();

        let digest = *other.signature.unverified_statement().unwrap().digest();
        assert_eq!(world.keys.find_signatures(other.org, digest).await.unwrap().len(), 0);
        role.remove().await;
    });
}
