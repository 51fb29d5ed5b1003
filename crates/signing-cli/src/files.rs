use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use signing_crypto::MAX_PEM_SIZE;
use tempfile::NamedTempFile;

use crate::error::CliError;

/// What to do about a file that exists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

impl Existing {
    pub(crate) fn replace_if(force: bool) -> Self {
        if force { Self::Replace } else { Self::Keep }
    }
}

/// Who may read a new file.
#[derive(Clone, Copy)]
pub(crate) enum Readers {
    Owner,
    Everybody,
}

/// Reads a small file, or standard input for `-`: at most one byte more than a
/// key file may have, which is then refused for its size.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, CliError> {
    read_at_most(path, MAX_PEM_SIZE as u64 + 1)
}

/// The same, up to another size.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::with_capacity(1024);
    let result = match path.to_str() {
        Some("-") => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        _ => open_regular(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    result.map_err(|source| CliError::Read { path: path.into(), source })?;
    Ok(bytes)
}

/// Writes a file that is there whole or not at all, whatever happens meanwhile.
pub(crate) fn write_atomically(
    path: &Path,
    content: &[u8],
    readers: Readers,
    existing: Existing,
) -> Result<(), CliError> {
    NewFile::write(path, content, readers)?.put_in_place(existing)
}

/// A file that is written, and waits under a temporary name for its place.
pub(crate) struct NewFile<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> NewFile<'a> {
    pub(crate) fn write(
        path: &'a Path,
        content: &[u8],
        readers: Readers,
    ) -> Result<Self, CliError> {
        let failed = |source| CliError::Write { path: path.into(), source };
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Everybody => 0o644,
        };
        let mut file = tempfile::Builder::new()
            .prefix(".cloacina-")
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(directory(path))
            .map_err(failed)?;
        file.write_all(content).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    pub(crate) fn put_in_place(self, existing: Existing) -> Result<(), CliError> {
        let failed = |source| CliError::Write { path: self.path.into(), source };
        let persisted = match existing {
            Existing::Replace => self.file.persist(self.path),
            Existing::Keep => self.file.persist_noclobber(self.path),
        };
        match persisted {
            Ok(_) => sync_directory(self.path).map_err(failed),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CliError::FileExists { path: self.path.into() })
            }
            Err(error) => Err(failed(error.error)),
        }
    }
}

/// Removes a file, if there is one.
pub(crate) fn remove(path: &Path) -> Result<(), CliError> {
    let removed = match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| sync_directory(path)),
    };
    removed.map_err(|source| CliError::Write { path: path.into(), source })
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

/// Opens a file that has an end. Opening never waits for the other end of a FIFO.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
