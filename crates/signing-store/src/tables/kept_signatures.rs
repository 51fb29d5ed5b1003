use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId, SignatureEnvelope, SignatureId};

use crate::error::StoreError;
use crate::pool::read;
use crate::schema::package_signatures;
use crate::sql_types::bind;
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::AuditChain;
use crate::tables::package_signatures::{
    KeepSignatures, PackageSignatureRecord, SignatureGate, digest_of,
};

impl StoreReader {
    /// The signatures that `org` keeps, in the order of their ids: at most `limit`, of
    /// those after `after`.
    pub async fn kept_signatures(
        &self,
        org: OrgId,
        after: Option<SignatureId>,
        limit: u16,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        // No id is lower than that of all zeros, and none is that.
        let after = after.unwrap_or_else(|| uuid::Uuid::nil().into());
        read!(self.pool, |conn| {
            Ok(package_signatures::table
                .filter(package_signatures::org_id.eq(bind(org)))
                .filter(package_signatures::id.gt(bind(after)))
                .order(package_signatures::id)
                .limit(limit.into())
                .select(PackageSignatureRecord::as_select())
                .load(conn)
                .await?)
        })
    }

    /// A kept signature as it is now, `None` if it is kept no more.
    pub async fn kept_signature(
        &self,
        id: SignatureId,
    ) -> Result<Option<PackageSignatureRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(package_signatures::table
                .find(bind(id))
                .select(PackageSignatureRecord::as_select())
                .get_result(conn)
                .await
                .optional()?)
        })
    }
}

impl Store {
    /// Puts `envelope` in the place of the kept signature `before`: the same with a
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
        let (envelope, old) = (envelope.to_json(), digest_of(before.envelope.as_bytes()));
        let new = digest_of(envelope.as_bytes());
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
}
