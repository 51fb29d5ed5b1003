use std::collections::BTreeSet;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Signal, getpid, kill_process};
use signing_crypto::{PackageDigest, SigningKey};
use tempfile::TempDir;

use super::*;
use crate::{DirectoryFault, Offline, VerifiedPackage, Verifier};

mod old;
mod reserved;

const NAME: &str = "libworkflow.so";
const STEPS: [Step; 6] =
    [Step::Directory, Step::Package, Step::Signature, Step::Release, Step::Link, Step::Switch];

/// Set in a process that a test started: the step after which it is killed, and where it works.
const KILL_AFTER: &str = "CLOACINA_TEST_KILL_AFTER";
const WORKSHOP: &str = "CLOACINA_TEST_WORKSHOP";

pub(super) fn reached(step: Step) {
    if env::var(KILL_AFTER).is_ok_and(|last| last == format!("{step:?}")) {
        kill_process(getpid(), Signal::KILL).unwrap();
    }
}

/// A directory with a key, packages, and a place to install them in.
struct Workshop(TempDir);

impl Workshop {
    fn new() -> Self {
        let workshop = Self(tempfile::tempdir().unwrap());
        fs::write(workshop.path("key.pem"), SigningKey::generate().unwrap().to_pem()).unwrap();
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn installed(&self) -> PathBuf {
        self.path("packages").join(NAME).join(NAME)
    }

    fn package(&self, version: Option<&str>) -> VerifiedPackage<Offline> {
        package(self.0.path(), version)
    }

    fn install(
        &self,
        version: Option<&str>,
        downgrade: Downgrade,
    ) -> Result<Installed, InstallError> {
        let directory = InstallDirectory::open(self.path("packages"))?;
        self.package(version).install(&directory, downgrade)
    }

    /// The version that a runner finds, verified.
    fn loaded(&self) -> String {
        loaded(self.0.path())
    }

    fn releases(&self) -> BTreeSet<String> {
        names(&self.path("packages/releases"))
    }
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn key(workshop: &Path) -> SigningKey {
    SigningKey::from_pem(&fs::read(workshop.join("key.pem")).unwrap()).unwrap()
}

fn verifier(workshop: &Path) -> Verifier<Offline> {
    Verifier::pinned(key(workshop).verifying_key())
}

/// A package, whose bytes say its version.
fn package(workshop: &Path, version: Option<&str>) -> VerifiedPackage<Offline> {
    let directory = tempfile::tempdir_in(workshop).unwrap();
    let path = directory.path().join(NAME);
    fs::write(&path, bytes_of(version.unwrap_or("none"))).unwrap();
    sign(&path, version, &key(workshop));
    verifier(workshop).verify(&path).unwrap()
}

/// The bytes of version 2.0.0, signed for this one.
fn same_bytes(workshop: &Path, version: Option<&str>) -> VerifiedPackage<Offline> {
    let directory = tempfile::tempdir_in(workshop).unwrap();
    let path = directory.path().join(NAME);
    fs::write(&path, bytes_of("2.0.0")).unwrap();
    sign(&path, version, &key(workshop));
    verifier(workshop).verify(&path).unwrap()
}

fn sign(path: &Path, version: Option<&str>, key: &SigningKey) {
    let content = PackageDigest::of_reader(File::open(path).unwrap()).unwrap();
    let signed_at = "2026-01-28T12:00:00Z".parse().unwrap();
    let name = NAME.parse().unwrap();
    let mut statement = PackageStatement::new(name, content.digest, content.size, signed_at);
    if let Some(version) = version {
        statement = statement.with_version(version.parse().unwrap());
    }
    let envelope = SignatureEnvelope::sign(&statement, key);
    fs::write(path.with_file_name(format!("{NAME}.sig")), envelope.to_json()).unwrap();
}

/// Large enough that it is not written at once.
fn bytes_of(version: &str) -> Vec<u8> {
    let mut bytes = vec![0; 300_000];
    bytes.extend(version.as_bytes());
    bytes
}

fn loaded(workshop: &Path) -> String {
    let path = workshop.join("packages").join(NAME).join(NAME);
    let package = verifier(workshop).verify(path).unwrap();
    String::from_utf8(package.as_bytes().unwrap()[300_000..].to_owned()).unwrap()
}

#[test]
fn a_verified_package_and_its_signature_are_what_a_runner_finds() {
    let workshop = Workshop::new();
    let installed = workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
    assert_eq!(installed.outcome, InstallOutcome::Installed);
    assert_eq!((&installed.package, installed.before), (&workshop.installed(), None));
    assert_eq!(workshop.loaded(), "1.0.0");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&installed.release), 0o755);
    // Who cannot open it cannot hold up installations by its lock.
    assert_eq!(mode(&workshop.path("packages/.lock")), 0o600);
    assert_eq!(mode(&workshop.installed()), 0o755);
    assert_eq!(names(&installed.release), [NAME.into(), format!("{NAME}.sig")].into());

