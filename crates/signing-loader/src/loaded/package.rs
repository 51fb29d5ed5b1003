use std::mem::discriminant;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use signing_trust::{TrustedKey, clock_time};
use tokio::sync::Notify;

use super::error::GateError;
use super::gate::Gate;
use crate::error::PackageError;
use crate::load::{LoadedPackage, Provider};
use crate::report::VerificationReport;

/// A package that was loaded through [`LoadedPackages`](crate::LoadedPackages), in which trust
/// is followed from then on.
///
/// Clones are the same package, with one gate.
#[derive(Clone, Debug)]
pub struct FollowedPackage(pub(super) Arc<Followed>);

/// What is known about trust in a loaded package.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Standing {
    /// It would be loaded again.
    Trusted {
        /// Those of its signers that are trusted, and by which path each of them is.
        signers: Arc<[TrustedKey]>,
    },
    /// It would not be loaded any more.
    Refused(Arc<PackageError>),
    /// The store has not answered for longer than is allowed.
    Unknown {
        /// When the store was last asked a question that it answered.
        since: DateTime<Utc>,
    },
    /// Nothing follows trust any more.
    NotFollowed,
}

/// A call into a package, which has entered its gate and leaves it when this is dropped. Until
/// then [`drained`](FollowedPackage::drained) waits for it.
#[derive(Debug)]
#[must_use = "the call counts as in flight only while this is held"]
pub struct Call<'a>(&'a Followed);

impl FollowedPackage {
    /// What the verification found when the package was loaded: what it is, who signed it, and
    /// by which grant they were trusted.
    pub fn report(&self) -> &VerificationReport {
        &self.0.report
    }

    /// What is known about trust in the package at present.
    pub fn standing(&self) -> Standing {
        match self.0.gate.is_here() {
            true => self.0.known().standing.clone(),
            false => Standing::NotFollowed,
        }
    }

    /// Begins a call into the package. It is in flight until what this returns is dropped.
    ///
    /// Once the gate has closed, no call begins until it opens again. A call that is in flight
    /// goes on.
    ///
    /// # Errors
    ///
    /// Why the gate is closed. Only the gates of [`LoadedPackages::gate`] close, and in a process
    /// that was forked since the package was loaded each gate is.
    ///
    /// [`LoadedPackages::gate`]: crate::LoadedPackages::gate
    #[inline]
    pub fn enter(&self) -> Result<Call<'_>, GateError> {
        match self.0.gate.enter() {
            true => Ok(Call(&self.0)),
            false => self.enter_or_say_why(),
        }
    }

    /// Waits until the gate is closed and no call is in flight.
    pub async fn drained(&self) {
        self.0.gate.drained().await;
    }

    /// How many calls are in flight. Hidden: it has changed when it is read, which only a test
    /// can rule out; a host waits until the package is [`drained`](Self::drained).
    #[doc(hidden)]
    pub fn calls_in_flight(&self) -> u64 {
        self.0.gate.calls()
    }

    /// The package, to look symbols up once. It is not asked whether it is still trusted:
    /// [`enter`](Self::enter) before what is found is called.
    pub fn loaded_package(&self) -> &LoadedPackage {
        &self.0.package
    }

    #[cold]
    fn enter_or_say_why(&self) -> Result<Call<'_>, GateError> {
        // Before the lock: a thread that is not in this process may have it.
        if !self.0.gate.is_here() {
            return Err(GateError::Forked);
        }
        loop {
            // The gate changes only while this is locked: what is said is why it is closed.
            let known = self.0.known();
            if !self.0.gate.is_open() {
                return Err(known.standing.refusal());
            }
            drop(known);
            if self.0.gate.enter() {
                return Ok(Call(&self.0));
            }
        }
    }
}

impl Deref for Call<'_> {
    type Target = LoadedPackage;

    fn deref(&self) -> &LoadedPackage {
        &self.0.package
    }
}

impl Drop for Call<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.gate.leave();
    }
}

impl Standing {
    /// Whether the package would be loaded again.
    pub fn is_trusted(&self) -> bool {
        matches!(self, Self::Trusted { .. })
    }

