//! What the kit's libraries write when their code runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::KitError;

/// The file that each library of the kit appends to. Its path is compiled into them.
#[derive(Debug)]
pub(crate) struct Markers {
    path: PathBuf,
}

/// That code of a library ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    /// The library.
    pub(crate) label: String,
    /// The rights of the process' stack at that time, such as `rw-p`.
    pub(crate) stack: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EventKind {
    /// The dynamic linker called the constructor.
    Constructed,
    /// The host called the entry point.
    Called,
}

impl Markers {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn clear(&self) -> Result<(), KitError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(KitError::file("remove", &self.path)(error))
            }
            _ => Ok(()),
        }
    }

    /// In the order in which they were written.
    pub(crate) fn read(&self) -> Result<Vec<Event>, KitError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(KitError::file("read", &self.path)(error)),
        };
        Ok(String::from_utf8_lossy(&text).lines().map(event).collect())
    }
}

/// A line that is not understood was written by something, so it counts as code that ran.
fn event(line: &str) -> Event {
    let mut words = line.split(' ');
    let kind = match words.next() {
        Some("called") => EventKind::Called,
        _ => EventKind::Constructed,
    };
    let mut word = || words.next().unwrap_or("unknown").to_owned();
    Event { kind, label: word(), stack: word() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_counts_as_code_that_ran() {
        let directory = tempfile::tempdir().unwrap();
        let markers = Markers::at(directory.path().join("markers"));
        assert_eq!(markers.read().unwrap(), []);
        fs::write(markers.path(), "constructed a rw-p\ncalled a rwxp\n\u{1}\n").unwrap();
        let events = markers.read().unwrap();
        assert_eq!((&*events[1].label, events[1].kind), ("a", EventKind::Called));
        assert_eq!(events[1].stack, "rwxp");
        assert_eq!((events.len(), &*events[2].label), (3, "unknown"));
        markers.clear().unwrap();
        markers.clear().unwrap();
        assert_eq!(markers.read().unwrap(), []);
    }
}
