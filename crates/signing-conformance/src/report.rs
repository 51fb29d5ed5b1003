//! What the cases have shown of a host.

mod table;

use std::fmt;

use serde::Serialize;

use crate::corpus::{Case, Severity};
use crate::observed::Finding;
use crate::rounds::Rounds;

/// The version of the report's form.
const SCHEMA: u32 = 1;

/// What the cases have shown of a host.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form.
    pub schema: u32,
    /// The host.
    pub host: String,
    /// With this seed, the choices at random are the same again.
    pub seed: u64,
    /// How often each race was run.
    pub rounds: u32,
    /// How many cases have which verdict.
    pub summary: Summary,
    /// The cases, in the order of the corpus.
    pub cases: Vec<CaseReport>,
}

/// How many cases have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The host did what it must.
    pub passed: u32,
    /// The host did not.
    pub failed: u32,
    /// The host did not, and the case is informational.
    pub noted: u32,
    /// The case does not apply to the host.
    pub not_applicable: u32,
    /// The attack did not take place.
    pub undecided: u32,
}

/// One case.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CaseReport {
    /// What the case is called.
    pub id: &'static str,
    /// What the attacker did.
    pub attack: &'static str,
    /// What the host had to do.
    pub must: &'static str,
    /// How bad it is if the host did not.
    pub severity: Severity,
    /// The kind of weakness.
    pub weakness: &'static str,
    /// Whether the host did what it had to.
    pub verdict: Verdict,
    /// What was observed, or why nothing was. It may hold what the host printed.
    pub detail: String,
}

/// Whether a host did what it had to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// It did.
    Passed,
    /// It did not.
    Failed,
    /// It did not, and the case is informational.
    Noted,
    /// The case does not apply to it.
    NotApplicable,
    /// The attack did not take place.
    Undecided,
}

impl Report {
    pub(crate) fn new(host: &str, seed: u64, rounds: Rounds, cases: Vec<CaseReport>) -> Self {
        let rounds = rounds.get();
        let mut summary = Summary::default();
        for case in &cases {
            *match case.verdict {
                Verdict::Passed => &mut summary.passed,
                Verdict::Failed => &mut summary.failed,
                Verdict::Noted => &mut summary.noted,
                Verdict::NotApplicable => &mut summary.not_applicable,
                Verdict::Undecided => &mut summary.undecided,
            } += 1;
        }
        Self { schema: SCHEMA, host: host.into(), seed, rounds, summary, cases }
    }

    /// Whether the host runs what it should. If it does not, no other case was tried.
    pub fn control_holds(&self) -> bool {
        self.cases.first().is_some_and(|case| case.verdict == Verdict::Passed)
    }

    /// The ids of the cases with this verdict.
    pub fn with_verdict(&self, verdict: Verdict) -> Vec<&'static str> {
        let cases = self.cases.iter().filter(|case| case.verdict == verdict);
        cases.map(|case| case.id).collect()
    }
}

/// A table of 80 columns.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        table::write(self, formatter)
    }
}

impl CaseReport {
    pub(crate) fn new(case: &Case, finding: Finding) -> Self {
        let (verdict, detail) = match finding {
            Finding::Held(detail) => (Verdict::Passed, detail),
            Finding::Broken(detail) if case.severity == Severity::Informational => {
                (Verdict::Noted, detail)
            }
            Finding::Broken(detail) => (Verdict::Failed, detail),
            Finding::NotApplicable(detail) => (Verdict::NotApplicable, detail),
            Finding::Undecided(detail) => (Verdict::Undecided, detail),
        };
        Self {
            id: case.id,
            attack: case.attack,
            must: case.must,
            severity: case.severity,
            weakness: case.weakness,
            verdict,
            detail,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Noted => "noted",
            Self::NotApplicable => "n/a",
            Self::Undecided => "UNDECIDED",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}