    /// Why a gate is closed. It is opened under the same lock under which it becomes trusted.
    fn refusal(&self) -> GateError {
        match self {
            Self::Refused(source) => GateError::NoLongerTrusted { source: source.clone() },
            Self::Unknown { since } => GateError::Stale { since: *since },
            Self::Trusted { .. } | Self::NotFollowed => GateError::NotFollowed,
        }
    }
}

/// What closes a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateRule {
    /// Nothing does.
    StaysOpen,
    /// Only a refusal, and that nothing follows trust any more.
    ClosesWhenRefused,
    /// Whatever keeps the package from being known to be trusted.
    ClosesUnlessTrusted,
}

#[derive(Debug)]
pub(super) struct Followed {
    gate: Gate,
    rule: GateRule,
    package: LoadedPackage,
    pub(super) report: VerificationReport,
    /// The loaded packages that it needs, whose code it calls without asking.
    pub(super) providers: Vec<Provider>,
    known: Mutex<Known>,
    /// What is known was said.
    announced: Notify,
}

#[derive(Debug)]
struct Known {
    standing: Standing,
    /// Whether the last verdict was that it is trusted.
    was_trusted: bool,
    /// As of when it is known, since boot.
    as_of: Duration,
}

/// What became of a package, for callbacks and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The standing is of another kind than it was.
    pub(super) of_standing: bool,
    /// The verdict is the opposite of the last one.
    pub(super) of_verdict: bool,
}

impl Followed {
    /// A package that was just verified and loaded. Nothing is known about it before it is
    /// decided about again.
    pub(super) fn new(
        package: LoadedPackage,
        report: VerificationReport,
        providers: Vec<Provider>,
        rule: GateRule,
    ) -> Self {
        let standing = Standing::Unknown { since: clock_time() };
        Self {
            gate: Gate::new(rule != GateRule::ClosesUnlessTrusted),
            rule,
            package,
            report,
            providers,
            known: Mutex::new(Known { standing, was_trusted: true, as_of: Duration::ZERO }),
            announced: Notify::new(),
        }
    }

    /// Whether both stand for the same bytes, signed by the same keys in the same words.
    pub(super) fn describes_same(&self, other: &VerificationReport) -> bool {
        let VerificationReport { name, content, signers, version, expires_at, .. } = &self.report;
        let same_signers = signers.len() == other.signers.len()
            && signers.iter().all(|one| other.signers.iter().any(|other| one.key == other.key));
        same_signers
            && (name, content) == (&other.name, &other.content)
            && (version, expires_at) == (&other.version, &other.expires_at)
    }

    /// Takes note of what is known as of a moment, and opens or closes the gate.
    pub(super) fn set(&self, standing: Standing, as_of: Duration) -> Change {
        let mut known = self.known();
        match (&standing, self.rule) {
            (Standing::Trusted { .. }, _) => self.gate.open(),
            (_, GateRule::StaysOpen) | (Standing::Unknown { .. }, GateRule::ClosesWhenRefused) => {}
            _ => self.gate.close(),
        }
        let was_trusted = match &standing {
            Standing::Trusted { .. } => true,
            Standing::Refused(_) => false,
            Standing::Unknown { .. } | Standing::NotFollowed => known.was_trusted,
        };
        // What is known first is a change if it is not that the package is trusted.
        let of_standing = match known.as_of.is_zero() {
            true => !standing.is_trusted(),
            false => discriminant(&standing) != discriminant(&known.standing),
        };
        let of_verdict = was_trusted != known.was_trusted;
        *known = Known { standing, was_trusted, as_of };
        drop(known);
        self.announced.notify_waiters();
        Change { of_standing, of_verdict }
    }

    /// Waits until something is known that is as of this moment or a later one.
    pub(super) async fn known_since(&self, moment: Duration) {
        loop {
            let mut announced = pin!(self.announced.notified());
            announced.as_mut().enable();
            if self.known().as_of >= moment {
                return;
            }
            announced.await;
        }
    }

    /// Why no call can enter now. A package that is not trusted is said not to be, whether or
    /// not that closes its gate.
    pub(super) fn require_usable(&self) -> Result<(), GateError> {
        let known = self.known();
        match &known.standing {
            Standing::Trusted { .. } => Ok(()),
            Standing::Unknown { .. } if self.gate.is_open() => Ok(()),
            refused => Err(refused.refusal()),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is inside is one value, replaced whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
