//! A runner that goes on while its organization's key is rotated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signing_crypto::OrgId;
use signing_loader::{PackageError, SignatureSource, VerificationError, verify_package};
use signing_trust::store::{Revocation, Store};
use signing_trust::{KeyManager, Resign, TrustLimits};

use crate::support::{World, kek, on_both_backends, untrusted};

on_both_backends! {
    runner_refuses_nothing_during_a_rotation_and_accepts_nothing_old_after_it,
}

const PACKAGES: usize = 3;

/// A runner in the middle of its work: how often it has verified every package.
struct Runner {
    rounds: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Runner {
    /// Verifies the packages by what the store keeps, again and again. One that is
    /// refused ends it.
    async fn start(world: &World, org: OrgId) -> Self {
        let keys = KeyManager::new(Store::open(&world.database.url()).await.unwrap(), None);
        let (rounds, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, stopped, config) = (rounds.clone(), stop.clone(), world.config.clone());
        let paths: Vec<_> = (0..PACKAGES).map(|n| world.path(&format!("p{n}.so"))).collect();
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                for path in &paths {
                    let source = SignatureSource::Database;
                    let verified = verify_package(path, org, &config, &keys, source).await;
                    assert!(verified.is_ok(), "{verified:?}");
                }
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { rounds, stop, task }
    }

    /// Waits until it has gone round once more, all of it after now.
    async fn goes_on(&self) {
        let now = self.rounds.load(Ordering::SeqCst);
        while self.rounds.load(Ordering::SeqCst) < now + 2 {
            assert!(!self.task.is_finished(), "a package was refused");
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
    }
}

async fn runner_refuses_nothing_during_a_rotation_and_accepts_nothing_old_after_it(world: World) {
    let acme = world.vendor("acme").await;
    let parent = world.org("parent").await;
    world.keys.grant_trust(parent, acme.org, TrustLimits::default()).await.unwrap();
    let mut old_signatures = Vec::new();
    for number in 0..PACKAGES {
        let path = world.file(&format!("p{number}.so"), format!("{number}").as_bytes());
        let signature = world.sign(&path, &acme.key).await;
        world.keys.store_signature(acme.org, &signature).await.unwrap();
        old_signatures.push((path, signature));
    }
    let runners = [Runner::start(&world, acme.org).await, Runner::start(&world, parent).await];
    let go_on = async || {
        for runner in &runners {
            runner.goes_on().await;
        }
    };

    go_on().await;
    world.keys.rotate_signing_key(acme.key.id, None, Resign::Leave).await.unwrap();
    go_on().await;
    let done = world.keys.rotate_signing_key(acme.key.id, None, Resign::All).await.unwrap();
    assert_eq!(done.signatures.added, PACKAGES as u64);
    go_on().await;
    world.keys.rotate_kek(&kek(2)).await.unwrap();
    go_on().await;
    world.keys.revoke_signing_key(acme.key.id, Revocation::retired()).await.unwrap();
    go_on().await;
    // The last step: what the old key alone has signed is refused from here on, and
    // what the successor has signed as well is not.
    world.keys.revoke_trusted_key(acme.trusted.id, Revocation::retired()).await.unwrap();
    for org in [acme.org, parent] {
        for (path, signature) in &old_signatures {
            let source = SignatureSource::Memory(signature.clone());
            let refused = world.verify(path, org, source).await;
            assert!(matches!(
                refused,
                Err(PackageError::Verification(VerificationError::UntrustedSigner { .. }))
            ));
            assert_eq!(untrusted(refused).0, Some(acme.key.fingerprint));
        }
    }
    go_on().await;
    for runner in runners {
        runner.end().await;
    }
}
