use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use signing_crypto::{OrgId, PackageDigest};

use super::in_transaction::{SignatureGate, StoreSignatures};
use super::{PackageSignatureRecord, SIGNATURES_IN_ALL, SIGNATURES_PER_ORG};
use crate::error::StoreError;
use crate::pool::read;
use crate::sql_types::{Bytes, Id, bind};
use crate::store::StoreReader;

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
