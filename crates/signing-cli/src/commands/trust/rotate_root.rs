use signing_crypto::TrustDocumentKind;
use signing_trust::{DocumentExpiries, DocumentPlan, SignedTrustError};

use super::publication::publish_or_draft;
use super::role_keys::{KeyRing, require_roles};
use crate::cli::RotateRoot;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Report;
use crate::select;
use crate::signed_trust;

/// Publishes the next root document, and what other keys must sign from now on.
pub(super) async fn rotate_root(
    context: &Context,
    command: RotateRoot,
) -> Result<Report, CliError> {
    let keys = context.open_to_change().await?;
    let org = select::organization_or_default(context, &keys, command.org.as_ref()).await?;
    let anchor = signed_trust::anchor(&command.anchor)?;
    let access = command.publication.access();
    let mut ring = KeyRing::default();
    ring.add_signers(&command.key, &access)?;
    let old_keys: Vec<_> = ring.signers().map(|(fingerprint, _)| fingerprint).collect();
    let published = keys.published_trust(org.id, &anchor).await?;
    let missing = SignedTrustError::Missing { org: org.id, kind: TrustDocumentKind::Root };
    let published = published.ok_or(missing)?;
    let root = ring.add_roles(&command.roles, &access, Some(published.root().document()))?;
    let plan = DocumentPlan::RotateRoot {
        root,
        signers: ring.signers().map(|(fingerprint, _)| fingerprint).collect(),
        expires: DocumentExpiries {
            statement: command.expires,
            revocations: command.revocations_expires,
        },
    };
    let next = keys.draft_documents(&org, Some(&anchor), plan).await?;
    require_roles(&next.documents, old_keys)?;
    let signers = ring.signers_needed_for(&next.documents);
    let publication = &command.publication;
    let from = Some((&anchor, &command.anchor.trust_root));
    publish_or_draft(context, (&keys, &org), next, &signers, from, publication).await
}
