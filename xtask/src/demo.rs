//! `cargo xtask demo`: the main job from end to end, on a scratch store, by the
//! commands that a user would type. Every step's outcome is checked.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{cargo, line, output, say, workspace_root};

const PACKAGE: &str = "libworkflow.so";

/// Signs, trusts, verifies, loads and calls a package, then has three refused.
pub(crate) fn run() -> Result<()> {
    let programs = build()?;
    let demo = Demo::start(&programs)?;

    demo.chapter("An organization, a key that it trusts, and a signed package")?;
    demo.succeeds("cloacina orgs create acme")?;
    demo.succeeds("cloacina keys generate --name release")?;
    demo.succeeds("cloacina keys trust --key-id release")?;
    demo.succeeds(&format!("cloacina sign {PACKAGE} --key-id release"))?;

    demo.chapter("It is verified, loaded and called")?;
    demo.succeeds(&format!("cloacina verify {PACKAGE}"))?;
    let called = demo.succeeds(&format!("my_runner --require-signatures --org acme {PACKAGE}"))?;
    ensure!(called.contains("HELLO, WORLD"), "the package did not answer as it should");

    demo.chapter("A tampered package is refused: one byte is not as it was signed")?;
    demo.copy_package("tampered", &[PACKAGE, "libworkflow.so.sig"])?;
    demo.flip_a_byte("tampered")?;
    demo.is_refused(
        &format!("cloacina package verify tampered/{PACKAGE} --org acme"),
        "TamperedPackage",
    )?;
    demo.runner_refuses(&format!("my_runner --require-signatures --org acme tampered/{PACKAGE}"))?;

    demo.chapter("A package signed by a stranger is refused")?;
    demo.copy_package("untrusted", &[PACKAGE])?;
    demo.succeeds("cloacina keys generate --name stranger --output stranger.pem")?;
    demo.succeeds(&format!("cloacina package sign untrusted/{PACKAGE} --key stranger.pem"))?;
    demo.is_refused(
        &format!("cloacina package verify untrusted/{PACKAGE} --org acme"),
        "UntrustedSigner",
    )?;
    demo.runner_refuses(&format!("my_runner --require-signatures --org acme untrusted/{PACKAGE}"))?;

    demo.chapter("Once its key is revoked, the package that was good is refused")?;
    demo.succeeds("cloacina keys revoke release --trusted")?;
    demo.is_refused(&format!("cloacina package verify {PACKAGE} --org acme"), "UntrustedSigner")?;
    demo.runner_refuses(&format!("my_runner --require-signatures --org acme {PACKAGE}"))?;

    fs::remove_dir_all(&demo.directory)?;
    say("\ndemo: one package was loaded and called, three were refused, as they should be")
}

/// Builds the two programs and the package, and says where they are.
fn build() -> Result<PathBuf> {
    say("building cloacina, the example runner and a package")?;
    // With the features that `cargo test --workspace` chooses: what it compiled is used again.
    let mut build = cargo(&["build", "--quiet", "--locked", "--lib", "--bins", "--examples"]);
    let status = build.status().context("cannot start cargo")?;
    ensure!(status.success(), "`{}` failed", line(&build));
    let metadata: Value = serde_json::from_str(&output(&mut cargo(&[
        "metadata",
        "--locked",
        "--no-deps",
        "--format-version=1",
    ]))?)?;
    let target =
        metadata["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(Path::new(target).join("debug"))
}

/// A scratch directory with a package in it, and an environment of its own.
struct Demo {
    directory: PathBuf,
    environment: BTreeMap<&'static str, String>,
    _store: Store,
}

/// A directory for the store that nobody else may write to, removed after use.
struct Store {
    directory: PathBuf,
}

impl Store {
    fn create() -> Result<Self> {
        let made = output(Command::new("mktemp").arg("-d"))?;
        Ok(Self { directory: made.trim_end().into() })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What is left is a scratch store of a run that has ended.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Demo {
    fn start(programs: &Path) -> Result<Self> {
        let directory = workspace_root().join("target/demo/scratch");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        // A store is refused where others could replace it, and others may be able to write
        // to the directory of a checkout.
        let store = Store::create()?;
        fs::copy(programs.join(PACKAGE), directory.join(PACKAGE))?;

        let mut key = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
        let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut path = vec![programs.to_path_buf(), programs.join("examples")];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(path)?.into_string();
        let path = path.map_err(|_| anyhow::anyhow!("PATH is not UTF-8"))?;

        let url = format!("sqlite:{}/cloacina.db", store.directory.display());
        say(&format!("\n$ export CLOACINA_DATABASE_URL={url}"))?;
        say("$ export CLOACINA_KEY_ENCRYPTION_KEY=$(openssl rand -hex 32)")?;
        let environment = BTreeMap::from([
            ("PATH", path),
            ("CLOACINA_DATABASE_URL", url),
            ("CLOACINA_KEY_ENCRYPTION_KEY", key),
        ]);
        Ok(Self { directory, environment, _store: store })
    }

    fn chapter(&self, title: &str) -> Result<()> {
        say(&format!("\n# {title}"))
    }

    fn succeeds(&self, typed: &str) -> Result<String> {
        self.step(typed, 0)
    }

    /// A refusal is exit code 1, for the reason that was to be shown.
    fn is_refused(&self, typed: &str, code: &str) -> Result<()> {
        self.step(typed, 1)?;
        let mut again = self.command(&typed.replacen("cloacina", "cloacina --json", 1));
        let output = again.output().with_context(|| line(&again))?;
        let document: Value = serde_json::from_slice(&output.stdout)?;
        let found = document.pointer("/error/code").and_then(Value::as_str);
        ensure!(found == Some(code), "expected {code}, found {found:?}");
        Ok(())
    }

    fn runner_refuses(&self, typed: &str) -> Result<()> {
        let printed = self.step(typed, 1)?;
        ensure!(!printed.contains("HELLO"), "a refused package was called");
        Ok(())
    }

    /// Runs what is typed, shows it with what it prints, and checks its exit code.
    fn step(&self, typed: &str, expected: i32) -> Result<String> {
        say(&format!("$ {typed}"))?;
        let mut command = self.command(typed);
        let output = command.output().with_context(|| format!("cannot start `{typed}`"))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        for text in [stdout.as_str(), &stderr] {
            if !text.trim().is_empty() {
                say(text.trim_end())?;
            }
        }
        match output.status.code() {
            Some(code) if code == expected => Ok(stdout),
            _ => bail!("`{typed}` ended with {}, expected exit code {expected}", output.status),
        }
    }

    /// No argument here needs quoting, so words are what white space separates.
    fn command(&self, typed: &str) -> Command {
        let mut words = typed.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).current_dir(&self.directory).envs(&self.environment);
        command
    }

    fn copy_package(&self, to: &str, files: &[&str]) -> Result<()> {
        fs::create_dir(self.directory.join(to))?;
        for file in files {
            fs::copy(self.directory.join(file), self.directory.join(to).join(file))?;
        }
        say(&format!("$ mkdir {to} && cp {} {to}/", files.join(" ")))
    }

    fn flip_a_byte(&self, directory: &str) -> Result<()> {
        let path = self.directory.join(directory).join(PACKAGE);
        let mut bytes = fs::read(&path)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes)?;
        say(&format!("  (one bit of {directory}/{PACKAGE} is flipped)"))
    }
}
