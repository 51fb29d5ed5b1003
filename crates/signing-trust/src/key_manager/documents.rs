//! Publishing trust: what rows say becomes a statement that root keys have signed.

use signing_crypto::{DocumentTexts, DraftDocuments, SignedDocument, TrustDocument};
use signing_store::NewTrustDocument;

use super::KeyManager;
use crate::audit::EventType;
use crate::clock::clock_time;
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::signed::{SeenDocuments, TrustAnchor, VerifiedDocuments, require_admissible};

impl KeyManager {
    /// Publishes documents: runners with a pinned root believe them from now on.
    ///
    /// # Errors
    ///
    /// Documents that do not verify from the pinned root, that are older than what was seen
    /// before, that have expired, that were made for another root document
    /// ([`TrustError::DraftForAnotherRoot`]) or that give trust which rows have taken away
    /// ([`TrustError::DraftOutdated`]) are not published. If the memory fails
    /// ([`SignedTrustError::Memory`]), they may have been published.
    ///
    /// A document that the draft does not replace may have expired, for those who sign one may
    /// not have the keys of the other. Nothing is trusted until it is replaced as well:
    /// [`VerifiedDocuments::expired`] says which.
    pub async fn publish_documents(
        &self,
        draft: &DraftDocuments,
        anchor: &TrustAnchor,
    ) -> Result<VerifiedDocuments, TrustError> {
        let org = draft.org();
        let mut stored = self.stored_documents(org).await?;
        let before = match stored.texts.contains_key(&org) {
            true => Some(stored.verify(org, anchor)?.into_own()),
            false => None,
        };
        self.require_current_draft(draft, before.as_ref()).await?;
        if let Some(before) = &before {
            require_all_revocations(draft, before)?;
        }
        let new = new_documents(draft);
        stored.add(org, new.clone());
        let verified = VerifiedDocuments::verify(
            org,
            stored.texts.get(&org).unwrap_or(&DocumentTexts::default()),
            anchor.root(),
        )?;
        let as_of = self.store.heartbeat().await?.as_of;
        let kinds = new.iter().map(|document| document.kind).collect();
        verified.require_current_of(&kinds, clock_time(), as_of)?;
        require_admissible(&verified, anchor)?;
        let event = self.event(EventType::TrustPublished).org(org).documents(versions(&new));
        self.change(event, |store, entry| store.add_trust_documents(org, new, entry)).await?;
        let admit = |seen: &mut SeenDocuments| seen.admit(anchor.root().digest(), &verified);
        anchor.admit(admit)?;
        Ok(verified)
    }
}

/// Revocations accumulate.
fn require_all_revocations(
    draft: &DraftDocuments,
    published: &VerifiedDocuments,
) -> Result<(), SignedTrustError> {
    let Some(revocations) = draft.revocations() else { return Ok(()) };
    let denied = &revocations.unverified().denied;
    let mut before = published.revocations().denied.keys();
    match before.find(|key| !denied.contains_key(key)) {
        Some(&fingerprint) => {
            let org = published.owner();
            Err(SignedTrustError::RevocationTakenBack { org, fingerprint })
        }
        None => Ok(()),
    }
}

fn new_documents(draft: &DraftDocuments) -> Vec<NewTrustDocument> {
    let root = draft.root().map(new_document);
    let statement = draft.statement().map(new_document);
    let revocations = draft.revocations().map(new_document);
    [root, statement, revocations].into_iter().flatten().collect()
}

fn new_document<D: TrustDocument>(signed: &SignedDocument<D>) -> NewTrustDocument {
    let version = signed.unverified().header().version;
    NewTrustDocument { kind: D::KIND, version, envelope: signed.to_json() }
}

/// The documents by kind and version, such as `root 2, statement 3`.
fn versions(documents: &[NewTrustDocument]) -> String {
    let each = documents.iter().map(|document| format!("{} {}", document.kind, document.version));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