    let next = workshop.install(Some("1.1.0"), Downgrade::Refuse).unwrap();
    assert_eq!(next.before, Some(installed.release));
    assert_eq!(workshop.loaded(), "1.1.0");
    assert_eq!(workshop.releases().len(), 2, "the release before stays");
}

#[test]
fn the_same_release_is_installed_once() {
    let workshop = Workshop::new();
    let package = workshop.package(Some("1.0.0"));
    let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
    let first = package.install(&directory, Downgrade::Refuse).unwrap();
    let again = package.install(&directory, Downgrade::Refuse).unwrap();
    assert_eq!(again.outcome, InstallOutcome::AlreadyInstalled);
    assert_eq!((again.release, again.before), (first.release, None));
}

#[test]
fn what_is_not_newer_is_refused_unless_it_is_asked_for() {
    let workshop = Workshop::new();
    workshop.install(Some("2.0.0"), Downgrade::Refuse).unwrap();
    for older in [Some("1.9.9"), Some("2.0.0-rc.1"), Some("2.0.0+build"), None] {
        let refused = workshop.install(older, Downgrade::Refuse).unwrap_err();
        assert!(matches!(refused, InstallError::Downgrade { .. }), "{older:?}: {refused:?}");
        assert_eq!(workshop.loaded(), "2.0.0");
    }
    workshop.install(Some("2.0.1"), Downgrade::Refuse).unwrap();
    workshop.install(Some("1.9.9"), Downgrade::DangerAllow).unwrap();
    assert_eq!(workshop.loaded(), "1.9.9");
}

#[test]
fn the_same_bytes_are_installed_for_no_lower_version() {
    let workshop = Workshop::new();
    let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
    let install =
        |version| same_bytes(workshop.0.path(), version).install(&directory, Downgrade::Refuse);
    for accepted in [None, Some("2.0.0"), Some("2.0.0"), Some("2.0.0+build")] {
        install(accepted).unwrap();
    }
    for lower in [Some("1.9.9"), Some("2.0.0-rc.1"), None] {
        let refused = install(lower).unwrap_err();
        assert!(matches!(refused, InstallError::Downgrade { .. }), "{lower:?}: {refused:?}");
        // Otherwise the version that others are compared with would be gone.
        let refused = workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap_err();
        assert!(matches!(refused, InstallError::Downgrade { .. }), "{lower:?}: {refused:?}");
    }
    install(Some("2.0.1")).unwrap();
    install(Some("2.0.0")).unwrap_err();
}

#[test]
fn an_installed_version_that_cannot_be_read_is_not_replaced_unless_it_is_asked_for() {
    let workshop = Workshop::new();
    let installed = workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
    fs::remove_dir_all(installed.release).unwrap();
    let refused = workshop.install(Some("2.0.0"), Downgrade::Refuse).unwrap_err();
    assert!(matches!(refused, InstallError::InstalledUnreadable { .. }), "{refused:?}");
    workshop.install(Some("2.0.0"), Downgrade::DangerAllow).unwrap();
    assert_eq!(workshop.loaded(), "2.0.0");
}

