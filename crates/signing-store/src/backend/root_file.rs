//! The file of root certificates, if no other user could have chosen what is in it.
//!
//! Who chooses the certificates chooses the server. So the file, each directory above it, and
//! each link on the way belong to this process's user or to root, and only they can change them.
//! A sticky directory, such as `/tmp`, keeps others from renaming what is not theirs.

use std::fs::{Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::path_walk::{STICKY, WRITABLE_BY_OTHERS, walk};
use crate::error::RootFileError;

/// The bundles of distributions have a quarter of it.
const MAX_SIZE: u64 = 1024 * 1024;

/// Reads it without waiting for the other end of a FIFO.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, RootFileError> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.read(true).custom_flags(flags.bits() as i32).open(path)?;
    let opened = file.metadata()?;
    if !opened.is_file() {
        return Err(RootFileError::NotARegularFile);
    }
    require_in_place(&std::path::absolute(path)?, &opened)?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_SIZE {
        true => Err(RootFileError::TooLarge { limit: MAX_SIZE }),
        false => Ok(bytes),
    }
}

/// What was looked at can only be changed by users who are trusted, so the path goes on to lead to
/// the file.
fn require_in_place(absolute: &Path, opened: &Metadata) -> Result<(), RootFileError> {
    let (path, end) = walk(absolute, require_safe, |_, error| error.into())?;
    require_safe(&path, &end)?;
    match (end.dev(), end.ino()) == (opened.dev(), opened.ino()) {
        true => Ok(()),
        false => Err(RootFileError::Replaced),
    }
}

fn require_safe(path: &Path, found: &Metadata) -> Result<(), RootFileError> {
    let (owner, expected, mode) = (found.uid(), geteuid().as_raw(), found.mode() & 0o7777);
    if owner != 0 && owner != expected {
        return Err(RootFileError::Owner { path: path.into(), found: owner, expected });
    }
    let is_sticky = found.is_dir() && mode & STICKY != 0;
    // The mode of a link says nothing.
    match found.is_symlink() || is_sticky || mode & WRITABLE_BY_OTHERS == 0 {
        true => Ok(()),
        false => Err(RootFileError::Writable { path: path.into(), mode }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    fn set(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// `certificates/ca.pem` in a directory of its own, and a link to it.
    fn file() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let certificates = directory.path().join("certificates");
        create_dir(&certificates).unwrap();
        let (file, link) = (certificates.join("ca.pem"), directory.path().join("ca.pem"));
        write(&file, "certificates").unwrap();
        set(&file, 0o644);
        symlink("certificates/ca.pem", &link).unwrap();
        (directory, file, link)
    }

    #[test]
    fn certificates_that_only_their_owner_can_change_are_read_also_by_a_link() {
        let (_directory, file, link) = file();
        for path in [file, link] {
            assert_eq!(read(&path).unwrap(), b"certificates");
        }
    }

    #[test]
    fn certificates_that_others_could_have_chosen_are_refused() {
        let (directory, file, link) = file();
        let above = file.parent().unwrap();
        for (changed, safe, unsafe_mode) in
            [(&*file, 0o644, 0o666), (above, 0o1777, 0o777), (directory.path(), 0o755, 0o775)]
        {
            set(changed, unsafe_mode);
            for path in [&file, &link] {
                let refused = read(path).unwrap_err();
                assert!(
                    matches!(refused, RootFileError::Writable { mode, .. } if mode == unsafe_mode),
                    "{refused}"
                );
            }
            set(changed, safe);
            read(&link).unwrap();
        }
    }

    #[test]
    fn what_has_no_end_or_is_no_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        for path in [&*fifo, Path::new("/dev/zero"), directory.path()] {
            assert!(matches!(read(path), Err(RootFileError::NotARegularFile)), "{path:?}");
        }
        let large = directory.path().join("large");
        File::create(&large).unwrap().set_len(MAX_SIZE + 1).unwrap();
        assert!(matches!(read(&large), Err(RootFileError::TooLarge { limit: MAX_SIZE })));
        File::options().write(true).open(&large).unwrap().set_len(MAX_SIZE).unwrap();
        assert_eq!(read(&large).unwrap().len() as u64, MAX_SIZE);
    }
}
