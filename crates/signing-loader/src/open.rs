use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::{Errno, retry_on_intr};
use signing_crypto::{MAX_ENVELOPE_SIZE, MalformedEnvelope, SignatureEnvelope};
use signing_trust::acceptance::VerificationError;

use crate::directory::TO_PASS;
use crate::error::PackageError;

/// A file in a directory that was opened before. A package and the signature beside it are in
/// one directory, even if a link on the way to it is changed meanwhile: that is how a new release
/// is put in place.
#[derive(Clone, Debug)]
pub(crate) struct FileAt {
    /// `None` for a path from the current directory.
    directory: Option<Arc<OwnedFd>>,
    name: PathBuf,
    /// The path as it was given, for messages.
    path: PathBuf,
}

impl FileAt {
    /// Opens the directory in which the path's last component is.
    pub(crate) fn new(path: &Path) -> Self {
        // `a.so/` is a directory, and has to be opened as it is given.
        let name =
            path.file_name().filter(|name| path.as_os_str().as_bytes().ends_with(name.as_bytes()));
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let flags = TO_PASS | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |parent: &Path| retry_on_intr(|| openat(CWD, parent, flags, Mode::empty()));
        match (name, parent.map(open)) {
            (Some(name), Some(Ok(directory))) => {
                Self { directory: Some(Arc::new(directory)), name: name.into(), path: path.into() }
            }
            // What is wrong with the path is found out when the file is opened.
            _ => Self { directory: None, name: path.into(), path: path.into() },
        }
    }

    /// The file in the same directory whose name ends with `end` after this one's.
    pub(crate) fn with_suffix(&self, end: &str) -> Self {
        let longer = |path: &Path| {
            let mut path = path.as_os_str().to_owned();
            path.push(end);
            PathBuf::from(path)
        };
        Self {
            directory: self.directory.clone(),
            name: longer(&self.name),
            path: longer(&self.path),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a regular file. Never waits for the other end of a FIFO, and never becomes the
    /// controlling process of a terminal.
    pub(crate) fn open_regular(&self) -> Result<(File, u64), PackageError> {
        let path = &*self.path;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = retry_on_intr(|| openat(self.directory(), &self.name, flags, Mode::empty()));
        let file = opened.map(File::from).map_err(|errno| match self.stat(AtFlags::empty()) {
            // A socket cannot even be opened.
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
                not_regular(path)
            }
            _ => PackageError::io(path, errno.into()),
        })?;
        let metadata = file.metadata().map_err(|source| PackageError::io(path, source))?;
        if !metadata.is_file() {
            return Err(not_regular(path));
        }
        Ok((file, metadata.len()))
    }

    /// Reads a detached signature, as [`read_signature`] does.
    pub(crate) fn read_signature(&self) -> Result<Option<SignatureEnvelope>, PackageError> {
        let file = match self.open_regular() {
            Ok((file, _)) => file,
            Err(PackageError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && self.is_vacant() =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(MAX_ENVELOPE_SIZE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| PackageError::io(&self.path, source))?;
        let malformed =
            |reason: MalformedEnvelope| VerificationError::MalformedSignature { reason };
        Ok(Some(SignatureEnvelope::parse(&bytes).map_err(malformed)?))
    }

    fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_ref().map_or(CWD, |directory| directory.as_fd())
    }

    fn stat(&self, flags: AtFlags) -> Result<Stat, Errno> {
        statat(self.directory(), &self.name, flags)
    }

    fn is_vacant(&self) -> bool {
        matches!(self.stat(AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
    }
}

/// Opens a regular file, as [`FileAt::open_regular`] does.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), PackageError> {
    FileAt::new(path).open_regular()
}

/// Reads a detached signature; `None` if there is nothing at `path` at all.
///
/// A symbolic link that leads nowhere is something: somebody meant a signature
/// to be there, so that it is an error rather than a reason to look elsewhere.
///
/// # Errors
///
/// [`VerificationError::NotARegularFile`], [`VerificationError::MalformedSignature`],
/// or an I/O error.
pub fn read_signature(path: &Path) -> Result<Option<SignatureEnvelope>, PackageError> {
    FileAt::new(path).read_signature()
}

fn not_regular(path: &Path) -> PackageError {
    VerificationError::NotARegularFile { path: path.into() }.into()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};
    use std::{env, fs};

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    /// Set in a process that the test started, to a terminal's name.
    const TERMINAL: &str = "CLOACINA_TEST_TERMINAL";

    #[test]
    fn a_terminal_that_is_opened_does_not_become_the_controlling_one() {
        let Some(terminal) = env::var_os(TERMINAL) else {
            return in_a_child(
                "open::tests::a_terminal_that_is_opened_does_not_become_the_controlling_one",
            );
        };
        // Only the leader of a session gets one by opening it.
        rustix::process::setsid().unwrap();
        let controlling = || File::open("/dev/tty").map(drop);

        let refused = open_regular(Path::new(&terminal));
        assert!(
            matches!(
                refused,
                Err(PackageError::Verification(VerificationError::NotARegularFile { .. }))
            ),
            "{refused:?}"
        );
        assert!(controlling().is_err());

        let _opened = File::open(&terminal).unwrap();
        controlling().unwrap();
    }

    #[test]
    fn the_signature_is_in_the_directory_in_which_the_package_was_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for release in ["old", "new"] {
            fs::create_dir(path(release)).unwrap();
            fs::write(path(release).join("a.so.sig"), release).unwrap();
        }
        symlink("old", path("current")).unwrap();
        let package = FileAt::new(&path("current/a.so"));
        symlink("new", path("next")).unwrap();
        fs::rename(path("next"), path("current")).unwrap();
        let content = |package: &FileAt| {
            let (file, _) = package.with_suffix(".sig").open_regular().unwrap();
            io::read_to_string(file).unwrap()
        };
        assert_eq!(content(&package), "old");
        assert_eq!(content(&FileAt::new(&path("current/a.so"))), "new");
    }

    /// What such a link leads to has no path here: another file may have the one that it shows.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_behind_a_link_of_proc_is_the_one_that_the_kernel_finds() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a.so"), "outside").unwrap();
        let script = "mount -t tmpfs box . && cd \"$PWD\" && printf inside >a.so && echo; cat";
        let mut child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let root = PathBuf::from(format!("/proc/{}/root", child.id()));
        let behind = root.join(directory.path().strip_prefix("/").unwrap()).join("a.so");
        let content = |path: &Path| io::read_to_string(open_regular(path).unwrap().0).unwrap();
        let (inside, outside) = (content(&behind), content(&directory.path().join("a.so")));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!((&*inside, &*outside), ("inside", "outside"));
    }

    /// Runs the test `name` in a process of its own, which is given a terminal to open.
    fn in_a_child(name: &str) {
        let terminal =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let path = ptsname(&terminal, Vec::new()).unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args([name, "--exact"])
            .env(TERMINAL, path.to_str().unwrap())
            .output()
            .unwrap();
        let [out, err] =
            [child.stdout, child.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        // A filter that finds nothing is a success to libtest.
        assert!(child.status.success() && out.contains("1 passed"), "{out}\n{err}");
    }
}
