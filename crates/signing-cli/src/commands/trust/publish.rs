use std::path::Path;

use signing_crypto::Role;
use signing_trust::store::OrganizationRef;
use signing_trust::{
    DocumentPlan, DraftedTrust, NewDocuments, SignedTrustError, TrustDraft, VerifiedDocuments,
};

use super::init::child_roots;
use super::publication::{Destination, PublicationView, publish_or_draft, read_draft};
use super::role_keys::KeyRing;
use crate::cli::{PublishRows, RootSource};
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::Report;
use crate::signed_trust::read_root;
use crate::terminal::Confirmation;

/// Publishes what the rows of the store trust.
pub(super) async fn publish_rows(
    context: &Context,
    command: PublishRows,
) -> Result<Report, CliError> {
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, &command.org).await?;
    let pinned = command.trust_root.as_ref().map(read_root).transpose()?;
    let published = keys.published_trust(org.id, pinned.as_ref()).await?;
    let kind = signing_crypto::TrustDocumentKind::Root;
    let published = published.ok_or(SignedTrustError::Missing { org: org.id, kind })?;
    let mut ring = KeyRing::default();
    ring.add_signers(&command.keys, &command.publication.passphrase())?;
    let root = published.root().document();
    let has_key_of =
        |role| ring.signers().any(|key| root.role(role).keys().contains(&key.fingerprint()));
    let statement = command.statement;
    let plan = DocumentPlan::Next {
        child_roots: child_roots(&keys, &statement.child_root).await?,
        statement: has_key_of(Role::Trust).then_some(statement.expires),
        revocations: (has_key_of(Role::Revocation) || !command.deny.is_empty())
            .then_some(statement.revocations_expires),
        deny: command.deny.into_iter().collect(),
    };
    if let DocumentPlan::Next { statement: None, revocations: None, .. } = &plan
        && let Some(key) = ring.signers().next()
    {
        let fingerprint = key.fingerprint();
        return Err(signing_crypto::DraftSignatureError::NoRole { fingerprint }.into());
    }
    let mut drafted = keys.draft_documents(&org, pinned.as_ref(), plan).await?;
    for key in ring.signers() {
        drafted.documents.sign(key)?;
    }
    publish_or_draft(&keys, &org, drafted, &command.publication).await
}

/// Publishes a draft that enough keys have signed.
pub(super) async fn publish_draft(
    context: &Context,
    path: &Path,
    trust_root: Option<&RootSource>,
    confirmation: Confirmation,
) -> Result<Report, CliError> {
    let documents = read_draft(path)?;
    if let Some(missing) = documents.missing().into_iter().next() {
        return Err(CliError::NotSigned(missing));
    }
    let keys = context.keys_to_change().await?;
    let org = organization(&keys, &OrganizationRef::Id(documents.org())).await?;
    let pinned = trust_root.map(read_root).transpose()?;
    let published = keys.published_trust(org.id, pinned.as_ref()).await?;
    let before = published.as_ref().map(VerifiedDocuments::statement);
    let changes = match documents.statement() {
        Some(statement) => TrustDraft::from(statement.unverified()).changes(before),
        None => Vec::new(),
    };
    let new = NewDocuments::from(&documents);
    let impact = keys.publication_impact(org.id, &new).await?;
    let drafted = DraftedTrust { documents, published, changes, unrooted: Default::default() };
    let mut view = PublicationView::of(&org, &drafted, &impact);
    view.ask(confirmation, Destination::Store)?;
    keys.publish_documents(org.id, &new).await?;
    view.set_published();
    Ok(Report::done(&view))
}
