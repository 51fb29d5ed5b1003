//! The packages that are followed, and what becomes of them.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use signing_crypto::OrgId;
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{AuditEvent, EventType, TrustError, TrustedKey, boot_time};
use tokio::sync::Notify;

use super::package::{Change, Followed, FollowedPackage, GateRule, Standing};
use super::staleness::MaxStaleness;
use crate::error::PackageError;
use crate::load::{LoadedPackage, Provider};
use crate::report::VerificationReport;

/// That trust in a loaded package has changed: see
/// [`LoadedPackages::call_back`](crate::LoadedPackages::call_back).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrustChange {
    /// The package.
    pub package: FollowedPackage,
    /// What has become known about it.
    pub standing: Standing,
}

/// What is done about a package that is no longer trusted.
pub(super) enum Enforcement {
    Report,
    Gate,
    CallBack(Box<dyn Fn(&TrustChange) + Send + Sync>),
}

#[derive(Debug)]
pub(super) struct Following {
    pub(super) org: OrgId,
    pub(super) config: VerificationConfig,
    pub(super) max_staleness: MaxStaleness,
    enforcement: Enforcement,
    state: Mutex<State>,
    /// There is something new to decide about, or it is over.
    pub(super) woken: Notify,
}

#[derive(Debug)]
struct State {
    packages: Vec<Arc<Followed>>,
    /// When the last question was asked that was answered, since boot.
    confirmed: Duration,
    is_stale: bool,
    has_ended: bool,
    /// Why the last question was not answered.
    failure: Option<Arc<TrustError>>,
}

/// What was decided about a package.
pub(super) type Verdict = Result<Vec<TrustedKey>, PackageError>;

impl Following {
    pub(super) fn new(
        org: OrgId,
        config: VerificationConfig,
        max_staleness: MaxStaleness,
        enforcement: Enforcement,
    ) -> Self {
        let state = Mutex::new(State {
            packages: Vec::new(),
            confirmed: boot_time(),
            is_stale: false,
            has_ended: false,
            failure: None,
        });
        Self { org, config, max_staleness, enforcement, state, woken: Notify::new() }
    }

    /// Registers a package, or returns the one that is followed for the same bytes and signers.
    /// Returns the time from which a verdict is needed, or `None` if none will come.
    pub(super) fn register(
        &self,
        package: LoadedPackage,
        report: VerificationReport,
        providers: Vec<Provider>,
    ) -> (Arc<Followed>, Option<Duration>) {
        let since = boot_time();
        let mut state = self.state();
        let followed = match state.packages.iter().find(|followed| followed.describes_same(&report))
        {
            Some(followed) => followed.clone(),
            None => {
                let followed = Arc::new(Followed::new(package, report, providers, self.rule()));
                state.packages.push(followed.clone());
                followed
            }
        };
        if state.has_ended {
            followed.set(Standing::NotFollowed, since);
        } else if state.is_stale {
            followed.set(state.unknown(), since);
        } else {
            drop(state);
            self.woken.notify_one();
            return (followed, Some(since));
        }
        (followed, None)
    }

    pub(super) fn packages(&self) -> Vec<Arc<Followed>> {
        self.state().packages.clone()
    }

    /// Applies what was decided on answers to questions that were asked at `asked` or later.
    /// An answer that was too long under way says nothing about the present.
    pub(super) fn decided(&self, asked: Duration, verdicts: Vec<(Arc<Followed>, Verdict)>) {
        let mut changes = Changes::default();
        let mut state = self.state();
        if state.has_ended || self.has_passed(asked) {
            return;
        }
        state.confirmed = state.confirmed.max(asked);
        state.failure = None;
        let was_stale = mem::take(&mut state.is_stale);
        for (package, verdict) in verdicts {
            let standing = match verdict {
                Ok(signers) => Standing::Trusted { signers: signers.into() },
                Err(error) => Standing::Refused(Arc::new(error)),
            };
            changes.set(package, standing, asked);
        }
        drop(state);
        if was_stale {
            AuditEvent::new(EventType::TrustCurrent).org(self.org).emit();
        }
        self.tell(changes);
    }

