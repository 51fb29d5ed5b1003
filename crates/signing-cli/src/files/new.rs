//! Files that are there whole or not at all, whatever happens meanwhile.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{AtFlags, CWD, OFlags};
use tempfile::TempPath;

use super::Existing;
use crate::content_kind::ContentKind;
use crate::error::CliError;

/// Every temporary name starts with this, and then has [`RANDOM_DIGITS`].
const PREFIX: &str = ".cloacina-";
const RANDOM_DIGITS: usize = 16;

/// Who may read a new file.
#[derive(Clone, Copy)]
pub(crate) enum Readers {
    Owner,
    Everybody,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }
}

/// Writes a file.
pub(crate) fn write_atomically(
    path: &Path,
    content: &[u8],
    readers: Readers,
    existing: Existing,
) -> Result<(), CliError> {
    NewFile::write(path, content, readers)?.put_in_place(existing)
}

/// A file that is written, is on the disk, and waits for its place.
///
/// It has no name meanwhile, so that nothing of it is left if this process is killed. Only
/// to replace another file it needs one, for the moment between two system calls, as
/// `linkat` does not replace. Where the file system has no files without a name, it has a
/// temporary one from the start.
///
/// A process locks its file for as long as the file has a temporary name. A file without a
/// lock was left by a process that was killed, and the next process removes it.
pub(crate) struct NewFile<'a> {
    path: &'a Path,
    kind: ContentKind,
    file: File,
    name: Option<TempPath>,
}

impl<'a> NewFile<'a> {
    pub(crate) fn write(
        path: &'a Path,
        content: &[u8],
        readers: Readers,
    ) -> Result<Self, CliError> {
        let directory = directory(path);
        remove_leftovers_once(directory);
        let written = create_unnamed(directory, readers.mode()).and_then(|unnamed| {
            let (mut file, name) = match unnamed {
                Some(file) => (file, None),
                None => create_named(directory, readers.mode())?,
            };
            file.write_all(content)?;
            file.sync_all()?;
            Ok(Self { path, kind: ContentKind::of(content), file, name })
        });
        written.map_err(|source| CliError::Write { path: path.into(), source })
    }

    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    pub(crate) fn put_in_place(self, existing: Existing) -> Result<(), CliError> {
        let path = self.path;
        self.place(existing)?;
        sync_place(path)
    }

    /// Gives the file its place. Until [`sync_place`], a loss of power may take it away.
    pub(super) fn place(self, existing: Existing) -> Result<(), CliError> {
        let path = self.path;
        if existing == Existing::Replace {
            self.require_replaceable()?;
        }
        match self.link_or_rename(existing) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CliError::FileExists { path: path.into() })
            }
            other => other.map_err(|source| CliError::Write { path: path.into(), source }),
        }
    }

    /// Refuses to replace a file that may be the only copy of something else.
    pub(crate) fn require_replaceable(&self) -> Result<(), CliError> {
        if self.path.metadata().is_ok_and(|found| !found.is_file()) {
            let source = io::Error::other("it is not a regular file");
            return Err(CliError::Write { path: self.path.into(), source });
        }
        let failed = |source| CliError::Read { path: self.path.into(), source };
        match ContentKind::at(self.path).map_err(failed)? {
            Some(found) if !found.gives_way_to(&self.kind) => {
                let (path, expected) = (self.path.into(), self.kind.clone());
                Err(CliError::OtherKind { path, found, expected })
            }
            _ => Ok(()),
        }
    }

    fn link_or_rename(self, existing: Existing) -> io::Result<()> {
        match (existing, self.name) {
            (Existing::Keep, None) => link(&self.file, self.path),
            (Existing::Keep, Some(name)) => Ok(name.persist_noclobber(self.path)?),
            (Existing::Replace, Some(name)) => Ok(name.persist(self.path)?),
            (Existing::Replace, None) => {
                lock(&self.file);
                let name = temporary_names()
                    .make_in(directory(self.path), |name| link(&self.file, name))?
                    .into_temp_path();
                Ok(name.persist(self.path)?)
            }
        }
    }
}

/// Puts on the disk which file is in a place.
pub(super) fn sync_place(path: &Path) -> Result<(), CliError> {
    sync_directory(path).map_err(|source| CliError::Write { path: path.into(), source })
}

/// Gives a file a second, temporary name, and locks it for as long as it has that. `None` if there
/// is no such file.
///
/// The lock tells other programs not to remove the temporary name. Every user who can read the file
/// can hold a lock on it, so this does not wait for one.
pub(super) fn set_aside(path: &Path) -> io::Result<Option<(TempPath, File)>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let _ = file.try_lock();
    let name = temporary_names().make_in(directory(path), |name| std::fs::hard_link(path, name))?;
    Ok(Some((name.into_temp_path(), file)))
}

fn temporary_names() -> tempfile::Builder<'static, 'static> {
    let mut names = tempfile::Builder::new();
    names.prefix(PREFIX).rand_bytes(RANDOM_DIGITS);
    names
}

/// Makes a file without a name; `None` where the file system has none.
fn create_unnamed(directory: &Path, mode: u32) -> io::Result<Option<File>> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;

        // It gets its name through this directory.
        if !Path::new("/proc/self/fd").exists() {
            return Ok(None);
        }
        let flags = OFlags::TMPFILE.bits() as i32;
        let mut options = OpenOptions::new();
        match options.read(true).write(true).mode(mode).custom_flags(flags).open(directory) {
            Ok(file) => return Ok(Some(file)),
            Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                // What kernels say whose file system cannot, in the order of their age.
                Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
                _ => return Err(error),
            },
        }
    }
    Ok(None)
}

