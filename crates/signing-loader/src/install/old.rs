//! Releases that runners loaded before.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::renameat;
use rustix::io::Errno;

use super::error::InstallError;
use super::place::Place;
use super::{OLD_RELEASE, RELEASES, Step, reached, remove_unnamed, signature_of, sync};

/// Hexadecimal digits at the end of a release's name.
const DIGITS: usize = 32;
/// Digits of a name that has room for nothing else.
const ALL_DIGITS: usize = 64;

/// How many old releases of a package stay, besides the one that runners load: 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldReleases(NonZeroU32);

impl OldReleases {
    /// Checks the number. `None` for 0: a runner may still be reading the release before.
    pub fn new(count: u32) -> Option<Self> {
        NonZeroU32::new(count).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// Whether a file is, or would be, in the directory of a release: nothing may change that.
pub fn is_in_release(file: &Path) -> bool {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Ok(release) = directory.canonicalize() else { return false };
    let releases = release.parent().and_then(Path::file_name);
    releases == Some(OsStr::new(RELEASES)) && release.file_name().is_some_and(names_a_release)
}

/// Whether a directory's name ends as those of releases do. What somebody has moved away from
/// its place has another name, and is no release any more.
pub(super) fn names_a_release(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let digits = name.iter().rev().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let before = name.len().checked_sub(DIGITS + 1).map(|at| name[at]);
    let digits = digits.count();
    name.len() == ALL_DIGITS && digits == ALL_DIGITS || digits >= DIGITS && before == Some(b'-')
}

/// The old releases of one package.
pub(super) struct OldReleasesOf<'a> {
    pub(super) releases: &'a Place,
    pub(super) package: &'a OsStr,
    /// What the link leads to.
    pub(super) current: &'a OsStr,
}

impl OldReleasesOf<'_> {
    /// Removes all but the newest, of which the one before the current is the first. One that a
    /// killed program was removing is removed in any case.
    pub(super) fn remove_all_but(
        &self,
        keep: Option<OldReleases>,
        before: Option<&OsStr>,
    ) -> Result<Vec<PathBuf>, InstallError> {
        let failed = |name: &OsStr, errno: Errno| InstallError::OldRelease {
            path: self.releases.path().join(name),
            source: errno.into(),
        };
        let discard = || {
            remove_unnamed(self.releases, OLD_RELEASE)
                .map_err(|errno| failed(OLD_RELEASE.as_ref(), errno))
        };
        discard()?;
        let Some(keep) = keep else { return Ok(Vec::new()) };
        let mut old = self.all().map_err(|errno| failed(OsStr::new(""), errno))?;
        // The oldest comes first, and the one before the current last, whatever the clock said.
        old.sort_by_key(|(time, name)| (Some(&**name) == before, *time));
        let count = old.len().saturating_sub(keep.get() as usize);
        let mut removed = Vec::new();
        for (_, name) in old.into_iter().take(count) {
            // Half a release has no name by which a runner could find it.
            let directory = self.releases.file();
            renameat(directory, &name, directory, OLD_RELEASE)
                .map_err(|errno| failed(&name, errno))?;
            reached(Step::Retirement);
            discard()?;
            removed.push(self.releases.path().join(name));
        }
        match removed.is_empty() {
            true => {}
            false => sync(self.releases)?,
        }
        Ok(removed)
    }

    /// Their names, and when runners began to load them.
    fn all(&self) -> Result<Vec<(SystemTime, OsString)>, Errno> {
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(self.releases.file())? {
            let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
            if name == self.current || !names_a_release(&name) {
                continue;
            }
            // What is not a release of this package, and nothing else, is left alone.
            let Ok(release) = self.releases.below(&name) else { continue };
            if !self.is_whole(&release)? {
                continue;
            }
            let modified = release.file().metadata().and_then(|metadata| metadata.modified());
            found.push((modified.unwrap_or(SystemTime::UNIX_EPOCH), name));
        }
        Ok(found)
    }

    /// Whether a directory has the package and its signature, and nothing else.
    fn is_whole(&self, release: &Place) -> Result<bool, Errno> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(release.file())? {
            names.push(entry?.file_name().to_bytes().to_vec());
        }
        names.retain(|name| name != b"." && name != b"..");
        names.sort();
        let signature = signature_of(self.package);
        Ok(names == [self.package.as_bytes(), signature.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_known_by_the_end_of_its_name() {
        let digits = "0123456789abcdef0123456789abcdef";
        for name in [format!("a.so-1.0.0-{digits}"), format!("a.so-{digits}"), digits.repeat(2)] {
            assert!(names_a_release(name.as_ref()), "{name}");
        }
        for name in [
            format!("a.so-{digits}.before"),
            format!("a.so-{}", &digits[1..]),
            format!("a.so-{}", digits.to_uppercase()),
            digits.to_owned(),
            ".new".to_owned(),
            String::new(),
        ] {
            assert!(!names_a_release(name.as_ref()), "{name}");
        }
    }
}
