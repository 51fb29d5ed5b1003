//! The program, built from a commit and from nothing of this working tree.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::sha256;
use crate::process::{cargo, line, output, say, stream, workspace_root};

/// What a program is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Target {
    /// Linked statically with musl: it runs on any Linux, and loads no token's library.
    Static,
    /// Linked with glibc: it also signs with PKCS#11 tokens, whose libraries it loads. The image
    /// has this one.
    Glibc,
}

impl Target {
    pub(super) fn triple(self) -> &'static str {
        match self {
            Self::Static => "x86_64-unknown-linux-musl",
            Self::Glibc => "x86_64-unknown-linux-gnu",
        }
    }

    /// A static program has no dynamic linker, so it cannot have `pkcs11`.
    pub(super) fn features(self) -> &'static [&'static str] {
        match self {
            Self::Static => &["sqlite", "postgres"],
            Self::Glibc => &["sqlite", "postgres", "pkcs11"],
        }
    }

    /// # Errors
    ///
    /// What is missing here to build it, and how to get it.
    pub(super) fn require(self) -> Result<()> {
        let triple = self.triple();
        let mut rustc = Command::new("rustc");
        rustc.current_dir(workspace_root()).args(["--print", "target-libdir", "--target", triple]);
        let libraries = output(&mut rustc)?;
        ensure!(
            Path::new(libraries.trim()).is_dir(),
            "the standard library for {triple} is missing: rustup target add {triple}; for a \
             release without a static program: --target glibc"
        );
        if self == Self::Static && Command::new("musl-gcc").arg("--version").output().is_err() {
            bail!("musl-gcc is missing: apt-get install musl-tools");
        }
        Ok(())
    }
}

/// The files of the commit that is checked out, in a directory of their own.
pub(super) struct Source {
    pub(super) directory: PathBuf,
    pub(super) commit: String,
    pub(super) version: String,
    /// The time of the commit, which stands for the time of the build.
    pub(super) epoch: String,
}

impl Source {
    pub(super) fn export(directory: &Path) -> Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        fs::create_dir_all(directory)?;
        let commit = git(&["rev-parse", "HEAD"])?;
        let epoch = git(&["show", "--no-patch", "--format=%ct", "HEAD"])?;
        let changed = git(&["status", "--porcelain"])?;
        if !changed.is_empty() {
            say("dist: the working tree has changes that are not in the release")?;
        }
        let archive = directory.join("source.tar");
        git(&["archive", "--output", &archive.display().to_string(), "HEAD"])?;
        output(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(directory))?;
        fs::remove_file(&archive)?;
        let mut metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Value = serde_json::from_str(&output(metadata.current_dir(directory))?)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let cli = packages.iter().find(|package| package["name"] == "signing-cli");
        let version = cli.and_then(|cli| cli["version"].as_str()).context("no version")?.to_owned();
        // There is no repository here. As in a package, the program's build reads it from this.
        let origin = json!({"git": {"sha1": commit}, "path_in_vcs": "crates/signing-cli"});
        fs::write(directory.join("crates/signing-cli/.cargo_vcs_info.json"), origin.to_string())?;
        Ok(Self { directory: directory.into(), commit, version, epoch })
    }

    /// Builds the program. What depends on the place is mapped to fixed names.
    pub(super) fn build(&self, target: Target, into: &Path) -> Result<Program> {
        let mut command = cargo(&["build", "--release", "--locked", "--quiet"]);
        command.current_dir(&self.directory).arg("--target-dir").arg(into);
        command.args(["--package", "signing-cli", "--bin", "cloacina"]);
        command.args(["--target", target.triple(), "--no-default-features"]);
        command.args(["--features", &target.features().join(",")]);
        let places = [(self.directory.clone(), "/cloacina"), (cargo_home()?, "/cargo")];
        command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&places));
        command.env("CFLAGS", c_flags(&places));
        command.env("SOURCE_DATE_EPOCH", &self.epoch).env("CARGO_INCREMENTAL", "0");
        command.env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
        for name in ["RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        let status = stream(&command, say)?;
        ensure!(status.success(), "`{}` failed ({status})", line(&command));
        let path = into.join(target.triple()).join("release/cloacina");
        let program = Program { path, target };
        program.require_linked_as_meant()?;
        let shown = output(Command::new(&program.path).arg("--version"))?;
        ensure!(
            self.commit.starts_with(commit_shown(&shown)?),
            "the program names another commit than {}: {shown}",
            self.commit
        );
        Ok(program)
    }
}

/// A program that was built.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) target: Target,
}

