//! The programs that users verify files with today. Those that are not installed are named, and
//! left out of the comparison.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Contender;
use crate::process::{output, say};

/// Signs the package with each, and says how each verifies it.
pub(super) fn rivals(directory: &Path, package: &Path) -> Result<Vec<Contender>> {
    let mut found = Vec::new();
    for (program, prepare) in [
        ("minisign", minisign as fn(&Path, &Path) -> Result<Command>),
        ("signify-openbsd", signify),
        ("gpgv", gpgv),
        ("sqv", sqv),
    ] {
        let is_installed = ["--version", "-v"]
            .iter()
            .any(|option| Command::new(program).arg(option).output().is_ok());
        match is_installed {
            true => found.push(Contender { name: program, command: prepare(directory, package)? }),
            false => say(&format!("| | {program} is not installed | | | |"))?,
        }
    }
    Ok(found)
}

fn minisign(directory: &Path, package: &Path) -> Result<Command> {
    let (public, secret) = (directory.join("minisign.pub"), directory.join("minisign.key"));
    if !public.exists() {
        output(
            Command::new("minisign").args(["-G", "-W", "-p"]).arg(&public).arg("-s").arg(&secret),
        )?;
    }
    output(Command::new("minisign").arg("-S").arg("-s").arg(&secret).arg("-m").arg(package))?;
    let mut verify = Command::new("minisign");
    verify.args(["-V", "-q", "-p"]).arg(public).arg("-m").arg(package);
    Ok(verify)
}

fn signify(directory: &Path, package: &Path) -> Result<Command> {
    let (public, secret) = (directory.join("signify.pub"), directory.join("signify.sec"));
    let signature = package.with_extension("so.signify");
    let signify = || Command::new("signify-openbsd");
    if !public.exists() {
        output(signify().args(["-G", "-n", "-p"]).arg(&public).arg("-s").arg(&secret))?;
    }
    let mut sign = signify();
    output(sign.arg("-S").arg("-s").arg(&secret).arg("-m").arg(package).arg("-x").arg(&signature))?;
    let mut verify = signify();
    verify.args(["-V", "-q", "-p"]).arg(public).arg("-m").arg(package).arg("-x").arg(signature);
    Ok(verify)
}

fn gpgv(directory: &Path, package: &Path) -> Result<Command> {
    let (keyring, signature) = openpgp(directory, package)?;
    let mut verify = Command::new("gpgv");
    verify.arg("-q").arg("--keyring").arg(keyring).arg(signature).arg(package);
    Ok(verify)
}

fn sqv(directory: &Path, package: &Path) -> Result<Command> {
    let (keyring, signature) = openpgp(directory, package)?;
    let mut verify = Command::new("sqv");
    verify.arg("--keyring").arg(keyring).arg(signature).arg(package);
    Ok(verify)
}

/// A key of GnuPG's and its signature of the package.
fn openpgp(directory: &Path, package: &Path) -> Result<(std::path::PathBuf, std::path::PathBuf)> {
    let home = directory.join("gnupg");
    let (keyring, signature) = (directory.join("gnupg.pgp"), package.with_extension("so.pgp"));
    let gpg = || {
        let mut command = Command::new("gpg");
        command.env("GNUPGHOME", &home).args(["--batch", "--quiet", "--passphrase", ""]);
        command
    };
    if !keyring.exists() {
        std::fs::create_dir(&home)?;
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        output(gpg().args(["--quick-generate-key", "bench@example.org", "ed25519", "sign", "0"]))?;
        output(gpg().arg("--output").arg(&keyring).args(["--export", "bench@example.org"]))?;
    }
    if !signature.exists() {
        output(gpg().arg("--output").arg(&signature).arg("--detach-sign").arg(package))?;
    }
    Ok((keyring, signature))
}
