use signing_crypto::{OrgId, PackageStatement, SignatureEnvelope, SignatureId};
use signing_store::{
    Change, NewPackageSignature, PackageSignatureRecord, StoreCondition, StoreError,
};

use super::KeyManager;
use crate::audit::{AuditEvent, EventType};
use crate::error::TrustError;
use crate::trust_reader::StoredSignatures;

impl KeyManager {
    /// Keeps a signature for `org`, where verifying finds it by the package's
    /// digest. Keeping it is not trusting it.
    pub async fn store_signature(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
    ) -> Result<Change<SignatureId>, TrustError> {
        self.store_signature_if(org, envelope, StoreCondition::default()).await
    }

    /// Keeps a signature that was made in the knowledge of `kept`, such as one of those
    /// with a signature more.
    ///
    /// # Errors
    ///
    /// [`StoreError::SignaturesChanged`] if something else is kept by now: look again, or of
    /// two who add to the same at once one is lost.
    pub async fn store_signature_beside(
        &self,
        kept: &StoredSignatures,
        envelope: &SignatureEnvelope,
    ) -> Result<Change<SignatureId>, TrustError> {
        let only = StoreCondition { unchanged: Some(kept.records.clone()), not_refused: None };
        self.store_signature_if(kept.org, envelope, only).await
    }

    async fn store_signature_if(
        &self,
        org_id: OrgId,
        envelope: &SignatureEnvelope,
        only: StoreCondition,
    ) -> Result<Change<SignatureId>, TrustError> {
        let statement = envelope.unverified_statement()?;
        let (package_digest, envelope) = (*statement.digest(), envelope.clone());
        let new = NewPackageSignature { org_id, package_digest, envelope };
        let change = self.store.store_signature(new, only).await?;
        if let Change::Made(_) = &change {
            announce_stored(org_id, &statement);
        }
        Ok(change)
    }

    /// Removes a signature from the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::SignatureNotFound`].
    pub async fn remove_signature(
        &self,
        id: SignatureId,
    ) -> Result<PackageSignatureRecord, TrustError> {
        let kept = self.store.stored_signature(id).await?;
        let kept = kept.ok_or(StoreError::SignatureNotFound { id })?;
        let (org, digest) = (kept.org_id, kept.package_digest);
        let event = self.event(EventType::SignatureRemoved).org(org).signature(id).digest(digest);
        self.change(event, |store, entry| store.remove_package_signature(org, id, entry)).await?;
        Ok(kept)
    }
}

pub(super) fn announce_stored(org: OrgId, statement: &PackageStatement) {
    AuditEvent::new(EventType::SignatureStored)
        .org(org)
        .package(statement.name())
        .digest(*statement.digest())
        .emit();
}
