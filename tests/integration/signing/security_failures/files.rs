//! Packages that are not files, or too large ones.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use signing_loader::{
    ActualContent, PackageError, SignatureSource, VerificationError, package_statement,
};

use super::{Target, quickly, refusal, refused};
use crate::support::{World, assert_refused, with_a_canary_on_both_backends};

with_a_canary_on_both_backends! {
    IsSilent:
    package_that_is_not_a_regular_file_is_rejected,
    package_that_is_not_a_regular_file_is_rejected_unsigned_as_well,
    package_that_is_not_a_regular_file_cannot_be_signed,
    sparse_package_of_5_gib_is_rejected,
    package_above_the_configured_size_is_rejected,
    package_of_another_size_is_not_even_read,
    missing_package_is_an_error,
    package_with_a_deceptive_name_is_rejected,
}

pub(super) fn make_fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Everything that can be in a package's place and is no file.
const MAKERS: [fn(&Path); 5] = [
    |path| fs::create_dir(path).unwrap(),
    make_fifo,
    |path| drop(UnixListener::bind(path).unwrap()),
    |path| symlink("/dev/zero", path).unwrap(),
    |path| symlink("/dev/null", path).unwrap(),
];

/// Puts each of them in the package's place, in turn.
async fn with_each(target: &Target, assert: impl AsyncFn()) {
    for make in MAKERS {
        fs::remove_dir(&target.path).or_else(|_| fs::remove_file(&target.path)).unwrap();
        make(&target.path);
        assert().await;
    }
}

fn assert_not_regular(target: &Target, error: VerificationError) {
    assert_refused!(
        Err::<(), _>(error),
        VerificationError::NotARegularFile { path } if path == target.path
    );
}

async fn package_that_is_not_a_regular_file_is_rejected(world: World) {
    let target = Target::new(&world).await;
    with_each(&target, async || {
        for source in [target.memory(), SignatureSource::Database, SignatureSource::Auto] {
            let refused = refusal(&world, &target.path, target.org, source).await;
            assert_not_regular(&target, refused);
        }
    })
    .await;
}

async fn package_that_is_not_a_regular_file_is_rejected_unsigned_as_well(mut world: World) {
    let target = Target::new(&world).await;
    world.require_signatures = false;
    with_each(&target, async || {
        let loaded = quickly(world.load(&target.path, target.org, SignatureSource::Auto)).await;
        assert_not_regular(&target, refused(loaded));
    })
    .await;
}

async fn package_that_is_not_a_regular_file_cannot_be_signed(world: World) {
    let target = Target::new(&world).await;
    with_each(&target, async || {
        let path = target.path.clone();
        let signing = tokio::task::spawn_blocking(move || package_statement(path));
        assert_not_regular(&target, refused(quickly(signing).await.unwrap()));
    })
    .await;
}

async fn sparse_package_of_5_gib_is_rejected(mut world: World) {
    let target = Target::new(&world).await;
    File::create(&target.path).unwrap().set_len(5 << 30).unwrap();
    for require_signatures in [true, false] {
        world.require_signatures = require_signatures;
        for source in [target.memory(), SignatureSource::Database] {
            let loaded = quickly(world.load(&target.path, target.org, source)).await;
            assert_refused!(
                loaded,
                PackageError::Verification(VerificationError::PackageTooLarge { size, limit })
                    if (size, limit) == (5 << 30, 4 << 30)
            );
        }
    }
}

async fn package_above_the_configured_size_is_rejected(mut world: World) {
    let target = Target::new(&world).await;
    let actual = target.path.metadata().unwrap().len();
    world.config.max_package_size = actual;
    let verified = world.verify(&target.path, target.org, target.memory()).await;
    assert_eq!(verified.unwrap().report().size(), actual);

    world.config.max_package_size = actual - 1;
    assert_refused!(
        Err::<(), _>(target.refusal(&world).await),
        VerificationError::PackageTooLarge { size, limit } if (size, limit) == (actual, actual - 1)
    );
}

async fn package_of_another_size_is_not_even_read(world: World) {
    let target = Target::new(&world).await;
    let signed = target.path.metadata().unwrap().len();
    File::create(&target.path).unwrap().set_len(4 << 30).unwrap();
    let before = bytes_read();
    let verified = world.verify(&target.path, target.org, target.memory()).await;
    let read = bytes_read() - before;
    assert_refused!(
        verified,
        PackageError::Verification(VerificationError::TamperedPackage { actual, .. })
            if actual == ActualContent::Size(4 << 30)
    );
    assert!(read < signed, "{read}");
}

/// How many bytes this process, which has no other test to run, has read so far.
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

async fn missing_package_is_an_error(world: World) {
    let target = Target::new(&world).await;
    fs::remove_file(&target.path).unwrap();
    assert_refused!(
        world.load(&target.path, target.org, target.memory()).await,
        PackageError::Io { path, source }
            if path == target.path && source.kind() == std::io::ErrorKind::NotFound
    );
}

async fn package_with_a_deceptive_name_is_rejected(world: World) {
    let target = Target::new(&world).await;
    for name in ["lib\u{202e}os.so", "lib\nworkflow.so", "lib\u{1b}[2Jworkflow.so"] {
        let path = world.path(name);
        fs::rename(&target.path, &path).unwrap();
        assert_refused!(
            Err::<(), _>(refusal(&world, &path, target.org, target.memory()).await),
            VerificationError::InvalidName(_)
        );
        fs::rename(&path, &target.path).unwrap();
    }
}
