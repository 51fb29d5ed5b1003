//! A role that may create tables in another schema copies the store's there, adds a key
//! of its own, and leads every connection to the copies.

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_loader::{PackageError, SignatureSource, VerificationError, package_statement};

use signing_trust::store::RolePurpose;

use crate::support::{Backend, Role, Vendor, World, assert_refused, run};

/// Copies three tables into the schema `mine`, and adds a key to them that `vendor`'s
/// organization trusts there.
pub(super) async fn copy_tables_and_add_a_key(
    world: &World,
    vendor: &Vendor,
    role: &Role,
) -> SigningKey {
    let key = SigningKey::generate().unwrap();
    let name = &role.login.user;
    world.database.execute(&format!("CREATE SCHEMA mine AUTHORIZATION {name}")).await.unwrap();
    let database = &world.database;
    let sql = format!(
        "CREATE TABLE mine.store_state AS SELECT * FROM store_state;
         CREATE TABLE mine.organizations AS SELECT * FROM organizations;
         CREATE TABLE mine.trusted_keys AS SELECT * FROM trusted_keys;
         INSERT INTO mine.trusted_keys (id, org_id, fingerprint, public_key, created_at)
         VALUES (gen_random_uuid(), {}, {}, {}, now());
         CREATE FUNCTION mine.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT false';
         CREATE FUNCTION mine.equal(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
         CREATE OPERATOR mine.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = mine.equal);
         GRANT USAGE ON SCHEMA mine TO PUBLIC;
         GRANT SELECT ON ALL TABLES IN SCHEMA mine TO PUBLIC",
        database.id(vendor.org.as_uuid()),
        database.bytes(key.fingerprint().as_bytes()),
        database.bytes(key.verifying_key().as_bytes()),
    );
    role.login.connect().await.batch_execute(&sql).await.unwrap();
    key
}

/// Asserts that a runner believes the real tables: it accepts the vendor's package, and
/// refuses the same package with the planted key's signature.
async fn assert_only_the_real_tables_count(
    role: &Role,
    world: &World,
    vendor: &Vendor,
    planted: &SigningKey,
) {
    let by = world.seen_by(role).await;
    let signer = by.signer(&vendor.package, vendor.org, vendor.memory()).await;
    assert_eq!(signer, vendor.key.fingerprint);
    let statement = package_statement(&vendor.package).unwrap();
    let forged = SignatureSource::Memory(SignatureEnvelope::sign(&statement, planted));
    assert_refused!(
        by.verify(&vendor.package, vendor.org, forged).await,
        PackageError::Verification(VerificationError::UntrustedSigner { .. })
    );
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn search_path_that_a_role_sets_for_itself_redirects_no_runner() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let role = world.role(RolePurpose::Runner).await;
        let planted = copy_tables_and_add_a_key(&world, &vendor, &role).await;
        let name = &role.login.user;
        for path in ["mine, public, cloacina_views", "mine, pg_catalog, public, cloacina_views"] {
            let sql = format!("ALTER ROLE {name} SET search_path = {path}");
            role.login.connect().await.batch_execute(&sql).await.unwrap();
            assert_only_the_real_tables_count(&role, &world, &vendor, &planted).await;
        }
        role.remove().await;
    });
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn search_path_of_the_database_redirects_no_runner() {
    run(Backend::Postgres, async |world: World| {
        let vendor = world.vendor("acme").await;
        let role = world.role(RolePurpose::Runner).await;
        let planted = copy_tables_and_add_a_key(&world, &vendor, &role).await;
        let sql = "DO $$ BEGIN EXECUTE format(
                       'ALTER DATABASE %I SET search_path = mine, public, cloacina_views',
                       current_database()); END $$";
        world.database.execute(sql).await.unwrap();
        assert_only_the_real_tables_count(&role, &world, &vendor, &planted).await;
        role.remove().await;
    });
}
