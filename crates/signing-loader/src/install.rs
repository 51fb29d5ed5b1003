//! Puts verified packages where runners find them.
//!
//! ```text
//! DIRECTORY/libworkflow.so -> releases/libworkflow.so-1.4.0-<digest>
//! DIRECTORY/releases/libworkflow.so-1.4.0-<digest>/libworkflow.so
//! DIRECTORY/releases/libworkflow.so-1.4.0-<digest>/libworkflow.so.sig
//! ```
//!
//! A runner loads `DIRECTORY/libworkflow.so/libworkflow.so`. A release is written and
//! synchronized under another name, and gets its own by one rename. So does the link. Whenever
//! the program is killed, the link leads to a whole release or to the one before. Releases are
//! never changed. None is removed unless [`InstallDirectory::keep`] says how many stay: a runner
//! may be reading it.

mod contents;
mod error;
mod link;
mod old;
mod place;
mod release;

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;
use signing_crypto::{
    MAX_ENVELOPE_SIZE, PackageName, PackageStatement, PackageVersion, SignatureEnvelope,
};
use signing_trust::acceptance::VerificationError;

use self::link::Link;
use self::old::OldReleasesOf;
use self::place::Place;
use self::release::Release;
use crate::error::PackageError;
use crate::lock::lock_file;
use crate::report::VerificationReport;

pub use self::contents::InstallContents;
pub use self::error::InstallError;
pub use self::old::{OldReleases, is_in_release};

/// Where releases are, below the directory.
const RELEASES: &str = "releases";
/// The names of what is not finished. No release has them. Only who holds the lock uses them.
const NEW_RELEASE: &str = ".new";
const OLD_RELEASE: &str = ".old";
const NEW_LINK: &str = ".link";
/// The file whose lock an installation holds, in the directory itself.
const LOCK: &str = ".lock";
/// For how long another installation is waited for.
const LOCK_LIMIT: Duration = Duration::from_secs(60);
/// The longest name that file systems take.
const MAX_NAME: usize = 255;

/// A directory that packages are installed in. Only this process's user and root can write to
/// it.
#[derive(Clone, Debug)]
pub struct InstallDirectory {
    place: Arc<Place>,
    /// How many old releases of a package stay. `None` for all.
    keep: Option<OldReleases>,
}

/// A directory that no other process installs in.
pub(crate) struct LockedDirectory {
    place: Arc<Place>,
    keep: Option<OldReleases>,
    _lock: File,
}

/// Whether an older version may take the place of a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Downgrade {
    /// It is refused. So are other bytes of the same version, and a package that states no
    /// version, if the installed one does. The same bytes, signed for a lower version or for none,
    /// are an older version, too.
    #[default]
    Refuse,
    /// It is installed, with the faults that a later version has mended.
    DangerAllow,
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// What a runner loads.
    pub package: PathBuf,
    /// The directory of the release.
    pub release: PathBuf,
    /// The directory of the release before, if there was one.
    pub before: Option<PathBuf>,
    /// The directories of old releases that were removed, the oldest first.
    pub removed: Vec<PathBuf>,
    /// How it came about.
    pub outcome: InstallOutcome,
}

/// How a package came to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallOutcome {
    /// It is what runners load from now on.
    Installed,
    /// It was that before, with the same signature. Nothing was changed.
    AlreadyInstalled,
}

/// A step of an installation. The program may be killed after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Directory,
    Package,
    Signature,
    Release,
    Link,
    Switch,
    /// An old release has lost its name, and is about to be removed.
    Retirement,
}

impl InstallDirectory {
    /// Opens a directory. It is made if it is missing and the one above it is there.
    ///
    /// # Errors
    ///
    /// [`InstallError::UnsafeDirectory`] if others could change or replace it, or if it is a
    /// link.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InstallError> {
        Place::open(path.as_ref()).map(|place| Self { place: Arc::new(place), keep: None })
    }

    /// Removes old releases of a package when it is installed, except those that were installed
    /// last. Without this, all stay.
    #[must_use]
    pub fn keep(mut self, old: OldReleases) -> Self {
        self.keep = Some(old);
        self
    }

    /// Refuses a name that the directory needs for itself. What was moved out of the way of such a
    /// package would be all that is installed.
    ///
    /// # Errors
    ///
    /// [`InstallError::ReservedName`]. [`VerifiedPackage::install`](crate::VerifiedPackage::install)
    /// fails with it, too.
    pub fn require_name(name: &PackageName) -> Result<(), InstallError> {
        // Some file systems do not tell upper from lower case.
        match [RELEASES, LOCK].iter().any(|own| own.eq_ignore_ascii_case(name.as_str())) {
            true => Err(InstallError::ReservedName { name: name.clone() }),
            false => Ok(()),
        }
    }

    /// Waits until no other process installs here. Whether a package may be installed is asked
    /// afterwards: a key may be revoked while this waits.
    pub(crate) fn lock_for(&self, package: &PackageName) -> Result<LockedDirectory, InstallError> {
        Self::require_name(package)?;
        // Only this user can open the file, so no other user can keep the lock.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |error: io::Error| InstallError::write(self.place.path().join(LOCK), error);
        let opened = openat(self.place.file(), LOCK, flags, Mode::from(0o600));
        let lock = opened.map(File::from).map_err(|errno| failed(errno.into()))?;
        lock_file(&lock, LOCK_LIMIT).map_err(failed)?;
        Ok(LockedDirectory { place: self.place.clone(), keep: self.keep, _lock: lock })
    }
}

