use chrono::{SubsecRound, Utc};
use signing_crypto::{AuditCheckpoint, OrgId, SignedCheckpoint, SigningKey, VerifiedCheckpoint};
use signing_store::{AuditAnchor, IntactLog, OrganizationRef};

use super::KeyManager;
use crate::{AuditEvent, EventType, TrustError};

impl KeyManager {
    /// Reads an organisation's whole audit log, deleted or not, and checks that it
    /// is as it was written; with a checkpoint, also that it goes on from there.
    ///
    /// Without a checkpoint a log that was rewritten whole, or cut together with its
    /// head, is not found out: whoever can write the database can compute hashes.
    ///
    /// # Errors
    ///
    /// [`TrustError::AuditLogBroken`] with the first fault;
    /// [`TrustError::CheckpointOfAnotherStore`] and
    /// [`TrustError::CheckpointOfAnotherOrganization`] before anything is read.
    pub async fn verify_audit_log(
        &self,
        org: OrgId,
        checkpoint: Option<&VerifiedCheckpoint>,
    ) -> Result<IntactLog, TrustError> {
        let mut anchor = None;
        if let Some(checkpoint) = checkpoint.map(VerifiedCheckpoint::checkpoint) {
            let store = self.store.state().await?.store_id;
            if checkpoint.store != store {
                let (expected, found) = (checkpoint.store, store);
                return Err(TrustError::CheckpointOfAnotherStore { expected, found });
            }
            if checkpoint.org != org {
                let (expected, found) = (checkpoint.org, org);
                return Err(TrustError::CheckpointOfAnotherOrganization { expected, found });
            }
            // No log is as long as that, so it is found to be cut off.
            let sequence = i64::try_from(checkpoint.sequence).unwrap_or(i64::MAX);
            anchor = Some(AuditAnchor { sequence, entry_hash: checkpoint.entry_hash });
        }
        self.store.verify_audit_log(org, anchor).await?.map_err(|fault| {
            AuditEvent::new(EventType::AuditLogBroken).org(org).failure(&fault).emit();
            fault.into()
        })
    }

    /// Verifies an organisation's audit log and signs what it has come to, to be
    /// kept where whoever can write the database cannot.
    ///
    /// # Errors
    ///
    /// [`TrustError::AuditLogBroken`]: a broken log is not signed.
    pub async fn sign_checkpoint(
        &self,
        org: OrgId,
        key: &SigningKey,
    ) -> Result<(AuditCheckpoint, SignedCheckpoint), TrustError> {
        let log = self.verify_audit_log(org, None).await?;
        let checkpoint = AuditCheckpoint {
            store: self.store.state().await?.store_id,
            org,
            org_name: self.organization(OrganizationRef::Id(org)).await?.name,
            sequence: log.entries.unsigned_abs(),
            entry_hash: log.entry_hash,
            created_at: Utc::now().trunc_subsecs(6),
        };
        let signed = SignedCheckpoint::sign(&checkpoint, key);
        AuditEvent::new(EventType::CheckpointSigned)
            .org(org)
            .fingerprint(key.fingerprint())
            .log_entry(checkpoint.sequence, checkpoint.entry_hash)
            .emit();
        Ok((checkpoint, signed))
    }
}
