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
//! never changed, and none is removed: a runner may be reading it.

mod error;
mod link;
mod place;

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, mkdirat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use signing_crypto::{MAX_ENVELOPE_SIZE, PackageDigest, PackageStatement, SignatureEnvelope};
use signing_trust::acceptance::VerificationError;

use self::link::Link;
use self::place::Place;
use crate::error::PackageError;
use crate::report::VerificationReport;

pub use self::error::InstallError;

/// Where releases are, below the directory.
const RELEASES: &str = "releases";
/// The names of what is not finished. No release has them. Only who holds the lock uses them.
const NEW_RELEASE: &str = ".new";
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
pub struct InstallDirectory(Arc<Place>);

/// A directory that no other process installs in.
pub(crate) struct LockedDirectory {
    place: Arc<Place>,
    _lock: File,
}

/// Whether an older version may take the place of a newer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Downgrade {
    /// It is refused. So are other bytes of the same version, and a package that states no
    /// version, if the installed one does.
    #[default]
    Refuse,
    /// It is installed.
    Allow,
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
}

impl InstallDirectory {
    /// Opens a directory. It is made if it is missing and the one above it is there.
    ///
    /// # Errors
    ///
    /// [`InstallError::UnsafeDirectory`] if others could change or replace it, or if it is a
    /// link.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InstallError> {
        Place::open(path.as_ref()).map(|place| Self(Arc::new(place)))
    }

    /// Waits until no other process installs here. Whether a package may be installed is asked
    /// afterwards: a key may be revoked while this waits.
    pub(crate) fn lock(&self) -> Result<LockedDirectory, InstallError> {
        // Only this user can open the file, so no other user can keep the lock.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |error: io::Error| InstallError::write(self.0.path().join(LOCK), error);
        let opened = openat(self.0.file(), LOCK, flags, Mode::from(0o600));
        let lock = opened.map(File::from).map_err(|errno| failed(errno.into()))?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(LockedDirectory { place: self.0.clone(), _lock: lock }),
                Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_LIMIT => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
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
            require_newer(&installed, report)?;
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
                    let _ = release.remove_unfinished(&releases);
                })?;
            }
        }
        let outcome = match before.as_ref() == Some(&release.name) {
            true => InstallOutcome::AlreadyInstalled,
            false => {
                link.lead_to(&releases, &release.name)?;
                InstallOutcome::Installed
            }
        };
        let before = before.filter(|before| *before != release.name);
        Ok(Installed {
            package: place.path().join(name).join(name),
            release: path,
            before: before.map(|before| releases.path().join(before)),
            outcome,
        })
    }
}

/// Other bytes must have a higher version: two builds of one version could be exchanged.
fn require_newer(
    installed: &PackageStatement,
    report: &VerificationReport,
) -> Result<(), InstallError> {
    let found = report.version();
    match installed.version() {
        Some(_) if installed.digest() == report.digest() => Ok(()),
        Some(installed) if found.is_none_or(|found| found <= installed) => {
            Err(InstallError::Downgrade { installed: installed.clone(), found: found.cloned() })
        }
        _ => Ok(()),
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

/// A release, which is named by what it holds.
struct Release<'a> {
    name: OsString,
    package: &'a OsStr,
    report: &'a VerificationReport,
    envelope: String,
}

impl<'a> Release<'a> {
    fn new(report: &'a VerificationReport, envelope: &SignatureEnvelope) -> Self {
        let envelope = envelope.to_json();
        let content = format!("{} {envelope}", report.digest());
        let digest = digest_of(content.as_bytes()).to_string();
        let package = report.name().as_str();
        let version = report.version().map(|version| format!("{version}-")).unwrap_or_default();
        let readable = format!("{package}-{version}{:.32}", digest);
        let name = if readable.len() <= MAX_NAME { readable } else { digest };
        Self { name: name.into(), package: OsStr::new(package), report, envelope }
    }

    /// Writes it, and gives it its name when it is on the disk.
    fn write(&self, releases: &Place, mut bytes: impl Read) -> Result<(), InstallError> {
        let path = releases.path().join(NEW_RELEASE);
        let failed = |errno: Errno| InstallError::write(&path, errno);
        // A program that was killed may have left one.
        self.remove_unfinished(releases).map_err(failed)?;
        mkdirat(releases.file(), NEW_RELEASE, Mode::from(0o755)).map_err(failed)?;
        let new = releases.below(NEW_RELEASE.as_ref())?;
        fchmod(new.file(), Mode::from(0o755)).map_err(failed)?;
        reached(Step::Directory);
        let size = new_file(&new, self.package, 0o755, |file| io::copy(&mut bytes, file))?;
        if size != self.report.size() {
            let short = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(InstallError::write(path.join(self.package), short));
        }
        reached(Step::Package);
        let signature = signature_of(self.package);
        new_file(&new, &signature, 0o644, |file| file.write_all(self.envelope.as_bytes()))?;
        reached(Step::Signature);
        sync(&new)?;
        renameat(releases.file(), NEW_RELEASE, releases.file(), &self.name).map_err(failed)?;
        reached(Step::Release);
        sync(releases)
    }

    /// Checks that a release that is there is this one.
    fn require_same(&self, releases: &Place) -> Result<(), InstallError> {
        let path = releases.path().join(&self.name);
        let is_same = releases.existing(&self.name).and_then(|release| {
            let package = open_to_read(&release, self.package).and_then(PackageDigest::of_reader);
            let signature = open_to_read(&release, &signature_of(self.package));
            let signature = signature.and_then(PackageDigest::of_reader);
            let [package, signature] = [package, signature]
                .map(|content| content.map_err(|source| PackageError::io(&path, source)));
            Ok(package?.digest == *self.report.digest()
                && signature?.digest == digest_of(self.envelope.as_bytes()))
        });
        match is_same {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(InstallError::Changed { path }),
        }
    }

    fn remove_unfinished(&self, releases: &Place) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let unfinished = match openat(releases.file(), NEW_RELEASE, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            opened => opened?,
        };
        // Of another package, too, if the program that installed it was killed.
        for entry in rustix::fs::Dir::read_from(&unfinished)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                unlinkat(&unfinished, entry.file_name(), AtFlags::empty())?;
            }
        }
        remove(releases, NEW_RELEASE.as_ref(), AtFlags::REMOVEDIR)
    }
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

fn digest_of(bytes: &[u8]) -> PackageDigest {
    PackageDigest::of_reader(bytes).expect("memory can be read").digest
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

/// Writes a file and waits until it is on the disk.
fn new_file<T>(
    place: &Place,
    name: &OsStr,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> Result<T, InstallError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(place.file(), name, flags, Mode::from(0o600)).map_err(io::Error::from);
    let written = made.and_then(|file| {
        let mut file = File::from(file);
        let written = write(&mut file)?;
        // Whatever the umask is: runners may be other users.
        fchmod(&file, Mode::from(mode))?;
        file.sync_all()?;
        Ok(written)
    });
    written.map_err(|error| InstallError::write(place.path().join(name), error))
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
