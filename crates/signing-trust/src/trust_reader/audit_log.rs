use signing_crypto::{
    AuditCheckpoint, OrgId, SignedCheckpoint, Signer, StatementTime, VerifiedCheckpoint,
};
use signing_store::{AuditAnchor, IntactLog, OrganizationRef};

use super::TrustReader;
use crate::audit::{AuditEvent, EventType};
use crate::clock::clock_time;
use crate::error::TrustError;

impl TrustReader {
    /// Reads an organization's whole audit log, deleted or not, and checks that it
    /// is as it was written; with checkpoints, also that it goes on from each.
    ///
    /// Without a checkpoint, this does not detect a log that was rewritten as a whole, or cut
    /// together with its head: a user who can write the database can compute hashes.
    ///
    /// # Errors
    ///
    /// [`TrustError::AuditLogBroken`] with the first fault;
    /// [`TrustError::CheckpointOfAnotherStore`] and
    /// [`TrustError::CheckpointOfAnotherOrganization`] before anything is read.
    pub async fn verify_audit_log(
        &self,
        org: OrgId,
        checkpoints: &[VerifiedCheckpoint],
    ) -> Result<IntactLog, TrustError> {
        self.verify_log_after(org, checkpoints.iter().map(VerifiedCheckpoint::checkpoint)).await
    }

    async fn verify_log_after(
        &self,
        org: OrgId,
        checkpoints: impl ExactSizeIterator<Item = &AuditCheckpoint>,
    ) -> Result<IntactLog, TrustError> {
        let mut anchors = Vec::with_capacity(checkpoints.len());
        let store = match checkpoints.len() {
            0 => None,
            _ => Some(self.store.state().await?.store_id),
        };
        for checkpoint in checkpoints {
            if let Some(found) = store.filter(|store| *store != checkpoint.store) {
                let expected = checkpoint.store;
                return Err(TrustError::CheckpointOfAnotherStore { expected, found });
            }
            if checkpoint.org != org {
                let (expected, found) = (checkpoint.org, org);
                return Err(TrustError::CheckpointOfAnotherOrganization { expected, found });
            }
            // No log is as long as that, so it is found to be cut off.
            let sequence = i64::try_from(checkpoint.sequence).unwrap_or(i64::MAX);
            anchors.push(AuditAnchor { sequence, entry_hash: checkpoint.entry_hash });
        }
        self.store.verify_audit_log(org, anchors).await?.map_err(|fault| {
            AuditEvent::new(EventType::AuditLogBroken).org(org).failure(&fault).emit();
            fault.into()
        })
    }

    /// Verifies an organization's audit log and signs its head. Keep the checkpoint where a
    /// user who can write the database cannot write.
    ///
    /// The log must continue from `replaced`, the checkpoints whose place the new one takes.
    /// Nobody has to have verified them: a false one prevents a signature and never causes one.
    ///
    /// # Errors
    ///
    /// As [`verify_audit_log`](Self::verify_audit_log): a broken log is not signed.
    /// [`TrustError::Clock`], [`TrustError::Signer`].
    pub async fn sign_checkpoint(
        &self,
        org: OrgId,
        signer: &dyn Signer,
        replaced: &[AuditCheckpoint],
    ) -> Result<(AuditCheckpoint, SignedCheckpoint), TrustError> {
        let log = self.verify_log_after(org, replaced.iter()).await?;
        let checkpoint = AuditCheckpoint {
            store: self.store.state().await?.store_id,
            org,
            org_name: self.store.organization(OrganizationRef::Id(org)).await?.name,
            sequence: log.entries.unsigned_abs(),
            entry_hash: log.entry_hash,
            created_at: StatementTime::new(clock_time()).map_err(TrustError::Clock)?,
        };
        let signed = SignedCheckpoint::sign(&checkpoint, signer)?;
        AuditEvent::new(EventType::CheckpointSigned)
            .org(org)
            .fingerprint(signer.verifying_key().fingerprint())
            .log_entry(checkpoint.sequence, checkpoint.entry_hash)
            .emit();
        Ok((checkpoint, signed))
    }
}
