//! Files that are put in place for something that may still fail.

use std::fs::File;
use std::path::Path;

use tempfile::TempPath;

use super::new::{NewFile, set_aside, sync_place};
use super::{Existing, remove};
use crate::error::CliError;

/// A file in its place. Unless it is [kept](Self::keep), what was there before comes back.
pub(crate) struct PlacedFile<'a> {
    path: &'a Path,
    undo: Option<Undo>,
}

/// How a file leaves its place again.
enum Undo {
    Remove,
    /// Meanwhile the previous file keeps this name, locked.
    PutBack(TempPath, #[expect(dead_code, reason = "it holds the lock")] File),
}

impl<'a> PlacedFile<'a> {
    pub(crate) fn put(new: NewFile<'a>, existing: Existing) -> Result<Self, CliError> {
        Self::put_and(new, existing, sync_place)
    }

    fn put_and(
        new: NewFile<'a>,
        existing: Existing,
        sync: impl FnOnce(&Path) -> Result<(), CliError>,
    ) -> Result<Self, CliError> {
        let path = new.path();
        let before = match existing {
            Existing::Keep => None,
            Existing::Replace => {
                set_aside(path).map_err(|source| CliError::Write { path: path.into(), source })?
            }
        };
        new.place(existing)?;
        let undo = before.map_or(Undo::Remove, |(name, lock)| Undo::PutBack(name, lock));
        let placed = Self { path, undo: Some(undo) };
        // If this fails, the file is in its place nevertheless, and leaves it again.
        sync(path)?;
        Ok(placed)
    }

    /// Leaves it in its place.
    pub(crate) fn keep(mut self) {
        self.undo = None;
    }
}

impl Drop for PlacedFile<'_> {
    fn drop(&mut self) {
        // Whatever came before this is the error to report.
        match self.undo.take() {
            None => {}
            Some(Undo::Remove) => {
                let _ = remove(self.path);
            }
            Some(Undo::PutBack(before, _)) => {
                let _ = before.persist(self.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Readers, write_atomically};

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn placed(path: &Path, existing: Existing) -> PlacedFile<'_> {
        PlacedFile::put(NewFile::write(path, b"new", Readers::Everybody).unwrap(), existing)
            .unwrap()
    }

    #[test]
    fn a_file_that_is_not_kept_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.json");
        for existing in [Existing::Keep, Existing::Replace] {
            let file = placed(&path, existing);
            assert_eq!(std::fs::read(&path).unwrap(), b"new");
            drop(file);
            assert_eq!(names(directory.path()), [""; 0]);
        }
        placed(&path, Existing::Keep).keep();
        assert_eq!(names(directory.path()), ["root.json"]);
    }

    #[test]
    fn a_file_that_was_replaced_comes_back_unless_the_new_one_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.json");
        write_atomically(&path, b"old", Readers::Everybody, Existing::Keep).unwrap();
        drop(placed(&path, Existing::Replace));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        placed(&path, Existing::Replace).keep();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["root.json"]);
    }

    #[test]
    fn a_file_that_may_not_be_on_the_disk_is_gone_and_what_was_there_before_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.json");
        let put = |existing| {
            let new = NewFile::write(&path, b"new", Readers::Everybody).unwrap();
            let failed = PlacedFile::put_and(new, existing, |path| {
                assert_eq!(std::fs::read(path).unwrap(), b"new");
                let source = std::io::ErrorKind::StorageFull.into();
                Err(CliError::Write { path: path.into(), source })
            });
            assert!(matches!(failed.err(), Some(CliError::Write { .. })));
        };
        for existing in [Existing::Keep, Existing::Replace] {
            put(existing);
            assert_eq!(names(directory.path()), [""; 0]);
        }
        write_atomically(&path, b"old", Readers::Everybody, Existing::Keep).unwrap();
        put(Existing::Replace);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["root.json"]);
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_if_it_may_be() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("root.json");
        write_atomically(&path, b"old", Readers::Everybody, Existing::Keep).unwrap();
        let new = NewFile::write(&path, b"new", Readers::Everybody).unwrap();
        let refused = PlacedFile::put(new, Existing::Keep).err();
        assert!(matches!(refused, Some(CliError::FileExists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }
}
