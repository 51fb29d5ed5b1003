//! What the dynamic linker is given, and what it makes of it.

use std::path::Path;

use signing_loader::{LibraryError, LoadError, LoadedPackage, PackageError, SignatureSource};

use crate::support::{Vendor, World, assert_refused, call, entry_point, on_both_backends};

on_both_backends! {
    two_packages_loaded_one_after_the_other_are_two_libraries,
    same_package_loads_twice,
    missing_symbol_is_an_error,
    signed_file_that_is_not_a_library_does_not_load,
}

async fn load(world: &World, vendor: &Vendor, path: &Path) -> Result<LoadedPackage, PackageError> {
    let source = SignatureSource::Memory(world.sign(path, &vendor.key).await);
    world.load(path, vendor.org, source).await
}

async fn two_packages_loaded_one_after_the_other_are_two_libraries(world: World) {
    let vendor = world.vendor("acme").await;
    let upper = world.package("libworkflow.so");
    // Without a canary to sing for, the hostile library is just another one.
    let same = world.hostile_package("libother.so");

    for _ in 0..2 {
        let loaded = load(&world, &vendor, &upper).await.unwrap();
        assert_eq!(call(&loaded, b"abc"), b"ABC");
        drop(loaded);
        let loaded = load(&world, &vendor, &same).await.unwrap();
        assert_eq!(call(&loaded, b"abc"), b"abc");
    }
}

async fn same_package_loads_twice(world: World) {
    let vendor = world.vendor("acme").await;
    let path = world.package("libworkflow.so");

    let first = load(&world, &vendor, &path).await.unwrap();
    let second = load(&world, &vendor, &path).await.unwrap();

    assert_eq!(call(&first, b"first"), b"FIRST");
    assert_eq!(call(&second, b"second"), b"SECOND");
}

async fn missing_symbol_is_an_error(world: World) {
    let vendor = world.vendor("acme").await;
    let loaded = load(&world, &vendor, &world.package("libworkflow.so")).await.unwrap();

    assert!(entry_point(&loaded, c"workflow_run").is_ok());
    assert_refused!(
        entry_point(&loaded, c"workflow_walk"),
        LoadError::Symbol { name, .. } if name.as_c_str() == c"workflow_walk"
    );
}

async fn signed_file_that_is_not_a_library_does_not_load(world: World) {
    let vendor = world.vendor("acme").await;
    let signer = world.signer(&vendor.package, vendor.org, vendor.memory()).await;
    assert_eq!(signer, vendor.key.fingerprint);

    let refused = world.load(&vendor.package, vendor.org, vendor.memory()).await;

    assert_refused!(refused, PackageError::Load(LoadError::Library(LibraryError::NotElf)));
}
