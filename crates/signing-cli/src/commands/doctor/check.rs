use std::borrow::Cow;

use serde::Serialize;

use signing_crypto::error_with_sources;

use crate::error::CliError;
use crate::lines::{Lines, counted};
use crate::view::View;

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    /// It works, and should be changed.
    Warning,
    Problem,
    /// It could not be checked, because of another problem.
    NotChecked,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Check {
    check: &'static str,
    pub(super) verdict: Verdict,
    message: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cow<'static, str>>,
}

/// What was looked at so far.
#[derive(Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn ok(&mut self, check: &'static str, message: impl Into<String>) {
        self.push(check, Verdict::Ok, message.into(), None);
    }

    pub(super) fn warning(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        next: impl Into<Cow<'static, str>>,
    ) {
        self.push(check, Verdict::Warning, message.into(), Some(next.into()));
    }

    pub(super) fn problem(
        &mut self,
        check: &'static str,
        message: impl Into<String>,
        next: impl Into<Cow<'static, str>>,
    ) {
        self.push(check, Verdict::Problem, message.into(), Some(next.into()));
    }

    pub(super) fn not_checked(&mut self, check: &'static str, why: impl Into<String>) {
        self.push(check, Verdict::NotChecked, why.into(), None);
    }

    /// A problem that commands would fail with.
    pub(super) fn error(&mut self, check: &'static str, error: &CliError) {
        self.push(check, Verdict::Problem, error_with_sources(error), error.advice().next);
    }

    /// What was read. That it could not be read is a problem.
    pub(super) fn read<T>(
        &mut self,
        check: &'static str,
        read: Result<T, impl Into<CliError>>,
    ) -> Option<T> {
        read.map_err(|error| self.error(check, &error.into())).ok()
    }

    fn push(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        message: String,
        next: Option<Cow<'static, str>>,
    ) {
        self.0.push(Check { check, verdict, message, next });
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DoctorView<'a> {
    checks: &'a [Check],
    pub(super) problems: usize,
    warnings: usize,
    not_checked: usize,
}

impl<'a> DoctorView<'a> {
    pub(super) fn of(Checks(checks): &'a Checks) -> Self {
        let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
        Self {
            checks,
            problems: count(Verdict::Problem),
            warnings: count(Verdict::Warning),
            not_checked: count(Verdict::NotChecked),
        }
    }
}

#[cfg(test)]
impl DoctorView<'_> {
    /// Whether there is one check, with this verdict.
    pub(super) fn is_only(&self, verdict: Verdict) -> bool {
        matches!(self.checks, [check] if check.verdict == verdict)
    }
}

impl View for DoctorView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        for Check { check, verdict, message, next } in self.checks {
            let line = format!("{check}: {message}");
            let mut lines = Lines::new();
            match verdict {
                Verdict::Ok => lines.good("ok", line),
                Verdict::Warning => lines.noted("warning", line),
                Verdict::Problem => lines.bad("problem", line),
                Verdict::NotChecked => lines.noted("not checked:", line),
            }
            text.append(lines.wrapped());
            if let Some(next) = next {
                text.advise(&format!("  next: {next}"));
            }
        }
        let mut total = Lines::new();
        total.push(format!(
            "{}: {}, {}, {} not checked",
            counted(self.checks.len() as u64, "check"),
            counted(self.problems as u64, "problem"),
            counted(self.warnings as u64, "warning"),
            self.not_checked,
        ));
        text.append(total.wrapped());
        text
    }
}
