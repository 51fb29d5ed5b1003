use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use signing_crypto::KeyEncryptionKey;
use signing_loader::require_irreplaceable;
use signing_trust::TrustError;
use signing_trust::store::DatabaseUrl;

use crate::error::CliError;
use crate::files::{self, Existing, Readers, not_replaced, write_atomically};
use crate::kek_place::KekPlace;

/// Writes a new KEK. A file that another program has put there meanwhile is not replaced.
pub(super) fn make_kek(place: &KekPlace, url: &DatabaseUrl) -> Result<KeyEncryptionKey, CliError> {
    let path = place.path().ok_or(CliError::NoKek)?;
    let directory = make_directory(path)?;
    require_irreplaceable(directory)
        .map_err(|source| CliError::KekReplaceable { place: place.clone(), source })?;
    // Now that both directories may exist, links on the way to them are known.
    require_apart(place, url)?;
    let kek = KeyEncryptionKey::generate().map_err(TrustError::from)?;
    let mut text = kek.to_hex();
    text.push('\n');
    write_atomically(path, text.as_bytes(), Readers::Owner, Existing::Keep)
        .map_err(not_replaced)?;
    Ok(kek)
}

/// Makes the directory that a file is to be in, for this user only.
pub(super) fn make_directory(path: &Path) -> Result<&Path, CliError> {
    let directory = files::directory(path);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| CliError::Write { path: path.into(), source })?;
    Ok(directory)
}

/// Refuses to make a KEK beside the store: who copies the directory would have both.
pub(super) fn require_apart(place: &KekPlace, url: &DatabaseUrl) -> Result<(), CliError> {
    let (Some(kek), Some(store)) = (place.path(), url.sqlite_path()) else { return Ok(()) };
    match directory(kek) == directory(store) {
        true => Err(CliError::KekBesideStore { path: kek.into() }),
        false => Ok(()),
    }
}

/// The directory of a file, without links as far as it exists.
fn directory(path: &Path) -> std::path::PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let parent = absolute.parent().unwrap_or(&absolute);
    parent.canonicalize().unwrap_or_else(|_| parent.into())
}
