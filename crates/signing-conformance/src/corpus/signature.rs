//! Signatures that are not what the publisher made.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::random::Random;
use super::{Case, Severity, hostile, trusted};
use crate::bench::{Bench, Package, copy};
use crate::error::KitError;
use crate::host::Signer;
use crate::observed::Finding;
use crate::workshop::Library;

/// Into how many regions a signature is divided for bit flips, and how many are in each.
const REGIONS: u64 = 16;
const FLIPS: u64 = 4;
/// A signature file may hold hints that nobody signs, such as a key id: one flip in so many may be
/// accepted.
const HINTS: usize = 4;
/// More than any signature, and more than fits in the memory that a host may use.
pub(super) const HUGE: u64 = 4 << 30;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "unsigned",
        attack: "a package that nobody has signed",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-347",
        needs: None,
        run: |bench| {
            let package = bench.unsigned(&hostile())?;
            bench.is_live(&package.path, "hostile")?;
            Ok(bench.load(&[&package.path])?.must_be_refused())
        },
    },
    Case {
        id: "signature-by-stranger",
        attack: "a package that a stranger has signed",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-347",
        needs: None,
        run: |bench| {
            let package = bench.signed(&hostile(), Signer::Stranger)?;
            bench.is_live(&package.path, "hostile")?;
            Ok(bench.load(&[&package.path])?.must_be_refused())
        },
    },
    Case {
        id: "signature-missing",
        attack: "the signature is removed",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-347",
        needs: None,
        run: |bench| changed(bench, |file| fs::remove_file(file)),
    },
    Case {
        id: "signature-of-another-package",
        attack: "the signature is replaced by that of another package",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-347",
        needs: None,
        run: another_packages,
    },
    Case {
        id: "signature-empty",
        attack: "the signature is emptied",
        must: "refuse",
        severity: Severity::Critical,
        weakness: "CWE-347",
        needs: None,
        run: |bench| changed(bench, |file| File::create(file).map(drop)),
    },
    Case {
        id: "signature-truncated",
        attack: "the second half of the signature is cut off",
        must: "refuse",
        severity: Severity::High,
        weakness: "CWE-347",
        needs: None,
        run: |bench| changed(bench, |file| set_length(file, fs::metadata(file)?.len() / 2)),
    },
    Case {
        id: "signature-bit-flips",
        attack: "one bit of the signature is flipped, in each region of it",
        must: "refuse, but for hints that nobody signs",
        severity: Severity::Low,
        weakness: "CWE-347",
        needs: None,
        run: bit_flips,
    },
    Case {
        id: "signature-huge",
        attack: "the signature is followed by zeros, up to 4 GiB",
        must: "refuse, soon and with little memory",
        severity: Severity::Medium,
        weakness: "CWE-400",
        needs: None,
        run: |bench| changed(bench, |file| set_length(file, HUGE)),
    },
    Case {
        id: "signature-fifo",
        attack: "the signature is a FIFO that nobody writes to",
        must: "refuse, soon",
        severity: Severity::Medium,
        weakness: "CWE-400",
        needs: None,
        run: |bench| changed(bench, |file| replace(file, fifo)),
    },
    Case {
        id: "signature-device",
        attack: "the signature is a link to /dev/zero",
        must: "refuse, soon and with little memory",
        severity: Severity::Medium,
        weakness: "CWE-400",
        needs: None,
        run: |bench| changed(bench, |file| replace(file, |file| symlink("/dev/zero", file))),
    },
    Case {
        id: "signature-directory",
        attack: "the signature is a directory",
        must: "refuse",
        severity: Severity::Medium,
        weakness: "CWE-755",
        needs: None,
        run: |bench| changed(bench, |file| replace(file, |file| fs::create_dir(file))),
    },
];

/// A host that keeps its signatures elsewhere has none that could be changed.
fn detached(package: &Package) -> Option<Finding> {
    package
        .signatures
        .is_empty()
        .then(|| Finding::NotApplicable("signing adds no file to the package's directory".into()))
}

/// A package with changed signatures.
fn changed(
    bench: &Bench<'_>,
    change: impl Fn(&Path) -> io::Result<()>,
) -> Result<Finding, KitError> {
    let package = bench.signed(&trusted(), Signer::Trusted)?;
    if let Some(finding) = detached(&package) {
        return Ok(finding);
    }
    for file in &package.signatures {
        change(file).map_err(KitError::file("change", file))?;
    }
    Ok(bench.load(&[&package.path])?.must_be_refused())
}

/// The hostile package with the trusted one's signature.
fn another_packages(bench: &Bench<'_>) -> Result<Finding, KitError> {
    let theirs = bench.signed(&trusted(), Signer::Trusted)?;
    if let Some(finding) = detached(&theirs) {
        return Ok(finding);
    }
    let package = bench.unsigned(&Library::new("hostile", "plugin"))?;
    for file in &theirs.signatures {
        copy(file, &package.directory.join(file.file_name().unwrap_or_default()))?;
    }
    bench.is_live(&package.path, "hostile")?;
    Ok(bench.load(&[&package.path])?.must_be_refused())
}

fn bit_flips(bench: &Bench<'_>) -> Result<Finding, KitError> {
    let package = bench.signed(&trusted(), Signer::Trusted)?;
    if let Some(finding) = detached(&package) {
        return Ok(finding);
    }
    let mut random = Random::new(bench.seed);
    let (mut count, mut accepted) = (0, Vec::new());
    for file in &package.signatures {
        let good = fs::read(file).map_err(KitError::file("read", file))?;
        let length = good.len() as u64;
        for flip in 0..REGIONS * FLIPS {
            let region = flip / FLIPS;
            let (start, end) = (length * region / REGIONS, length * (region + 1) / REGIONS);
            if start == end {
                continue;
            }
            let (at, bit) = (start + random.below(end - start), random.below(8));
            let mut bytes = good.clone();
            bytes[at as usize] ^= 1 << bit;
            fs::write(file, bytes).map_err(KitError::file("write", file))?;
            count += 1;
            let observed = bench.load(&[&package.path])?;
            if let Finding::Broken(what) = observed.must_be_refused() {
                if !observed.must_run(&["trusted"]).is_held() {
                    return Ok(Finding::Broken(format!("bit {bit} of byte {at}: {what}")));
                }
                accepted.push(format!("bit {bit} of byte {at}"));
            }
        }
        fs::write(file, good).map_err(KitError::file("write", file))?;
    }
    let what = format!("accepted {} of {count} times", accepted.len());
    Ok(match accepted.last() {
        None => Finding::Held(format!("refused {count} times")),
        Some(last) if accepted.len() * HINTS <= count => {
            Finding::Held(format!("{what}, such as {last}, with the signed code"))
        }
        Some(last) => Finding::Broken(format!("{what}, such as {last}")),
    })
}

pub(super) fn set_length(file: &Path, length: u64) -> io::Result<()> {
    File::options().write(true).open(file)?.set_len(length)
}

pub(super) fn replace(file: &Path, with: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    fs::remove_file(file)?;
    with(file)
}

pub(super) fn fifo(path: &Path) -> io::Result<()> {
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}
