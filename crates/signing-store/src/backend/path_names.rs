//! The names on a path, and the rights to change them.

use std::ffi::OsString;
use std::path::{Component, Path};

/// As many links as Linux follows.
pub(super) const MAX_LINKS: usize = 40;

/// Of a directory's mode: entries are renamed by their owners alone.
pub(super) const STICKY: u32 = 0o1000;

/// Of a mode: the group or others may write.
pub(super) const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The names, without the root.
pub(super) fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}
