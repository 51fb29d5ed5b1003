use std::sync::Arc;
use std::time::Duration;

use signing_crypto::{OrgId, PackageName};
use signing_store::TrustWatch;

use super::TrustReader;
use crate::acceptance::ClockSkewAllowance;
use crate::cache::{CurrentTrust, pause_before_reconnecting};
use crate::candidates::decide_signers;
use crate::decision::{Signers, TrustDecision};
use crate::error::TrustError;
use crate::rules::{DecisionContext, Packages};
use crate::snapshot::{TimedHeartbeat, boot_time};

/// Decides about the same packages again and again, and hears when trust has changed.
#[derive(Debug)]
pub struct TrustFollower {
    trust: TrustReader,
    watch: TrustWatch,
}

impl TrustReader {
    /// The same organization's trust, asked for over connections of its own, for a thread that
    /// has a runtime of its own. It has no KEK, its decisions are
    /// [`Strict`](crate::Freshness::Strict), and it waits for no task of another runtime.
    ///
    /// # Errors
    ///
    /// That there can be no further connections.
    pub fn with_own_connections(&self) -> Result<Self, TrustError> {
        let store = self.store.with_own_connections()?;
        Ok(Self { store, kek: None, cache: Arc::new(self.cache.for_another_runtime()) })
    }

    /// Begins to follow trust.
    ///
    /// # Errors
    ///
    /// That the store cannot be listened to.
    pub async fn follow(&self) -> Result<TrustFollower, TrustError> {
        Ok(TrustFollower { trust: self.clone(), watch: self.store.watch_trust().await? })
    }
}

impl TrustFollower {
    /// Waits until a change of trust is announced. On SQLite none ever is: only
    /// [`decide_all`](Self::decide_all) finds out.
    ///
    /// # Errors
    ///
    /// Nothing more will be heard: trust is to be followed again.
    pub async fn changed(&mut self) -> Result<(), TrustError> {
        Ok(self.watch.changed().await?)
    }

    /// Decides which of the signers of each package `org` accepts, as of a moment after this
    /// was called. The store is asked once for the state of trust, and for the rest only if
    /// that has changed.
    ///
    /// # Errors
    ///
    /// The store did not answer, or nothing more would be heard. What else keeps a package from
    /// being decided is said in its place.
    pub async fn decide_all(
        &mut self,
        org: OrgId,
        packages: &[(Signers, PackageName)],
        clock_skew_allowance: ClockSkewAllowance,
    ) -> Result<Vec<Result<TrustDecision, TrustError>>, TrustError> {
        let asked = TimedHeartbeat { asked: boot_time(), heartbeat: self.watch.heartbeat().await? };
        let mut decisions = Vec::new();
        for (signers, name) in packages {
            let read = self.trust.cache.read_as_of(&self.trust.store, org, signers, asked).await;
            decisions.push(match read {
                Ok(CurrentTrust { trust, now }) => {
                    let context = DecisionContext::at(now).with_allowance(clock_skew_allowance);
                    let packages = Packages::Named(name);
                    decide_signers(&trust, signers, packages, context).map_err(TrustError::from)
                }
                Err(error @ TrustError::Store(_)) => return Err(error),
                Err(error) => Err(error),
            });
        }
        Ok(decisions)
    }

    /// The pause before reconnecting, for callers whose answers must be no older than `bound`.
    /// It differs each time, so that programs which were cut off together do not all come back
    /// together.
    pub fn pause_before_reconnecting(bound: Duration) -> Duration {
        pause_before_reconnecting(bound)
    }
}
