use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, OrgId, TrustedKeyId};

use super::TrustedKeyRecord;
use crate::backend::connection_trait;
use crate::error::StoreError;
use crate::schema::trusted_keys;
use crate::sql_types::bind;
use crate::store::Change;
use crate::tables::revocation::Revocation;

connection_trait! {
/// An organization's rows about keys, on a connection.
pub(super) trait TrustedKeyRows {
    /// The organization's row about a key.
    async fn trusted_key_about(
        &mut self,
        org: OrgId,
        fingerprint: Fingerprint,
    ) -> Result<Option<TrustedKeyRecord>, StoreError> {
        Ok(trusted_keys::table
            .filter(trusted_keys::org_id.eq(bind(org)))
            .filter(trusted_keys::fingerprint.eq(bind(fingerprint)))
            .select(TrustedKeyRecord::as_select())
            .get_result(self)
            .await
            .optional()?)
    }

    /// The row `id`, if it is the organization's.
    async fn own_trusted_key(
        &mut self,
        org: OrgId,
        id: TrustedKeyId,
    ) -> Result<TrustedKeyRecord, StoreError> {
        trusted_keys::table
            .find(bind(id))
            .filter(trusted_keys::org_id.eq(bind(org)))
            .select(TrustedKeyRecord::as_select())
            .get_result(self)
            .await
            .optional()?
            .ok_or(StoreError::TrustedKeyNotFound { id })
    }

    /// Within a transaction: revokes, unless that is so already.
    async fn revoke_in_place(
        &mut self,
        record: TrustedKeyRecord,
        revocation: Revocation,
        at: DateTime<Utc>,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let worse = revocation.is_worse_than(record.revocation_reason);
        if record.revoked_at.is_some() && !worse {
            return Ok(Change::Unchanged(record));
        }
        let note = revocation.note.or(record.revocation_note);
        let record = diesel::update(trusted_keys::table.find(bind(record.id)))
            .set((
                trusted_keys::revoked_at.eq(bind(record.revoked_at.unwrap_or(at))),
                trusted_keys::revocation_reason.eq(bind(revocation.reason)),
                trusted_keys::revocation_note.eq(note.map(bind)),
            ))
            .returning(TrustedKeyRecord::as_returning())
            .get_result(self)
            .await?;
        Ok(Change::Made(record))
    }
}}
