//! Packages that are not what the publisher signed, or not where.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;

use super::signature::{HUGE, fifo, replace, set_length};
use super::{Case, Severity, hostile, trusted};
use crate::bench::{Bench, copy, remove, rename};
use crate::error::KitError;
use crate::host::{Capability, Signer};
use crate::observed::Finding;
use crate::workshop::Library;

/// `e_shoff`, which the dynamic linker does not look at: the changed package can still run.
const SECTION_HEADERS: u64 = 40;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "package-replaced",
        attack: "another package is put there instead of the signed one",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-345",
        needs: None,
        run: |bench| {
            let library = bench.workshop.make(&hostile())?;
            changed(bench, Some("hostile"), |file| fs::copy(&library, file).map(drop))
        },
    },
    Case {
        id: "package-tampered-start",
        attack: "one bit near the start of the package is flipped",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-345",
        needs: None,
        run: |bench| changed(bench, Some("trusted"), |file| flip(file, |_| SECTION_HEADERS)),
    },
    Case {
        id: "package-tampered-middle",
        attack: "one bit in the middle of the package is flipped",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-345",
        needs: None,
        run: |bench| changed(bench, Some("trusted"), |file| flip(file, |length| length / 2)),
    },
    Case {
        id: "package-tampered-end",
        attack: "one bit of the last byte of the package is flipped",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-345",
        needs: None,
        run: |bench| changed(bench, Some("trusted"), |file| flip(file, |length| length - 1)),
    },
    Case {
        id: "package-appended",
        attack: "a byte is appended to the package",
        must: "refuse",
        severity: Severity::High,
        weakness: "CWE-345",
        needs: None,
        run: |bench| {
            changed(bench, Some("trusted"), |file| {
                File::options().append(true).open(file)?.write_all(b"\0")
            })
        },
    },
    Case {
        id: "package-truncated",
        attack: "the last byte of the package is cut off",
        must: "refuse",
        severity: Severity::High,
        weakness: "CWE-345",
        needs: None,
        run: |bench| {
            changed(bench, Some("trusted"), |file| set_length(file, fs::metadata(file)?.len() - 1))
        },
    },
    Case {
        id: "package-emptied",
        attack: "the package is emptied",
        must: "refuse",
        severity: Severity::Medium,
        weakness: "CWE-345",
        needs: None,
        run: |bench| changed(bench, None, |file| set_length(file, 0)),
    },
    Case {
        id: "package-renamed",
        attack: "a signed package is presented under the name of another one",
        must: "refuse",
        severity: Severity::High,
        weakness: "CWE-345",
        needs: Some(Capability::Names),
        run: renamed,
    },
    Case {
        id: "package-downgraded",
        attack: "an older build is put back, with its signature",
        must: "refuse, if the host knows which versions are too old",
        severity: Severity::Informational,
        weakness: "CWE-1328",
        needs: None,
        run: downgraded,
    },
    Case {
        id: "package-symlink",
        attack: "the package is replaced by a link to another one",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-59",
        needs: None,
        run: |bench| {
            let library = bench.workshop.make(&hostile())?;
            changed(bench, Some("hostile"), |file| replace(file, |file| symlink(&library, file)))
        },
    },
    Case {
        id: "package-fifo",
        attack: "the package is a FIFO that nobody writes to",
        must: "refuse, soon",
        severity: Severity::Medium,
        weakness: "CWE-400",
        needs: None,
        run: |bench| changed(bench, None, |file| replace(file, fifo)),
    },
    Case {
        id: "package-device",
        attack: "the package is a link to /dev/zero",
        must: "refuse, soon and with little memory",
        severity: Severity::Medium,
        weakness: "CWE-400",
        needs: None,
        run: |bench| changed(bench, None, |file| replace(file, |file| symlink("/dev/zero", file))),
    },
    Case {
        id: "package-directory",
        attack: "the package is a directory",
        must: "refuse",
        severity: Severity::Medium,
        weakness: "CWE-755",
        needs: None,
        run: |bench| changed(bench, None, |file| replace(file, |file| fs::create_dir(file))),
    },
    Case {
        id: "package-huge",
        attack: "the package is followed by zeros, up to 4 GiB",
        must: "refuse, soon and with little memory",
        severity: Severity::Medium,
        weakness: "CWE-400",
        needs: None,
        run: |bench| changed(bench, Some("trusted"), |file| set_length(file, HUGE)),
    },
];

