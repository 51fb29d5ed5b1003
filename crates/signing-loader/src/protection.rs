use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use signing_crypto::{printable, shell_word};
use thiserror::Error;

use crate::directory::{DirectoryError, DirectoryFault, require_in_place};

/// What a file must be safe from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protection {
    /// Others must not write it, and may read it: a public key that is to be trusted.
    Integrity,
    /// Others must not even read it: a private key, a passphrase, a key encryption key.
    Secrecy,
}

/// A file that other users can reach or replace.
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
    /// Others could have put another file in its place.
    #[error(
        "others could replace {}: {}: {fault}",
        printable(&path.to_string_lossy()),
        printable(&at.to_string_lossy())
    )]
    Replaceable {
        /// The file.
        path: PathBuf,
        /// The directory or the link by which they could.
        at: PathBuf,
        /// What is wrong with that.
        fault: DirectoryFault,
    },
    /// Its path cannot be followed from the root, or leads to another file than was opened.
    #[error("cannot tell who could replace {}", printable(&path.to_string_lossy()))]
    Untraceable {
        /// The file.
        path: PathBuf,
    },
}

impl Protection {
    /// Refuses an open file that others can reach, or could have put there instead of another.
    /// Character devices, such as terminals, are for all users, and have a place only. Who can
    /// reach or replace the pipe of [a descriptor](is_descriptor) is up to the program that
    /// opened it.
    ///
    /// # Errors
    ///
    /// [`ProtectionError`], with the path for the message.
    pub fn require(self, path: &Path, opened: &Metadata) -> Result<(), ProtectionError> {
        // The owner and the mode say nothing about a file that others have chosen: those of
        // `/proc/<pid>/environ` are root's.
        let is_descriptor = is_descriptor(path);
        if !is_descriptor {
            require_in_place(path, opened)
                .map_err(|error| ProtectionError::of_the_place(path, error))?;
        }
        let kind = opened.file_type();
        if kind.is_char_device() || is_descriptor && !kind.is_file() {
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

/// Whether a path names a descriptor that this process was started with, as a shell's `<(…)` does.
pub fn is_descriptor(path: &Path) -> bool {
    let number = |name: &Path| {
        name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    path == Path::new("/dev/stdin")
        || ["/dev/fd", "/proc/self/fd"]
            .iter()
            .any(|directory| path.strip_prefix(directory).is_ok_and(number))
}

impl ProtectionError {
    fn of_the_place(path: &Path, error: DirectoryError) -> Self {
        let path = path.into();
        match error {
            DirectoryError::Unsafe { path: at, source } => {
                Self::Replaceable { path, at, fault: source }
            }
            DirectoryError::Unusable { .. } => Self::Untraceable { path },
        }
    }

    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Owner { .. } | Self::Writable { .. } | Self::Readable { .. } => "UnprotectedFile",
            Self::Replaceable { fault, .. } => fault.code(),
            Self::Untraceable { .. } => "UnreadableFile",
        }
    }

    /// What mends it, with a command that can be pasted into a shell, if one does.
    pub fn remedy(&self) -> String {
        let (Self::Owner { path, .. }
        | Self::Writable { path, .. }
        | Self::Readable { path, .. }
        | Self::Replaceable { path, .. }
        | Self::Untraceable { path }) = self;
        let path = shell_word(path);
        match self {
            // Who has written a secret knows it.
            Self::Owner { owner, protection: Protection::Secrecy, .. } => {
                format!("the user {owner} knows the secret: use one of your own, in another file")
            }
            Self::Owner { owner, .. } => format!(
                "do not use the file of the user {owner}: get it from its author, into a file of \
                 your own"
            ),
            Self::Replaceable { at, fault: fault @ DirectoryFault::Writable { .. }, .. } => {
                fault.remedy(at).unwrap_or_default()
            }
            Self::Replaceable { .. } => {
                "do not use the existing file: use a copy from its author in a directory of your own"
                    .into()
            }
            Self::Untraceable { .. } => {
                format!("give the path without links, in directories that you can read: {path}")
            }
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
    fn a_path_that_leads_to_another_file_than_was_opened_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let [chosen, looked_at] = ["chosen", "looked-at"].map(|name| directory.path().join(name));
        for path in [&chosen, &looked_at] {
            fs::write(path, "").unwrap();
        }
        let opened = chosen.metadata().unwrap();
        let refused = Protection::Integrity.require(&looked_at, &opened).unwrap_err();
        assert_eq!(refused, ProtectionError::Untraceable { path: looked_at });
        Protection::Integrity.require(&chosen, &opened).unwrap();
    }

    #[test]
    fn a_descriptor_has_no_place_and_what_lies_behind_one_has() {
        let is = |path: &str| is_descriptor(Path::new(path));
        assert!(["/dev/stdin", "/dev/fd/0", "/dev/fd/63", "/proc/self/fd/3"].into_iter().all(is));
        for other in ["/dev/fd/3/a.pem", "/dev/fd/../shm/a.pem", "/dev/fd/a", "/proc/1/fd/3", "-"] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn a_device_has_no_permissions_that_count() {
        let metadata = Path::new("/dev/null").metadata().unwrap();
        Protection::Secrecy.require(Path::new("/dev/null"), &metadata).unwrap();
    }

    /// Others may put a file in its place after it was looked at.
    #[test]
    fn a_pipe_or_a_directory_that_others_can_replace_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let [pipe, below] = ["pipe", "below"].map(|name| directory.path().join(name));
        let status = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&pipe).status();
        assert!(status.unwrap().success());
        fs::create_dir(&below).unwrap();
        fs::set_permissions(&below, Permissions::from_mode(0o700)).unwrap();
        let require = |path: &Path| Protection::Integrity.require(path, &path.metadata().unwrap());
        for path in [&pipe, &below] {
            require(path).unwrap();
        }
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        for path in [&pipe, &below] {
            let refused = require(path).unwrap_err();
            assert!(matches!(refused, ProtectionError::Replaceable { .. }), "{refused:?}");
        }
    }
}
