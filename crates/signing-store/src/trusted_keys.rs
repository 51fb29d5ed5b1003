use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, KeyName, OrgId, TrustedKeyId, VerifyingKey};

use crate::audit_log::AuditChain;
use crate::pool::{now, read, write};
use crate::schema::{organizations, trusted_keys};
use crate::sql_types::bind;
use crate::{AuditEntry, Change, OrganizationRecord, Store, StoreError};

/// An organisation's own word about one public key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct TrustedKeyRecord {
    /// Its id.
    pub id: TrustedKeyId,
    /// Whose word it is.
    pub org_id: OrgId,
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The key. Unknown only if it was denied by fingerprint.
    pub public_key: Option<VerifyingKey>,
    /// What the organisation calls the key.
    pub name: Option<KeyName>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// If set, the organisation refuses this key, whatever else is true.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A key to trust.
#[derive(Clone, Debug)]
pub struct NewTrustedKey {
    /// The id of the row, if one is made.
    pub id: TrustedKeyId,
    /// Who trusts it.
    pub org_id: OrgId,
    /// The key.
    pub public_key: VerifyingKey,
    /// What the organisation calls it.
    pub name: Option<KeyName>,
}

/// What became of a wish to trust a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustKeyOutcome {
    /// It is trusted from now on.
    Added(TrustedKeyRecord),
    /// It was trusted already.
    AlreadyTrusted(TrustedKeyRecord),
    /// It was revoked or denied before, and stays so.
    Revoked(TrustedKeyRecord),
}

impl Store {
    /// Trusts a key, unless the organisation has revoked it.
    pub async fn trust_key(
        &self,
        new: NewTrustedKey,
        entry: AuditEntry,
    ) -> Result<TrustKeyOutcome, StoreError> {
        let at = now();
        write!(self.pool, |conn| {
            let head = conn.lock_organization(new.org_id).await?;
            let fingerprint = new.public_key.fingerprint();
            let existing: Option<TrustedKeyRecord> = trusted_keys::table
                .filter(trusted_keys::org_id.eq(bind(new.org_id)))
                .filter(trusted_keys::fingerprint.eq(bind(fingerprint)))
                .get_result(conn)
                .await
                .optional()?;
            match existing {
                Some(record) if record.revoked_at.is_some() => {
                    return Ok(TrustKeyOutcome::Revoked(record));
                }
                Some(record) => return Ok(TrustKeyOutcome::AlreadyTrusted(record)),
                None => {}
            }
            let record = diesel::insert_into(trusted_keys::table)
                .values((
                    trusted_keys::id.eq(bind(new.id)),
                    trusted_keys::org_id.eq(bind(new.org_id)),
                    trusted_keys::fingerprint.eq(bind(fingerprint)),
                    trusted_keys::public_key.eq(bind(new.public_key)),
                    trusted_keys::name.eq(new.name.map(bind)),
                    trusted_keys::created_at.eq(bind(at)),
                ))
                .returning(trusted_keys::all_columns)
                .get_result(conn)
                .await?;
            conn.append(head, at, entry).await?;
            Ok(TrustKeyOutcome::Added(record))
        })
    }

    /// Denies a fingerprint, whether or not the organisation trusted it.
    pub async fn deny_key(
        &self,
        org: OrgId,
        fingerprint: Fingerprint,
        entry: AuditEntry,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let at = now();
        write!(self.pool, |conn| {
            let head = conn.lock_organization(org).await?;
            let existing: Option<TrustedKeyRecord> = trusted_keys::table
                .filter(trusted_keys::org_id.eq(bind(org)))
                .filter(trusted_keys::fingerprint.eq(bind(fingerprint)))
                .get_result(conn)
                .await
                .optional()?;
            let record = match existing {
                Some(record) if record.revoked_at.is_some() => {
                    return Ok(Change::AlreadySo(record));
                }
                Some(record) => {
                    diesel::update(trusted_keys::table.find(bind(record.id)))
                        .set(trusted_keys::revoked_at.eq(bind(at)))
                        .returning(trusted_keys::all_columns)
                        .get_result(conn)
                        .await?
                }
                None => {
                    diesel::insert_into(trusted_keys::table)
                        .values((
                            trusted_keys::id.eq(bind(TrustedKeyId::random())),
                            trusted_keys::org_id.eq(bind(org)),
                            trusted_keys::fingerprint.eq(bind(fingerprint)),
                            trusted_keys::created_at.eq(bind(at)),
                            trusted_keys::revoked_at.eq(bind(at)),
                        ))
                        .returning(trusted_keys::all_columns)
                        .get_result(conn)
                        .await?
                }
            };
            conn.append(head, at, entry).await?;
            Ok(Change::Made(record))
        })
    }

    /// Revokes the trusted key `id` of `org`.
    ///
    /// # Errors
    ///
    /// [`StoreError::TrustedKeyNotFound`].
    pub async fn revoke_trusted_key(
        &self,
        org: OrgId,
        id: TrustedKeyId,
        entry: AuditEntry,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let at = now();
        write!(self.pool, |conn| {
            let head = conn.lock_organization(org).await?;
            let record: TrustedKeyRecord = trusted_keys::table
                .find(bind(id))
                .filter(trusted_keys::org_id.eq(bind(org)))
                .get_result(conn)
                .await
                .optional()?
                .ok_or(StoreError::TrustedKeyNotFound { id })?;
            if record.revoked_at.is_some() {
                return Ok(Change::AlreadySo(record));
            }
            diesel::update(trusted_keys::table.find(bind(id)))
                .set(trusted_keys::revoked_at.eq(bind(at)))
                .execute(conn)
                .await?;
            conn.append(head, at, entry).await?;
            Ok(Change::Made(TrustedKeyRecord { revoked_at: Some(at), ..record }))
        })
    }

    /// Finds a trusted key, revoked or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::TrustedKeyNotFound`].
    pub async fn trusted_key(&self, id: TrustedKeyId) -> Result<TrustedKeyRecord, StoreError> {
        read!(self.pool, |conn| {
            trusted_keys::table
                .find(bind(id))
                .get_result(conn)
                .await
                .optional()?
                .ok_or(StoreError::TrustedKeyNotFound { id })
        })
    }

    /// What the organisation `org` itself says about keys, revoked ones included,
    /// oldest first.
    pub async fn own_trusted_keys(&self, org: OrgId) -> Result<Vec<TrustedKeyRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(trusted_keys::table
                .filter(trusted_keys::org_id.eq(bind(org)))
                .order((trusted_keys::created_at, trusted_keys::id))
                .load(conn)
                .await?)
        })
    }

    /// The organisations, not deleted, that trust the key directly.
    pub async fn organizations_trusting(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<Vec<(OrganizationRecord, TrustedKeyRecord)>, StoreError> {
        read!(self.pool, |conn| {
            Ok(organizations::table
                .inner_join(trusted_keys::table)
                .filter(trusted_keys::fingerprint.eq(bind(fingerprint)))
                .filter(trusted_keys::revoked_at.is_null())
                .filter(organizations::deleted_at.is_null())
                .order(organizations::name)
                .select((organizations::all_columns, trusted_keys::all_columns))
                .load(conn)
                .await?)
        })
    }
}
