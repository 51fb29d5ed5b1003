//! Passwords from where libpq takes them (its chapter 'The Password File').

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::ConnectError;
use crate::url::password::Password;
use crate::url::postgres::{Place, Server};

/// Where a password comes from that the URL does not hold.
pub(super) struct PasswordSources {
    variable: Option<Password>,
    path: Option<PathBuf>,
    file: Option<Zeroizing<Vec<u8>>>,
}

/// More than any password file has.
const LONGEST_FILE: u64 = 1 << 20;

/// The directories that libpq is built to look for a server's socket in, and the password
/// file's name for them.
const DEFAULT_DIRECTORIES: [&str; 3] = ["/tmp", "/run/postgresql", "/var/run/postgresql"];
const DEFAULT_DIRECTORY_NAME: &str = "localhost";

impl PasswordSources {
    /// `PGPASSWORD`, and then the file that `PGPASSFILE` names, or else `~/.pgpass`.
    pub(super) fn from_environment() -> Self {
        use std::env::{home_dir, var_os};
        use std::os::unix::ffi::OsStringExt;

        let variable = var_os("PGPASSWORD").and_then(|text| Password::new(text.into_vec()));
        let named = var_os("PGPASSFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
        let path = named.or_else(|| home_dir().map(|home| home.join(".pgpass")));
        Self { variable, path, file: None }
    }

    /// The password for a server. The file is read when it is first needed.
    pub(super) fn find(
        &mut self,
        server: &Server,
        database: &str,
        user: &str,
    ) -> Result<Option<Password>, ConnectError> {
        if let Some(password) = &self.variable {
            return Ok(Some(password.clone()));
        }
        let Some(path) = &self.path else { return Ok(None) };
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(read(path)?),
        };
        let host = match &server.place {
            Place::Tcp { host, .. } => host.as_str(),
            Place::Unix(directory) => match directory.to_str() {
                Some(text) if DEFAULT_DIRECTORIES.contains(&text) => DEFAULT_DIRECTORY_NAME,
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let port = server.port.to_string();
        Ok(lookup(file, [host, &port, database, user]))
    }
}

/// A file that is not there holds nothing. One that others can read or write is refused,
/// where libpq warns and goes on without it.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ConnectError> {
    let unusable = |source| ConnectError::PasswordFile { path: path.into(), source };
    let mut options = OpenOptions::new();
    // If it is a pipe, opening it must not wait for a writer.
    let opened = options.read(true).custom_flags(NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Zeroizing::default()),
        Err(error) => return Err(unusable(error)),
    };
    let metadata = file.metadata().map_err(unusable)?;
    if !metadata.is_file() {
        let kind = io::ErrorKind::InvalidInput;
        return Err(unusable(io::Error::new(kind, "it is not a regular file")));
    }
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let us = rustix::process::geteuid().as_raw();
    if mode & 0o077 != 0 || (owner != us && owner != 0) {
        return Err(ConnectError::UnsafePasswordFile { path: path.into(), owner, mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(unusable)?;
    match bytes.len() as u64 > LONGEST_FILE {
        true => Err(unusable(io::ErrorKind::FileTooLarge.into())),
        false => Ok(bytes),
    }
}

const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// The password of the first line whose other fields match: a field is a text or `*`, and
/// has `\` before each `:` and `\` of its own.
fn lookup(file: &[u8], expected: [&str; 4]) -> Option<Password> {
    file.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.starts_with(b"#"))
        .find_map(|line| {
            let mut rest = line;
            for text in expected {
                let (field, is_wildcard) = take_field(&mut rest)?;
                if !is_wildcard && *field != text.as_bytes() {
                    return None;
                }
            }
            // Whatever comes after the password's end is not looked at, as by libpq.
            let (password, _) = unescape(rest);
            Some(password)
        })
        .and_then(|password| Password::new(password.to_vec()))
}

/// Takes a field and its colon off, and says whether it is the wildcard.
fn take_field(line: &mut &[u8]) -> Option<(Zeroizing<Vec<u8>>, bool)> {
    let (field, length) = unescape(line);
    let (raw, rest) = line.split_at(length);
    *line = rest.strip_prefix(b":")?;
    Some((field, raw == b"*"))
}

/// A field without its escapes, and how long it is with them.
fn unescape(line: &[u8]) -> (Zeroizing<Vec<u8>>, usize) {
    let mut field = Zeroizing::new(Vec::with_capacity(line.len()));
    let mut index = 0;
    while let Some(&byte) = line.get(index).filter(|byte| **byte != b':') {
        let escaped = line.get(index + 1).filter(|_| byte == b'\\');
        field.push(*escaped.unwrap_or(&byte));
        index += if escaped.is_some() { 2 } else { 1 };
    }
    (field, index)
}

#[cfg(test)]
mod tests;
