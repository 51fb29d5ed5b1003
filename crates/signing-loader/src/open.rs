use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use signing_crypto::{MAX_ENVELOPE_SIZE, MalformedEnvelope, SignatureEnvelope};
use signing_trust::acceptance::VerificationError;

use crate::error::PackageError;

/// Opens a regular file. Never waits for the other end of a FIFO, and never
/// becomes the controlling process of a terminal.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64), PackageError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    let file = opened.map_err(|source| match path.metadata() {
        // A socket cannot even be opened.
        Ok(metadata) if !metadata.is_file() => not_regular(path),
        _ => PackageError::io(path, source),
    })?;
    let metadata = file.metadata().map_err(|source| PackageError::io(path, source))?;
    if !metadata.is_file() {
        return Err(not_regular(path));
    }
    Ok((file, metadata.len()))
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
    let file = match open_regular(path) {
        Ok((file, _)) => file,
        Err(PackageError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound && is_vacant(path) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_ENVELOPE_SIZE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| PackageError::io(path, source))?;
    let malformed = |reason: MalformedEnvelope| VerificationError::MalformedSignature { reason };
    Ok(Some(SignatureEnvelope::parse(&bytes).map_err(malformed)?))
}

/// Reads a small regular file; of a larger one, one byte more than `limit`.
#[cfg(feature = "clap")]
pub(crate) fn read_bounded(file: File, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn not_regular(path: &Path) -> PackageError {
    VerificationError::NotARegularFile { path: path.into() }.into()
}

fn is_vacant(path: &Path) -> bool {
    matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

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
