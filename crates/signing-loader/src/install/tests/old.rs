//! Old releases, of which some may be removed.

use super::*;

impl Workshop {
    fn install_and_keep(&self, version: &str, old: u32) -> Installed {
        let directory = InstallDirectory::open(self.path("packages")).unwrap();
        let directory = directory.keep(OldReleases::new(old).unwrap());
        self.package(Some(version)).install(&directory, Downgrade::DangerAllow).unwrap()
    }

    /// The versions of the releases that are there.
    fn versions(&self) -> Vec<String> {
        let version = |name: &String| name.split('-').nth(1).unwrap_or_default().to_owned();
        self.releases().iter().map(version).collect()
    }
}

#[test]
fn the_releases_that_were_installed_last_stay_and_the_others_go() {
    assert_eq!(OldReleases::new(0), None);
    let workshop = Workshop::new();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        workshop.install(Some(version), Downgrade::Refuse).unwrap();
    }
    let installed = workshop.install_and_keep("1.4.0", 2);
    assert_eq!(workshop.versions(), ["1.2.0", "1.3.0", "1.4.0"]);
    let removed: Vec<_> = installed.removed.iter().map(|path| path.file_name().unwrap()).collect();
    let starts = |name: &OsStr, start: &str| name.to_str().unwrap().starts_with(start);
    assert!(starts(removed[0], "libworkflow.so-1.0.0-"), "{removed:?}");
    assert!(starts(removed[1], "libworkflow.so-1.1.0-"), "{removed:?}");
    // Where nothing was installed, there may be more to remove nevertheless.
    let again = workshop.install_and_keep("1.4.0", 1);
    assert_eq!(again.outcome, InstallOutcome::AlreadyInstalled);
    assert_eq!(workshop.versions(), ["1.3.0", "1.4.0"]);
    assert_eq!(workshop.loaded(), "1.4.0");
}

#[test]
fn the_release_that_runners_load_and_the_one_before_stay_however_old_they_are() {
    let workshop = Workshop::new();
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        workshop.install(Some(version), Downgrade::Refuse).unwrap();
    }
    // Back to the oldest: it is loaded, and 3.0.0 was loaded before.
    workshop.install_and_keep("1.0.0", 1);
    assert_eq!(
        (workshop.versions(), workshop.loaded()),
        (vec!["1.0.0".into(), "3.0.0".into()], "1.0.0".into())
    );
    // A clock that was set back makes no difference to the one before.
    let release = |version: &str| {
        let start = format!("{NAME}-{version}-");
        let name = workshop.releases().into_iter().find(|name| name.starts_with(&start)).unwrap();
        workshop.path("packages/releases").join(name)
    };
    let set_time = |version: &str, seconds: u64| {
        let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        File::open(release(version)).unwrap().set_modified(time).unwrap();
    };
    set_time("1.0.0", 1);
    set_time("3.0.0", 2);
    workshop.install_and_keep("4.0.0", 1);
    assert_eq!(workshop.versions(), ["1.0.0", "4.0.0"]);
}

#[test]
fn what_is_no_release_of_the_package_is_not_removed() {
    let workshop = Workshop::new();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        workshop.install(Some(version), Downgrade::Refuse).unwrap();
    }
    let releases = workshop.path("packages/releases");
    let all: Vec<_> = workshop.releases().into_iter().collect();
    // Moved away, as the advice about a changed release says; with another file; of another
    // package.
    fs::rename(releases.join(&all[0]), releases.join(format!("{}.before", all[0]))).unwrap();
    fs::write(releases.join(&all[1]).join("notes"), "").unwrap();
    let other = releases.join(format!("other.so-{}", "0".repeat(32)));
    fs::create_dir(&other).unwrap();
    fs::write(other.join("other.so"), "").unwrap();
    fs::write(other.join("other.so.sig"), "").unwrap();
    let installed = workshop.install_and_keep("1.3.0", 1);
    assert!(installed.removed.is_empty(), "{installed:?}");
    assert_eq!(workshop.releases().len(), 5);
}

#[test]
fn killed_while_an_old_release_is_removed_nothing_else_is_lost() {
    let workshop = Workshop::new();
    for version in ["0.8.0", "0.9.0", "1.0.0"] {
        workshop.install(Some(version), Downgrade::Refuse).unwrap();
    }
    killed_after(Step::Retirement, &workshop);
    assert_eq!(workshop.loaded(), "2.0.0");
    assert!(workshop.releases().contains(OLD_RELEASE), "{:?}", workshop.releases());
    workshop.install(Some("2.1.0"), Downgrade::Refuse).unwrap();
    assert_eq!(workshop.loaded(), "2.1.0");
    assert_eq!(workshop.versions(), ["0.9.0", "1.0.0", "2.0.0", "2.1.0"]);
}
