//! Several packages in one process, which the dynamic linker may take for one.

use super::{Case, Severity};
use crate::bench::{Bench, Package};
use crate::error::KitError;
use crate::host::{Capability, Signer};
use crate::observed::{Finding, Observed};
use crate::workshop::Library;

const MUST: &str = "run the code of each package, or refuse it";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "two-versions",
        attack: "two builds of a package are loaded one after the other",
        must: MUST,
        severity: Severity::High,
        weakness: "CWE-694",
        needs: Some(Capability::SeveralPackages),
        run: |bench| {
            let soname = "-Wl,-soname,libplugin.so";
            let versions = ["first", "second"];
            one_by_one(bench, versions.map(|label| Library::new(label, "plugin").option(soname)))
        },
    },
    Case {
        id: "same-soname",
        attack: "two packages of different names have the same SONAME",
        must: MUST,
        severity: Severity::High,
        weakness: "CWE-694",
        needs: Some(Capability::SeveralPackages),
        run: |bench| {
            let soname = "-Wl,-soname,libshared.so.1";
            let names = [("alpha", "alpha"), ("beta", "beta")];
            one_by_one(bench, names.map(|(label, name)| Library::new(label, name).option(soname)))
        },
    },
    Case {
        id: "shared-object",
        attack: "two packages define the same unique symbol, as C++ compilers make them",
        must: MUST,
        severity: Severity::High,
        weakness: "CWE-694",
        needs: Some(Capability::SeveralPackages),
        run: |bench| {
            let names = ["gamma", "delta"];
            one_by_one(bench, names.map(|it| Library::new(it, it).option("-DCONFORMANCE_UNIQUE")))
        },
    },
    Case {
        id: "descriptor-reuse",
        attack: "eight packages are loaded, whose descriptors may get the same numbers",
        must: MUST,
        severity: Severity::High,
        weakness: "CWE-694",
        needs: Some(Capability::SeveralPackages),
        run: |bench| {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
            one_by_one(bench, names.map(|name| Library::new(name, name)))
        },
    },
];

fn one_by_one<const N: usize>(
    bench: &Bench<'_>,
    libraries: [Library; N],
) -> Result<Finding, KitError> {
    // A host that loads one package only would pass.
    let ordinary = ["ordinary-1", "ordinary-2"].map(|name| Library::new(name, name));
    if let Finding::Broken(what) = load(bench, &ordinary)?.must_run(&["ordinary-1", "ordinary-2"]) {
        return Ok(Finding::Undecided(format!("two ordinary packages: {what}")));
    }
    let labels: Vec<_> = libraries.iter().map(Library::label).collect();
    Ok(load(bench, &libraries)?.may_only_run(&labels))
}

/// Signs the libraries and has one process of the host load them.
fn load(bench: &Bench<'_>, libraries: &[Library]) -> Result<Observed, KitError> {
    let signed = |library| bench.signed(library, Signer::Trusted);
    let packages: Vec<Package> = libraries.iter().map(signed).collect::<Result<_, _>>()?;
    let paths: Vec<_> = packages.iter().map(|package| &*package.path).collect();
    bench.load(&paths)
}
