use std::collections::BTreeMap;

use signing_crypto::{Fingerprint, OrgId, RootDigest};
use signing_trust::store::OrganizationRecord;
use signing_trust::{
    DocumentExpiries, DocumentPlan, KeyManager, NextDocuments, StatementChange, TrustReader,
};

use super::publication::publish_or_draft;
use super::role_keys::KeyRing;
use crate::cli::{ChildRoot, Init};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Report, warn};
use crate::select::{self, organization};
use crate::signed_trust::root_digests;

/// Publishes an organization's first documents.
pub(super) async fn init(context: &Context, command: Init) -> Result<Report, CliError> {
    let keys = context.open_to_change().await?;
    let org = select::organization_or_default(context, &keys, command.org.as_ref()).await?;
    publish_first(context, (&keys, &org), command, None).await
}

/// Publishes what the rows of an organization trust as its first documents. Nobody is asked if
/// all that they state is trust in the key `expected`: everything else may be somebody else's row.
pub(in crate::commands) async fn publish_first(
    context: &Context,
    (keys, org): (&KeyManager, &OrganizationRecord),
    mut command: Init,
    expected: Option<Fingerprint>,
) -> Result<Report, CliError> {
    let mut ring = KeyRing::default();
    let root = ring.add_roles(&command.roles, &command.publication.access(), None)?;
    let plan = DocumentPlan::First {
        root,
        child_roots: child_roots(keys, &command.statement.child_root).await?,
        expires: DocumentExpiries {
            statement: command.statement.expires,
            revocations: command.statement.revocations_expires,
        },
    };
    let next = keys.draft_documents(org, None, plan).await?;
    command.publication.yes |= expected.is_some_and(|key| trusts_only(&next, key));
    let signers = ring.signers_needed_for(&next.documents);
    publish_or_draft(context, (keys, org), next, &signers, None, &command.publication).await
}

fn trusts_only(next: &NextDocuments, key: Fingerprint) -> bool {
    let is_that = |change: &StatementChange| matches!(change, StatementChange::Trusts(trusted, _) if *trusted == key);
    next.changes.len() == 1 && next.changes.iter().all(is_that)
}

pub(super) async fn child_roots(
    keys: &TrustReader,
    given: &[ChildRoot],
) -> Result<BTreeMap<OrgId, RootDigest>, CliError> {
    let mut roots = BTreeMap::new();
    for ChildRoot { org, digest } in given {
        let child = organization(keys, org).await?;
        warn_unless_known(keys, &child, digest).await?;
        roots.insert(child.id, *digest);
    }
    Ok(roots)
}

/// Warns about a digest that no root document of the organization has in this store: its keys would
/// not count.
async fn warn_unless_known(
    keys: &TrustReader,
    child: &OrganizationRecord,
    digest: &RootDigest,
) -> Result<(), CliError> {
    let texts = keys.unverified_documents(child.id).await?.unwrap_or_default();
    let digests: Vec<_> = root_digests(&texts).collect();
    if digests.contains(digest) {
        return Ok(());
    }
    let shown = match digests.last() {
        Some(newest) => format!("the store shows {newest}: ask {} which is right", child.name),
        None => "the store has none of its root documents".to_owned(),
    };
    warn(&format!(
        "{digest} is not the root of {name} in this store, and the keys of {name} do not count: \
         {shown}",
        name = child.name
    ));
    Ok(())
}
