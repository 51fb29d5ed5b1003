use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use signing_crypto::{MAX_PEM_SIZE, PemError, SigningKey, VerifyingKey};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::passphrase::{self, PassphraseSource};

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

/// Reads a private key's PEM file, with the passphrase that is given, or that is
/// asked for if the key is encrypted.
///
/// A key that is not encrypted is refused if a passphrase is given: whoever gives
/// one believes the file to be protected.
pub(crate) fn read_signing_key(
    path: &Path,
    source: &PassphraseSource,
) -> Result<SigningKey, CliError> {
    if path == Path::new("-") && *source == PassphraseSource::StandardInput {
        return Err(CliError::StandardInputTwice);
    }
    let bytes = Zeroizing::new(read_bounded(path)?);
    let key = match source.given()? {
        Some(passphrase) => SigningKey::from_encrypted_pem(&bytes, &passphrase),
        None => match SigningKey::from_pem(&bytes) {
            Err(PemError::PassphraseNeeded) => match passphrase::ask(path)? {
                Some(passphrase) => SigningKey::from_encrypted_pem(&bytes, &passphrase),
                None => Err(PemError::PassphraseNeeded),
            },
            other => other,
        },
    };
    key.map_err(|source| CliError::KeyFile { path: path.into(), source })
}

/// Reads a public key's PEM file.
pub(crate) fn read_public_key(path: &Path) -> Result<VerifyingKey, CliError> {
    let bytes = read_bounded(path)?;
    VerifyingKey::from_pem(&bytes).map_err(|source| CliError::KeyFile { path: path.into(), source })
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

/// The public key's file beside a private key's: `dev-key.pub.pem` for
/// `dev-key.pem`.
pub(crate) fn public_key_path(private: &Path) -> PathBuf {
    let mut name = private.file_stem().unwrap_or_default().to_owned();
    if private.extension().is_some_and(|extension| extension != "pem") {
        name = private.file_name().unwrap_or_default().to_owned();
    }
    name.push(".pub.pem");
    private.with_file_name(name)
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
    fn the_public_key_stands_beside_the_private_one() {
        for (private, public) in [
            ("dev-key.pem", "dev-key.pub.pem"),
            ("keys/dev.key.pem", "keys/dev.key.pub.pem"),
            ("dev-key", "dev-key.pub.pem"),
            ("dev.key", "dev.key.pub.pem"),
        ] {
            assert_eq!(public_key_path(Path::new(private)), Path::new(public));
        }
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
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
