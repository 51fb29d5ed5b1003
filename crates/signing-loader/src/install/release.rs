use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};

use rustix::fs::{
    Mode, OFlags, Timespec, Timestamps, UTIME_NOW, fchmod, futimens, mkdirat, openat, renameat,
};
use rustix::io::Errno;
use signing_crypto::{PackageDigest, SignatureEnvelope};

use super::error::InstallError;
use super::place::Place;
use super::{
    MAX_NAME, NEW_RELEASE, Step, open_to_read, reached, remove_unnamed, signature_of, sync,
};
use crate::error::PackageError;
use crate::report::VerificationReport;

/// A release, which is named by what it holds.
pub(super) struct Release<'a> {
    pub(super) name: OsString,
    package: &'a OsStr,
    report: &'a VerificationReport,
    envelope: String,
}

impl<'a> Release<'a> {
    pub(super) fn new(report: &'a VerificationReport, envelope: &SignatureEnvelope) -> Self {
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
    pub(super) fn write(&self, releases: &Place, mut bytes: impl Read) -> Result<(), InstallError> {
        let path = releases.path().join(NEW_RELEASE);
        let failed = |errno: Errno| InstallError::write(&path, errno);
        // A program that was killed may have left one.
        remove_unnamed(releases, NEW_RELEASE).map_err(failed)?;
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
    pub(super) fn require_same(&self, releases: &Place) -> Result<(), InstallError> {
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

    /// Notes that runners load it from now on: which releases are old is told by their times.
    pub(super) fn set_time(&self, releases: &Place) -> Result<(), InstallError> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        let release = releases.below(&self.name)?;
        futimens(release.file(), &times).map_err(|errno| InstallError::write(release.path(), errno))
    }
}

fn digest_of(bytes: &[u8]) -> PackageDigest {
    PackageDigest::of_reader(bytes).expect("memory can be read").digest
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
