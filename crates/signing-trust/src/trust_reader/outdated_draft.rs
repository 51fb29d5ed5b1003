//! Drafts take days to be signed. What was revoked meanwhile must not come back with them.

use std::collections::BTreeMap;

use signing_crypto::{
    DraftDocuments, OrgId, Role, RootDigest, SignedDocument, TrustDocument, TrustStatement,
};
use signing_store::StoreError;

use super::TrustReader;
use crate::document_error::SignedTrustError;
use crate::error::{TakenAway, TrustError};
use crate::signed::{StatementChange, StatementContent, VerifiedDocuments};

impl TrustReader {
    /// Checks that a draft was made for the root document that is published now, and that its
    /// statement gives no trust that rows have taken away since it was made. What rows have added
    /// since may be left out.
    ///
    /// A draft that gives the trust role other keys says again what was published, whatever rows
    /// say, and is not compared with them, unless a document that was published has expired: then
    /// hosts refuse what was published, and must not accept more of it than rows do.
    ///
    /// # Errors
    ///
    /// [`TrustError::DraftForAnotherRoot`] or [`TrustError::DraftOutdated`],
    /// [`StoreError::TrustDocumentConflict`] if it was published before or another document was
    /// published meanwhile, or that rows cannot be read.
    pub async fn require_current_draft(
        &self,
        draft: &DraftDocuments,
        published: Option<&VerifiedDocuments>,
    ) -> Result<(), TrustError> {
        if let Some(published) = published.map(VerifiedDocuments::root) {
            let is_published = |root: &&SignedDocument<_>| root.digest() == published.digest();
            require_next(draft.root().filter(is_published), published.document())?;
        }
        // Until it is compared, nothing proves the root document that a draft names.
        if let Some(current) = draft.current_root() {
            let (org, found) = (draft.org(), current.digest());
            let published = published.ok_or(SignedTrustError::NoDocuments { org })?;
            let expected = published.root().digest();
            if found != expected {
                return Err(TrustError::DraftForAnotherRoot { expected, found });
            }
        }
        if let Some(published) = published {
            require_next(draft.statement(), published.statement())?;
            require_next(draft.revocations(), published.revocations())?;
        }
        let now = self.now().await?;
        let all_count = published.is_some_and(|published| published.expired(now).is_empty());
        let says_the_same = all_count && gives_trust_role_other_keys(draft);
        let Some(statement) = draft.statement().filter(|_| !says_the_same) else { return Ok(()) };
        let statement = statement.unverified();
        let changes = self.content_like(draft.org(), statement).await?.changes(Some(statement));
        match changes.into_iter().find_map(|change| taken_away(change, statement)) {
            Some(what) => Err(TrustError::DraftOutdated { what }),
            None => Ok(()),
        }
    }

    /// The trust that published documents give and rows have taken away: hosts that verify by
    /// documents alone still have it.
    pub async fn taken_away(
        &self,
        published: &VerifiedDocuments,
    ) -> Result<Vec<TakenAway>, TrustError> {
        let statement = published.statement();
        let changes = self.content_like(published.owner().id, statement).await?;
        let changes = changes.changes(Some(statement));
        let mut taken: Vec<_> =
            changes.into_iter().filter_map(|change| taken_away(change, statement)).collect();
        let denied = &published.revocations().denied;
        taken.retain(|what| match what {
            TakenAway::Key(key) | TakenAway::KeyUntil(key) => !denied.contains_key(key),
            _ => true,
        });
        Ok(taken)
    }

    /// A statement that gives no trust which the rows of `org` have taken away since it was made.
    pub(super) async fn without_what_rows_take_away(
        &self,
        org: OrgId,
        statement: &TrustStatement,
    ) -> Result<TrustStatement, TrustError> {
        let now = self.content_like(org, statement).await?;
        let mut less = statement.clone();
        for change in now.changes(Some(statement)) {
            if taken_away(change.clone(), statement).is_some() {
                take_away(change, &now, &mut less);
            }
        }
        Ok(less)
    }

    /// What rows trust, with the roots that a statement names.
    async fn content_like(
        &self,
        org: OrgId,
        statement: &TrustStatement,
    ) -> Result<StatementContent, TrustError> {
        let roots: BTreeMap<_, RootDigest> =
            statement.grants.iter().map(|(child, grant)| (*child, grant.root)).collect();
        self.statement_content(org, Some(statement), &roots).await
    }
}

/// Takes away from a statement what a change takes away. Of a grant with other limits nothing
/// stays: which of the limits is wider is not decided here.
fn take_away(change: StatementChange, now: &StatementContent, statement: &mut TrustStatement) {
    match change {
        StatementChange::Drops(key) => drop(statement.keys.remove(&key)),
        StatementChange::Denies(key) => drop(statement.denied.insert(key, now.denied[&key])),
        // Names are what people are asked about, so they stay as they were signed.
        StatementChange::ChangesKey(key, stated) => {
            if let Some(key) = statement.keys.get_mut(&key) {
                key.expires_at = stated.expires_at;
            }
        }
        StatementChange::Withdraws(child, _) | StatementChange::ChangesGrant(child, _) => {
            drop(statement.grants.remove(&child));
        }
        StatementChange::SetsFloor(package, floor) => {
            drop(statement.floors.insert(package, floor));
        }
        StatementChange::Trusts(..)
        | StatementChange::TakesBackDenial(_)
        | StatementChange::Grants(..)
        | StatementChange::RemovesFloor(_) => {}
    }
}

/// Asserts that a document of a draft follows the one that is published.
fn require_next<D: TrustDocument>(
    draft: Option<&SignedDocument<D>>,
    published: &D,
) -> Result<(), StoreError> {
    let Some(draft) = draft.map(SignedDocument::unverified) else { return Ok(()) };
    let (found, published) = (draft.header().version, published.header().version);
    match published.next() {
        Some(expected) if expected != found => {
            Err(StoreError::TrustDocumentConflict { kind: D::KIND, expected, found })
        }
        _ => Ok(()),
    }
}

/// Whether a statement had to be signed again because others sign it from now on.
fn gives_trust_role_other_keys(draft: &DraftDocuments) -> bool {
    let roots = draft.current_root().zip(draft.root());
    roots.is_some_and(|(current, next)| {
        current.unverified().role(Role::Trust) != next.unverified().role(Role::Trust)
    })
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
        StatementChange::ChangesGrant(child, now) => {
            // Others may be narrower.
            let has_same_limits = statement.grants.get(&child).is_some_and(|before| {
                (&before.packages, before.expires_at) == (&now.packages, now.expires_at)
            });
            (!has_same_limits).then_some(TakenAway::GrantWithin(now.child_name))
        }
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
