//! What is refused, with a package that tells when any of it ran.
//!
//! The package is the hostile library, properly signed by a trusted key, so that
//! only the attack that is tested can keep it from being loaded. Each test runs
//! in a process of its own, which must end without the library's constructor having
//! run; two tests show that it does run when the library is loaded.

mod files;
mod policy;
mod races;
mod signatures;
mod signers;
mod store_down;
mod tampered_packages;
mod waiting;

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use signing_crypto::{OrgId, SignatureEnvelope};
use signing_loader::{PackageError, Provenance, SignatureSource, VerificationError};
use signing_trust::store::{SigningKeyRecord, TrustedKeyRecord};

use crate::support::{World, check_package, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    Sings:
    hostile_library_runs_when_loaded_unsigned,
    hostile_library_runs_when_a_trusted_key_signed_it,
}

/// The hostile library, signed by a key that its organization trusts.
struct Target {
    org: OrgId,
    key: SigningKeyRecord,
    trusted: TrustedKeyRecord,
    path: PathBuf,
    signature: SignatureEnvelope,
}

impl Target {
    async fn new(world: &World) -> Self {
        let org = world.org("acme").await;
        let key = world.key(org, "release").await;
        let trusted = world.trust(org, &key).await;
        let path = world.hostile_package("libworkflow.so");
        let signature = world.sign(&path, &key).await;
        Self { org, key, trusted, path, signature }
    }

    /// Why the package is refused with its signature, for its organization.
    async fn refusal(&self, world: &World) -> VerificationError {
        refusal(world, &self.path, self.org, self.memory()).await
    }

    fn memory(&self) -> SignatureSource {
        SignatureSource::Memory(self.signature.clone())
    }
}

/// Why a package is refused, by loading and by checking alike.
async fn refusal(
    world: &World,
    path: &Path,
    org: OrgId,
    source: SignatureSource,
) -> VerificationError {
    let check = check_package(path, org, &world.config, &world.keys, source.clone());
    let checked = refused(quickly(check).await);
    let loaded = refused(quickly(world.load(path, org, source)).await);
    assert_eq!(format!("{checked:?}"), format!("{loaded:?}"));
    loaded
}

fn refused<T: Debug>(result: Result<T, PackageError>) -> VerificationError {
    match result {
        Err(PackageError::Verification(error)) => error,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// Nothing that an attacker can put in a file's place may hold up who looks at it.
async fn quickly<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it hangs")
}

async fn hostile_library_runs_when_loaded_unsigned(mut world: World) {
    let target = Target::new(&world).await;
    world.require_signatures = false;

    let loaded = world.load(&target.path, target.org, SignatureSource::Auto).await.unwrap();

    assert!(matches!(loaded.provenance(), Provenance::Unsigned { .. }));
}

async fn hostile_library_runs_when_a_trusted_key_signed_it(world: World) {
    let target = Target::new(&world).await;

    let loaded = world.load(&target.path, target.org, target.memory()).await.unwrap();

    assert!(matches!(loaded.provenance(), Provenance::Verified(_)));
}
