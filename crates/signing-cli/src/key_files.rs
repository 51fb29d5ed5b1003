use std::io;
use std::path::{Path, PathBuf};

use signing_crypto::{
    Fingerprint, MAX_PEM_SIZE, Passphrase, PemError, PemForm, SigningKey, VerifyingKey,
};
use signing_loader::Protection;
use zeroize::Zeroizing;

use crate::cli::KeyReference;
use crate::error::CliError;
use crate::files::{read_at_most, read_protected};
use crate::passphrase::{self, PassphraseSource};
use crate::ssh::{self, OpensshKeyError};

/// Reads a private key's PEM file, with the passphrase that is given, or that is
/// asked for if the key is encrypted.
///
/// A key that is not encrypted is refused if a passphrase is given: a user who
/// gives one believes that the file is protected.
pub(crate) fn read_signing_key(
    path: &Path,
    source: &PassphraseSource,
) -> Result<SigningKey, CliError> {
    if path == Path::new("-") && *source == PassphraseSource::StandardInput {
        return Err(CliError::StandardInputTwice);
    }
    let bytes = read_protected(path, Protection::Secrecy).map_err(|error| match error {
        CliError::Unprotected(_) => explained(path, error),
        other => other,
    });
    let bytes = Zeroizing::new(bytes?);
    let key = match source.given()? {
        Some(passphrase) => SigningKey::from_encrypted_pem(&bytes, &passphrase),
        None => match SigningKey::from_pem(&bytes) {
            Err(PemError::PassphraseNeeded) => match passphrase::ask(&prompt(path))? {
                Some(typed) => SigningKey::from_encrypted_pem(&bytes, &Passphrase::new(typed)?),
                None => Err(PemError::PassphraseNeeded),
            },
            other => other,
        },
    };
    key.map_err(|source| unusable(path, &bytes, source))
}

/// Why a file holds no key that can be used. A private key of OpenSSH is named with the way to use
/// it, unless there is no way.
fn unusable(path: &Path, bytes: &[u8], source: PemError) -> CliError {
    let path = path.into();
    match source {
        PemError::WrongForm { found: PemForm::OpensshPrivateKey, .. } => {
            match ssh::unfit_private_key(bytes) {
                Some(source) => CliError::OpensshKey { path, source },
                None => CliError::KeyFile { path, source },
            }
        }
        source => CliError::KeyFile { path, source },
    }
}

/// The same error, with what may have been meant if the file is missing and its name could be a
/// key of the store. `instead` gives the option for that.
pub(crate) fn or_stored(error: CliError, instead: impl FnOnce(&str) -> String) -> CliError {
    let CliError::Read { path, source } = &error else { return error };
    let is_file_name = path.extension().is_some_and(|end| {
        ["pem", "pub", "key"].iter().any(|usual| end.eq_ignore_ascii_case(usual))
    });
    let name = path.to_str().filter(|name| {
        let is_missing = source.kind() == io::ErrorKind::NotFound;
        is_missing && !is_file_name && name.parse::<KeyReference>().is_ok()
    });
    let Some(instead) = name.map(instead) else { return error };
    let next = error.advice().next.unwrap_or_default();
    error.advised(format!("{next}; for a key of the store: {instead}"))
}

fn prompt(path: &Path) -> String {
    format!("Passphrase for {}: ", path.display())
}

/// If the file holds a public key, says that in place of what is wrong with its permissions.
fn explained(path: &Path, error: CliError) -> CliError {
    let Ok(bytes) = read_at_most(path, MAX_PEM_SIZE as u64 + 1).map(Zeroizing::new) else {
        return error;
    };
    match SigningKey::from_pem(&bytes) {
        Err(source) if is_public(&source) => CliError::KeyFile { path: path.into(), source },
        _ => error,
    }
}

/// Whether a file that should hold a private key holds a public one.
pub(crate) fn is_public(error: &PemError) -> bool {
    let PemError::WrongForm { found, .. } = error else { return false };
    matches!(found, PemForm::PublicKey | PemForm::OpensshPublicKey)
}

/// Reads a public key's file: PEM, or a line of OpenSSH.
pub(crate) fn read_public_key(path: &Path) -> Result<VerifyingKey, CliError> {
    let bytes = read_protected(path, Protection::Integrity)?;
    match VerifyingKey::from_pem(&bytes) {
        Err(PemError::WrongForm { found: PemForm::OpensshPublicKey, .. }) => {
            ssh::parse_public_key(&bytes)
                .map_err(|source| CliError::OpensshKey { path: path.into(), source })
        }
        other => other.map_err(|source| unusable(path, &bytes, source)),
    }
}

/// Reads the fingerprint from a file that holds a public key, or a private one whose public half
/// can be read without a passphrase.
pub(crate) fn read_fingerprint(path: &Path) -> Result<Fingerprint, CliError> {
    let bytes = Zeroizing::new(read_protected(path, Protection::Integrity)?);
    let of_openssh = |key: Result<VerifyingKey, OpensshKeyError>| match key {
        Ok(key) => Ok(key.fingerprint()),
        Err(source) => Err(CliError::OpensshKey { path: path.into(), source }),
    };
    let source = match VerifyingKey::from_pem(&bytes) {
        Ok(key) => return Ok(key.fingerprint()),
        Err(source) => source,
    };
    match source {
        PemError::WrongForm { found: PemForm::OpensshPublicKey, .. } => {
            of_openssh(ssh::parse_public_key(&bytes))
        }
        PemError::WrongForm { found: PemForm::OpensshPrivateKey, .. } => {
            of_openssh(ssh::public_half(&bytes))
        }
        PemError::WrongForm { found: PemForm::EncryptedPrivateKey, .. } => {
            Err(CliError::EncryptedHalf { path: path.into() })
        }
        PemError::WrongForm { found: PemForm::PrivateKey, .. } => {
            let key = SigningKey::from_pem(&bytes);
            key.map(|key| key.fingerprint()).map_err(|source| unusable(path, &bytes, source))
        }
        source => Err(unusable(path, &bytes, source)),
    }
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
}
