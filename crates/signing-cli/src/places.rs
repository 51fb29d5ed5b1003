//! Where things are if nobody says otherwise (XDG base directories).

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::error::CliError;

/// A file of this program's data: the store.
pub(crate) fn data_file(name: &str) -> Result<PathBuf, CliError> {
    file_in(base_directories()?.data_dir(), name)
}

/// A file of this program's configuration: the key encryption key, which is not to be kept
/// beside the store.
pub(crate) fn configuration_file(name: &str) -> Result<PathBuf, CliError> {
    file_in(base_directories()?.config_dir(), name)
}

fn base_directories() -> Result<impl BaseStrategy, CliError> {
    etcetera::choose_base_strategy().map_err(|_| CliError::NoHomeDirectory)
}

/// A relative home directory would make the current directory decide.
fn file_in(directory: PathBuf, name: &str) -> Result<PathBuf, CliError> {
    match directory.is_absolute() {
        true => Ok(directory.join("cloacina").join(name)),
        false => Err(CliError::NoHomeDirectory),
    }
}
