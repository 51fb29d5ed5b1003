use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::page::Page;
use crate::shell::Place;

/// The command that the guides begin with. For the whole workspace and its examples, cargo
/// chooses the features of `cargo test --workspace`: what that has compiled is used again.
const BUILD: [&str; 6] = ["build", "--lib", "--bins", "--examples", "--quiet", "--locked"];

/// What is said of a build by its environment.
const KEPT: [&str; 7] = [
    "CARGO_INCREMENTAL",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTFLAGS",
    "LLVM_PROFILE_FILE",
];

/// The repository that the pages are about.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Cargo, as if it was not run by a test: what cargo tells a test about its package, build
/// scripts take for a change.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars().filter(|(name, _)| !is_kept(name)) {
        command.env_remove(name);
    }
    command
}

/// The programs that the pages use, built from this repository.
pub struct Programs {
    built: PathBuf,
}

impl Programs {
    /// Builds them where `cargo build` puts them.
    pub fn build() -> io::Result<Self> {
        let output = cargo().args(BUILD).current_dir(repository()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
        }
        // This test's own program is in `deps` of the same directory.
        let own = env::current_exe()?;
        let built = own.ancestors().nth(2).unwrap_or(Path::new("/"));
        Ok(Self { built: built.into() })
    }

    /// The example runner.
    pub fn runner(&self) -> PathBuf {
        self.built.join("examples/my_runner")
    }

    /// The conformance kit.
    pub fn conformance_kit(&self) -> PathBuf {
        self.built.join("signing-conformance")
    }

    /// Another example.
    pub fn example(&self, name: &str) -> PathBuf {
        self.built.join("examples").join(name)
    }

    /// A place for `page` below `scratch`: the repository itself if that is where it
    /// starts, and else a directory with the package and the runner.
    pub fn place(&self, page: &Page, scratch: &Path) -> io::Result<Place> {
        let (home, temporary) = (scratch.join("home"), scratch.join("tmp"));
        for directory in [&home, &temporary] {
            fs::create_dir_all(directory)?;
        }
        let mut path = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let directory = match page.starts_in_a_clone {
            true => repository(),
            false => {
                let directory = scratch.join("here");
                self.set_up(&directory)?;
                prepend(&mut path, self.built.clone());
                directory
            }
        };
        let text = |path: &Path| path.display().to_string();
        let path = env::join_paths(path).map_err(io::Error::other)?;
        let mut environment = vec![
            ("PATH".into(), path.to_string_lossy().into_owned()),
            ("HOME".into(), text(&home)),
            ("TMPDIR".into(), text(&temporary)),
            ("LANG".into(), "C.UTF-8".into()),
        ];
        // Cargo and rustup look for what they have below the real home.
        let real = env::home_dir().unwrap_or_default();
        for (name, default) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let value = env::var(name).unwrap_or_else(|_| text(&real.join(default)));
            environment.push((name.into(), value));
        }
        for name in KEPT {
            let is_new = environment.iter().all(|(known, _)| known != name);
            environment.extend(env::var(name).ok().filter(|_| is_new).map(|v| (name.into(), v)));
        }
        Ok(Place { directory, environment })
    }

    /// As the developer's guide's set-up leaves a directory.
    fn set_up(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        fs::copy(self.built.join("libworkflow.so"), directory.join("libworkflow.so"))?;
        fs::copy(self.runner(), directory.join("my_runner"))?;
        Ok(())
    }
}

fn is_kept(name: &str) -> bool {
    !name.starts_with("CARGO") || KEPT.contains(&name)
}

fn prepend(path: &mut Vec<PathBuf>, directory: PathBuf) {
    path.insert(0, directory);
}
