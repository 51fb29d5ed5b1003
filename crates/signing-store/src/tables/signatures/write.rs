use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId, SignatureEnvelope, SignatureId};

use super::in_transaction::{SignatureGate, StoreSignatures};
use super::{NewPackageSignature, PackageSignatureRecord, StoreCondition};
use crate::error::StoreError;
use crate::pool::now;
use crate::schema::package_signatures;
use crate::sql_types::{EnvelopeDigest, bind};
use crate::state::change;
use crate::store::{Change, Store};
use crate::tables::audit::{AuditChain, AuditEntry};

impl Store {
    /// Keeps a signature; the same one is kept once. It changes no trust, so it is not
    /// in the audit log, and a role that adds signatures needs no access to that.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`] or [`StoreError::OrganizationDeleted`];
    /// [`StoreError::SignaturesChanged`] if what is kept is not [`StoreCondition::unchanged`];
    /// [`StoreError::Compromised`] and [`StoreError::KeyRefused`] if the organization refuses
    /// the key [`StoreCondition::not_refused`].
    pub async fn store_signature(
        &self,
        new: NewPackageSignature,
        only: StoreCondition,
    ) -> Result<Change<SignatureId>, StoreError> {
        let (org, digest) = (new.org_id, new.package_digest);
        change!(self, |conn| {
            conn.lock_signatures(org).await?;
            if let Some(existing_signer) = only.not_refused {
                conn.lock_organization(org).await?;
                conn.require_not_refused(existing_signer, org).await?;
            }
            if let Some(expected) = only.unchanged
                && conn.newest_signatures(org, digest).await? != expected
            {
                return Err(StoreError::SignaturesChanged { digest });
            }
            conn.insert_signature(new).await
        })
    }

    /// Replaces the stored signature `before` by `envelope`: the same with a
    /// signature more, which another key makes because the key `existing_signer` has signed.
    /// Nothing is changed if the organization keeps it already, there or elsewhere.
    ///
    /// # Errors
    ///
    /// [`StoreError::SignaturesChanged`] if `before` is another by now, or kept no more;
    /// [`StoreError::Compromised`] and [`StoreError::KeyRefused`] if the organization
    /// refuses `existing_signer`.
    pub async fn replace_package_signature(
        &self,
        before: &PackageSignatureRecord,
        existing_signer: Fingerprint,
        envelope: &SignatureEnvelope,
    ) -> Result<Change<SignatureId>, StoreError> {
        let (id, org, digest) = (before.id, before.org_id, before.package_digest);
        let (envelope, old) = (envelope.to_json(), EnvelopeDigest::of(before.envelope.as_bytes()));
        let new = EnvelopeDigest::of(envelope.as_bytes());
        change!(self, |conn| {
            conn.lock_signatures(org).await?;
            conn.lock_organization(org).await?;
            conn.require_not_refused(existing_signer, org).await?;
            let kept: Option<SignatureId> = package_signatures::table
                .filter(package_signatures::org_id.eq(bind(org)))
                .filter(package_signatures::package_digest.eq(bind(digest)))
                .filter(package_signatures::envelope_digest.eq(bind(new)))
                .select(package_signatures::id)
                .get_result(conn)
                .await
                .optional()?;
            if let Some(kept) = kept {
                return Ok(Change::Unchanged(kept));
            }
            let replaced = diesel::update(package_signatures::table.find(bind(id)))
                .filter(package_signatures::envelope_digest.eq(bind(old)))
                .set((
                    package_signatures::envelope.eq(envelope),
                    package_signatures::envelope_digest.eq(bind(new)),
                ))
                .execute(conn)
                .await?;
            match replaced {
                1 => Ok(Change::Made(id)),
                _ => Err(StoreError::SignaturesChanged { digest }),
            }
        })
    }

    /// Removes a stored signature of `org`, which may be deleted, and writes that into its
    /// audit log. It does not wait for transactions that keep signatures.
    ///
    /// # Errors
    ///
    /// [`StoreError::SignatureNotFound`].
    pub async fn remove_package_signature(
        &self,
        org: OrgId,
        id: SignatureId,
        entry: AuditEntry,
    ) -> Result<(), StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_chain(org).await?;
            let removed = diesel::delete(package_signatures::table.find(bind(id)))
                .filter(package_signatures::org_id.eq(bind(org)))
                .execute(conn)
                .await?;
            if removed == 0 {
                return Err(StoreError::SignatureNotFound { id });
            }
            conn.append(head, at, entry, after_commit).await
        })
    }
}