/// Makes a file under a temporary name, and locks it.
fn create_named(directory: &Path, mode: u32) -> io::Result<(File, Option<TempPath>)> {
    loop {
        let (file, name) = temporary_names()
            .make_in(directory, |name| {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true).mode(mode).open(name)
            })?
            .into_parts();
        // Between the two, another program may have locked the file, to remove it as left behind.
        let is_locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        if !is_locked && file.metadata()?.nlink() > 0 {
            return Ok((file, Some(name)));
        }
    }
}

/// Gives an open file a name that is free.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

fn lock(file: &File) {
    // Where the file system has no locks, nobody takes one, and nobody removes anything.
    let _ = file.lock();
}

/// Removes what killed processes have left in a directory, the first time that this one
/// writes there.
fn remove_leftovers_once(directory: &Path) {
    static SEEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let is_new = SEEN.lock().is_ok_and(|mut seen| seen.insert(directory.into()));
    if is_new {
        // Tidying up is no reason not to write.
        let _ = remove_leftovers(directory);
    }
}

fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_temporary_name) {
            // Somebody else may have removed it, or may not want it removed.
            let _ = remove_if_left_behind(&entry.path());
        }
    }
    Ok(())
}

fn is_temporary_name(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == RANDOM_DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Removes a file of ours that nobody holds a lock on.
fn remove_if_left_behind(path: &Path) -> io::Result<()> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let found = file.metadata()?;
    let is_ours = found.is_file()
        && found.nlink() == 1
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.mode() & 0o133 == 0;
    if is_ours && file.try_lock().is_ok() {
        let now = path.symlink_metadata()?;
        if (now.dev(), now.ino()) == (found.dev(), found.ino()) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Removes a file, if there is one.
pub(crate) fn remove(path: &Path) -> Result<(), CliError> {
    let removed = match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| sync_directory(path)),
    };
    removed.map_err(|source| CliError::Write { path: path.into(), source })
}

pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_exists_is_kept_unless_it_is_to_be_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let write = |text: &[u8], existing| write_atomically(&path, text, Readers::Owner, existing);
        write(b"first", Existing::Keep).unwrap();
        assert!(matches!(write(b"second", Existing::Keep), Err(CliError::FileExists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        write(b"third", Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(names(directory.path()), ["file"]);

        let key = b"-----BEGIN PRIVATE KEY-----\n";
        write(key, Existing::Replace).unwrap();
        assert!(matches!(write(b"fourth", Existing::Replace), Err(CliError::OtherKind { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), key);
    }

    #[test]
    fn a_file_without_a_place_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        let waiting = NewFile::write(&path, b"secret", Readers::Owner).unwrap();
        assert!(waiting.name.is_none(), "the temporary directory's file system has no O_TMPFILE");
        assert_eq!(names(directory.path()), [""; 0]);
        waiting.put_in_place(Existing::Keep).unwrap();
        assert_eq!(names(directory.path()), ["key.pem"]);
    }

    /// As where the file system has no files without a name.
    fn named<'a>(path: &'a Path, content: &[u8]) -> NewFile<'a> {
        let (mut file, name) = create_named(directory(path), 0o600).unwrap();
        file.write_all(content).unwrap();
        NewFile { path, kind: ContentKind::of(content), file, name }
    }

    #[test]
    fn a_file_with_a_temporary_name_gives_it_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        drop(named(&path, b"given up"));
        assert_eq!(names(directory.path()), [""; 0]);
        named(&path, b"first").put_in_place(Existing::Keep).unwrap();
        let kept = named(&path, b"second").put_in_place(Existing::Keep);
        assert!(matches!(kept, Err(CliError::FileExists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        named(&path, b"third").put_in_place(Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(names(directory.path()), ["key.pem"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_a_living_one_holds_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.pem");
        let held = named(&path, b"of a living process");
        let name = held.name.as_ref().unwrap().to_path_buf();
        // A lock ends with the process that holds it.
        let left = directory.path().join(".cloacina-0123456789abcdef");
        std::fs::write(&left, "of a killed process").unwrap();
        std::fs::set_permissions(&left, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        remove_leftovers(directory.path()).unwrap();
        assert!(!left.exists());
        assert!(name.exists());
        held.put_in_place(Existing::Keep).unwrap();
        assert_eq!(names(directory.path()), ["key.pem"]);
    }

    #[test]
    fn files_of_others_are_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let others = [
            ".cloacina-",
            ".cloacina-notes",
            ".cloacina-0123456789abcdef.pem",
            ".cloacina-0123456789abcde_",
            "cloacina-0123456789abcdef",
        ];
        for name in others {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let right_name = |digit: char| {
            directory.path().join(format!(".cloacina-{}", digit.to_string().repeat(16)))
        };
        std::os::unix::fs::symlink("elsewhere", right_name('a')).unwrap();
        std::fs::create_dir(right_name('b')).unwrap();
        std::fs::write(right_name('c'), "others may write it").unwrap();
        std::fs::set_permissions(
            right_name('c'),
            std::os::unix::fs::PermissionsExt::from_mode(0o666),
        )
        .unwrap();
        std::fs::write(right_name('d'), "it has another name").unwrap();
        std::fs::hard_link(right_name('d'), directory.path().join("precious")).unwrap();
        remove_leftovers(directory.path()).unwrap();
        assert_eq!(names(directory.path()).len(), others.len() + 5);
    }
}
