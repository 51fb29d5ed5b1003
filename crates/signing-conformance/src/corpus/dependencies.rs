//! Signed packages that bring code along that nobody has signed, or weaken the process.

use std::ffi::{OsStr, OsString};
use std::{fs, slice};

use super::{Case, Severity, trusted};
use crate::bench::{Bench, Package, copy};
use crate::error::KitError;
use crate::host::{Capability, Signer};
use crate::observed::Finding;
use crate::workshop::Library;

const MUST: &str = "refuse, or run only what was signed";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "dependency-by-path",
        attack: "a signed package needs an unsigned library, by its path",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-427",
        needs: Some(Capability::Dependencies),
        run: |bench| {
            // Without a SONAME, the linker writes the path into the package.
            let helper = bench.workshop.make(&Library::new("helper", "helper"))?;
            needs(bench, trusted().option(helper), |_| Ok(()))
        },
    },
    Case {
        id: "dependency-by-runpath",
        attack: "a signed package searches its dependencies in a writable directory",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-427",
        needs: Some(Capability::Dependencies),
        run: |bench| {
            let helper = searched(bench)?;
            let runpath = linker_option("-rpath", helper.directory.as_os_str());
            needs(bench, trusted().option(&helper.path).option(runpath), |_| Ok(()))
        },
    },
    Case {
        id: "dependency-by-origin",
        attack: "a signed package searches its dependencies beside itself",
        must: MUST,
        severity: Severity::Critical,
        weakness: "CWE-427",
        needs: Some(Capability::Dependencies),
        run: |bench| {
            let helper = searched(bench)?;
            let runpath = linker_option("-rpath", "$ORIGIN/dependencies".as_ref());
            needs(bench, trusted().option(&helper.path).option(runpath), |package| {
                let beside = package.directory.join("dependencies");
                fs::create_dir(&beside).map_err(KitError::file("make", &beside))?;
                copy(&helper.path, &beside.join("libhelper.so"))
            })
        },
    },
    Case {
        id: "executable-stack",
        attack: "a signed package makes the stack of the process executable",
        must: "refuse, or keep the stack as it is",
        severity: Severity::High,
        weakness: "CWE-1188",
        needs: Some(Capability::Dependencies),
        run: executable_stack,
    },
];

/// A library that is found by its SONAME, in a directory of its own.
fn searched(bench: &Bench<'_>) -> Result<Package, KitError> {
    let library = Library::new("helper", "helper");
    let library = library.option(linker_option("-soname", "libhelper.so".as_ref()));
    bench.unsigned(&library)
}

fn needs(
    bench: &Bench<'_>,
    library: Library,
    prepare: impl Fn(&Package) -> Result<(), KitError>,
) -> Result<Finding, KitError> {
    let package = bench.signed(&library, Signer::Trusted)?;
    prepare(&package)?;
    bench.is_live(&package.path, "helper")?;
    Ok(bench.load(&[&package.path])?.may_only_run(&["trusted"]))
}

fn executable_stack(bench: &Bench<'_>) -> Result<Finding, KitError> {
    let library = trusted().option("-Wl,-z,execstack");
    let package = bench.signed(&library, Signer::Trusted)?;
    let events = bench.workshop.load_unverified(slice::from_ref(&package.path))?;
    if !events.is_ok_and(|events| events.iter().any(|event| event.stack.contains('x'))) {
        return Ok(Finding::NotApplicable(
            "the dynamic linker of this machine makes no stack executable".into(),
        ));
    }
    let observed = bench.load(&[&package.path])?;
    Ok(match observed.may_only_run(&["trusted"]) {
        Finding::Held(_) if observed.has_executable_stack() => {
            Finding::Broken("the stack of the process has become executable".into())
        }
        finding => finding,
    })
}

fn linker_option(name: &str, value: &OsStr) -> OsString {
    let mut option = OsString::from(format!("-Wl,{name},"));
    option.push(value);
    option
}
