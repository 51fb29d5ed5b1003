//! A store that cannot be asked: then nothing is loaded.

use std::fmt::Debug;
use std::fs;

use signing_loader::{PackageError, SignatureSource, VerificationError};
use signing_trust::store::{ConnectError, DatabaseUrl, RequiredTls, Store, StoreError};
use signing_trust::{TrustError, UntrustedReason};

use super::Target;
use crate::support::{World, assert_refused, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    store_that_lost_a_table_loads_nothing,
    store_that_lost_its_database_loads_nothing,
    store_that_goes_down_after_verification_loads_nothing,
    store_with_a_corrupt_row_loads_nothing,
    unknown_organization_loads_nothing,
}

fn assert_unavailable<T: Debug>(result: Result<T, PackageError>) {
    assert_refused!(result, PackageError::Trust(TrustError::Store(StoreError::Unavailable(_))));
}

async fn lose_a_table(world: &World, table: &str) {
    let cascade = if world.database.is_sqlite() { "" } else { "CASCADE" };
    world.database.execute(&format!("DROP TABLE {table} {cascade}")).await.unwrap();
}

async fn store_that_lost_a_table_loads_nothing(world: World) {
    let target = Target::new(&world).await;
    world.keys.store_signature(target.org, &target.signature).await.unwrap();
    let load = async |source| world.load(&target.path, target.org, source).await;

    lose_a_table(&world, "package_signatures").await;
    assert_unavailable(load(SignatureSource::Database).await);
    assert_unavailable(load(SignatureSource::Auto).await);
    lose_a_table(&world, "trusted_keys").await;
    assert_unavailable(load(target.memory()).await);
}

async fn store_that_lost_its_database_loads_nothing(world: World) {
    let target = Target::new(&world).await;
    if world.database.is_sqlite() {
        // An open file keeps its content after it is deleted, so it is opened again.
        let file = world.database.file();
        drop((world.keys, world.store));
        fs::write(file, "this is not a database, and longer than its header would be: ".repeat(99))
            .unwrap();
        let opened = Store::open(&world.database.url()).await;
        assert_refused!(opened, StoreError::NotADatabase { .. });
    } else {
        world.database.remove().await;
        let cut_off = world.load(&target.path, target.org, target.memory()).await;
        assert_refused!(
            cut_off,
            PackageError::Trust(TrustError::Store(
                StoreError::ServerShutdown(_)
                    | StoreError::Unavailable(_)
                    | StoreError::Connect(ConnectError::NoSuchDatabase { .. })
            ))
        );
        let nobody = "postgres://nobody@127.0.0.1:1/none?sslmode=disable";
        let nobody = DatabaseUrl::parse(nobody, RequiredTls::DangerNone).unwrap();
        assert_refused!(
            Store::open(&nobody).await,
            StoreError::Connect(ConnectError::NothingListens { .. })
        );
    }
}

async fn store_that_goes_down_after_verification_loads_nothing(world: World) {
    let target = Target::new(&world).await;
    let verified = world.verify(&target.path, target.org, target.memory()).await.unwrap();

    lose_a_table(&world, "store_state").await;

    assert_unavailable(verified.load().await);
}

async fn store_with_a_corrupt_row_loads_nothing(world: World) {
    let target = Target::new(&world).await;
    // The point of order one, for which anybody can sign.
    let mut identity = [0; 32];
    identity[0] = 1;
    let sql = format!("UPDATE trusted_keys SET public_key = {}", world.database.bytes(&identity));
    world.database.execute(&sql).await.unwrap();
    assert_refused!(
        world.load(&target.path, target.org, target.memory()).await,
        PackageError::Verification(VerificationError::UntrustedSigner {
            reason: UntrustedReason::Unknown,
            ..
        })
    );

    // A row that cannot be read may be a refusal.
    world.database.execute("UPDATE trusted_keys SET name = ''").await.unwrap();
    assert_refused!(
        world.load(&target.path, target.org, target.memory()).await,
        PackageError::Trust(TrustError::Store(StoreError::CorruptRow(_)))
    );
}

async fn unknown_organization_loads_nothing(world: World) {
    let target = Target::new(&world).await;
    let unknown = signing_crypto::OrgId::random();
    assert_refused!(
        world.load(&target.path, unknown, target.memory()).await,
        PackageError::Trust(TrustError::Store(StoreError::OrganizationNotFound { .. }))
    );
}
