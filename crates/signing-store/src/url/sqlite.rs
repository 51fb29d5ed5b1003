use std::fmt;
use std::path::{Path, PathBuf};

use super::looks_like_a_url;
use crate::error::UrlError;
use crate::users;

/// A SQLite file, and whose it may be besides this process' user's.
#[derive(Clone)]
pub(crate) struct SqliteTarget {
    pub(crate) path: PathBuf,
    pub(crate) owner: Option<Owner>,
}

/// A user of this machine.
#[derive(Clone)]
pub(crate) struct Owner {
    #[cfg_attr(
        not(any(feature = "sqlite", test)),
        expect(dead_code, reason = "there are no files")
    )]
    pub(crate) uid: u32,
    given: String,
}

impl SqliteTarget {
    /// What follows `sqlite:`, which may end in `?owner=` and a user's name or number.
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let (path, parameters) = match text.split_once('?') {
            Some((path, parameters)) => (path, Some(parameters)),
            None => (text, None),
        };
        let owner = parameters.map(|parameters| match parameters.strip_prefix("owner=") {
            Some(owner) => Owner::find(owner),
            None => Err(UrlError::SqliteParameter { found: parameters.into() }),
        });
        Ok(Self { owner: owner.transpose()?, ..Self::file(path)? })
    }

    pub(super) fn file(path: &str) -> Result<Self, UrlError> {
        match path {
            "" => Err(UrlError::Empty),
            // Each pooled connection would see a database of its own.
            ":memory:" => Err(UrlError::InMemory),
            // Only shells know it, and only where a word begins.
            path if path.starts_with('~') => Err(UrlError::Tilde),
            path => Ok(Self::from(Path::new(path))),
        }
    }
}

impl From<&Path> for SqliteTarget {
    fn from(path: &Path) -> Self {
        Self { path: path.into(), owner: None }
    }
}

impl Owner {
    fn find(given: &str) -> Result<Self, UrlError> {
        let uid = given.parse().ok().or_else(|| users::number_of(given));
        let uid = uid.ok_or_else(|| UrlError::UnknownOwner { found: given.into() })?;
        Ok(Self { uid, given: given.into() })
    }
}

impl fmt::Display for SqliteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_os_str().as_encoded_bytes();
        // In a URL, parameters would begin there.
        if path.contains(&b'?') {
            let needs_directory =
                path.starts_with(b"~") || looks_like_a_url(&self.path.to_string_lossy());
            let start = if needs_directory { "./" } else { "" };
            return write!(f, "{start}{}", self.path.display());
        }
        // One `//` behind the scheme is skipped when the URL is read.
        let start = match path {
            [b'/', b'/', ..] => "//",
            [b'~', ..] => "./",
            _ => "",
        };
        write!(f, "sqlite:{start}{}", self.path.display())?;
        match &self.owner {
            Some(owner) => write!(f, "?owner={}", owner.given),
            None => Ok(()),
        }
    }
}
