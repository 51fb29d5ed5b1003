use std::time::{Duration, Instant};

use signing_store::{PackageSignatureRecord, StoreError, StoredSignatureCursor};

/// For how long stored signatures are looked at.
pub(crate) const SEARCH_LIMIT: Duration = Duration::from_secs(20);

/// Which of the signatures that the store keeps were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchExtent {
    /// All that are concerned.
    #[default]
    All,
    /// Those that could be looked at within a time limit.
    UntilTimeLimit,
}

/// A look at what organizations keep, which ends after some time. A role that may keep
/// signatures may keep very many, and must not be able to hold up what an administrator does.
#[derive(Debug)]
pub(crate) struct SignatureSearch {
    ends: Instant,
    extent: SearchExtent,
}

impl SignatureSearch {
    /// Begins a search, which may take this long.
    pub(crate) fn within(limit: Duration) -> Self {
        Self { ends: Instant::now() + limit, extent: SearchExtent::All }
    }

    /// The next signature, unless the time is over.
    pub(crate) async fn next(
        &mut self,
        kept: &mut StoredSignatureCursor,
    ) -> Result<Option<PackageSignatureRecord>, StoreError> {
        match self.is_over() {
            true => Ok(None),
            false => kept.next().await,
        }
    }

    /// Whether the time is over, so that something is not looked at.
    pub(crate) fn is_over(&mut self) -> bool {
        let is_over = Instant::now() >= self.ends;
        if is_over {
            self.extent = SearchExtent::UntilTimeLimit;
        }
        is_over
    }

    pub(crate) fn extent(&self) -> SearchExtent {
        self.extent
    }
}
