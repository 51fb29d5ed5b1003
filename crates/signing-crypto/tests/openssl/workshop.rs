use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder to run openssl in.
pub(crate) struct Workshop(TempDir);

impl Workshop {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn directory(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), content).expect("the temporary directory is writable");
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub(crate) fn try_run(&self, arguments: &str) -> Output {
        run(Command::new("openssl").args(arguments.split(' ')), self.0.path())
    }

    /// Runs openssl, which must succeed, and gives what it printed.
    pub(crate) fn run(&self, arguments: &str) -> Vec<u8> {
        let output = self.try_run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {errors}");
        output.stdout
    }
}

pub(crate) fn run(command: &mut Command, directory: &Path) -> Output {
    command.current_dir(directory).output().unwrap_or_else(|error| {
        let program = command.get_program().display();
        panic!("this test needs the program '{program}', which does not run: {error}")
    })
}
