use std::fmt;
#[cfg(feature = "store")]
use std::time::Duration;

#[cfg(feature = "store")]
use signing_crypto::{OrgId, PackageName};

use crate::PinnedKeys;
#[cfg(feature = "store")]
use crate::{KeyManager, Signers, TrustDecision, TrustError};

/// Where trust comes from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TrustSource<'a> {
    /// From keys at hand. Nothing revokes them.
    Pinned(&'a PinnedKeys),
    /// From a store, asked anew each time.
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
    /// `expected_name`. Pinned keys know neither organizations nor names.
    pub async fn decide(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
    ) -> Result<TrustDecision, TrustError> {
        self.decide_with_allowance(org, signers, expected_name, Duration::ZERO).await
    }

    /// As [`KeyManager::decide_with_allowance`]. Trust in pinned keys does not end.
    pub async fn decide_with_allowance(
        &self,
        org: OrgId,
        signers: &Signers,
        expected_name: &PackageName,
        allowance: Duration,
    ) -> Result<TrustDecision, TrustError> {
        match self {
            Self::Pinned(keys) => Ok(keys.decide(signers)),
            Self::Store(keys) => {
                keys.decide_with_allowance(org, signers, expected_name, allowance).await
            }
        }
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
