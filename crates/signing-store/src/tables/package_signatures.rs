mod keeping;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use signing_crypto::{Fingerprint, OrgId, PackageDigest, SignatureEnvelope, SignatureId};

use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::package_signatures;
use crate::sql_types::{Bytes, Id, StoredText, bind};
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};

pub(crate) use keeping::{KeepSignatures, SignatureGate};

/// How many signatures of one organization are looked at for one package: the
/// newest. Without a limit a granted organization could make looking them up
/// take any time.
pub const SIGNATURES_PER_ORG: usize = 16;

/// How many are looked at in all: those of the organization itself first, then the newest
/// of each one that it granted trust, then the second of each.
pub const SIGNATURES_IN_ALL: usize = 128;

/// A kept signature. Nothing in it can fail to be read: a row that holds anything else than
/// an envelope is one signature that does not count, and does not hide the others.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = package_signatures)]
#[non_exhaustive]
pub struct PackageSignatureRecord {
    /// Its id.
    #[diesel(sql_type = Id)]
    pub id: SignatureId,
    /// The organization that keeps it.
    #[diesel(sql_type = Id)]
    pub org_id: OrgId,
    /// The package that it is about, according to the program that stored it.
    #[diesel(sql_type = Bytes)]
    pub package_digest: PackageDigest,
    /// The envelope's JSON. Nothing about it has been checked.
    #[diesel(sql_type = Text)]
    pub envelope: StoredText,
}

/// A signature to keep.
#[derive(Clone, Debug)]
pub struct NewPackageSignature {
    /// The organization that keeps it.
    pub org_id: OrgId,
    /// The package that it is about.
    pub package_digest: PackageDigest,
    /// The signature.
    pub envelope: SignatureEnvelope,
}

impl StoreReader {
    /// The signatures about a package that `org` keeps, then those that the
    /// organizations keep which it granted trust: of each the newest
    /// [`SIGNATURES_PER_ORG`], in all [`SIGNATURES_IN_ALL`]. What is tried first comes first.
    pub async fn package_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<PackageSignatureRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(diesel::sql_query(conn.newest_of_each())
                .bind::<Id, _>(bind(org))
                .bind::<Bytes, _>(bind(digest))
                .bind::<BigInt, _>(SIGNATURES_PER_ORG as i64)
                .bind::<BigInt, _>(SIGNATURES_IN_ALL as i64)
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

impl Store {
    /// Keeps a signature; the same one is kept once. It changes no trust, so it is not
    /// in the audit log, and a role that adds signatures needs no access to that.
    ///
    /// # Errors
    ///
    /// [`StoreError::OrganizationNotFound`] or [`StoreError::OrganizationDeleted`].
    pub async fn insert_package_signature(
        &self,
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        change!(self, |conn| {
            conn.lock_signatures(new.org_id).await?;
            conn.insert_signature(new).await
        })
    }

    /// Keeps a signature if [`own_package_signatures`](StoreReader::own_package_signatures)
    /// still gives `expected`.
    ///
    /// # Errors
    ///
    /// [`StoreError::SignaturesChanged`] if it gives something else; otherwise as
    /// [`insert_package_signature`](Self::insert_package_signature).
    pub async fn insert_signature_if_unchanged(
        &self,
        expected: &[PackageSignatureRecord],
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        let expected = expected.to_vec();
        change!(self, |conn| {
            conn.lock_signatures(new.org_id).await?;
            conn.insert_signature_if_unchanged(&expected, new).await
        })
    }

    /// Keeps a signature that another key makes because the key `existing_signer` has signed,
    /// if what is kept is still `expected`.
    ///
    /// # Errors
    ///
    /// As [`insert_signature_if_unchanged`](Self::insert_signature_if_unchanged);
    /// [`StoreError::Compromised`] and [`StoreError::KeyRefused`] if the organization
    /// refuses `existing_signer`.
    pub async fn insert_signature_for(
        &self,
        existing_signer: Fingerprint,
        expected: &[PackageSignatureRecord],
        new: NewPackageSignature,
    ) -> Result<Change<SignatureId>, StoreError> {
        let expected = expected.to_vec();
        change!(self, |conn| {
            conn.lock_signatures(new.org_id).await?;
            conn.lock_organization(new.org_id).await?;
            conn.require_not_refused(existing_signer, new.org_id).await?;
            conn.insert_signature_if_unchanged(&expected, new).await
        })
    }

    /// Removes a kept signature of `org`, which may be deleted, and writes that into its
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
        change!(self, |conn| {
            let head = conn.lock_chain(org).await?;
            let removed = diesel::delete(package_signatures::table.find(bind(id)))
                .filter(package_signatures::org_id.eq(bind(org)))
                .execute(conn)
                .await?;
            if removed == 0 {
                return Err(StoreError::SignatureNotFound { id });
            }
            conn.append(head, at, entry).await
        })
    }
}

pub(crate) fn digest_of(envelope: &[u8]) -> PackageDigest {
    PackageDigest::from_bytes(Sha256::digest(envelope).into())
}
