//! What is in a directory that packages were installed in.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::old::names_a_release;
use super::{LOCK, NEW_LINK, NEW_RELEASE, OLD_RELEASE, RELEASES, link};

/// What is in a directory that packages were installed in, by the names and kinds of its entries.
/// Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstallContents {
    /// What a runner can find: everything in each release that a link leads to, by the path
    /// through the link, and everything that no installation has put there. A package that its
    /// release lacks is among them.
    pub found: Vec<PathBuf>,
    /// How many releases no link leads to.
    pub unlinked: usize,
}

impl InstallContents {
    /// Reads a directory. `None` unless it has what every installation leaves there: the directory
    /// of the releases, and the empty file whose lock an installation holds.
    ///
    /// # Errors
    ///
    /// That something in the directory cannot be read.
    pub fn read(directory: &Path) -> io::Result<Option<Self>> {
        let metadata = |name: &str| directory.join(name).symlink_metadata();
        let is_installation = metadata(RELEASES).is_ok_and(|releases| releases.is_dir())
            && metadata(LOCK).is_ok_and(|lock| lock.is_file() && lock.len() == 0);
        if !is_installation {
            return Ok(None);
        }
        let releases = Releases::read(&directory.join(RELEASES))?;
        let mut found = releases.foreign;
        let mut linked = BTreeSet::new();
        for (name, kind) in entries(directory)? {
            let path = directory.join(&name);
            if name == LOCK || name == RELEASES {
                continue;
            }
            let target = if kind.is_symlink() { Some(fs::read_link(&path)?) } else { None };
            match target.as_deref().and_then(link::release_in) {
                Some(release) if releases.names.contains(release) => {
                    found.extend(in_release(&path, &name)?);
                    linked.insert(release.to_owned());
                }
                _ => found.push(path),
            }
        }
        let unlinked = releases.names.difference(&linked).count();
        Ok(Some(Self { found, unlinked }))
    }
}

/// What is in the directory of the releases.
struct Releases {
    names: BTreeSet<OsString>,
    /// What no installation has put there.
    foreign: Vec<PathBuf>,
}

impl Releases {
    fn read(directory: &Path) -> io::Result<Self> {
        let mut releases = Self { names: BTreeSet::new(), foreign: Vec::new() };
        for (name, kind) in entries(directory)? {
            // A program that was killed may have left what it had not finished.
            let is_unfinished = match kind.is_dir() {
                true => name == NEW_RELEASE || name == OLD_RELEASE,
                false => name == NEW_LINK && kind.is_symlink(),
            };
            match kind.is_dir() && names_a_release(&name) {
                _ if is_unfinished => {}
                true => drop(releases.names.insert(name)),
                false => releases.foreign.push(directory.join(name)),
            }
        }
        Ok(releases)
    }
}

/// What is in the release that a link leads to, the package first.
fn in_release(link: &Path, package: &OsStr) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![link.join(package)];
    let others = entries(link)?.into_iter().filter(|(name, _)| name != package);
    found.extend(others.map(|(name, _)| link.join(name)));
    Ok(found)
}

fn entries(directory: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    let entries = fs::read_dir(directory)?;
    entries
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
        .collect()
}
