//! What is done within the transaction that keeps a signature.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
#[cfg(feature = "postgres")]
use diesel_async::SimpleAsyncConnection;
#[cfg(feature = "postgres")]
use sha2::{Digest, Sha256};
use signing_crypto::{Fingerprint, OrgId, PackageDigest, SignatureId};

use super::{NewPackageSignature, PackageSignatureRecord, SIGNATURES_PER_ORG, digest_of};
use crate::backend::impl_for_connections;
use crate::compromised_keys::CompromisedKeys;
use crate::pool::now;
use crate::schema::{organizations, package_signatures, trusted_keys};
use crate::sql_types::bind;
use crate::{Change, StoreError};

/// The gate of whoever keeps signatures of one organisation about one package. It is
/// passed last, so that nobody waits for anything else behind it.
pub(crate) trait SignatureGate {
    /// Within a transaction: makes all others wait until the commit, so that what is read
    /// next stays true.
    async fn keep_others_out(
        &mut self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<(), StoreError>;
}

/// A lock on rows would need rights that whoever only adds signatures has not.
#[cfg(feature = "postgres")]
impl SignatureGate for crate::backend::PgConnection {
    async fn keep_others_out(
        &mut self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<(), StoreError> {
        let mut hasher = Sha256::new();
        hasher.update(b"cloacina/package-signatures");
        hasher.update(org.as_uuid().as_bytes());
        hasher.update(digest.as_bytes());
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hasher.finalize().into();
        // Two that share a number only wait for each other.
        let number = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        Ok(self.batch_execute(&format!("SELECT pg_advisory_xact_lock({number})")).await?)
    }
}

/// SQLite has one writer at a time.
#[cfg(feature = "sqlite")]
impl SignatureGate for crate::backend::SqliteConnection {
    async fn keep_others_out(&mut self, _: OrgId, _: PackageDigest) -> Result<(), StoreError> {
        Ok(())
    }
}

pub(crate) trait KeepSignatures {
    /// The organisation's own signatures about a package that are looked at.
    async fn newest_signatures(
        &mut self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError>;

    /// Within a transaction: keeps a signature, unless it is kept already.
    async fn insert_signature(
        &mut self,
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError>;

    /// The same, if what is kept about the package is what was seen.
    async fn insert_signature_beside(
        &mut self,
        seen: &[PackageSignatureRecord],
        new: NewPackageSignature,
    ) -> Result<Option<Change<SignatureId>>, StoreError>;

    /// # Errors
    ///
    /// [`StoreError::Compromised`] and [`StoreError::KeyRefused`] if the organisation
    /// does not take the word of the key `vouching`.
    async fn require_word_of(
        &mut self,
        vouching: Fingerprint,
        org: OrgId,
    ) -> Result<(), StoreError>;
}

impl_for_connections!(KeepSignatures {
    async fn newest_signatures(
        &mut self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        Ok(package_signatures::table
            .filter(package_signatures::org_id.eq(bind(org)))
            .filter(package_signatures::package_digest.eq(bind(digest)))
            .order((package_signatures::created_at.desc(), package_signatures::id))
            .limit(SIGNATURES_PER_ORG as i64)
            .select((
                package_signatures::id,
                package_signatures::org_id,
                package_signatures::package_digest,
                package_signatures::envelope,
                package_signatures::created_at,
            ))
            .load(self)
            .await?)
    }

    async fn insert_signature(
        &mut self,
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        let org = new.org_id;
        let envelope = new.envelope.to_json();
        let envelope_digest = digest_of(&envelope);
        let deleted_at: Option<DateTime<Utc>> = organizations::table
            .find(bind(org))
            .select(organizations::deleted_at)
            .get_result(self)
            .await
            .optional()?
            .ok_or(StoreError::OrganizationNotFound)?;
        if deleted_at.is_some() {
            return Err(StoreError::OrganizationDeleted { org });
        }
        let id = SignatureId::random();
        let inserted = diesel::insert_into(package_signatures::table)
            .values((
                package_signatures::id.eq(bind(id)),
                package_signatures::org_id.eq(bind(org)),
                package_signatures::package_digest.eq(bind(new.package_digest)),
                package_signatures::envelope.eq(envelope),
                package_signatures::envelope_digest.eq(bind(envelope_digest)),
                package_signatures::created_at.eq(bind(now())),
            ))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        if inserted == 1 {
            return Ok(Change::Made(id));
        }
        let kept = package_signatures::table
            .filter(package_signatures::org_id.eq(bind(org)))
            .filter(package_signatures::package_digest.eq(bind(new.package_digest)))
            .filter(package_signatures::envelope_digest.eq(bind(envelope_digest)))
            .select(package_signatures::id)
            .get_result(self)
            .await?;
        Ok(Change::AlreadySo(kept))
    }

    async fn insert_signature_beside(
        &mut self,
        seen: &[PackageSignatureRecord],
        new: NewPackageSignature,
    ) -> Result<Option<Change<SignatureId>>, StoreError> {
        match self.newest_signatures(new.org_id, new.package_digest).await? == seen {
            true => Ok(Some(self.insert_signature(new).await?)),
            false => Ok(None),
        }
    }

    async fn require_word_of(
        &mut self,
        vouching: Fingerprint,
        org: OrgId,
    ) -> Result<(), StoreError> {
        self.require_uncompromised(vouching).await?;
        let refused: Option<Option<DateTime<Utc>>> = trusted_keys::table
            .filter(trusted_keys::org_id.eq(bind(org)))
            .filter(trusted_keys::fingerprint.eq(bind(vouching)))
            .select(trusted_keys::revoked_at)
            .get_result(self)
            .await
            .optional()?;
        match refused.flatten() {
            Some(at) => Err(StoreError::KeyRefused { fingerprint: vouching, at }),
            None => Ok(()),
        }
    }
});
