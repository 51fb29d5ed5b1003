use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, OFlags, flock};
use signing_crypto::{DocumentVersion, OrgId};
use signing_trust::{DocumentVersions, MemoryOfVersions, SeenVersions, VersionMemoryError};

use crate::protection::{Protection, ProtectionError};

/// The first line of a state file.
const HEADER: &str = "cloacina trust state 1";

/// The most bytes that a state file may have: some thousand organizations.
const MAX_SIZE: u64 = 1024 * 1024;

/// Remembers in a file which versions of signed trust were seen, so that a process that is
/// started again recognizes older ones.
///
/// The file and its lock, beside it under the same name with `.lock`, have the mode 0600. The
/// file is replaced in one step, and several processes may use it at once. If it is lost, the
/// memory is lost with it: the next start believes what it is shown, as the first one did.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// Uses the file at `path`, which is made when something is first remembered.
    ///
    /// # Errors
    ///
    /// That it cannot be read, is damaged, or can be written by other users.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, VersionMemoryError> {
        let file = Self { path: path.into() };
        let _lock = file.lock()?;
        file.read()?;
        Ok(file)
    }

    /// Waits until no other process reads or writes the file.
    fn lock(&self) -> Result<File, VersionMemoryError> {
        let path = self.beside(".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        let lock = options.open(&path).map_err(|error| self.failed(error))?;
        self.require_protection(&path, &lock)?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| self.failed(error.into()))?;
        Ok(lock)
    }

    /// What is remembered. The lock is held.
    fn read(&self) -> Result<SeenVersions, VersionMemoryError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        let file = match options.open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(SeenVersions::default());
            }
            Err(error) => return Err(self.failed(error)),
        };
        self.require_protection(&self.path, &file)?;
        let mut text = String::new();
        file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(|error| self.failed(error))?;
        parse(&text).map_err(|fault| VersionMemoryError::Damaged { path: self.path.clone(), fault })
    }

    /// Replaces what is remembered. The lock is held.
    fn write(&self, seen: &SeenVersions) -> io::Result<()> {
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        // Made with the mode 0600.
        let mut new = tempfile::NamedTempFile::new_in(directory)?;
        new.write_all(print(seen).as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(&self.path)?;
        File::open(directory)?.sync_all()
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn require_protection(&self, path: &Path, file: &File) -> Result<(), VersionMemoryError> {
        let metadata = file.metadata().map_err(|error| self.failed(error))?;
        if !metadata.is_file() {
            return Err(self.failed(io::Error::other("it is not a regular file")));
        }
        let protected = Protection::Integrity.require(path, &metadata);
        protected.map_err(|error: ProtectionError| self.failed(io::Error::other(error)))
    }

    fn failed(&self, error: io::Error) -> VersionMemoryError {
        VersionMemoryError::File { path: self.path.clone(), source: Arc::new(error) }
    }
}

impl MemoryOfVersions for StateFile {
    fn update(&self, admit: &mut dyn FnMut(&mut SeenVersions)) -> Result<(), VersionMemoryError> {
        let _lock = self.lock()?;
        let before = self.read()?;
        let mut after = before.clone();
        admit(&mut after);
        match after == before {
            true => Ok(()),
            false => self.write(&after).map_err(|error| self.failed(error)),
        }
    }
}

/// One line for each organization: its id, and the versions of its root document, statement
/// and revocations.
fn print(seen: &SeenVersions) -> String {
    let mut text = format!("{HEADER}\n");
    for (org, DocumentVersions { root, statement, revocations }) in seen.iter() {
        text += &format!("{org} {root} {statement} {revocations}\n");
    }
    text
}

fn parse(text: &str) -> Result<SeenVersions, &'static str> {
    if text.len() as u64 > MAX_SIZE {
        return Err("it is too large");
    }
    let Some(lines) = text.strip_suffix('\n') else { return Err("its last line is cut off") };
    let mut lines = lines.split('\n');
    if lines.next() != Some(HEADER) {
        return Err("it does not begin as a state file");
    }
    let mut seen = std::collections::BTreeMap::new();
    for line in lines {
        let (org, versions) = parse_line(line).ok_or("a line cannot be read")?;
        if seen.insert(org, versions).is_some() {
            return Err("it names an organization twice");
        }
    }
    Ok(seen.into_iter().collect())
}

