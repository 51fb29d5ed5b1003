#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::iter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};
use signing_crypto::DocumentVersion;
use signing_trust::{
    SeenDocument, SeenDocuments, SeenFrom, SeenOrganization, VersionMemory, VersionMemoryError,
};

use crate::directory::require_private;
use crate::lock::lock_file;
use crate::protection::{Protection, ProtectionError};

/// The first line of a state file.
const HEADER: &str = "cloacina trust state 1";

/// The most bytes that a state file may have: 64 MiB, for a million keys that were denied.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

/// How long to wait for another process that reads or writes the file.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// Remembers in a file which documents of signed trust were seen, so that a process that is
/// started again recognizes older ones.
///
/// The file and its lock, beside it under the same name with `.lock`, have the mode 0600, and
/// other users may not write their directory or replace one above it. The file is replaced in
/// one step, by one with `.new` after its name, and several processes may use it at once. If it
/// is lost, a running process still knows what it has seen itself, but the next start believes
/// what it is shown, as the first one did.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// Uses the file at `path`. Its lock is made at once, the file when something is first
    /// remembered. If another process has locked the file, this waits for up to 10 seconds and
    /// blocks its thread.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is damaged, its name ends in `.lock` or `.new`, or other users
    /// may write or replace the file, its lock or their directory.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, VersionMemoryError> {
        let file = Self::at(path.into())?;
        let _lock = file.lock()?;
        file.read()?;
        Ok(file)
    }

    /// Reads the file and makes nothing, not even a lock: whether it could be
    /// [opened](Self::open), as far as that can be said without writing. Gives what it remembers.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open). A missing file is no error.
    pub fn check(path: impl Into<PathBuf>) -> Result<SeenDocuments, VersionMemoryError> {
        let file = Self::at(path.into())?;
        file.require_directory()?;
        // A new version of the file is made beside it.
        let needed = Access::WRITE_OK | Access::EXEC_OK;
        accessat(CWD, file.directory(), needed, AtFlags::EACCESS)
            .map_err(|errno| file.failed(errno.into()))?;
        let lock = file.beside(".lock");
        // A file that is replaced while it is looked at looks like one that others replace. Nobody
        // writes the file without a lock.
        let lock = file.existing(&lock)?;
        if let Some(lock) = &lock {
            lock_file(lock, LOCK_LIMIT).map_err(|error| file.failed(error))?;
        }
        file.read()
    }

    /// A relative path is from the directory that is the current one now.
    fn at(path: PathBuf) -> Result<Self, VersionMemoryError> {
        let file = match std::path::absolute(&path) {
            Ok(path) => Self { path },
            Err(error) => return Err(Self { path }.failed(error)),
        };
        match file.path.extension().and_then(OsStr::to_str) {
            Some("new" | "lock") => Err(VersionMemoryError::Name { path: file.path }),
            _ => Ok(file),
        }
    }

    /// Waits until no other process reads or writes the file.
    fn lock(&self) -> Result<File, VersionMemoryError> {
        self.require_directory()?;
        let path = self.beside(".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        let lock = options.open(&path).map_err(|error| self.failed(error))?;
        self.require_protection(&path, &lock)?;
        lock_file(&lock, LOCK_LIMIT).map_err(|error| self.failed(error))?;
        Ok(lock)
    }

    /// Opens a file for reading, if there is one.
    fn existing(&self, path: &Path) -> Result<Option<File>, VersionMemoryError> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        match options.open(path) {
            Ok(file) => {
                self.require_protection(path, &file)?;
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What is remembered. The lock is held.
    fn read(&self) -> Result<SeenDocuments, VersionMemoryError> {
        let Some(file) = self.existing(&self.path)? else { return Ok(SeenDocuments::default()) };
        let mut text = String::new();
        file.take(MAX_SIZE + 1).read_to_string(&mut text).map_err(|error| self.failed(error))?;
        parse(&text).map_err(|fault| VersionMemoryError::Damaged { path: self.path.clone(), fault })
    }

    /// Replaces what is remembered. The lock is held.
    fn write(&self, seen: &SeenDocuments) -> io::Result<()> {
        let text = print(seen);
        if text.len() as u64 > MAX_SIZE {
            return Err(io::Error::other("there is more to remember than the file may hold"));
        }
        // The holder of the lock owns this name, so what a killed process left there is replaced.
        let path = self.beside(".new");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let written = new.write_all(text.as_bytes()).and_then(|()| new.sync_all());
        let placed = written.and_then(|()| fs::rename(&path, &self.path));
        placed.inspect_err(|_| drop(fs::remove_file(&path)))?;
        File::open(self.directory())?.sync_all()
    }

    fn directory(&self) -> &Path {
        // Only the root has none, and no file can be there.
        self.path.parent().unwrap_or(&self.path)
    }

    /// A user who can write a directory, or one above it, can put back old files.
    fn require_directory(&self) -> Result<(), VersionMemoryError> {
        require_private(self.directory()).map_err(|error| self.failed(io::Error::other(error)))
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

impl VersionMemory for StateFile {
    fn update(&self, admit: &mut dyn FnMut(&mut SeenDocuments)) -> Result<(), VersionMemoryError> {
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

/// One line for each organization and root: the id; the digests of the root documents, from this
/// root on, without the newest that comes after it; the version and digest of the newest, of the
/// statement and of the revocations; the keys that the revocations deny.
fn print(seen: &SeenDocuments) -> String {
    let mut text = format!("{HEADER}\n");
    for ((org, from), organization) in seen.iter() {
        let SeenOrganization { earlier_roots, root, statement, revocations, denied } = organization;
        let roots = iter::once(from).chain(earlier_roots).map(ToString::to_string);
        let roots = roots.collect::<Vec<_>>().join(",");
        let document = |seen: &SeenDocument| format!("{}:{}", seen.version, seen.digest);
        let documents = [root, statement, revocations].map(document).join(" ");
        let denied = denied.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        text += &format!("{org} {roots} {documents} {denied}\n");
    }
    text
}

fn parse(text: &str) -> Result<SeenDocuments, &'static str> {
    if text.len() as u64 > MAX_SIZE {
        return Err("it is too large");
    }
    let Some(lines) = text.strip_suffix('\n') else { return Err("its last line is cut off") };
    let mut lines = lines.split('\n');
    if lines.next() != Some(HEADER) {
        return Err("it does not begin as a state file");
    }
    let mut seen = BTreeMap::new();
    for line in lines {
        let (from, organization) = parse_line(line).ok_or("a line cannot be read")?;
        if seen.insert(from, organization).is_some() {
            return Err("it names an organization twice");
        }
    }
    Ok(seen.into_iter().collect())
}

fn parse_line(line: &str) -> Option<(SeenFrom, SeenOrganization)> {
    let words: Vec<_> = line.split(' ').collect();
    let [org, roots, root, statement, revocations, denied] = words[..] else { return None };
    let (from, earlier_roots) = roots.split_once(',').unwrap_or((roots, ""));
    let organization = SeenOrganization {
        earlier_roots: parse_set(earlier_roots)?,
        root: parse_document(root)?,
        statement: parse_document(statement)?,
        revocations: parse_document(revocations)?,
        denied: parse_set(denied)?,
    };
    Some(((org.parse().ok()?, from.parse().ok()?), organization))
}

/// Values that differ, with a comma between them.
fn parse_set<T: Ord + FromStr>(word: &str) -> Option<BTreeSet<T>> {
    let mut set = BTreeSet::new();
    for value in word.split(',').filter(|_| !word.is_empty()) {
        set.insert(value.parse().ok()?).then_some(())?;
    }
    Some(set)
}

fn parse_document(word: &str) -> Option<SeenDocument> {
    let (number, digest) = word.split_once(':')?;
    let version = DocumentVersion::new(number.parse().ok()?)?;
    // One spelling for each number.
    (version.to_string() == number).then_some(())?;
    Some(SeenDocument { version, digest: digest.parse().ok()? })
}