#[test]
fn what_is_installed_is_what_was_verified_whatever_becomes_of_the_source() {
    let workshop = Workshop::new();
    let source = workshop.path(NAME);
    fs::write(&source, bytes_of("1.0.0")).unwrap();
    sign(&source, None, &key(workshop.0.path()));
    let package = verifier(workshop.0.path()).verify(&source).unwrap();
    fs::write(&source, "hostile bytes").unwrap();
    fs::write(workshop.path(&format!("{NAME}.sig")), "hostile signature").unwrap();
    let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
    package.install(&directory, Downgrade::Refuse).unwrap();
    assert_eq!(workshop.loaded(), "1.0.0");
}

#[test]
fn a_release_that_was_changed_is_not_used_again() {
    let workshop = Workshop::new();
    let package = workshop.package(Some("1.0.0"));
    let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
    let installed = package.install(&directory, Downgrade::Refuse).unwrap();
    fs::write(installed.release.join(NAME), "other bytes").unwrap();
    let refused = package.install(&directory, Downgrade::Refuse).unwrap_err();
    assert!(matches!(refused, InstallError::Changed { .. }), "{refused:?}");
}

#[test]
fn whatever_else_has_the_package_s_name_is_not_replaced() {
    let workshop = Workshop::new();
    fs::create_dir_all(workshop.path("packages")).unwrap();
    let place = workshop.path("packages").join(NAME);
    let refuses = || {
        let refused = workshop.install(Some("1.0.0"), Downgrade::DangerAllow).unwrap_err();
        assert!(matches!(refused, InstallError::Occupied { .. }), "{refused:?}");
    };
    fs::write(&place, "a package that was copied here").unwrap();
    refuses();
    assert_eq!(fs::read(&place).unwrap(), b"a package that was copied here");
    fs::remove_file(&place).unwrap();
    for elsewhere in ["elsewhere", "releases", "../releases/x", "releases/../x", "/releases/x"] {
        symlink(elsewhere, &place).unwrap();
        refuses();
        fs::remove_file(&place).unwrap();
    }
    workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
}