fn parse_line(line: &str) -> Option<(OrgId, DocumentVersions)> {
    let mut words = line.split(' ');
    let org = words.next()?.parse().ok()?;
    let mut version = || {
        let word = words.next()?;
        let number: u32 = word.parse().ok()?;
        // One spelling for each number.
        DocumentVersion::new(number).filter(|version| version.to_string() == word)
    };
    let versions =
        DocumentVersions { root: version()?, statement: version()?, revocations: version()? };
    words.next().is_none().then_some((org, versions))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use signing_trust::SignedTrustError;

    use super::*;

    fn versions(numbers: [u32; 3]) -> DocumentVersions {
        let [root, statement, revocations] = numbers.map(|n| DocumentVersion::new(n).unwrap());
        DocumentVersions { root, statement, revocations }
    }

    fn admit(
        file: &StateFile,
        org: OrgId,
        found: [u32; 3],
    ) -> Result<Result<(), SignedTrustError>, VersionMemoryError> {
        let mut outcome = Ok(());
        file.update(&mut |seen| outcome = seen.admit(org, versions(found)))?;
        Ok(outcome)
    }

    #[test]
    fn what_was_seen_is_known_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trust-state");
        let (acme, other) = (OrgId::random(), OrgId::random());
        let first = StateFile::open(&path).unwrap();
        admit(&first, acme, [1, 5, 3]).unwrap().unwrap();
        admit(&first, other, [2, 1, 1]).unwrap().unwrap();
        drop(first);

        let again = StateFile::open(&path).unwrap();
        for older in [[1, 4, 3], [1, 5, 2]] {
            let refused = admit(&again, acme, older).unwrap();
            assert!(matches!(refused, Err(SignedTrustError::RolledBack { .. })), "{refused:?}");
        }
        admit(&again, acme, [1, 5, 3]).unwrap().unwrap();
        admit(&again, acme, [2, 5, 4]).unwrap().unwrap();
        let refused = admit(&again, acme, [1, 5, 4]).unwrap();
        assert!(matches!(refused, Err(SignedTrustError::RolledBack { .. })), "{refused:?}");
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trust-state");
        admit(&StateFile::open(&path).unwrap(), OrgId::random(), [1, 1, 1]).unwrap().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&path.with_file_name("trust-state.lock")), 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let refused = StateFile::open(&path).unwrap_err();
        assert!(matches!(refused, VersionMemoryError::File { .. }), "{refused:?}");
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trust-state");
        let org = OrgId::random();
        admit(&StateFile::open(&path).unwrap(), org, [1, 2, 3]).unwrap().unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for bad in [
            String::new(),
            good.trim_end().to_owned(),
            good.replace("state 1", "state 2"),
            good.replace(" 2 ", " 0 "),
            good.replace(" 2 ", " 02 "),
            good.replace(" 2 ", " +2 "),
            good.replace(" 2 ", "  2 "),
            good.replace(" 3\n", "\n"),
            good.replace(" 3\n", " 3 4\n"),
            format!("{good}{org} 1 2 3\n"),
            format!("{good}\n"),
        ] {
            fs::write(&path, &bad).unwrap();
            let refused = StateFile::open(&path).unwrap_err();
            assert!(matches!(refused, VersionMemoryError::Damaged { .. }), "{bad:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), bad);
        }
        fs::write(&path, &good).unwrap();
        StateFile::open(&path).unwrap();
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trust-state");
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        let refused = StateFile::open(&path).unwrap_err();
        assert!(matches!(refused, VersionMemoryError::File { .. }), "{refused:?}");
    }
}
