use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use docs_tests::{Page, Programs, repository};
use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

/// What the shell steps of a job are given of where this test itself runs: the programs,
/// and what cargo needs to be one of them.
const GIVEN: [&str; 4] = ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];

/// The package that is built: without dependencies, so that it needs nothing of a registry.
const MANIFEST: &str = "[package]
name = \"workflow\"
version = \"1.4.0\"
edition = \"2024\"

[lib]
crate-type = [\"cdylib\"]
";
const LOCK: &str = "version = 4

[[package]]
name = \"workflow\"
version = \"1.4.0\"
";
const CODE: &str = "#[unsafe(no_mangle)]
pub extern \"C\" fn answer() -> u32 {
    42
}
";

/// A platform with a repository, the settings that the pipelines' headers ask for, and
/// the artifacts of the jobs that have run.
pub(super) struct Platform {
    directory: TempDir,
    given: BTreeMap<String, String>,
    pub(super) secrets: BTreeMap<&'static str, String>,
}

impl Platform {
    pub(super) fn new() -> Self {
        let programs = Programs::build().unwrap_or_else(|error| panic!("{error}"));
        let directory = tempfile::tempdir().unwrap();
        let place = programs.place(&Page::default(), &directory.path().join("scratch")).unwrap();
        let given = place.environment.into_iter();
        let mut given: BTreeMap<_, _> =
            given.filter(|(name, _)| GIVEN.contains(&name.as_str())).collect();
        // For stand-ins, before all others.
        let path = format!("{}:{}", directory.path().join("bin").display(), given["PATH"]);
        given.insert("PATH".into(), path);
        let platform = Self { directory, given, secrets: BTreeMap::new() };
        for name in ["repository/src", "repository/trusted-keys", "artifacts", "deployed"] {
            fs::create_dir_all(platform.path(name)).unwrap();
        }
        for (name, text) in [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCK), ("src/lib.rs", CODE)] {
            fs::write(platform.path("repository").join(name), text).unwrap();
        }
        platform.with_key()
    }

    /// The key, in the secrets and in the repository, each where the guide puts it.
    fn with_key(mut self) -> Self {
        self.secrets.insert("CLOACINA_KEY_PASSPHRASE", "correct horse".into());
        let key = self.generate("ci");
        self.secrets.insert("CLOACINA_SIGNING_KEY", key);
        self
    }

    /// Makes a key that is trusted instead of any that was, and returns its private half.
    pub(super) fn generate(&self, name: &str) -> String {
        let passphrase = [("CLOACINA_KEY_PASSPHRASE", &self.secrets["CLOACINA_KEY_PASSPHRASE"])];
        let environment = passphrase.map(|(name, value)| (name.into(), value.clone())).into();
        let line = format!("cloacina --quiet keys generate --name {name} --output {name}.pem");
        let made = self.shell("sh", &self.path(""), &line, &environment);
        made.unwrap_or_else(|said| panic!("{said}"));
        let public = self.path(&format!("{name}.pub.pem"));
        fs::rename(public, self.path("repository/trusted-keys/ci.pub.pem")).unwrap();
        fs::read_to_string(self.path(&format!("{name}.pem"))).unwrap()
    }

    /// Puts a variable into the environment of every job.
    pub(super) fn give(&mut self, name: &str, value: &str) {
        self.given.insert(name.into(), value.into());
    }

    pub(super) fn trust_another_key(&self) {
        self.generate("other");
    }

    pub(super) fn break_the_code(&self) {
        fs::write(self.path("repository/src/lib.rs"), "no Rust").unwrap();
    }

    /// Changes the package in an artifact.
    pub(super) fn tamper(&self, artifact: &str) {
        let path = self.artifact(artifact).join("libworkflow.so");
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(b'x');
        fs::write(path, bytes).unwrap();
    }

    pub(super) fn has_artifact(&self, name: &str) -> bool {
        self.artifact(name).exists()
    }

    /// What a runner finds.
    pub(super) fn deployed(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("deployed/libworkflow.so")) else {
            return Vec::new();
        };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a job starts in: a directory with nothing in it.
    pub(super) fn workspace(&self) -> TempDir {
        tempfile::tempdir_in(self.directory.path()).unwrap()
    }

    /// Puts the repository into a job's directory.
    pub(super) fn check_out(&self, workspace: &Path) {
        for name in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "trusted-keys/ci.pub.pem"] {
            copy(&self.path("repository").join(name), &workspace.join(name));
        }
        for name in ["trust/root.json", "trust/bundle.json"] {
            let file = self.path("repository").join(name);
            if file.exists() {
                copy(&file, &workspace.join(name));
            }
        }
    }

    /// Keeps files of a job, of which there must be every one.
    pub(super) fn upload<'a>(
        &self,
        artifact: &str,
        workspace: &Path,
        files: impl Iterator<Item = &'a str>,
    ) {
        for file in files {
            copy(&workspace.join(file), &self.artifact(artifact).join(file));
        }
    }

    /// Puts the files of an earlier job into a job's directory.
    pub(super) fn download(&self, artifact: &str, workspace: &Path) {
        for file in fs::read_dir(self.artifact(artifact)).unwrap() {
            let file = file.unwrap();
            copy(&file.path(), &workspace.join(file.file_name()));
        }
    }

    /// Runs a script as one shell, which ends at the first failure.
    pub(super) fn shell(
        &self,
        shell: &str,
        workspace: &Path,
        script: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let file = self.path("script");
        fs::write(&file, script).unwrap();
        let mut command = Command::new(shell);
        command.arg("-e").arg(&file).current_dir(workspace);
        let output = command.env_clear().envs(&self.given).envs(environment).output().unwrap();
        if output.status.success() { Ok(()) } else { Err(text(&output)) }
    }

    /// A variable of a pipeline, as this platform has it.
    pub(super) fn value(&self, name: &str, value: &str) -> String {
        match name {
            // The runner's directory is one of this test's own here.
            "DIRECTORY" => self.path("deployed").display().to_string(),
            _ => value.into(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn artifact(&self, name: &str) -> PathBuf {
        self.path("artifacts").join(name)
    }
}

pub(super) fn parse(name: &str) -> Yaml {
    let path = repository().join("docs/examples/ci").join(name);
    let text = fs::read_to_string(path).unwrap();
    let documents = YamlLoader::load_from_str(&text);
    let documents = documents.unwrap_or_else(|error| panic!("{name}: {error}"));
    documents.into_iter().next().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}
