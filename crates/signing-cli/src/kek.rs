//! Where the key encryption key is looked for.
//!
//! `--kek-file` comes first, then the environment, then the default file. The environment has
//! three places: a variable, the file that another variable names, and a credential of systemd.
//! If several of them are set, they must agree: which of two keys is meant is not guessed.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use signing_crypto::{KekError, KeyEncryptionKey};
use signing_loader::{Protection, is_descriptor};
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::files;
use crate::kek_place::KekPlace;
use crate::places::configuration_file;

const VARIABLE: &str = "CLOACINA_KEY_ENCRYPTION_KEY";
pub(crate) const FILE_VARIABLE: &str = "CLOACINA_KEY_ENCRYPTION_KEY_FILE";

/// What systemd calls the directory of a service's credentials, and this program the credential.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const CREDENTIAL: &str = "cloacina-key-encryption-key";

/// A key encryption key, and where it was found.
pub(crate) struct FoundKek {
    pub(crate) key: KeyEncryptionKey,
    pub(crate) place: KekPlace,
}

/// A key encryption key, or the file in which one can be made.
pub(crate) enum KekFile {
    Found(FoundKek),
    Missing(KekPlace),
}

impl KekFile {
    pub(crate) fn place(&self) -> &KekPlace {
        match self {
            Self::Found(found) => &found.place,
            Self::Missing(place) => place,
        }
    }
}

/// Reads the KEK from the first place that has one. `None` if none is given.
pub(crate) fn find(option: Option<&Path>) -> Result<Option<FoundKek>, CliError> {
    let Some(place) = place(option)? else { return Ok(None) };
    Ok(Some(FoundKek { key: read(&place)?, place }))
}

/// The KEK to change to. No private key could be opened any more if nothing kept it, so it is not
/// taken from a pipe or a variable.
pub(crate) fn read_new(path: &Path) -> Result<KeyEncryptionKey, CliError> {
    if is_descriptor(path) {
        return Err(CliError::NewKekNotKept { path: path.into() });
    }
    read(&KekPlace::Option { option: "--new-kek-file", path: path.into() })
}

/// The place to read the KEK from, if there is one.
///
/// # Errors
///
/// [`CliError::KeksDiffer`] if the environment names several that hold different keys.
fn place(option: Option<&Path>) -> Result<Option<KekPlace>, CliError> {
    if let Some(path) = option {
        return Ok(Some(KekPlace::Option { option: "--kek-file", path: path.into() }));
    }
    let mut given = in_environment()?.into_iter();
    let Some(first) = given.next() else {
        return match default_file() {
            Ok(path) if is_there(&path)? => Ok(Some(KekPlace::DefaultFile(path))),
            _ => Ok(None),
        };
    };
    for other in given {
        if read(&first)?.id() != read(&other)?.id() {
            return Err(CliError::KeksDiffer { first, second: other });
        }
    }
    Ok(Some(first))
}

/// The KEK, or the file where it is missing: the one that is named, or else the default file.
pub(crate) fn find_or_file(option: Option<&Path>) -> Result<KekFile, CliError> {
    let place = match place(option)? {
        Some(place) => place,
        None => KekPlace::DefaultFile(default_file()?),
    };
    // `-` is standard input.
    if let Some(path) = place.path()
        && path.as_os_str() != "-"
        && !is_there(path)?
    {
        return Ok(KekFile::Missing(place));
    }
    Ok(KekFile::Found(FoundKek { key: read(&place)?, place }))
}

/// The places that the environment names.
fn in_environment() -> Result<Vec<KekPlace>, CliError> {
    let mut places = Vec::new();
    if env::var_os(VARIABLE).is_some() {
        places.push(KekPlace::Variable(VARIABLE));
    }
    if let Some(path) = path_of(FILE_VARIABLE)? {
        places.push(KekPlace::FileOfVariable { var: FILE_VARIABLE, path });
    }
    // A service may have other credentials and not this one.
    if let Some(directory) = path_of(CREDENTIALS)? {
        let path = directory.join(CREDENTIAL);
        if is_there(&path)? {
            places.push(KekPlace::Credential(path));
        }
    }
    Ok(places)
}

/// The path in a variable. One that is set to nothing is an error: what was to fill it failed.
fn path_of(var: &'static str) -> Result<Option<PathBuf>, CliError> {
    match env::var_os(var) {
        Some(path) if path.is_empty() => Err(CliError::NoPath { var }),
        path => Ok(path.map(Into::into)),
    }
}

/// Where the KEK is if nothing else is said: not in the store's directory.
fn default_file() -> Result<PathBuf, CliError> {
    configuration_file("key-encryption-key")
}

fn is_there(path: &Path) -> Result<bool, CliError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(CliError::Read { path: path.into(), source }),
    }
}

/// Reads the KEK that must be there.
fn read(place: &KekPlace) -> Result<KeyEncryptionKey, CliError> {
    let key = match place {
        KekPlace::Variable(var) => KeyEncryptionKey::from_env(var),
        KekPlace::Credential(path) => parse(&files::read_credential(path)?),
        KekPlace::Option { path, .. }
        | KekPlace::FileOfVariable { path, .. }
        | KekPlace::DefaultFile(path) => {
            parse(&Zeroizing::new(files::read_protected(path, Protection::Secrecy)?))
        }
    };
    key.map_err(|source| CliError::Kek { place: place.clone(), source })
}

fn parse(bytes: &[u8]) -> Result<KeyEncryptionKey, KekError> {
    KeyEncryptionKey::parse(std::str::from_utf8(bytes).map_err(|_| KekError::Encoding)?)
}
