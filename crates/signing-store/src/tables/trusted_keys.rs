mod rows;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, KeyName, Note, OrgId, TrustedKeyId, UncheckedKey, VerifyingKey};

use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::{organizations, trusted_keys};
use crate::sql_types::{Bind, bind};
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::compromised_keys::CompromisedKeys;
use crate::tables::organizations::OrganizationRecord;
use crate::tables::revocation::Revocation;
use signing_crypto::RevocationReason;

use rows::TrustedKeyRows;

/// What an organization itself says about one public key.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = trusted_keys)]
pub struct TrustedKeyRecord {
    /// Its id.
    pub id: TrustedKeyId,
    /// The organization.
    pub org_id: OrgId,
    /// The key's fingerprint.
    pub fingerprint: Fingerprint,
    /// The key. Unknown only if it was denied by fingerprint.
    pub public_key: Option<UncheckedKey>,
    /// What the organization calls the key.
    pub name: Option<KeyName>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// If set, the organization refuses this key, whatever else is true.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Why it does.
    pub revocation_reason: Option<RevocationReason>,
    /// What somebody said about that.
    pub revocation_note: Option<Note>,
    /// From when on its trust does not count.
    pub expires_at: Option<DateTime<Utc>>,
}

impl TrustedKeyRecord {
    /// Whether the organization says anything about the key: it does not where a
    /// denial by fingerprint was taken back.
    pub fn is_in_effect(&self) -> bool {
        self.public_key.is_some() || self.revoked_at.is_some()
    }
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
    /// What the organization calls it.
    pub name: Option<KeyName>,
    /// From when on its trust does not count.
    pub expires_at: Option<DateTime<Utc>>,
}

impl StoreReader {
    /// Finds a trusted key, revoked or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::TrustedKeyNotFound`].
    pub async fn trusted_key(&self, id: TrustedKeyId) -> Result<TrustedKeyRecord, StoreError> {
        read!(self.pool, |conn| {
            trusted_keys::table
                .find(bind(id))
                .select(TrustedKeyRecord::as_select())
                .get_result(conn)
                .await
                .optional()?
                .ok_or(StoreError::TrustedKeyNotFound { id })
        })
    }

    /// What the organization `org` itself says about keys, revoked ones included,
    /// oldest first.
    pub async fn own_trusted_keys(&self, org: OrgId) -> Result<Vec<TrustedKeyRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(trusted_keys::table
                .filter(trusted_keys::org_id.eq(bind(org)))
                .order((trusted_keys::created_at, trusted_keys::id))
                .select(TrustedKeyRecord::as_select())
                .load(conn)
                .await?)
        })
    }

    /// The organizations, not deleted, that trust the key directly.
    pub async fn organizations_trusting(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<Vec<(OrganizationRecord, TrustedKeyRecord)>, StoreError> {
        read!(self.pool, |conn| {
            Ok(organizations::table
                .inner_join(trusted_keys::table)
                .filter(trusted_keys::fingerprint.eq(bind(fingerprint)))
                .filter(trusted_keys::public_key.is_not_null())
                .filter(trusted_keys::revoked_at.is_null())
                .filter(organizations::deleted_at.is_null())
                .order(organizations::name)
                .select(<(OrganizationRecord, TrustedKeyRecord)>::as_select())
                .load(conn)
                .await?)
        })
    }
}