/// A package that is changed after it was signed. If it can still run, it is code of `live`.
fn changed(
    bench: &Bench<'_>,
    live: Option<&str>,
    change: impl Fn(&Path) -> io::Result<()>,
) -> Result<Finding, KitError> {
    let package = bench.signed(&trusted(), Signer::Trusted)?;
    change(&package.path).map_err(KitError::file("change", &package.path))?;
    if let Some(label) = live {
        bench.is_live(&package.path, label)?;
    }
    Ok(bench.load(&[&package.path])?.must_be_refused())
}

fn flip(file: &Path, at: impl Fn(u64) -> u64) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(file)?;
    let at = at(file.metadata()?.len());
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ 1], at)
}

/// A signature file keeps what its name has beyond the package's, or beyond the package's without
/// its ending.
fn renamed(bench: &Bench<'_>) -> Result<Finding, KitError> {
    let package = bench.signed(&trusted(), Signer::Trusted)?;
    let asked = Library::new("asked", "other").file_name();
    let old = package.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut is_renamed = package.signatures.is_empty();
    for file in &package.signatures {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = renamed_with(&name, &old, &asked) {
            rename(file, &package.directory.join(name))?;
            is_renamed = true;
        }
    }
    if !is_renamed {
        let what =
            "no signature file has a name that begins like the package's, so none was renamed";
        return Ok(Finding::Undecided(what.into()));
    }
    let path = package.directory.join(asked);
    rename(&package.path, &path)?;
    bench.is_live(&path, "trusted")?;
    Ok(bench.load(&[&path])?.must_be_refused())
}

/// What a signature file is called when its package `old` is called `new`.
fn renamed_with(file: &str, old: &str, new: &str) -> Option<String> {
    let stem = |name: &str| name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    if let Some(rest) = file.strip_prefix(old) {
        return Some(format!("{new}{rest}"));
    }
    let rest = file.strip_prefix(&*stem(old)?)?;
    // Not another word that begins in the same way.
    let is_apart = !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_apart.then_some(format!("{}{rest}", stem(new)?))
}

fn downgraded(bench: &Bench<'_>) -> Result<Finding, KitError> {
    let older = bench.signed(&Library::new("older", "plugin"), Signer::Trusted)?;
    let newer = bench.signed(&trusted(), Signer::Trusted)?;
    if let Finding::Broken(what) = bench.load(&[&newer.path])?.must_run(&["trusted"]) {
        return Ok(Finding::Undecided(format!("the newer build: {what}")));
    }
    for file in newer.signatures.iter().chain([&newer.path]) {
        remove(file)?;
    }
    for file in older.signatures.iter().chain([&older.path]) {
        copy(file, &newer.directory.join(file.file_name().unwrap_or_default()))?;
    }
    Ok(bench.load(&[&newer.path])?.must_be_refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_file_is_renamed_with_its_package() {
        for (file, expected) in [
            ("libplugin.so.sig", Some("libother.so.sig")),
            ("libplugin.so", Some("libother.so")),
            ("libplugin.sig", Some("libother.sig")),
            ("libplugin-signature", Some("libother-signature")),
            ("libplugin", Some("libother")),
            ("libplugins.sig", None),
            ("signature", None),
            (".libplugin.so.sig", None),
        ] {
            let name = renamed_with(file, "libplugin.so", "libother.so");
            assert_eq!(name.as_deref(), expected, "{file}");
        }
    }
}
