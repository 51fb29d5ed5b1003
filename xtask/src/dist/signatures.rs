//! Checksums and signatures. What is signed is verified at once: by the program, and by openssl
//! with nothing of ours.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::sha256;
use crate::process::{output, say};

/// Who signs the release.
#[derive(Clone, Copy)]
pub(super) enum Signer<'a> {
    Key {
        key: &'a str,
        trust_key: &'a Path,
    },
    /// A key of this run, so that the steps can be tried.
    Trial,
}

/// Writes the digests of the files, for `sha256sum --check`.
pub(super) fn write_sums(directory: &Path, files: &[String]) -> Result<String> {
    let mut files = files.to_vec();
    files.sort();
    let mut sums = String::new();
    for file in &files {
        let _ = writeln!(sums, "{}  {file}", sha256(&directory.join(file))?);
    }
    let name = "SHA256SUMS".to_owned();
    fs::write(directory.join(&name), sums)?;
    output(Command::new("sha256sum").args(["--check", "--strict", &name]).current_dir(directory))?;
    Ok(name)
}

/// Signs each of the files, and verifies it.
pub(super) fn sign_and_verify(
    signer: Signer<'_>,
    program: &Path,
    version: &str,
    directory: &Path,
    files: &[String],
) -> Result<()> {
    let cloacina = || {
        let mut command = Command::new(program);
        command.current_dir(directory);
        command
    };
    let private = directory.with_extension("private");
    let (key, trust_key) = match signer {
        Signer::Key { key, trust_key } => {
            (key.to_owned(), fs::canonicalize(trust_key).context("cannot find --trust-key")?)
        }
        Signer::Trial => {
            if private.exists() {
                fs::remove_dir_all(&private)?;
            }
            fs::create_dir(&private)?;
            let key = private.join("trial.pem");
            let make = ["keys", "generate", "--name", "trial", "--output"];
            output(cloacina().args(make).arg(&key))?;
            let public = directory.join("TRIAL.pub.pem");
            fs::rename(private.join("trial.pub.pem"), &public)?;
            say("dist: signed with a key of this run: this is a trial, not a release")?;
            (key.display().to_string(), public)
        }
    };
    let sign = ["sign", "--force", "--package-version", version, "--key", &key];
    let signed = output(cloacina().args(sign).args(files));
    if private.exists() {
        fs::remove_dir_all(&private)?;
    }
    signed?;
    output(cloacina().arg("verify").args(files).arg("--trust-key").arg(&trust_key))?;
    for file in files {
        verify_with_openssl(&directory.join(file), &trust_key)
            .with_context(|| format!("openssl does not verify {file}"))?;
    }
    Ok(())
}

fn verify_with_openssl(file: &Path, key: &Path) -> Result<()> {
    let scratch = Scratch(tempfile::tempdir()?);
    let text = fs::read_to_string(with_suffix(file, ".sig"))?;
    let envelope: Value = serde_json::from_str(&text).context("the signature is not JSON")?;
    let field = |value: &Value| value.as_str().map(str::to_owned).context("a field is missing");
    let payload = scratch.decoded(&field(&envelope["payload"])?)?;
    let signature = scratch.decoded(&field(&envelope["signatures"][0]["sig"])?)?;
    let signed = pae(&field(&envelope["payloadType"])?, &payload);
    let (data, sig) = (scratch.write("pae", &signed)?, scratch.write("sig", &signature)?);
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(key);
    output(openssl.arg("-in").arg(data).arg("-sigfile").arg(sig))?;
    let name = file.file_name().and_then(|name| name.to_str()).context("no name")?;
    is_about(&payload, name, &sha256(file)?)
}

/// What is signed (DSSE's pre-authentication encoding).
fn pae(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    signed.extend_from_slice(payload);
    signed
}

/// The statement has one subject: this file.
fn is_about(payload: &[u8], name: &str, digest: &str) -> Result<()> {
    let statement: Value = serde_json::from_slice(payload).context("the statement is not JSON")?;
    let subjects = statement["subject"].as_array().context("the statement has no subject")?;
    ensure!(subjects.len() == 1, "the statement has {} subjects", subjects.len());
    let found = (&subjects[0]["name"], &subjects[0]["digest"]["sha256"]);
    ensure!(found == (&name.into(), &digest.into()), "expected {name} {digest}, found {found:?}");
    Ok(())
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Files for openssl.
struct Scratch(TempDir);

impl Scratch {
    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.0.path().join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    fn decoded(&self, base64: &str) -> Result<Vec<u8>> {
        let (from, to) = (self.write("base64", base64.as_bytes())?, self.0.path().join("decoded"));
        let mut openssl = Command::new("openssl");
        openssl.args(["base64", "-d", "-A", "-in"]).arg(from).arg("-out").arg(&to);
        output(&mut openssl)?;
        Ok(fs::read(to)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_signed_is_encoded_as_dsse_says() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn a_statement_about_another_file_does_not_count() {
        let subject = json!({"name": "a", "digest": {"sha256": "00"}});
        let statement = |subjects: &[&Value]| json!({"subject": subjects}).to_string().into_bytes();
        assert!(is_about(&statement(&[&subject]), "a", "00").is_ok());
        assert!(is_about(&statement(&[&subject]), "b", "00").is_err());
        assert!(is_about(&statement(&[&subject]), "a", "01").is_err());
        assert!(is_about(&statement(&[&subject, &subject]), "a", "00").is_err());
        assert!(is_about(b"{}", "a", "00").is_err());
    }
}