#[test]
fn a_directory_that_others_can_change_is_refused() {
    let workshop = Workshop::new();
    fs::create_dir_all(workshop.path("above/packages")).unwrap();
    let set = |name: &str, mode| {
        fs::set_permissions(workshop.path(name), Permissions::from_mode(mode)).unwrap();
    };
    let fault = |name: &str| match InstallDirectory::open(workshop.path(name)) {
        Ok(_) => None,
        Err(InstallError::UnsafeDirectory { source, .. }) => Some(source),
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(fault("above/packages"), None);
    for mode in [0o775, 0o757, 0o1777] {
        set("above/packages", mode);
        assert_eq!(fault("above/packages"), Some(DirectoryFault::Writable { mode }));
    }
    set("above/packages", 0o755);
    set("above", 0o775);
    assert_eq!(fault("above/packages"), Some(DirectoryFault::Writable { mode: 0o775 }));
    // A sticky directory keeps others from renaming what is not theirs.
    set("above", 0o1777);
    assert_eq!(fault("above/packages"), None);

    symlink("above/packages", workshop.path("link")).unwrap();
    assert_eq!(fault("link"), Some(DirectoryFault::Link));
    symlink("above", workshop.path("way")).unwrap();
    assert_eq!(fault("way/packages"), None);
    fs::write(workshop.path("file"), "").unwrap();
    assert_eq!(fault("file"), Some(DirectoryFault::NotADirectory));
}

#[test]
fn releases_that_others_can_change_are_refused() {
    let workshop = Workshop::new();
    workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
    let releases = workshop.path("packages/releases");
    fs::set_permissions(&releases, Permissions::from_mode(0o777)).unwrap();
    let refused = workshop.install(Some("1.1.0"), Downgrade::Refuse).unwrap_err();
    assert!(matches!(refused, InstallError::UnsafeDirectory { .. }), "{refused:?}");
    assert_eq!(workshop.loaded(), "1.0.0");
}

/// What the tests below do in a process of its own: it installs version 2.0.0, and is killed.
fn install_in_a_child(workshop: &Path) {
    let directory = InstallDirectory::open(workshop.join("packages")).unwrap();
    let directory = directory.keep(OldReleases::new(2).unwrap());
    package(workshop, Some("2.0.0")).install(&directory, Downgrade::Refuse).unwrap();
}

fn killed_after(step: Step, workshop: &Workshop) {
    let ended = Command::new(env::current_exe().unwrap())
        .args([
            "install::tests::killed_after_any_step_the_old_or_the_new_release_is_whole",
            "--exact",
        ])
        .env(WORKSHOP, workshop.0.path())
        .env(KILL_AFTER, format!("{step:?}"))
        .output()
        .unwrap();
    assert_eq!(ended.status.signal(), Some(9), "{step:?} was not reached: {ended:?}");
}

#[test]
fn killed_after_any_step_the_old_or_the_new_release_is_whole() {
    if let Some(workshop) = env::var_os(WORKSHOP) {
        return install_in_a_child(Path::new(&workshop));
    }
    for step in STEPS {
        let workshop = Workshop::new();
        workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
        killed_after(step, &workshop);
        let expected = if step == Step::Switch { "2.0.0" } else { "1.0.0" };
        assert_eq!(workshop.loaded(), expected, "killed after {step:?}");

        workshop.install(Some("3.0.0"), Downgrade::Refuse).unwrap();
        assert_eq!(workshop.loaded(), "3.0.0", "after {step:?}");
        assert!(workshop.releases().iter().all(|name| name.starts_with(NAME)), "{step:?}");
    }
}

#[test]
fn killed_after_any_step_of_the_first_installation_there_is_nothing_or_a_whole_release() {
    for step in STEPS {
        let workshop = Workshop::new();
        killed_after(step, &workshop);
        let link = workshop.path("packages").join(NAME);
        match step {
            Step::Switch => assert_eq!(workshop.loaded(), "2.0.0"),
            _ => assert!(link.symlink_metadata().is_err(), "{step:?}"),
        }
    }
}

#[test]
fn of_two_programs_that_install_at_once_the_newer_version_wins() {
    for _ in 0..8 {
        let workshop = Workshop::new();
        let packages = ["1.0.0", "2.0.0"].map(|version| workshop.package(Some(version)));
        thread::scope(|scope| {
            for package in &packages {
                scope.spawn(|| {
                    let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
                    match package.install(&directory, Downgrade::Refuse) {
                        Ok(_) | Err(InstallError::Downgrade { .. }) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                });
            }
        });
        assert_eq!(workshop.loaded(), "2.0.0");
    }
}

#[test]
fn a_runner_that_loads_all_the_while_finds_whole_verified_releases_only() {
    let workshop = Workshop::new();
    workshop.install(Some("1.0.0"), Downgrade::Refuse).unwrap();
    let packages = ["1.0.0", "2.0.0"].map(|version| workshop.package(Some(version)));
    let done = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        let runner = scope.spawn(|| {
            let mut found = BTreeSet::new();
            while !done.load(Ordering::Relaxed) || found.len() < 2 {
                found.insert(workshop.loaded());
            }
            found
        });
        for package in packages.iter().cycle().take(200) {
            let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
            package.install(&directory, Downgrade::DangerAllow).unwrap();
        }
        // What it has seen depends on the moment, until nothing changes any more.
        done.store(true, Ordering::Relaxed);
        for package in packages.iter().cycle() {
            if runner.is_finished() {
                break;
            }
            let directory = InstallDirectory::open(workshop.path("packages")).unwrap();
            package.install(&directory, Downgrade::DangerAllow).unwrap();
        }
        runner.join().unwrap()
    });
    assert_eq!(found, ["1.0.0".to_owned(), "2.0.0".to_owned()].into());
}
