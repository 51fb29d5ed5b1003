//! What the registry hands out, and what it refuses.

use std::error::Error;
use std::iter::successors;

use adopter_cloacina::Refusal;
use cloacina::registry::{LoadedWorkflow, RegistryError, WorkflowRegistry};
use signing_loader::{PackageError, SigningKey, UntrustedReason, VerificationError};

use crate::world::{ARCHIVE, LIBRARY, PACKAGE, VERSION, World, other_build};

/// Asserts that a result is a refusal of what has this name, for this reason.
macro_rules! assert_refused {
    ($result:expr, $expected:expr, $pattern:pat) => {
        match refusal(&$result.unwrap_err()) {
            Refusal::Unverified { name, source: PackageError::Verification($pattern) } => {
                assert_eq!(name, $expected);
            }
            other => panic!("expected {}, found {other:?}", stringify!($pattern)),
        }
    };
}

fn refusal(error: &RegistryError) -> &Refusal {
    match error {
        RegistryError::Io(error) => error.get_ref().unwrap().downcast_ref().unwrap(),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

async fn get(world: &World) -> Result<LoadedWorkflow, RegistryError> {
    let registry = world.verified_registry().await;
    Ok(registry.get_workflow(PACKAGE, VERSION).await?.unwrap())
}

#[tokio::test]
async fn signed_package_is_handed_out_as_it_was_signed() {
    let world = World::signed().await;
    let workflow = get(&world).await.unwrap();
    assert_eq!(workflow.package_data, world.archive);
    assert_eq!(workflow.compiled_data, Some(world.library));
}

#[tokio::test]
async fn package_without_signatures_is_refused() {
    let world = World::unsigned().await;
    assert_refused!(get(&world).await, ARCHIVE, VerificationError::SignatureNotFound { .. });
}

#[tokio::test]
async fn library_without_a_signature_is_refused() {
    let world = World::unsigned().await;
    world.sign(ARCHIVE, VERSION, &world.archive, &world.release).await;
    assert_refused!(get(&world).await, LIBRARY, VerificationError::SignatureNotFound { .. });
}

/// The store has the signature of another digest only.
#[tokio::test]
async fn tampered_archive_is_refused() {
    let mut world = World::signed().await;
    *world.archive.last_mut().unwrap() ^= 1;
    world.replace_archive(&world.archive).await;
    assert_refused!(get(&world).await, ARCHIVE, VerificationError::SignatureNotFound { .. });
}

#[tokio::test]
async fn tampered_library_is_refused() {
    let mut world = World::signed().await;
    *world.library.last_mut().unwrap() ^= 1;
    world.replace_library(&world.library).await;
    assert_refused!(get(&world).await, LIBRARY, VerificationError::SignatureNotFound { .. });
}

#[tokio::test]
async fn package_that_an_untrusted_key_has_signed_is_refused() {
    let world = World::unsigned().await;
    world.sign_package(&SigningKey::generate().unwrap()).await;
    assert_refused!(get(&world).await, ARCHIVE, VerificationError::UntrustedSigner { .. });
}

#[tokio::test]
async fn library_that_an_untrusted_key_has_signed_is_refused() {
    let world = World::unsigned().await;
    world.sign(ARCHIVE, VERSION, &world.archive, &world.release).await;
    let stranger = SigningKey::generate().unwrap();
    world.sign(LIBRARY, VERSION, &world.library, &stranger).await;
    assert_refused!(get(&world).await, LIBRARY, VerificationError::UntrustedSigner { .. });
}

#[tokio::test]
async fn package_is_refused_from_when_its_key_is_revoked() {
    let world = World::signed().await;
    get(&world).await.unwrap();
    world.revoke().await;
    assert_refused!(
        get(&world).await,
        ARCHIVE,
        VerificationError::UntrustedSigner { reason: UntrustedReason::Revoked { .. }, .. }
    );
}

#[tokio::test]
async fn library_of_another_package_is_refused() {
    let world = World::signed().await;
    let other = other_build(&world.library);
    world.sign("other.so", VERSION, &other, &world.release).await;
    world.replace_library(&other).await;
    assert_refused!(get(&world).await, LIBRARY, VerificationError::WrongName { .. });
}

#[tokio::test]
async fn another_signed_build_of_the_package_is_handed_out() {
    let world = World::signed().await;
    let other = other_build(&world.library);
    world.sign(LIBRARY, VERSION, &other, &world.release).await;
    world.replace_library(&other).await;
    assert_eq!(get(&world).await.unwrap().compiled_data, Some(other));
}

#[tokio::test]
async fn library_of_another_version_is_refused() {
    let world = World::signed().await;
    let other = other_build(&world.library);
    world.sign(LIBRARY, "1.1.0", &other, &world.release).await;
    world.replace_library(&other).await;
    let error = get(&world).await.unwrap_err();
    assert!(matches!(refusal(&error), Refusal::WrongVersion { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "I/O error: etl.so is refused: it was signed as version 1.1.0, not as version 1.2.0"
    );
}

#[tokio::test]
async fn version_below_the_floor_is_refused() {
    let world = World::signed().await;
    let (library, keys) = (LIBRARY.parse().unwrap(), &world.keys);
    keys.set_version_floor(world.org, &library, Some(VERSION.parse().unwrap())).await.unwrap();
    get(&world).await.unwrap();
    let floor = Some("1.2.1".parse().unwrap());
    keys.set_version_floor(world.org, &library, floor).await.unwrap();
    assert_refused!(get(&world).await, LIBRARY, VerificationError::VersionBelowFloor { .. });
}

/// cloacina prefers it to the library that the package itself has.
#[tokio::test]
async fn library_for_a_target_is_verified_as_well() {
    let world = World::signed().await;
    let other = other_build(&world.library);
    let registry = world.verified_registry().await;
    let get = || registry.get_compiled_data_for_target(PACKAGE, VERSION, "riscv64-linux");
    assert_eq!(get().await.unwrap(), None);
    let dal = world.dal();
    let packages = dal.workflow_packages();
    let insert = packages.upsert_artifact(PACKAGE, VERSION, None, "riscv64-linux", "", other);
    insert.await.unwrap();
    assert_refused!(get().await, LIBRARY, VerificationError::SignatureNotFound { .. });
    let other = other_build(&world.library);
    world.sign(LIBRARY, VERSION, &other, &world.release).await;
    assert_eq!(get().await.unwrap(), Some(other));
}

#[tokio::test]
async fn providers_are_verified_as_well() {
    let world = World::signed().await;
    let registry = world.verified_registry().await;
    let get = || registry.get_package_providers(PACKAGE, VERSION);
    assert_eq!(get().await.unwrap(), []);
    let provider = ("kafka".into(), "0.1.0".into(), "wasm".into(), b"an archive".to_vec());
    let insert = world.registry();
    insert.store_package_providers(PACKAGE, VERSION, None, vec![provider]).await.unwrap();
    assert_refused!(get().await, "kafka.provider", VerificationError::SignatureNotFound { .. });
    world.sign("kafka.provider", "0.1.0", b"an archive", &world.release).await;
    assert_eq!(get().await.unwrap(), [("kafka".into(), b"an archive".to_vec())]);
}

#[tokio::test]
async fn a_name_that_cannot_be_signed_is_refused() {
    let world = World::signed().await;
    world.rename("a/b").await;
    let registry = world.verified_registry().await;
    let result = registry.get_workflow("a/b", VERSION).await;
    assert_refused!(result, "a/b.cloacina", VerificationError::InvalidName(_));
}

/// A caller that logs errors with their sources, or looks for one, needs no type of this crate.
#[tokio::test]
async fn the_reason_is_among_the_sources_of_cloacinas_error() {
    let world = World::unsigned().await;
    let error = get(&world).await.unwrap_err();
    let mut sources = successors(Some(&error as &dyn Error), |&error| error.source());
    let reason: &PackageError = sources.find_map(|error| error.downcast_ref()).unwrap();
    assert_eq!(reason.code(), "SignatureNotFound");
    assert_eq!(
        error.to_string(),
        "I/O error: etl.cloacina is refused: there is no signature for the package in the store"
    );
}

#[tokio::test]
async fn what_is_not_loaded_is_passed_on() {
    let world = World::unsigned().await;
    let mut registry = world.verified_registry().await;
    assert_eq!(registry.get_workflow("another", VERSION).await.unwrap().map(drop), None);
    assert_eq!(registry.register_workflow(world.archive.clone()).await.unwrap(), world.package);
    assert_eq!(registry.list_workflows().await.unwrap()[0].tasks, ["extract"]);
    assert!(!registry.find_signature("00").await.unwrap());
    world.insert_false_signature("00").await;
    assert!(registry.find_signature("00").await.unwrap());
    let tasks = vec![("load".into(), vec!["extract".into()])];
    registry.persist_task_graph(world.package, tasks).await.unwrap();
    assert_eq!(registry.list_workflows().await.unwrap()[0].tasks, ["load"]);
    assert!(registry.request_recompile(world.package).await.unwrap());
    assert_eq!(registry.list_workflows().await.unwrap(), []);
}

#[tokio::test]
async fn unregistering_is_passed_on() {
    let world = World::unsigned().await;
    let mut registry = world.verified_registry().await;
    registry.unregister_workflow(PACKAGE, VERSION).await.unwrap();
    assert_eq!(registry.list_workflows().await.unwrap(), []);
}
