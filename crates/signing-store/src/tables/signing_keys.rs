use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, OrgId, VerifyingKey, WrappedKey};

use crate::backend::connection_trait;
use crate::error::StoreError;
use crate::pool::{now, read};
use crate::schema::signing_keys;
use crate::sql_types::{Bind, bind};
use crate::state::change;
use crate::store::{Change, Store, StoreReader};
use crate::tables::audit::{AuditChain, AuditEntry};
use crate::tables::compromised_keys::{CompromisedKeyRecord, CompromisedKeys};
use crate::tables::revocation::Revocation;
use crate::tables::store_state::{KekGuard, KeyGate};
use signing_crypto::RevocationReason;

/// A signing key, without its private half: what is not read cannot leak. Nothing proves
/// that the public half is the private half's, so this is to be shown, not acted upon.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
#[non_exhaustive]
pub struct SigningKeyRecord {
    /// Its id.
    pub id: KeyId,
    /// Whose key it is.
    pub org_id: OrgId,
    /// Its name: unique among the organization's keys that are not revoked.
    pub name: KeyName,
    /// Its fingerprint, as the row says.
    pub fingerprint: Fingerprint,
    /// Its public half, as the row says.
    pub public_key: VerifyingKey,
    /// When it was put into the store.
    pub created_at: DateTime<Utc>,
    /// When it was revoked: it signs no more.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Why it was.
    pub revocation_reason: Option<RevocationReason>,
    /// What somebody said about that.
    pub revocation_note: Option<Note>,
    /// The key that it was made to take the place of.
    pub predecessor_id: Option<KeyId>,
}

/// A signing key to keep.
#[derive(Clone, Debug)]
pub struct NewSigningKey {
    /// Its id, which the wrapping is bound to.
    pub id: KeyId,
    /// Whose key it is, which the wrapping is bound to as well.
    pub org_id: OrgId,
    /// Its name.
    pub name: KeyName,
    /// Its public half.
    pub public_key: VerifyingKey,
    /// Its private half.
    pub wrapped_key: WrappedKey,
    /// The key that it is to take the place of.
    pub predecessor: Option<KeyId>,
}

impl StoreReader {
    /// Finds a signing key, revoked or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::SigningKeyNotFound`].
    pub async fn signing_key(&self, id: KeyId) -> Result<SigningKeyRecord, StoreError> {
        read!(self.pool, |conn| {
            signing_keys::table
                .find(bind(id))
                .select(SigningKeyRecord::as_select())
                .get_result(conn)
                .await
                .optional()?
                .ok_or(StoreError::SigningKeyNotFound { id })
        })
    }

    /// Finds a signing key together with its wrapped private half, revoked or not.
    /// Nothing proves yet that the two belong together.
    ///
    /// # Errors
    ///
    /// [`StoreError::SigningKeyNotFound`].
    pub async fn wrapped_signing_key(
        &self,
        id: KeyId,
    ) -> Result<(SigningKeyRecord, WrappedKey), StoreError> {
        read!(self.pool, |conn| {
            signing_keys::table
                .find(bind(id))
                .select((SigningKeyRecord::as_select(), signing_keys::wrapped_key))
                .get_result(conn)
                .await
                .optional()?
                .ok_or(StoreError::SigningKeyNotFound { id })
        })
    }

    /// An organization's signing keys, revoked ones included, oldest first.
    pub async fn signing_keys(&self, org: OrgId) -> Result<Vec<SigningKeyRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(signing_keys::table
                .filter(signing_keys::org_id.eq(bind(org)))
                .order((signing_keys::created_at, signing_keys::id))
                .select(SigningKeyRecord::as_select())
                .load(conn)
                .await?)
        })
    }

    /// The key that was made to take the place of `id`, and is not revoked, as its row
    /// says.
    pub async fn successor(&self, id: KeyId) -> Result<Option<SigningKeyRecord>, StoreError> {
        read!(self.pool, |conn| {
            Ok(signing_keys::table
                .filter(signing_keys::predecessor_id.eq(bind(id)))
                .filter(signing_keys::revoked_at.is_null())
                .select(SigningKeyRecord::as_select())
                .get_result(conn)
                .await
                .optional()?)
        })
    }
}

