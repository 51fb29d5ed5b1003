use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use signing_crypto::{printable, shell_word};
use thiserror::Error;

/// What a file must be safe from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// Others must not write it, and may read it: a public key that is to be trusted.
    Integrity,
    /// Others must not even read it: a private key, a passphrase, a key encryption key.
    Secrecy,
}

/// A file that other users can reach.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtectionError {
    /// It belongs to another user than this process's and `root`.
    #[error("{} belongs to the user {owner}, who can change it", printable(&path.to_string_lossy()))]
    Owner {
        /// The file.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
        /// What it should have been safe from.
        protection: Protection,
    },
    /// Its group, or everybody, may write it.
    #[error(
        "other users may write {}: its mode is {mode:04o}",
        printable(&path.to_string_lossy())
    )]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What it should have been safe from.
        protection: Protection,
    },
    /// Its group, or everybody, may read it.
    #[error("other users may read {}: its mode is {mode:04o}", printable(&path.to_string_lossy()))]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl Protection {
    /// Refuses an open file that others can reach. Only a regular file has permissions
    /// that outlast the process that made it; pipes and terminals are let through.
    ///
    /// # Errors
    ///
    /// [`ProtectionError`], with the path for the message.
    pub fn require(self, path: &Path, opened: &Metadata) -> Result<(), ProtectionError> {
        if !opened.is_file() {
            return Ok(());
        }
        let (path, owner, mode) = (path.into(), opened.uid(), opened.mode() & 0o7777);
        let own = rustix::process::geteuid().as_raw();
        if owner != own && owner != 0 {
            Err(ProtectionError::Owner { path, owner, protection: self })
        } else if mode & 0o022 != 0 {
            Err(ProtectionError::Writable { path, mode, protection: self })
        } else if mode & 0o044 != 0 && self == Self::Secrecy {
            Err(ProtectionError::Readable { path, mode })
        } else {
            Ok(())
        }
    }
}

impl ProtectionError {
    /// What programs call this error, whatever the variant. Stable.
    pub fn code(&self) -> &'static str {
        "UnprotectedFile"
    }

    /// What mends it, with a command that can be pasted into a shell, if one does.
    pub fn remedy(&self) -> String {
        let (Self::Owner { path, .. } | Self::Writable { path, .. } | Self::Readable { path, .. }) =
            self;
        let path = shell_word(path);
        match self {
            // Who has written a secret knows it.
            Self::Owner { owner, protection: Protection::Secrecy, .. } => {
                format!("the user {owner} knows the secret: use one of your own, in another file")
            }
            Self::Owner { .. } => format!(
                "compare it with what its author has published; then: chown \"$(id -u)\" {path}"
            ),
            Self::Writable { protection: Protection::Integrity, .. } => {
                format!("chmod go-w {path}")
            }
            Self::Writable { .. } | Self::Readable { .. } => format!("chmod 600 {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn with_mode(mode: u32) -> (tempfile::NamedTempFile, Metadata) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        let metadata = file.as_file().metadata().unwrap();
        (file, metadata)
    }

    #[test]
    fn a_secret_is_for_its_owner_and_a_public_key_is_written_by_its_owner_only() {
        for (mode, secret, public) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o700, true, true),
            (0o640, false, true),
            (0o604, false, true),
            (0o644, false, true),
            (0o620, false, false),
            (0o602, false, false),
            (0o664, false, false),
            (0o666, false, false),
        ] {
            let (file, metadata) = with_mode(mode);
            let secrecy = Protection::Secrecy.require(file.path(), &metadata);
            let integrity = Protection::Integrity.require(file.path(), &metadata);
            assert_eq!((secrecy.is_ok(), integrity.is_ok()), (secret, public), "{mode:o}");
        }
    }

    #[test]
    fn the_command_that_is_named_mends_it() {
        for (mode, protection) in [
            (0o644, Protection::Secrecy),
            (0o666, Protection::Secrecy),
            (0o664, Protection::Integrity),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a key's file.pem");
            File::create(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = protection.require(&path, &path.metadata().unwrap()).unwrap_err();
            assert!(refused.to_string().contains(&format!("{mode:04o}")), "{refused}");
            let mended = std::process::Command::new("sh").args(["-c", &refused.remedy()]).status();
            assert!(mended.unwrap().success(), "{}", refused.remedy());
            protection.require(&path, &path.metadata().unwrap()).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_has_no_permissions_that_count() {
        let metadata = Path::new("/dev/null").metadata().unwrap();
        Protection::Secrecy.require(Path::new("/dev/null"), &metadata).unwrap();
    }
}
