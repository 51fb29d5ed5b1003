use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::Role;
use signing_trust::{DocumentPlan, NextDocuments, StatementContent, VerifiedDocuments};

use super::chosen_key::ChosenKey;
use super::init::child_roots;
use super::publication::{publish_or_draft, read_draft};
use super::role_keys::KeyRing;
use crate::cli::{OrgReference, PublishDraft, PublishRows};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Report;
use crate::select::{self, organization};
use crate::signed_trust;

/// Publishes what the rows of the store trust.
pub(super) async fn publish_rows(
    context: &Context,
    command: PublishRows,
) -> Result<Report, CliError> {
    let keys = context.open_to_change().await?;
    let org = select::organization_or_default(context, &keys, command.org.as_ref()).await?;
    let anchor = signed_trust::anchor(&command.anchor)?;
    let published = keys.published_trust_with_children(org.id, &anchor).await?;
    let missing = CliError::NoTrustDocuments { org: org.name.clone() };
    let published = published.ok_or(missing)?;
    let mut ring = KeyRing::default();
    ring.add_signers(&command.keys, &command.publication.access())?;
    let root = published.own.root().document();
    let has_key_of =
        |role| ring.signers().any(|(fingerprint, _)| root.role(role).keys().contains(&fingerprint));
    let chosen = |named| ChosenKey::stated(&org.name, named, &published);
    let denied = command.deny.iter().map(|named| Ok(chosen(named)?.fingerprint()));
    let deny: BTreeSet<_> = denied.collect::<Result<_, CliError>>()?;
    let statement = command.statement;
    let plan = DocumentPlan::Next {
        child_roots: child_roots(&keys, &statement.child_root).await?,
        statement_expires_at: has_key_of(Role::Trust).then_some(statement.expires),
        revocations_expire_at: (has_key_of(Role::Revocation) || !deny.is_empty())
            .then_some(statement.revocations_expires),
        deny,
    };
    if let DocumentPlan::Next { statement_expires_at: None, revocations_expire_at: None, .. } =
        &plan
        && let Some((fingerprint, _)) = ring.signers().next()
    {
        return Err(signing_crypto::DraftSignatureError::NoRole { fingerprint }.into());
    }
    let next = keys.draft_documents(&org, Some(&anchor), plan).await?;
    let signers: Vec<_> = ring.signers().map(|(_, signer)| signer).collect();
    let publication = &command.publication;
    let from = Some((&anchor, &command.anchor.trust_root));
    publish_or_draft(context, (&keys, &org), next, &signers, from, publication).await
}

/// Publishes a draft that enough keys have signed.
pub(super) async fn publish_draft(
    context: &Context,
    PublishDraft { path, anchor: given, publication }: &PublishDraft,
) -> Result<Report, CliError> {
    let documents = read_draft(path)?;
    let is_first = documents.current_root().is_none();
    if let Some(missing) = documents.missing().into_iter().next() {
        let (draft, source) = (path.clone(), missing.threshold);
        return Err(CliError::NotSigned { draft, is_first, source });
    }
    let anchor = given.as_ref().map(signed_trust::anchor).transpose()?;
    if anchor.is_none() && !is_first {
        return Err(CliError::RootNeeded);
    }
    let keys = context.open_to_change().await?;
    let org = organization(&keys, &OrgReference::Id(documents.org())).await?;
    let published = match &anchor {
        Some(anchor) => keys.published_trust(org.id, anchor).await?,
        None => None,
    };
    keys.require_current_draft(&documents, published.as_ref()).await?;
    let before = published.as_ref().map(VerifiedDocuments::statement);
    let changes = match documents.statement() {
        Some(statement) => StatementContent::from(statement.unverified()).changes(before),
        None => Vec::new(),
    };
    let next = NextDocuments { documents, published, changes, unrooted: BTreeMap::new() };
    let from = anchor.as_ref().zip(given.as_ref().map(|given| &given.trust_root));
    publish_or_draft(context, (&keys, &org), next, &[], from, publication).await
}
