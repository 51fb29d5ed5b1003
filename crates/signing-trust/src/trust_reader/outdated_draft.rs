//! Drafts take days to be signed. What was revoked meanwhile must not come back with them.

use std::collections::BTreeMap;

use signing_crypto::{DraftDocuments, RootDigest, TrustStatement};

use super::TrustReader;
use crate::error::{TakenAway, TrustError};
use crate::signed::StatementChange;

impl TrustReader {
    /// Checks that a draft's statement gives no trust that rows have taken away since it was
    /// made. What rows have added since may be left out.
    ///
    /// A draft that replaces a published root document says again what was published, whatever
    /// rows say, and is not compared with them.
    ///
    /// # Errors
    ///
    /// [`TrustError::DraftOutdated`], or that rows cannot be read.
    pub async fn require_current_draft(&self, draft: &DraftDocuments) -> Result<(), TrustError> {
        let is_rotation = draft.root().is_some() && draft.current_root().is_some();
        let Some(statement) = draft.statement().filter(|_| !is_rotation) else { return Ok(()) };
        let statement = statement.unverified();
        let roots: BTreeMap<_, RootDigest> =
            statement.grants.iter().map(|(child, grant)| (*child, grant.root)).collect();
        let now = self.statement_content(draft.org(), Some(statement), &roots).await?;
        let changes = now.changes(Some(statement));
        match changes.into_iter().find_map(|change| taken_away(change, statement)) {
            Some(what) => Err(TrustError::DraftOutdated { what }),
            None => Ok(()),
        }
    }
}

/// What a change of a statement takes away of the trust that the statement gives.
fn taken_away(change: StatementChange, statement: &TrustStatement) -> Option<TakenAway> {
    match change {
        StatementChange::Drops(key) | StatementChange::Denies(key) => Some(TakenAway::Key(key)),
        StatementChange::ChangesKey(key, now) => {
            let before = statement.keys.get(&key).and_then(|before| before.expires_at);
            let ends_sooner = |at| before.is_none_or(|before| at < before);
            now.expires_at.is_some_and(ends_sooner).then_some(TakenAway::KeyUntil(key))
        }
        StatementChange::Withdraws(_, child) => Some(TakenAway::Grant(child)),
        // It may be narrower.
        StatementChange::ChangesGrant(_, now) => Some(TakenAway::GrantWithin(now.child_name)),
        StatementChange::SetsFloor(package, floor) => {
            let before = statement.floors.get(&package);
            let is_higher = before.is_none_or(|before| floor.cmp_precedence(before).is_gt());
            is_higher.then_some(TakenAway::VersionsBelow(package, floor))
        }
        StatementChange::Trusts(..)
        | StatementChange::TakesBackDenial(_)
        | StatementChange::Grants(..)
        | StatementChange::RemovesFloor(_) => None,
    }
}
