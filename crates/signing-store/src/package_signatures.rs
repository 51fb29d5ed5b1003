mod keeping;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use signing_crypto::{Fingerprint, OrgId, PackageDigest, SignatureEnvelope, SignatureId};

use crate::audit_log::AuditChain;
use crate::pool::{change, read};
use crate::sql_types::{Bytes, Id, Instant, bind};
use crate::{Change, Store, StoreError};

pub(crate) use keeping::{KeepSignatures, SignatureGate};

/// How many signatures of one organisation are looked at for one package: the
/// newest. Without a limit a granted organisation could make looking them up
/// take for ever.
pub const SIGNATURES_PER_ORG: usize = 16;

/// A kept signature.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName)]
pub struct PackageSignatureRecord {
    /// Its id.
    #[diesel(sql_type = Id)]
    pub id: SignatureId,
    /// The organisation that keeps it.
    #[diesel(sql_type = Id)]
    pub org_id: OrgId,
    /// The package that it is about, as whoever stored it said.
    #[diesel(sql_type = Bytes)]
    pub package_digest: PackageDigest,
    /// The envelope's JSON. Nothing about it has been checked.
    #[diesel(sql_type = Text)]
    pub envelope: String,
    /// When it was stored.
    #[diesel(sql_type = Instant)]
    pub created_at: DateTime<Utc>,
}

/// A signature to keep.
#[derive(Clone, Debug)]
pub struct NewPackageSignature {
    /// The organisation that keeps it.
    pub org_id: OrgId,
    /// The package that it is about.
    pub package_digest: PackageDigest,
    /// The signature.
    pub envelope: SignatureEnvelope,
}

impl Store {
    /// Keeps a signature; the same one is kept once. It changes no trust, so it is not
    /// in the audit log, and whoever may add signatures need not be able to touch that.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`] or [`StoreError::OrganizationDeleted`].
    pub async fn insert_package_signature(
        &self,
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        change!(self, |conn| {
            conn.keep_others_out(new.org_id, new.package_digest).await?;
            conn.insert_signature(new).await
        })
    }

    /// Keeps a signature that was made in the knowledge of `seen`, all that
    /// [`own_package_signatures`](Self::own_package_signatures) gave. `None`, and
    /// nothing is kept, if it would give something else by now.
    ///
    /// # Errors
    ///
    /// As [`insert_package_signature`](Self::insert_package_signature).
    pub async fn insert_package_signature_beside(
        &self,
        seen: &[PackageSignatureRecord],
        new: NewPackageSignature,
    ) -> Result<Option<Change<SignatureId>>, StoreError> {
        let seen = seen.to_vec();
        change!(self, |conn| {
            conn.keep_others_out(new.org_id, new.package_digest).await?;
            conn.insert_signature_beside(&seen, new).await
        })
    }

    /// Keeps a signature that a key gives on the word of the key `vouching`, and in the
    /// knowledge of `seen`.
    ///
    /// # Errors
    ///
    /// As [`insert_package_signature_beside`](Self::insert_package_signature_beside);
    /// [`StoreError::Compromised`] and [`StoreError::KeyRefused`] if the organisation
    /// does not take the word of `vouching` any more.
    pub async fn insert_vouched_signature(
        &self,
        vouching: Fingerprint,
        seen: &[PackageSignatureRecord],
        new: NewPackageSignature,
    ) -> Result<Option<Change<SignatureId>>, StoreError> {
        let seen = seen.to_vec();
        change!(self, |conn| {
            conn.lock_organization(new.org_id).await?;
            conn.require_word_of(vouching, new.org_id).await?;
            conn.keep_others_out(new.org_id, new.package_digest).await?;
            conn.insert_signature_beside(&seen, new).await
        })
    }

    /// The signatures about a package that `org` keeps, then those that the
    /// organisations keep which it granted trust: of each the newest
    /// [`SIGNATURES_PER_ORG`], newest first.
    pub async fn package_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(diesel::sql_query(NEWEST_SIGNATURES)
                .bind::<Id, _>(bind(org))
                .bind::<Bytes, _>(bind(digest))
                .bind::<BigInt, _>(SIGNATURES_PER_ORG as i64)
                .load(conn)
                .await?)
        })
    }

    /// The signatures about a package that `org` itself keeps: the newest
    /// [`SIGNATURES_PER_ORG`], newest first.
    pub async fn own_package_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        read!(self.pool, |conn| { conn.newest_signatures(org, digest).await })
    }
}

pub(crate) fn digest_of(envelope: &str) -> PackageDigest {
    PackageDigest::from_bytes(Sha256::digest(envelope.as_bytes()).into())
}

/// The query language has no window functions, hence as text.
const NEWEST_SIGNATURES: &str = "
    SELECT id, org_id, package_digest, envelope, created_at
    FROM (
        SELECT s.id, s.org_id, s.package_digest, s.envelope, s.created_at, reachable.inherited,
               ROW_NUMBER() OVER (PARTITION BY s.org_id ORDER BY s.created_at DESC, s.id) AS newest
        FROM (
            SELECT id AS org_id, 0 AS inherited FROM organizations
            WHERE id = $1 AND deleted_at IS NULL
            UNION ALL
            SELECT g.child_org_id, 1 FROM trust_grants g
            JOIN organizations child ON child.id = g.child_org_id
            WHERE g.parent_org_id = $1 AND g.revoked_at IS NULL AND child.deleted_at IS NULL
        ) AS reachable
        JOIN package_signatures s ON s.org_id = reachable.org_id AND s.package_digest = $2
    ) AS ranked
    WHERE newest <= $3
    ORDER BY inherited, created_at DESC, id";