/// What a program needs of the machine that it runs on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) libraries: Vec<String>,
    /// The lowest version of glibc that has all that it uses.
    pub(super) glibc: Option<String>,
}

impl Program {
    pub(super) fn sha256(&self) -> Result<String> {
        sha256(&self.path)
    }

    pub(super) fn needs(&self) -> Result<Needs> {
        let readelf = |option: &str| {
            output(
                Command::new("readelf").args(["--wide", option]).arg(&self.path).env("LC_ALL", "C"),
            )
        };
        Ok(needs(&readelf("--dynamic")?, &readelf("--version-info")?))
    }

    fn require_linked_as_meant(&self) -> Result<()> {
        let needs = self.needs()?;
        let is_static = needs == Needs::default();
        let wanted = self.target == Target::Static;
        ensure!(is_static == wanted, "{} is linked otherwise: {needs:?}", self.path.display());
        Ok(())
    }
}

/// The commit that `cloacina --version` shows.
fn commit_shown(version: &str) -> Result<&str> {
    let commit = version.lines().find_map(|line| line.strip_prefix("commit "));
    commit.map(str::trim).filter(|it| !it.is_empty()).context("--version shows no commit")
}

/// Reads what `readelf` prints of a program.
fn needs(dynamic: &str, versions: &str) -> Needs {
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let name = |line: &str| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned());
    let mut libraries: Vec<_> = needed.filter_map(name).collect();
    libraries.sort();
    let numbers = |version: &str| -> Option<Vec<u32>> {
        version.split('.').map(|number| number.parse().ok()).collect()
    };
    let words = versions.split_whitespace().filter_map(|word| word.strip_prefix("GLIBC_"));
    let glibc = words.filter(|word| numbers(word).is_some()).max_by_key(|word| numbers(word));
    Needs { libraries, glibc: glibc.map(str::to_owned) }
}

/// Separated by the character that cargo separates them by.
fn rust_flags(places: &[(PathBuf, &str)]) -> OsString {
    let mut flags = OsString::new();
    for (number, (place, name)) in places.iter().enumerate() {
        flags.push(if number == 0 { "" } else { "\u{1f}" });
        flags.push("--remap-path-prefix=");
        flags.push(place);
        flags.push("=");
        flags.push(name);
    }
    flags
}

fn c_flags(places: &[(PathBuf, &str)]) -> String {
    let flag =
        |(place, name): &(PathBuf, &str)| format!("-ffile-prefix-map={}={name}", place.display());
    places.iter().map(flag).collect::<Vec<_>>().join(" ")
}

fn cargo_home() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(env::home_dir()?.join(".cargo"))).context("no CARGO_HOME and no home")
}

fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    Ok(output(git.args(arguments).current_dir(workspace_root()))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_newest_version_of_glibc_are_read() {
        let dynamic = " 0x1 (NEEDED)  Shared library: [libgcc_s.so.1]\n 0x1 (NEEDED)  Shared \
                       library: [libc.so.6]\n 0xe (SONAME)  Library soname: [x.so]\n";
        let versions = "0x10: Name: GLIBC_2.9  Flags: none\n0x20: Name: GLIBC_2.34 Flags: none\n\
                        0x30: Name: GLIBC_PRIVATE\n0x40: Name: GCC_3.0\n";
        let found = needs(dynamic, versions);
        assert_eq!(found.libraries, ["libc.so.6", "libgcc_s.so.1"]);
        assert_eq!(found.glibc.as_deref(), Some("2.34"));
    }

    #[test]
    fn the_commit_is_read_from_what_version_prints() {
        let shown = |text| commit_shown(text).ok();
        assert_eq!(
            shown("cloacina 0.1.0\ncommit  d378231fdb74\ntarget  x\n"),
            Some("d378231fdb74")
        );
        assert_eq!(shown("cloacina 0.1.0\ncommit  \ntarget  x\n"), None);
        assert_eq!(shown("cloacina 0.1.0\n"), None);
    }

    #[test]
    fn a_static_program_needs_nothing() {
        let dynamic = "Dynamic section at offset 0x1 contains 2 entries:\n 0x1e (FLAGS) NOW\n";
        assert_eq!(
            needs(dynamic, "No version information found in this file.\n"),
            Needs::default()
        );
    }

    #[test]
    fn places_are_mapped_for_both_compilers() {
        let places = [(PathBuf::from("/a b"), "/x"), (PathBuf::from("/c"), "/y")];
        let flags = rust_flags(&places);
        assert_eq!(flags, "--remap-path-prefix=/a b=/x\u{1f}--remap-path-prefix=/c=/y");
        assert!(c_flags(&places[1..]).contains("-ffile-prefix-map=/c=/y"));
    }
}
