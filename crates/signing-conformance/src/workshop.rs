//! Makes libraries with the system's C compiler.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::error::KitError;
use crate::markers::{Event, Markers};
use crate::process::{Limits, run_within};

const PLUGIN: &str = include_str!("workshop/plugin.c");
const LOADER: &str = include_str!("workshop/loader.c");

/// A library to be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Library {
    /// What it writes when its code runs.
    label: String,
    /// Of its file: `lib<name>.so`.
    name: String,
    padding: usize,
    /// For the compiler and the linker.
    options: Vec<OsString>,
}

impl Library {
    pub(crate) fn new(label: &str, name: &str) -> Self {
        Self { label: label.into(), name: name.into(), padding: 1 << 16, options: Vec::new() }
    }

    /// One that takes some time to read.
    pub(crate) fn large(self) -> Self {
        Self { padding: 8 << 20, ..self }
    }

    pub(crate) fn option(mut self, option: impl Into<OsString>) -> Self {
        self.options.push(option.into());
        self
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn file_name(&self) -> String {
        format!("lib{}.so", self.name)
    }
}

/// A directory with libraries, and the compiler that makes them.
#[derive(Debug)]
pub(crate) struct Workshop {
    compiler: PathBuf,
    /// The source of the entry point of a host's packages.
    entry_point: String,
    made: RefCell<BTreeMap<Library, PathBuf>>,
    markers: Markers,
    directory: PathBuf,
    _temporary: TempDir,
}

impl Workshop {
    /// # Errors
    ///
    /// [`KitError::NoCompiler`], or there is no temporary directory.
    pub(crate) fn open(compiler: &Path, entry_point: String) -> Result<Self, KitError> {
        let place = std::env::temp_dir();
        let temporary = tempfile::Builder::new().prefix("conformance-").tempdir_in(&place);
        let temporary = temporary.map_err(KitError::file("make a directory in", &place))?;
        let directory = temporary.path().canonicalize();
        let directory = directory.map_err(KitError::file("find", temporary.path()))?;
        let workshop = Self {
            compiler: compiler.into(),
            entry_point,
            made: RefCell::default(),
            markers: Markers::at(directory.join("markers")),
            directory,
            _temporary: temporary,
        };
        let source = workshop.write("loader.c", LOADER)?;
        workshop.compile(&source, &workshop.loader(), &["-ldl".into()])?;
        Ok(workshop)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn markers(&self) -> &Markers {
        &self.markers
    }

    /// The file of a library, which is made if this is its first use.
    pub(crate) fn make(&self, library: &Library) -> Result<PathBuf, KitError> {
        if let Some(path) = self.made.borrow().get(library) {
            return Ok(path.clone());
        }
        let number = self.made.borrow().len();
        let source = format!(
            "#define CONFORMANCE_LABEL {}\n#define CONFORMANCE_NAME {}\n\
             #define CONFORMANCE_MARKERS {}\n#define CONFORMANCE_PADDING {}\n{PLUGIN}\n{}",
            literal(library.label.as_bytes()),
            literal(library.name.as_bytes()),
            literal(self.markers.path().as_os_str().as_bytes()),
            library.padding,
            self.entry_point,
        );
        let source = self.write(&format!("library-{number}.c"), &source)?;
        let path = self.directory.join(format!("library-{number}.so"));
        let mut options: Vec<OsString> =
            ["-shared", "-fPIC", "-Wl,--no-as-needed", "-Wl,--build-id=none"]
                .map(Into::into)
                .into();
        options.extend(library.options.iter().cloned());
        self.compile(&source, &path, &options)?;
        self.made.borrow_mut().insert(library.clone(), path.clone());
        Ok(path)
    }

    /// Has a process load the files without verification. Returns whose code ran, or what the
    /// dynamic linker says.
    pub(crate) fn load_unverified(
        &self,
        files: &[PathBuf],
    ) -> Result<Result<Vec<Event>, String>, KitError> {
        self.markers.clear()?;
        let loader = self.loader();
        let stderr = self.directory.join("loader.stderr");
        let ended = run_within(Command::new(&loader).args(files), &Limits::default(), &stderr);
        let (_, message) = ended.map_err(KitError::file("run", &loader))?;
        let events = self.markers.read()?;
        self.markers.clear()?;
        Ok(if events.is_empty() { Err(message.trim().into()) } else { Ok(events) })
    }

    fn loader(&self) -> PathBuf {
        self.directory.join("loader")
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, KitError> {
        let path = self.directory.join(name);
        fs::write(&path, text).map_err(KitError::file("write", &path))?;
        Ok(path)
    }

    fn compile(&self, source: &Path, to: &Path, options: &[OsString]) -> Result<(), KitError> {
        let mut command = Command::new(&self.compiler);
        command.arg("-O1").arg("-o").arg(to).arg(source).args(options);
        let failed = |source| KitError::NoCompiler { compiler: self.compiler.clone(), source };
        let output = command.output().map_err(failed)?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(KitError::Compile { message });
        }
        Ok(())
    }
}

/// A C string, whatever the bytes are.
fn literal(bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_leaves_a_mark_as_soon_as_it_is_loaded() {
        let workshop = Workshop::open(Path::new("cc"), String::new()).unwrap();
        let file = workshop.make(&Library::new("a\"b\\", "plugin")).unwrap();
        let events = workshop.load_unverified(&[file]).unwrap().unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].label, "a\"b\\");
        assert!(events[0].stack.starts_with("rw"), "{events:?}");
    }

    #[test]
    fn a_library_that_is_not_loaded_leaves_none() {
        let workshop = Workshop::open(Path::new("cc"), String::new()).unwrap();
        let file = workshop.make(&Library::new("a", "plugin")).unwrap();
        fs::write(&file, "nothing").unwrap();
        assert!(workshop.load_unverified(&[file]).unwrap().is_err());
    }

    #[test]
    fn a_missing_compiler_is_an_error() {
        let error = Workshop::open(Path::new("/nowhere/cc"), String::new()).unwrap_err();
        assert_eq!(error.code(), "NoCompiler");
    }

    #[test]
    fn an_entry_point_that_is_not_c_is_an_error() {
        let workshop = Workshop::open(Path::new("cc"), "nonsense".into()).unwrap();
        let error = workshop.make(&Library::new("a", "plugin")).unwrap_err();
        assert_eq!(error.code(), "CannotCompile");
    }
}
