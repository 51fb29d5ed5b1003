use signing_crypto::shell_word;
use signing_loader::{DirectoryError, DirectoryFault, InstallError};

use super::{Advice, refused, undecided, unknown};
use crate::error::Outcome;

pub(super) const GIVE_DIRECTORY: &str =
    "give the directory of cloacina package install --to, or omit --installed";

pub(super) fn install(error: &InstallError) -> Advice {
    if let Some(remedy) = error.remedy() {
        return undecided(error.code(), remedy);
    }
    let next = match error {
        InstallError::Package(error) => return super::package::package(error),
        InstallError::Downgrade { .. } => {
            return refused(
                error.code(),
                "install a later version; to go back to this one: --danger-allow-downgrade",
            );
        }
        InstallError::Changed { path } => {
            // Not beside it: what is there is verified with the rest.
            return refused(
                error.code(),
                format!(
                    "find out who changed it; then move it away, and install again with \
                     --danger-allow-downgrade: mv -t \"$(mktemp -d)\" {}",
                    shell_word(path)
                ),
            );
        }
        InstallError::InstalledUnreadable { .. } => {
            "find out why the installed release cannot be read; to install this one whatever its \
             version: --danger-allow-downgrade"
        }
        InstallError::ReservedName { .. } => "have the package signed under another name",
        InstallError::UnsafeDirectory { source: DirectoryFault::NotADirectory, .. } => {
            "give a directory, or a path where one can be created"
        }
        InstallError::OldRelease { .. } => {
            "runners load the new release; find out what prevents the removal of the old one, and run \
             the command again"
        }
        InstallError::Write { .. } => {
            "check that the directory above exists, that you may write to it, and that it has room"
        }
        _ => return unknown(error.code(), Outcome::Undecided),
    };
    undecided(error.code(), next)
}

pub(super) fn directory(error: &DirectoryError) -> Advice {
    let next = error.remedy();
    undecided(
        error.code(),
        next.unwrap_or_else(|| "check the path, and that you may read its directories".into()),
    )
}
