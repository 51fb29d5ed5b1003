//! Files that several processes change one after another.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use signing_loader::lock_file;

use super::{Existing, Readers, open, read, write_atomically};
use crate::error::CliError;

/// For how long another process is waited for: it may ask a person.
const LOCK_LIMIT: Duration = Duration::from_secs(300);

/// A file that is read and then replaced. Processes that open it in this way wait for each
/// other, so that none replaces what it has not read.
pub(crate) struct LockedFile<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> LockedFile<'a> {
    /// Waits until no other process has the file open in this way, after it has called `waits`:
    /// not without end, since who may read the file can keep its lock.
    pub(crate) fn open(path: &'a Path, waits: impl Fn()) -> Result<Self, CliError> {
        Self::open_within(LOCK_LIMIT, path, waits)
    }

    fn open_within(limit: Duration, path: &'a Path, waits: impl Fn()) -> Result<Self, CliError> {
        let failed = |source| CliError::Read { path: path.into(), source };
        loop {
            let file = open(path, None)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    waits();
                    lock_file(&file, limit).map_err(|error| match error.kind() {
                        io::ErrorKind::TimedOut => {
                            CliError::Locked { path: path.into(), after: limit }
                        }
                        _ => failed(error),
                    })?;
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            let (locked, current) = (file.metadata().map_err(failed)?, path.metadata());
            let current = current.map_err(failed)?;
            // Replacing the file leaves waiting processes with one that has no name any more.
            if (locked.dev(), locked.ino()) == (current.dev(), current.ino()) {
                return Ok(Self { path, file });
            }
        }
    }

    /// Reads it, up to a size.
    pub(crate) fn read_at_most(&self, limit: u64) -> Result<Vec<u8>, CliError> {
        let file = self.file.try_clone();
        let file = file.map_err(|source| CliError::Read { path: self.path.into(), source })?;
        read(Some(file), self.path, limit)
    }

    /// Replaces it, and lets the next process have it.
    pub(crate) fn replace(self, content: &[u8], readers: Readers) -> Result<(), CliError> {
        write_atomically(self.path, content, readers, Existing::Replace)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use tempfile::TempDir;

    use super::*;

    fn draft() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("draft.json");
        fs::write(&path, "draft").unwrap();
        (directory, path)
    }

    fn open(path: &Path) -> LockedFile<'_> {
        LockedFile::open(path, || panic!("nobody holds the lock")).unwrap()
    }

    /// The lock belongs to the open file, so that one process can stand for two.
    #[test]
    fn file_that_stays_locked_is_waited_for_until_the_limit() {
        let (_directory, path) = draft();
        let _held = open(&path);
        let limit = Duration::from_millis(50);
        let (ended, has_ended) = mpsc::channel();
        let (begun, waiting) = (Instant::now(), path.clone());
        thread::spawn(move || {
            let refused = LockedFile::open_within(limit, &waiting, || ()).map(drop);
            let Err(CliError::Locked { after, .. }) = refused else { panic!("{refused:?}") };
            ended.send((after, begun.elapsed()))
        });
        let (after, waited) = has_ended.recv_timeout(LOCK_LIMIT / 10).unwrap();
        assert_eq!(after, limit);
        assert!(waited >= limit, "{waited:?}");
    }

    #[test]
    fn file_that_is_let_go_meanwhile_is_opened() {
        let (_directory, path) = draft();
        let held = Cell::new(Some(open(&path)));
        LockedFile::open_within(LOCK_LIMIT, &path, || drop(held.take())).unwrap();
        assert!(held.take().is_none(), "it was waited for");
    }
}
