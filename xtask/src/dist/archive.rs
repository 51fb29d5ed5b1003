//! Archives whose bytes depend on their files alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::build::{Program, Source};
use crate::process::output;

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];
const TEXTS: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md", "SECURITY.md"];

/// The program with its licenses, manual page and completions, as `<stem>.tar.gz`.
pub(super) fn program(source: &Source, program: &Program, stem: &str, to: &Path) -> Result<String> {
    let files = source.directory.join("target/archive").join(stem);
    if files.exists() {
        fs::remove_dir_all(&files)?;
    }
    fs::create_dir_all(&files)?;
    fs::copy(&program.path, files.join("cloacina"))?;
    for name in TEXTS {
        fs::copy(source.directory.join(name), files.join(name))?;
    }
    fs::write(files.join("cloacina.1"), output(Command::new(&program.path).arg("man"))?)?;
    for shell in SHELLS {
        let script = output(Command::new(&program.path).args(["completions", shell]))?;
        fs::write(files.join(format!("cloacina.{shell}")), script)?;
    }
    readable(&files)?;
    let name = format!("{stem}.tar.gz");
    let tar = files.with_extension("tar");
    pack(&files, stem, &source.epoch, &tar)?;
    output(Command::new("gzip").args(["-n", "-9", "-f"]).arg(&tar))?;
    fs::rename(tar.with_extension("tar.gz"), to.join(&name))?;
    Ok(name)
}

/// Packs a directory, whose root becomes `root`: in the order of names, by nobody, and at one
/// time.
pub(super) fn pack(directory: &Path, root: &str, epoch: &str, to: &Path) -> Result<()> {
    let transform = format!("--transform=s,^\\.,{root},");
    let mut tar = Command::new("tar");
    tar.env("LC_ALL", "C").arg("--create").arg("--file").arg(to).arg("--directory").arg(directory);
    tar.args(["--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner"]);
    // Without `S`, the targets of links would be changed too.
    tar.args([&format!("--mtime=@{epoch}"), &(transform + "S"), "."]);
    output(&mut tar)?;
    ensure!(to.is_file(), "tar has not written {}", to.display());
    Ok(())
}

/// Gives all files the same rights, whatever the umask: programs can be run, and nobody but
/// root writes.
pub(super) fn readable(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            readable(&path)?;
        } else if metadata.is_file() {
            let mode = if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sha256;
    use super::*;

    #[test]
    fn an_archive_depends_on_its_files_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let make = |name: &str, order: [&str; 2], text: &str, mode: u32| {
            let directory = scratch.path().join(name);
            fs::create_dir(&directory).unwrap();
            for file in order {
                fs::write(directory.join(file), text).unwrap();
                fs::set_permissions(directory.join(file), PermissionsExt::from_mode(mode)).unwrap();
            }
            readable(&directory).unwrap();
            let tar = scratch.path().join(format!("{name}.tar"));
            pack(&directory, "root", "1700000000", &tar).unwrap();
            (sha256(&tar).unwrap(), tar)
        };
        let (first, tar) = make("a", ["x", "y"], "text", 0o600);
        assert_eq!(make("b", ["y", "x"], "text", 0o664).0, first);
        assert_ne!(make("c", ["x", "y"], "other", 0o600).0, first);
        assert_ne!(make("d", ["x", "y"], "text", 0o700).0, first);
        let listed = output(Command::new("tar").arg("-tf").arg(tar)).unwrap();
        assert_eq!(listed, "root/\nroot/x\nroot/y\n");
    }
}
