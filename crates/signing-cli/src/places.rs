//! Where things are if nobody says otherwise (XDG base directories).

use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::error::CliError;

/// A file of this program's data: the store.
pub(crate) fn data_file(name: &str) -> Result<PathBuf, CliError> {
    let directories = etcetera::choose_base_strategy().map_err(|_| CliError::NoHomeDirectory)?;
    Ok(directories.data_dir().join("cloacina").join(name))
}

/// A file of this program's configuration: the key encryption key, which is not to be kept
/// beside the store.
pub(crate) fn configuration_file(name: &str) -> Result<PathBuf, CliError> {
    let directories = etcetera::choose_base_strategy().map_err(|_| CliError::NoHomeDirectory)?;
    Ok(directories.config_dir().join("cloacina").join(name))
}