    /// Remembers why the store did not answer.
    pub(super) fn failed(&self, error: TrustError) {
        self.state().failure = Some(Arc::new(error));
    }

    /// Marks every package as unknown if the store has been silent for too long. Returns the time
    /// until the next check, or `None` after `end`.
    pub(super) fn close_if_stale(&self) -> Option<Duration> {
        let mut changes = Changes::default();
        let mut state = self.state();
        if state.has_ended {
            return None;
        }
        let limit = self.max_staleness.as_duration();
        if state.is_stale || !self.has_passed(state.confirmed) {
            let left = (state.confirmed + limit).saturating_sub(boot_time());
            return Some(if state.is_stale { limit } else { left });
        }
        state.is_stale = true;
        let (now, unknown, failure) = (boot_time(), state.unknown(), state.failure.clone());
        for package in state.packages.clone() {
            changes.set(package, unknown.clone(), now);
        }
        drop(state);
        let event = AuditEvent::new(EventType::TrustStale).org(self.org);
        match &failure {
            Some(error) => event.failure(error).emit(),
            None => event.emit(),
        }
        self.tell(changes);
        Some(limit)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().has_ended
    }

    /// From here on nothing is known, and nothing will be.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.has_ended = true;
        for package in &state.packages {
            package.set(Standing::NotFollowed, boot_time());
        }
        drop(state);
        self.woken.notify_one();
    }

    fn rule(&self) -> GateRule {
        match self.enforcement {
            Enforcement::Gate if self.max_staleness.keeps_open() => GateRule::ClosesWhenRefused,
            Enforcement::Gate => GateRule::ClosesUnlessTrusted,
            Enforcement::Report | Enforcement::CallBack(_) => GateRule::StaysOpen,
        }
    }

    /// Whether what was asked then says nothing about now.
    fn has_passed(&self, asked: Duration) -> bool {
        boot_time() >= asked + self.max_staleness.as_duration()
    }

    /// No lock is held here: a callback may ask for what is known.
    fn tell(&self, changes: Changes) {
        for (package, standing, change) in changes.0 {
            if change.of_verdict {
                event(&package.report, &standing).emit();
            }
            if change.of_standing
                && let Enforcement::CallBack(call_back) = &self.enforcement
            {
                call_back(&TrustChange { package: FollowedPackage(package), standing });
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // After a panic in between, the thread that panicked ends the following.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Changes(Vec<(Arc<Followed>, Standing, Change)>);

impl Changes {
    fn set(&mut self, package: Arc<Followed>, standing: Standing, as_of: Duration) {
        let change = package.set(standing.clone(), as_of);
        if change.of_standing || change.of_verdict {
            self.0.push((package, standing, change));
        }
    }
}

impl State {
    fn unknown(&self) -> Standing {
        let ago = boot_time().saturating_sub(self.confirmed);
        let ago = TimeDelta::from_std(ago).unwrap_or(TimeDelta::MAX);
        Standing::Unknown { since: Utc::now().checked_sub_signed(ago).unwrap_or_default() }
    }
}

/// That trust in a package has ended, or is back.
fn event(report: &VerificationReport, standing: &Standing) -> AuditEvent {
    let event_type = match standing {
        Standing::Trusted { .. } => EventType::PackageTrustRestored,
        _ => EventType::PackageTrustEnded,
    };
    let event = report.event(event_type);
    match standing {
        Standing::Refused(error) => event.failure(error),
        _ => event,
    }
}

impl fmt::Debug for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "Report",
            Self::Gate => "Gate",
            Self::CallBack(_) => "CallBack",
        })
    }
}

#[cfg(test)]
mod tests;
