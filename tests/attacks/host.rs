//! A machine with the example runner.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use docs_tests::{Page, Programs};
use tempfile::TempDir;

static PROGRAMS: LazyLock<Programs> =
    LazyLock::new(|| Programs::build().unwrap_or_else(|error| panic!("{error}")));

pub(super) const STORE: &str = "store/cloacina.db";

/// A directory with the runner, a package `libworkflow.so` and a key that has signed it.
pub(super) struct Host {
    directory: TempDir,
}

pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        Self { code: output.status.code(), stdout, stderr }
    }
}

impl Host {
    pub(super) fn new() -> Self {
        let host = Self { directory: tempfile::tempdir().unwrap() };
        PROGRAMS.place(&Page::default(), host.directory.path()).unwrap();
        host.cloacina(&["keys", "generate", "--name", "dev", "--output", "dev.pem"]);
        host.sign("libworkflow.so");
        host
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("here")
    }

    pub(super) fn sign(&self, package: &str) {
        self.cloacina(&["package", "sign", package, "--key", "dev.pem", "--force"]);
    }

    pub(super) fn cloacina(&self, arguments: &[&str]) -> String {
        let program = PROGRAMS.runner().with_file_name("../cloacina");
        let mut command = Command::new(program);
        command.args(arguments).env("CLOACINA_DATABASE_URL", STORE).current_dir(self.path());
        let run = command.output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    /// The runner, which is told of no store.
    pub(super) fn runner(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(PROGRAMS.runner());
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("CLOACINA_DATABASE_URL");
        command
    }

    pub(super) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Ran {
        self.runner(arguments).output().unwrap().into()
    }
}
