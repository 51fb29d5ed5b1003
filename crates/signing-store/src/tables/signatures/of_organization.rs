use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{OrgId, SignatureId};

use super::PackageSignatureRecord;
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::package_signatures;
use crate::sql_types::bind;
use crate::store::StoreReader;

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
