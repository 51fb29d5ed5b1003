//! The way from the root to a file or a directory.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Of a directory's mode: entries are renamed by their owners alone.
pub(super) const STICKY: u32 = 0o1000;

/// Of a mode: the group or others may write.
pub(super) const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Looks at each directory and each link on the way to what is at the end of an absolute path, and
/// returns that: its path without links, not looked at yet. If only users who are trusted can
/// change the former, the path goes on to lead there.
///
/// # Errors
///
/// That of `look`, or of what cannot be reached.
pub(super) fn walk<E>(
    absolute: &Path,
    mut look: impl FnMut(&Path, &Metadata) -> Result<(), E>,
    unreachable: impl Fn(&Path, io::Error) -> E,
) -> Result<(PathBuf, Metadata), E> {
    let found = |path: &Path| fs::symlink_metadata(path).map_err(|error| unreachable(path, error));
    let mut here = PathBuf::from("/");
    let mut ahead: Vec<_> = names(absolute).rev().collect();
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        look(&here, &found(&here)?)?;
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(name);
        let entry = found(&next)?;
        if !entry.is_symlink() {
            if !entry.is_dir() && !ahead.is_empty() {
                return Err(unreachable(&next, Errno::NOTDIR.into()));
            }
            here = next;
            continue;
        }
        look(&next, &entry)?;
        links += 1;
        if links > MAX_LINKS {
            return Err(unreachable(&next, Errno::LOOP.into()));
        }
        let target = fs::read_link(&next).map_err(|error| unreachable(&next, error))?;
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        ahead.extend(names(&target).rev());
    }
    let end = found(&here)?;
    Ok((here, end))
}

/// The names, without the root.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}