impl Store {
    /// Keeps a signing key.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherKek`] if it is wrapped with another KEK than the
    /// store's other keys, [`StoreError::NameTaken`], and
    /// [`StoreError::SigningKeyExists`] if the organization has the key already,
    /// revoked or not; [`StoreError::Compromised`], if it or the key whose place it
    /// takes is; [`StoreError::SuccessorExists`].
    pub async fn insert_signing_key(
        &self,
        new: NewSigningKey,
        entry: AuditEntry,
    ) -> Result<SigningKeyRecord, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            conn.pass_key_gate().await?;
            let head = conn.lock_organization(new.org_id).await?;
            conn.require_kek(new.wrapped_key.kek_id()).await?;
            conn.require_uncompromised(new.public_key.fingerprint()).await?;
            if let Some(predecessor) = new.predecessor {
                let old = conn.own_signing_key(new.org_id, predecessor).await?;
                conn.require_uncompromised(old.fingerprint).await?;
            }
            let record = diesel::insert_into(signing_keys::table)
                .values((
                    signing_keys::id.eq(bind(new.id)),
                    signing_keys::org_id.eq(bind(new.org_id)),
                    signing_keys::name.eq(bind(new.name)),
                    signing_keys::fingerprint.eq(bind(new.public_key.fingerprint())),
                    signing_keys::public_key.eq(bind(new.public_key)),
                    signing_keys::wrapped_key.eq(bind(new.wrapped_key)),
                    signing_keys::created_at.eq(bind(at)),
                    signing_keys::predecessor_id.eq(new.predecessor.map(bind)),
                ))
                .returning(SigningKeyRecord::as_returning())
                .get_result::<SigningKeyRecord>(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(record)
        })
    }

    /// Revokes a signing key: it signs no more. As compromised, every organization refuses
    /// the fingerprint in `key` from now on, so the caller must have proven that it is the
    /// key's; the row may have another by now. One that was retired can still be revoked as
    /// compromised; what was said then stays, unless something else is said now.
    ///
    /// # Errors
    ///
    /// [`StoreError::SigningKeyNotFound`].
    pub async fn revoke_signing_key(
        &self,
        key: &SigningKeyRecord,
        revocation: Revocation,
        entry: AuditEntry,
    ) -> Result<Change<SigningKeyRecord>, StoreError> {
        let (org, id, fingerprint) = (key.org_id, key.id, key.fingerprint);
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            let record = conn.own_signing_key(org, id).await?;
            // What everybody obeys is the declaration, not what the row says of itself.
            let is_undeclared = revocation.reason == RevocationReason::Compromised
                && conn.find_compromised(fingerprint).await?.is_none();
            if record.revoked_at.is_some()
                && !is_undeclared
                && !revocation.is_worse_than(record.revocation_reason)
            {
                return Ok(Change::Unchanged(record));
            }
            if revocation.reason == RevocationReason::Compromised {
                let note = revocation.note.clone();
                conn.insert_compromised(CompromisedKeyRecord {
                    fingerprint,
                    declared_by: org,
                    declared_at: at,
                    note,
                })
                .await?;
            }
            let note = revocation.note.or(record.revocation_note);
            let record = diesel::update(signing_keys::table.find(bind(id)))
                .set((
                    signing_keys::revoked_at.eq(bind(record.revoked_at.unwrap_or(at))),
                    signing_keys::revocation_reason.eq(bind(revocation.reason)),
                    signing_keys::revocation_note.eq(note.map(bind)),
                ))
                .returning(SigningKeyRecord::as_returning())
                .get_result(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(record))
        })
    }

    /// Lets a retired signing key sign again.
    ///
    /// # Errors
    ///
    /// [`StoreError::SigningKeyNotFound`]; [`StoreError::Compromised`];
    /// [`StoreError::NameTaken`] and [`StoreError::SuccessorExists`] if another key has
    /// come in its place.
    pub async fn reinstate_signing_key(
        &self,
        org: OrgId,
        id: KeyId,
        entry: AuditEntry,
    ) -> Result<Change<SigningKeyRecord>, StoreError> {
        let at = now();
        change!(self, |conn, after_commit| {
            let head = conn.lock_organization(org).await?;
            let record = conn.own_signing_key(org, id).await?;
            conn.require_uncompromised(record.fingerprint).await?;
            if record.revoked_at.is_none() {
                return Ok(Change::Unchanged(record));
            }
            let record = diesel::update(signing_keys::table.find(bind(id)))
                .set((
                    signing_keys::revoked_at.eq(None::<Bind<DateTime<Utc>>>),
                    signing_keys::revocation_reason.eq(None::<Bind<RevocationReason>>),
                    signing_keys::revocation_note.eq(None::<Bind<Note>>),
                ))
                .returning(SigningKeyRecord::as_returning())
                .get_result(conn)
                .await?;
            conn.append(head, at, entry, after_commit).await?;
            Ok(Change::Made(record))
        })
    }
}

connection_trait! {
trait OwnSigningKey {
    /// The row `id`, if it is the organization's.
    async fn own_signing_key(
        &mut self,
        org: OrgId,
        id: KeyId,
    ) -> Result<SigningKeyRecord, StoreError> {
        signing_keys::table
            .find(bind(id))
            .filter(signing_keys::org_id.eq(bind(org)))
            .select(SigningKeyRecord::as_select())
            .get_result(self)
            .await
            .optional()?
            .ok_or(StoreError::SigningKeyNotFound { id })
    }
}}