impl Store {
    /// Trusts a key. One that is trusted already is trusted until the new time, and gets
    /// the new name if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compromised`]; [`StoreError::KeyRefused`] if the organization has
    /// revoked or denied the key, which stays so.
    pub async fn trust_key(
        &self,
        new: NewTrustedKey,
        entry: AuditEntry,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(new.org_id).await?;
            let fingerprint = new.public_key.fingerprint();
            conn.require_uncompromised(fingerprint).await?;
            let existing = conn.trusted_key_about(new.org_id, fingerprint).await?;
            let record: TrustedKeyRecord = match existing {
                Some(TrustedKeyRecord { revoked_at: Some(at), .. }) => {
                    return Err(StoreError::KeyRefused { fingerprint, at });
                }
                Some(record)
                    if record.public_key.is_some()
                        && record.expires_at == new.expires_at
                        && (new.name.is_none() || record.name == new.name) =>
                {
                    return Ok(Change::Unchanged(record));
                }
                Some(record) => {
                    let name = new.name.or(record.name);
                    diesel::update(trusted_keys::table.find(bind(record.id)))
                        .set((
                            trusted_keys::public_key.eq(bind(new.public_key)),
                            trusted_keys::name.eq(name.map(bind)),
                            trusted_keys::expires_at.eq(new.expires_at.map(bind)),
                        ))
                        .returning(TrustedKeyRecord::as_returning())
                        .get_result(conn)
                        .await?
                }
                None => {
                    diesel::insert_into(trusted_keys::table)
                        .values((
                            trusted_keys::id.eq(bind(new.id)),
                            trusted_keys::org_id.eq(bind(new.org_id)),
                            trusted_keys::fingerprint.eq(bind(fingerprint)),
                            trusted_keys::public_key.eq(bind(new.public_key)),
                            trusted_keys::name.eq(new.name.map(bind)),
                            trusted_keys::created_at.eq(bind(at)),
                            trusted_keys::expires_at.eq(new.expires_at.map(bind)),
                        ))
                        .returning(TrustedKeyRecord::as_returning())
                        .get_result(conn)
                        .await?
                }
            };
            conn.append(head, at, entry.about_trusted_key(record.id), after_commit).await?;
            Ok(Change::Made(record))
        })
    }

    /// Denies a fingerprint, whether or not the organization trusted it.
    pub async fn deny_key(
        &self,
        org: OrgId,
        fingerprint: Fingerprint,
        revocation: Revocation,
        entry: AuditEntry,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            let record: TrustedKeyRecord = match conn.trusted_key_about(org, fingerprint).await? {
                Some(record) => match conn.revoke_in_place(record, revocation, at).await? {
                    Change::Made(record) => record,
                    unchanged => return Ok(unchanged),
                },
                None => {
                    diesel::insert_into(trusted_keys::table)
                        .values((
                            trusted_keys::id.eq(bind(TrustedKeyId::random())),
                            trusted_keys::org_id.eq(bind(org)),
                            trusted_keys::fingerprint.eq(bind(fingerprint)),
                            trusted_keys::created_at.eq(bind(at)),
                            trusted_keys::revoked_at.eq(bind(at)),
                            trusted_keys::revocation_reason.eq(bind(revocation.reason)),
                            trusted_keys::revocation_note.eq(revocation.note.map(bind)),
                        ))
                        .returning(TrustedKeyRecord::as_returning())
                        .get_result(conn)
                        .await?
                }
            };
            conn.append(head, at, entry.about_trusted_key(record.id), after_commit).await?;
            Ok(Change::Made(record))
        })
    }

    /// Revokes the trusted key `id` of `org`. One that was revoked as retired can
    /// still be revoked as compromised; what was said then stays, unless something else
    /// is said now.
    ///
    /// # Errors
    ///
    /// [`StoreError::TrustedKeyNotFound`].
    pub async fn revoke_trusted_key(
        &self,
        org: OrgId,
        id: TrustedKeyId,
        revocation: Revocation,
        entry: AuditEntry,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            let record = conn.own_trusted_key(org, id).await?;
            let change = conn.revoke_in_place(record, revocation, at).await?;
            if let Change::Made(_) = &change {
                conn.append(head, at, entry, after_commit).await?;
            }
            Ok(change)
        })
    }

    /// Takes a revocation or denial back: what the organization said before holds
    /// again.
    ///
    /// # Errors
    ///
    /// [`StoreError::TrustedKeyNotFound`]; [`StoreError::Compromised`] for a key that
    /// was revoked as compromised, or declared so.
    pub async fn reinstate_trusted_key(
        &self,
        org: OrgId,
        id: TrustedKeyId,
        entry: AuditEntry,
    ) -> Result<Change<TrustedKeyRecord>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            let record = conn.own_trusted_key(org, id).await?;
            let fingerprint = record.fingerprint;
            conn.require_uncompromised(fingerprint).await?;
            match (record.revoked_at, record.revocation_reason) {
                (None, _) => return Ok(Change::Unchanged(record)),
                (Some(at), Some(RevocationReason::Compromised)) => {
                    return Err(StoreError::Compromised { fingerprint, at });
                }
                _ => {}
            }
            let record = diesel::update(trusted_keys::table.find(bind(id)))
                .set((
                    trusted_keys::revoked_at.eq(None::<Bind<DateTime<Utc>>>),
                    trusted_keys::revocation_reason.eq(None::<Bind<RevocationReason>>),
                    trusted_keys::revocation_note.eq(None::<Bind<Note>>),
                ))
                .returning(TrustedKeyRecord::as_returning())
                .get_result(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(record))
        })
    }
}
