use std::fmt;

use crate::PinnedKeys;
#[cfg(feature = "store")]
use {
    crate::rules::{DecisionContext, Packages, decide},
    crate::snapshot::{OrganizationTrust, boot_time},
    crate::{KeyManager, Signers, TrustDecision, TrustError},
    signing_crypto::{OrgId, PackageName},
    signing_store::{StoreError, StoreReader},
    std::sync::Arc,
    std::time::Duration,
};

/// Where trust comes from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TrustSource<'a> {
    /// From keys at hand. Nothing revokes them.
    Pinned(&'a PinnedKeys),
    /// From a store.
    #[cfg(feature = "store")]
    Store(&'a KeyManager),
}

/// What kind of [`TrustSource`] it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustSourceKind {
    /// Keys at hand.
    Pinned,
    /// A store.
    Store,
}

impl fmt::Display for TrustSourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "pinned keys",
            Self::Store => "a store",
        })
    }
}

impl TrustSource<'_> {
    /// Of which kind it is.
    pub fn kind(&self) -> TrustSourceKind {
        match self {
            Self::Pinned(_) => TrustSourceKind::Pinned,
            #[cfg(feature = "store")]
            Self::Store(_) => TrustSourceKind::Store,
        }
    }
}

#[cfg(feature = "store")]
impl TrustSource<'_> {
    /// Decides which of `signers` the organization `org` accepts for the package
    /// `expected_name`, as [`KeyManager::decide_with_allowance`] does. Pinned keys know
    /// neither organizations nor names, and trust in them does not end.
    pub async fn decide(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
        clock_skew_allowance: Duration,
    ) -> Result<TrustDecision, TrustError> {
        match self {
            Self::Pinned(keys) => Ok(keys.decide(signers)),
            Self::Store(keys) => {
                keys.decide_with_allowance(org, signers, expected_name, clock_skew_allowance).await
            }
        }
    }
}

/// The most trusted keys that a signature without a name is tried against.
#[cfg(feature = "store")]
pub const MAX_CANDIDATES: usize = 64;

/// The most statements that are looked at to find those keys.
#[cfg(feature = "store")]
const MAX_FACTS: usize = 4096;

/// Reads what bears on whether `org` accepts the signers, in one statement.
#[cfg(feature = "store")]
pub(crate) async fn read_store(
    store: &StoreReader,
    org: OrgId,
    signers: &Signers,
) -> Result<Arc<OrganizationTrust>, TrustError> {
    if signers.anonymous {
        return match read_all(store, org, MAX_FACTS).await {
            Err(StoreError::TooManyFacts { limit: found }) => {
                Err(TrustError::TooManyCandidates { found, limit: MAX_CANDIDATES })
            }
            read => Ok(Arc::new(read?)),
        };
    }
    let asked = boot_time();
    let snapshot = store.trust_in_keys(org, &signers.named).await?;
    Ok(Arc::new(OrganizationTrust::from_store(snapshot, asked)))
}

/// Reads what bears on which keys `org` accepts, in no more than `limit` statements.
#[cfg(feature = "store")]
pub(crate) async fn read_all(
    store: &StoreReader,
    org: OrgId,
    limit: usize,
) -> Result<OrganizationTrust, StoreError> {
    let asked = boot_time();
    Ok(OrganizationTrust::from_store(store.trust_in_all_keys(org, limit).await?, asked))
}

/// Decides by what was read from a store.
///
/// # Errors
///
/// [`TrustError::TooManyCandidates`].
#[cfg(feature = "store")]
pub(crate) fn decide_signers(
    trust: &OrganizationTrust,
    signers: &Signers,
    packages: Packages<'_>,
    context: DecisionContext,
) -> Result<TrustDecision, TrustError> {
    // One more, to tell.
    let context = DecisionContext { max_unnamed: MAX_CANDIDATES + 1, ..context };
    let decision = decide(trust, signers, packages, context);
    match decision.trusted().count() {
        found if signers.anonymous && found > MAX_CANDIDATES => {
            Err(TrustError::TooManyCandidates { found, limit: MAX_CANDIDATES })
        }
        _ => Ok(decision),
    }
}

impl<'a> From<&'a PinnedKeys> for TrustSource<'a> {
    fn from(keys: &'a PinnedKeys) -> Self {
        Self::Pinned(keys)
    }
}

#[cfg(feature = "store")]
impl<'a> From<&'a KeyManager> for TrustSource<'a> {
    fn from(keys: &'a KeyManager) -> Self {
        Self::Store(keys)
    }
}
