//! The cases.

mod dependencies;
mod package;
mod random;
mod several;
mod signature;
mod swap;
mod watch;

use serde::Serialize;

use crate::bench::Bench;
use crate::error::KitError;
use crate::host::{Capability, Signer};
use crate::observed::Finding;
use crate::workshop::Library;

/// One attack on a host.
#[non_exhaustive]
pub struct Case {
    /// What the report calls it. Stable.
    pub id: &'static str,
    /// What the attacker does.
    pub attack: &'static str,
    /// What the host must do.
    pub must: &'static str,
    /// How bad it is if the host does not.
    pub severity: Severity,
    /// The kind of weakness, in the Common Weakness Enumeration.
    pub weakness: &'static str,
    /// What a host must claim, or else the case does not apply to it.
    pub needs: Option<Capability>,
    run: fn(&Bench<'_>) -> Result<Finding, KitError>,
}

/// How bad it is if a case does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing. It is not counted as a failure.
    Informational,
    /// The host accepts what it should not, but runs only code that its publisher has signed.
    Low,
    /// Someone who can write the file stops the host.
    Medium,
    /// Code of a trusted publisher runs where, or as what, it should not.
    High,
    /// The attacker's code runs.
    Critical,
}

impl Case {
    pub(crate) fn run(&self, bench: &Bench<'_>) -> Result<Finding, KitError> {
        (self.run)(bench)
    }
}

/// All cases, in the order of the report. The first is the control: if it does not hold, the
/// others show nothing.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    std::iter::once(&CONTROL)
        .chain(signature::CASES)
        .chain(package::CASES)
        .chain(swap::CASES)
        .chain(dependencies::CASES)
        .chain(several::CASES)
}

pub(crate) const CONTROL: Case = Case {
    id: "control",
    attack: "none: a package that the trusted key has signed",
    must: "run it",
    severity: Severity::Critical,
    weakness: "none",
    needs: None,
    run: |bench| {
        let package = bench.signed(&trusted(), Signer::Trusted)?;
        Ok(bench.load(&[&package.path])?.must_run(&["trusted"]))
    },
};

/// What most cases are about: the package that the trusted key signs.
fn trusted() -> Library {
    Library::new("trusted", "plugin")
}

/// What the attacker would have the host run in its place. The two differ in the bytes of their
/// labels only.
fn hostile() -> Library {
    Library::new("hostile", "plugin")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_distinct_and_fit_a_line() {
        let ids: BTreeSet<_> = cases().map(|case| case.id).collect();
        assert_eq!(ids.len(), cases().count());
        assert!(ids.iter().all(|id| id.len() <= 32), "{ids:?}");
    }

    #[test]
    fn the_readme_lists_every_case() {
        let readme = include_str!("../README.md");
        let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: Vec<_> = rows.filter(|row| row.contains("CWE-")).collect();
        let expected: Vec<_> = cases().skip(1).collect();
        assert_eq!(listed.len(), expected.len());
        for (row, case) in listed.iter().zip(expected) {
            let start = format!("{}` | {} | {} | ", case.id, case.attack, case.weakness);
            assert!(row.starts_with(&start), "{row}\nis not\n{start}");
        }
    }
}
