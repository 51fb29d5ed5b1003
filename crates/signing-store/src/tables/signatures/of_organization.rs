use std::vec;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{OrgId, SignatureId};

use super::PackageSignatureRecord;
use crate::error::StoreError;
use crate::pool::read;
use crate::schema::package_signatures;
use crate::sql_types::bind;
use crate::store::StoreReader;

/// How many of them are in memory at once.
const PAGE: u16 = 64;

/// All signatures that an organization keeps, in the order of their ids, one after the other.
/// A role that may keep signatures may keep any number of them.
#[derive(Debug)]
pub struct StoredSignatureCursor {
    store: StoreReader,
    org: OrgId,
    after: Option<SignatureId>,
    page: vec::IntoIter<PackageSignatureRecord>,
}

impl StoredSignatureCursor {
    /// The next signature, `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<PackageSignatureRecord>, StoreError> {
        if self.page.as_slice().is_empty() {
            let page = self.store.stored_signatures(self.org, self.after, PAGE).await?;
            self.page = page.into_iter();
        }
        let next = self.page.next();
        self.after = next.as_ref().map(|record| record.id).or(self.after);
        Ok(next)
    }
}

impl StoreReader {
    /// Goes through all signatures that `org` keeps.
    pub fn each_stored_signature(&self, org: OrgId) -> StoredSignatureCursor {
        StoredSignatureCursor {
            store: self.clone(),
            org,
            after: None,
            page: Vec::new().into_iter(),
        }
    }

    /// The signatures that `org` keeps, in the order of their ids: at most `limit`, of
    /// those after `after`.
    pub async fn stored_signatures(
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

    /// A stored signature as it is now, `None` if it is kept no more.
    pub async fn stored_signature(
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
