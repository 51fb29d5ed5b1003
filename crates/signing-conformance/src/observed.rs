//! What was observed of one attempt to load, and what follows from it.

use crate::host::Outcome;
use crate::markers::{Event, EventKind};

/// What an attempt, or a case, has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The host did what it must, and what that was.
    Held(String),
    /// It did not, and what it did instead.
    Broken(String),
    /// The case does not apply to the host, and why.
    NotApplicable(String),
    /// The attack did not take place, and why.
    Undecided(String),
}

impl Finding {
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// What the host says, and what ran.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) outcome: Outcome,
    pub(crate) events: Vec<Event>,
}

impl Observed {
    /// No code ran, and the host says so.
    pub(crate) fn must_be_refused(&self) -> Finding {
        self.may_only_run(&[])
    }

    /// The constructors of all these libraries ran, and of no other, and the host says so.
    pub(crate) fn must_run(&self, labels: &[&str]) -> Finding {
        match self.may_only_run(labels) {
            Finding::Held(_) if self.outcome != Outcome::Loaded => {
                Finding::Broken(format!("it was not loaded: {}", said(&self.outcome)))
            }
            finding => finding,
        }
    }

    /// Only code of these libraries ran. If the host says that it has loaded them, all of them
    /// have run, and if it has called entry points, then of each of them, once and in this order.
    pub(crate) fn may_only_run(&self, labels: &[&str]) -> Finding {
        let ran = |kind| {
            let events = self.events.iter().filter(move |event| event.kind == kind);
            events.map(|event| &*event.label).collect::<Vec<_>>()
        };
        let (constructed, called) = (ran(EventKind::Constructed), ran(EventKind::Called));
        let is_wrong = |label: &&&str| !labels.contains(label);
        if let Some(label) = constructed.iter().chain(&called).find(is_wrong) {
            return Finding::Broken(format!("code of {label} ran"));
        }
        match &self.outcome {
            Outcome::Loaded if labels.is_empty() => {
                Finding::Broken("the host says that it has loaded it".into())
            }
            Outcome::Loaded => {
                if let Some(label) = labels.iter().find(|label| !constructed.contains(label)) {
                    return Finding::Broken(format!(
                        "the host says that it has loaded {label}, whose code did not run"
                    ));
                }
                if !called.is_empty() && called != labels {
                    return Finding::Broken(format!("{} answered", called.join(", then ")));
                }
                Finding::Held(format!("{} ran", constructed.join(", ")))
            }
            Outcome::Refused { .. } => Finding::Held(said(&self.outcome)),
            other => Finding::Broken(said(other)),
        }
    }

    pub(crate) fn ran(&self, label: &str) -> bool {
        self.events.iter().any(|event| event.label == label)
    }

    pub(crate) fn has_executable_stack(&self) -> bool {
        self.events.iter().any(|event| event.stack.contains('x'))
    }
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Loaded => "loaded".into(),
        Outcome::Refused { message } => {
            // After what is logged, there is the error.
            let line = message.lines().rfind(|line| !line.trim().is_empty());
            line.map_or("refused".into(), |line| format!("refused: {}", line.trim()))
        }
        Outcome::Crashed { signal } => format!("the host crashed with signal {signal}"),
        Outcome::NoVerdict { code } => {
            format!("the host was not started, or ended by the dynamic linker: exit code {code}")
        }
        Outcome::Panicked => "the host panicked".into(),
        Outcome::TimedOut => "the host did not end in time".into(),
        Outcome::TooMuchMemory => "the host used too much memory".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> Outcome {
        Outcome::Refused { message: "no".into() }
    }

    fn observed(outcome: Outcome, events: &[(EventKind, &str)]) -> Observed {
        let events = events.iter().map(|(kind, label)| Event {
            kind: *kind,
            label: (*label).into(),
            stack: "rw-p".into(),
        });
        Observed { outcome, events: events.collect() }
    }

    use EventKind::{Called, Constructed};

    #[test]
    fn a_refusal_in_words_alone_is_none() {
        assert!(observed(refusal(), &[]).must_be_refused().is_held());
        assert!(!observed(refusal(), &[(Constructed, "a")]).must_be_refused().is_held());
        assert!(!observed(Outcome::Loaded, &[]).must_be_refused().is_held());
    }

    #[test]
    fn a_host_that_ends_in_another_way_has_not_refused() {
        for outcome in [
            Outcome::Crashed { signal: 11 },
            Outcome::NoVerdict { code: 127 },
            Outcome::Panicked,
            Outcome::TimedOut,
            Outcome::TooMuchMemory,
        ] {
            let observed = observed(outcome, &[]);
            assert!(!observed.must_be_refused().is_held(), "{observed:?}");
            assert!(!observed.must_run(&["a"]).is_held(), "{observed:?}");
        }
    }

    #[test]
    fn a_load_in_words_alone_is_none() {
        assert!(observed(Outcome::Loaded, &[(Constructed, "a")]).must_run(&["a"]).is_held());
        assert!(!observed(Outcome::Loaded, &[]).must_run(&["a"]).is_held());
        assert!(!observed(refusal(), &[]).must_run(&["a"]).is_held());
        assert!(!observed(Outcome::Loaded, &[(Constructed, "b")]).must_run(&["a"]).is_held());
    }

    #[test]
    fn the_right_code_answers_in_the_right_order() {
        let both = [(Constructed, "a"), (Constructed, "b")];
        let with = |called: &[_]| observed(Outcome::Loaded, &[&both, called].concat());
        assert!(with(&[]).must_run(&["a", "b"]).is_held());
        assert!(with(&[(Called, "a"), (Called, "b")]).must_run(&["a", "b"]).is_held());
        assert!(!with(&[(Called, "a"), (Called, "a")]).must_run(&["a", "b"]).is_held());
        assert!(!with(&[(Called, "b"), (Called, "a")]).must_run(&["a", "b"]).is_held());
        assert!(!with(&[(Called, "a")]).must_run(&["a", "b"]).is_held());
    }
}
