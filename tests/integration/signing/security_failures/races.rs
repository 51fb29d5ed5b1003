//! A local user who writes to the package directory while a package is loaded.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signing_crypto::{OrgId, SignatureEnvelope};
use signing_loader::{
    LoadedPackage, Online, PackageError, SignatureSource, VerificationError, VerifiedPackage,
};

use crate::support::{World, call, hostile, with_a_canary_on_both_backends, workflow};

with_a_canary_on_both_backends! {
    IsSilent:
    swapping_the_path_throughout_never_loads_another_package,
    package_rewritten_in_place_after_verification_loads_as_it_was_verified,
    package_rewritten_through_a_hard_link_loads_as_it_was_verified,
    package_replaced_after_verification_loads_as_it_was_verified,
}

/// A good package that is signed, and a hostile one of the same size.
struct Rivals {
    org: OrgId,
    path: PathBuf,
    signature: SignatureEnvelope,
    good: Vec<u8>,
    evil: Vec<u8>,
}

impl Rivals {
    async fn new(world: &World) -> Self {
        let mut good = fs::read(workflow()).unwrap();
        let mut evil = fs::read(hostile()).unwrap();
        // What follows the last segment is not looked at by the dynamic linker.
        let size = good.len().max(evil.len());
        good.resize(size, 0);
        evil.resize(size, 0);
        let path = world.file("libworkflow.so", &good);
        let vendor = world.vendor("acme").await;
        let signature = world.sign(&path, &vendor.key).await;
        Self { org: vendor.org, path, signature, good, evil }
    }

    fn memory(&self) -> SignatureSource {
        SignatureSource::Memory(self.signature.clone())
    }

    async fn verified(&self, world: &World) -> VerifiedPackage<Online> {
        world.verify(&self.path, self.org, self.memory()).await.unwrap()
    }
}

fn assert_good(loaded: &LoadedPackage) {
    assert_eq!(call(loaded, b"which are you?"), b"WHICH ARE YOU?");
}

/// Puts one file, then the other, at a path, until it is dropped.
struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Swapper {
    fn start(path: &Path, files: [PathBuf; 2]) -> Self {
        let (path, stop) = (path.to_owned(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let next = path.with_extension("next");
            for file in files.iter().cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                fs::hard_link(file, &next).unwrap();
                fs::rename(&next, &path).unwrap();
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

async fn swapping_the_path_throughout_never_loads_another_package(world: World) {
    let rivals = Rivals::new(&world).await;
    let files = [world.file("evil", &rivals.evil), world.file("good", &rivals.good)];
    let swapper = Swapper::start(&rivals.path, files);
    let (mut loads, mut refusals) = (0, 0);

    while loads + refusals < 200 || loads == 0 || refusals == 0 {
        match world.load(&rivals.path, rivals.org, rivals.memory()).await {
            Ok(loaded) => {
                assert_good(&loaded);
                loads += 1;
            }
            Err(PackageError::Verification(VerificationError::TamperedPackage { .. })) => {
                refusals += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    drop(swapper);
}

async fn package_rewritten_in_place_after_verification_loads_as_it_was_verified(world: World) {
    let rivals = Rivals::new(&world).await;
    let verified = rivals.verified(&world).await;

    // Without truncation, so that a mapping of the file would show the new bytes.
    let mut file = OpenOptions::new().write(true).open(&rivals.path).unwrap();
    file.write_all(&rivals.evil).unwrap();
    assert_eq!(fs::read(&rivals.path).unwrap(), rivals.evil);

    assert_good(&verified.load().await.unwrap());
}

async fn package_rewritten_through_a_hard_link_loads_as_it_was_verified(world: World) {
    let rivals = Rivals::new(&world).await;
    let link = world.path("link");
    fs::hard_link(&rivals.path, &link).unwrap();
    let verified = rivals.verified(&world).await;

    fs::write(&link, &rivals.evil).unwrap();
    assert_eq!(fs::read(&rivals.path).unwrap(), rivals.evil);

    assert_good(&verified.load().await.unwrap());
}

async fn package_replaced_after_verification_loads_as_it_was_verified(world: World) {
    let rivals = Rivals::new(&world).await;
    let verified = rivals.verified(&world).await;

    fs::rename(world.file("evil", &rivals.evil), &rivals.path).unwrap();

    assert_good(&verified.load().await.unwrap());
    let refused = world.verify(&rivals.path, rivals.org, rivals.memory()).await;
    assert!(matches!(
        refused,
        Err(PackageError::Verification(VerificationError::TamperedPackage { .. }))
    ));
}
