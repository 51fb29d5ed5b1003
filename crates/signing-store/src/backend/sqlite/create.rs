//! A new database, made in memory and put under its name when it is complete.
//!
//! So a file under a store's name always has all its tables, however many programs begin
//! at once and whenever one of them is killed. None of them waits for another.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, openat, renameat_with, unlinkat};
#[cfg(target_os = "linux")]
use rustix::fs::{CWD, linkat};
use rustix::io::Errno;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::path::{DatabasePath, Directory, Missing};
use crate::error::StoreError;
use crate::url;

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// Makes the database, readable and writable by its owner only, and its directory likewise
/// if that is missing. A database that exists stays as it is. `complete` gives the content of
/// the new one and the names of its migrations, which are returned if it was made.
pub(crate) async fn create(
    target: &url::SqliteTarget,
    complete: impl Future<Output = Result<(Vec<&'static str>, Vec<u8>), StoreError>>,
) -> Result<Option<Vec<&'static str>>, StoreError> {
    let path = DatabasePath::new(target)?;
    path.require_ours()?;
    let unmade = path.clone();
    let is_there = move || unmade.directory(Missing::Make)?.has_database();
    if spawn_blocking(is_there).await.map_err(StoreError::unavailable)?? {
        return Ok(None);
    }
    let (applied, content) = complete.await?;
    let publish = move || publish(&path.directory(Missing::Report)?, &content);
    let is_ours = spawn_blocking(publish).await.map_err(StoreError::unavailable)??;
    Ok(is_ours.then_some(applied))
}

/// Puts a file under the database's name, unless there is one.
fn publish(directory: &Directory, content: &[u8]) -> Result<bool, StoreError> {
    let put = match put_unnamed(directory, content) {
        // Neither every file system has files without a name, nor every machine `/proc`.
        Err(error) if is_unsupported(&error) => put_named(directory, content),
        other => other,
    };
    let path = directory.database();
    match put.and_then(|()| synchronize(directory)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { path, source }
            }
            _ => StoreError::File { path, source },
        }),
    }
}

/// A program that is killed here leaves nothing.
#[cfg(target_os = "linux")]
fn put_unnamed(directory: &Directory, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = write(openat(directory.as_fd(), ".", flags, OWNER_ONLY)?, content)?;
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    let follow = AtFlags::SYMLINK_FOLLOW;
    Ok(linkat(CWD, unnamed, directory.as_fd(), directory.name(), follow)?)
}

#[cfg(not(target_os = "linux"))]
fn put_unnamed(_: &Directory, _: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn is_unsupported(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    error.kind() == io::ErrorKind::Unsupported
        || matches!(errno, Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT))
}

/// A program that is killed here leaves a file that no other looks for.
fn put_named(directory: &Directory, content: &[u8]) -> io::Result<()> {
    let name = format!(".cloacina-{}", Uuid::new_v4().simple());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(directory.as_fd(), &name, flags, OWNER_ONLY)?;
    let put = write(file, content).and_then(|_| {
        let (directory, to) = (directory.as_fd(), directory.name());
        Ok(renameat_with(directory, &name, directory, to, RenameFlags::NOREPLACE)?)
    });
    if put.is_err() {
        // It is not the reason for the error that is reported.
        let _ = unlinkat(directory.as_fd(), &name, AtFlags::empty());
    }
    put
}

fn write(file: OwnedFd, content: &[u8]) -> io::Result<File> {
    let mut file = File::from(file);
    file.write_all(content)?;
    file.sync_all()?;
    Ok(file)
}

/// Makes the new name outlast a power cut.
fn synchronize(directory: &Directory) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    File::from(openat(directory.as_fd(), ".", flags, Mode::empty())?).sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way that most file systems never go is tried here on its own.
    #[test]
    fn file_that_had_a_name_before_is_complete_and_replaces_none() {
        let scratch = tempfile::tempdir().unwrap();
        let target = url::SqliteTarget::from(scratch.path().join("store.db").as_path());
        let path = DatabasePath::new(&target).unwrap();
        let directory = path.directory(Missing::Report).unwrap();
        put_named(&directory, b"first").unwrap();
        let refused = put_named(&directory, b"second").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(target.path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
