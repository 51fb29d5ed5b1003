//! Which denials revocations must take over from those before them.

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{DeniedKey, Fingerprint, OrgName, Role, RootDocument, TrustStatement};

use super::TrustReader;
use crate::error::TrustError;
use crate::signed::{SignedTrust, StoredDocuments};
use crate::snapshot::{KeyTrust, StatedBy};
use crate::source::read_all;

/// So many denials are always taken over: half of what other organizations read.
const ALWAYS_TAKEN_OVER: usize = 3500;

/// The denials that revocations take over.
#[derive(Clone, Debug)]
pub(crate) struct TakenOver {
    pub(crate) denied: BTreeMap<Fingerprint, DeniedKey>,
    /// The organizations whose documents do not count, where they are why all are taken over:
    /// which keys they trust is not known.
    pub(crate) unknown: Vec<OrgName>,
}

impl TrustReader {
    /// The denials that the next revocations take over from the published ones: all of them.
    ///
    /// A thief of the revocation keys can deny so many keys that there is no room for more. Nothing
    /// that was signed by those keys counts once `next_root` gives the role new ones, and
    /// verifiers accept revocations then that have lost denials. Only those of keys are left
    /// out that nothing names: neither the published statement and the next one, nor the statement
    /// of an organization that one of them grants trust to, nor a row. A key that a statement
    /// trusts is not accepted again, and neither is one that it denies, which earlier statements
    /// may have trusted.
    ///
    /// `next_root` is the root document that the revocations are about, if it is new, and
    /// `next_statement` the statement that is published with them, if it may say more.
    pub(crate) async fn denials_to_take_over(
        &self,
        published: &SignedTrust,
        stored: &StoredDocuments,
        (next_root, next_statement): (Option<&RootDocument>, Option<&TrustStatement>),
    ) -> Result<TakenOver, TrustError> {
        let own = published.own();
        let (org, before) = (own.owner().id, &own.revocations().denied);
        let all = TakenOver { denied: before.clone(), unknown: Vec::new() };
        // Verifiers may have pinned a root document before the one that is pinned here.
        let starts_again = next_root.is_some_and(|next| {
            own.would_have_new_keys(Role::Revocation, next, stored.unverified_roots(org))
        });
        if before.len() <= ALWAYS_TAKEN_OVER || !starts_again {
            return Ok(all);
        }
        let (mut named, mut unknown) = (BTreeSet::new(), Vec::new());
        for statement in [Some(own.statement()), next_statement].into_iter().flatten() {
            named.extend(statement.keys.keys().chain(statement.denied.keys()).copied());
        }
        let next_children = next_statement.map(|next| (next, stored.children(&next.grants)));
        let next_children = next_children.as_ref().map(|(next, children)| (*next, children));
        let children = [Some((own.statement(), published.children())), next_children];
        for (statement, children) in children.into_iter().flatten() {
            for (child, documents) in children {
                match documents {
                    Ok(documents) => named.extend(documents.statement().keys.keys().copied()),
                    Err(_) => unknown.push(statement.grants[child].child_name.clone()),
                }
            }
        }
        if !unknown.is_empty() {
            return Ok(TakenOver { unknown, ..all });
        }
        let rows = read_all(&self.store, org, usize::MAX).await?;
        let is_named =
            |key: &Fingerprint| named.contains(key) || rows.keys.get(key).is_some_and(matters);
        let mut denied = all.denied;
        denied.retain(|key, _| is_named(key));
        Ok(TakenOver { denied, unknown })
    }
}

/// Whether rows deny a key or trust it. What other organizations deny does not bear on it.
fn matters(key: &KeyTrust) -> bool {
    key.is_unreadable
        || key.compromised_at.is_some()
        || key
            .entries
            .iter()
            .any(|entry| !matches!(entry.by, StatedBy::Child(..)) || entry.status.revoked.is_none())
}