impl LockedDirectory {
    /// Installs bytes that `report` and `envelope` are about.
    pub(crate) fn install(
        &self,
        report: &VerificationReport,
        envelope: &SignatureEnvelope,
        bytes: impl Read,
        downgrade: Downgrade,
    ) -> Result<Installed, InstallError> {
        let place = &*self.place;
        let releases = place.make(RELEASES.as_ref())?;
        let name = OsStr::new(report.name().as_str());
        let link = Link { place, name };
        let before = link.release()?;
        if let (Some(before), Downgrade::Refuse) = (&before, downgrade) {
            let installed =
                releases.existing(before).and_then(|release| statement_in(&release, name));
            let installed = installed
                .map_err(|error| InstallError::InstalledUnreadable { source: Box::new(error) })?;
            require_no_downgrade(&installed, report)?;
        }
        let release = Release::new(report, envelope);
        let path = releases.path().join(&release.name);
        let is_there = match statat(releases.file(), &release.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => true,
            Err(Errno::NOENT) => false,
            Err(errno) => return Err(InstallError::write(&path, errno)),
        };
        match is_there {
            true => {
                release.require_same(&releases)?;
                // The program that wrote it may have been killed before it did so.
                sync(&releases)?;
                sync(place)?;
            }
            false => {
                let written = release.write(&releases, bytes);
                written.inspect_err(|_| {
                    // If this fails, the next installation does it.
                    let _ = remove_unnamed(&releases, NEW_RELEASE);
                })?;
            }
        }
        let outcome = match before.as_ref() == Some(&release.name) {
            true => InstallOutcome::AlreadyInstalled,
            false => {
                release.set_time(&releases)?;
                link.lead_to(&releases, &release.name)?;
                InstallOutcome::Installed
            }
        };
        let before = before.filter(|before| *before != release.name);
        let old = OldReleasesOf { releases: &releases, package: name, current: &release.name };
        let removed = old.remove_all_but(self.keep, before.as_deref())?;
        Ok(Installed {
            package: place.path().join(name).join(name),
            release: path,
            before: before.map(|before| releases.path().join(before)),
            removed,
            outcome,
        })
    }
}

/// Other bytes must have a higher version: two builds of one version could be exchanged. The same
/// bytes must not have a lower one, or none: the next package is compared with it.
fn require_no_downgrade(
    installed: &PackageStatement,
    report: &VerificationReport,
) -> Result<(), InstallError> {
    let Some(version) = installed.version() else { return Ok(()) };
    let is_same = installed.digest() == report.digest();
    let is_allowed = |found: &PackageVersion| match found.cmp_precedence(version) {
        Ordering::Greater => true,
        Ordering::Equal => is_same,
        Ordering::Less => false,
    };
    match report.version() {
        Some(found) if is_allowed(found) => Ok(()),
        found => Err(InstallError::Downgrade { installed: version.clone(), found: found.cloned() }),
    }
}

/// What an installed signature states. It was verified when it was installed, and no other user
/// could change it since.
fn statement_in(release: &Place, name: &OsStr) -> Result<PackageStatement, PackageError> {
    let file = signature_of(name);
    let path = release.path().join(&file);
    let bytes = open_to_read(release, &file).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_ENVELOPE_SIZE as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
    });
    let bytes = bytes.map_err(|source| PackageError::io(&path, source))?;
    let malformed = |reason| VerificationError::MalformedSignature { reason };
    let envelope = SignatureEnvelope::parse(&bytes).map_err(malformed)?;
    Ok(envelope.unverified_statement().map_err(VerificationError::from)?)
}

/// Removes a release that has no name yet, or none any more, of whatever package: the program
/// that worked on it may have been killed.
fn remove_unnamed(releases: &Place, name: &str) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let release = match openat(releases.file(), name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    for entry in rustix::fs::Dir::read_from(&release)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            unlinkat(&release, entry.file_name(), AtFlags::empty())?;
        }
    }
    remove(releases, name.as_ref(), AtFlags::REMOVEDIR)
}

impl Place {
    /// Opens a release that is there.
    fn existing(&self, name: &OsStr) -> Result<Self, PackageError> {
        let path = self.path().join(name);
        statat(self.file(), name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| PackageError::io(&path, errno.into()))?;
        self.below(name).map_err(|error| PackageError::io(&path, io::Error::other(error)))
    }
}

fn signature_of(package: &OsStr) -> OsString {
    let mut name = package.to_owned();
    name.push(".sig");
    name
}

fn open_to_read(place: &Place, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(place.file(), name, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    match metadata.is_file() && place.is_safe(&metadata) {
        true => Ok(file),
        false => Err(Errno::INVAL.into()),
    }
}

fn sync(place: &Place) -> Result<(), InstallError> {
    place.file().sync_all().map_err(|error| InstallError::write(place.path(), error))
}

fn remove(place: &Place, name: &OsStr, flags: AtFlags) -> Result<(), Errno> {
    match unlinkat(place.file(), name.as_bytes(), flags) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

#[cfg(not(test))]
const fn reached(_: Step) {}
#[cfg(test)]
use tests::reached;

#[cfg(test)]
mod tests;
