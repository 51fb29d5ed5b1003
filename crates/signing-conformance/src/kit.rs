//! Runs the cases on a host.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bench::Bench;
use crate::corpus::{CONTROL, Case, cases};
use crate::error::KitError;
use crate::host::Host;
use crate::observed::Finding;
use crate::process::Limits;
use crate::report::{CaseReport, Report, Verdict};
use crate::rounds::Rounds;
use crate::workshop::Workshop;

/// What the kit is told about a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The C compiler.
    pub compiler: PathBuf,
    /// C source that is added to each library: what the host calls in a package. It may call
    /// `conformance_called()`, and use the string `CONFORMANCE_NAME`, the package's name.
    pub entry_point: Option<PathBuf>,
    /// What the host may use for one attempt.
    pub limits: Limits,
    /// How often each race is run.
    pub rounds: Rounds,
    /// Of what is chosen at random.
    pub seed: u64,
    /// The cases to be run, or all. The control always is.
    pub cases: Vec<String>,
}

impl Default for Options {
    /// The compiler `cc`, no entry point, 12 rounds, and a seed that the time gives.
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            compiler: "cc".into(),
            entry_point: None,
            limits: Limits::default(),
            rounds: Rounds::default(),
            seed: u64::from(now.subsec_nanos()),
            cases: Vec::new(),
        }
    }
}

/// The corpus, ready for any number of hosts.
#[derive(Debug)]
pub struct Kit {
    options: Options,
    workshop: Workshop,
}

impl Kit {
    /// Makes a scratch directory, which is removed with this value.
    ///
    /// # Errors
    ///
    /// [`KitError::NoCompiler`], [`KitError::Compile`], [`KitError::UnknownCase`], or
    /// [`KitError::File`] for the entry point or the scratch directory.
    pub fn new(options: Options) -> Result<Self, KitError> {
        let is_known = |id: &&String| cases().any(|case| case.id == **id);
        if let Some(id) = options.cases.iter().find(|id| !is_known(id)) {
            return Err(KitError::UnknownCase(id.clone()));
        }
        let entry_point = match &options.entry_point {
            None => String::new(),
            Some(path) => fs::read_to_string(path).map_err(KitError::file("read", path))?,
        };
        let workshop = Workshop::open(&options.compiler, entry_point)?;
        Ok(Self { options, workshop })
    }

    /// Tries the cases on a host, one after the other. If the host does not even run the control,
    /// no other case is tried, because a host that refuses everything would pass them.
    ///
    /// # Errors
    ///
    /// [`KitError::Host`], [`KitError::DeadAttack`], or a file of the kit cannot be made.
    pub fn run(&self, host: &dyn Host) -> Result<Report, KitError> {
        let mut reports = Vec::new();
        for case in cases().filter(|case| self.is_wanted(case)) {
            let report = CaseReport::new(case, self.try_case(case, host)?);
            let is_failed_control = case.id == CONTROL.id && report.verdict != Verdict::Passed;
            reports.push(report);
            if is_failed_control {
                break;
            }
        }
        let Options { seed, rounds, .. } = self.options;
        Ok(Report::new(host.name(), seed, rounds, reports))
    }

    fn is_wanted(&self, case: &Case) -> bool {
        let wanted = &self.options.cases;
        wanted.is_empty() || case.id == CONTROL.id || wanted.iter().any(|id| id == case.id)
    }

    fn try_case(&self, case: &'static Case, host: &dyn Host) -> Result<Finding, KitError> {
        if let Some(needed) = case.needs.filter(|needed| !host.capabilities().contains(needed)) {
            return Ok(Finding::NotApplicable(format!("the host does not claim: {needed}")));
        }
        let Options { limits, rounds, seed, .. } = self.options;
        case.run(&Bench::new(case.id, host, &self.workshop, limits, (rounds, seed)))
    }
}
