//! The only way from a row of `signing_keys` to a key that is acted upon.

use signing_crypto::{
    Fingerprint, KeyEncryptionKey, KeyId, OrgId, SigningKey, VerifyingKey, WrapContext, WrapError,
    WrappedKey,
};
use signing_store::{OrganizationRef, SigningKeyRecord, StoreError};

use super::TrustReader;
use crate::audit::{AuditEvent, EventType};
use crate::error::{KeyMismatch, TrustError};

/// A signing key of the store whose public half was derived from its private half.
///
/// A user who can write the database can put any public key and any fingerprint into a row,
/// but cannot wrap a private key without the key encryption key. The wrapping is bound to
/// the key's id, its organization and its predecessor, so these are proven as well. The
/// name, the times and the revocation are as the database says.
#[derive(Debug)]
pub struct ProvenKey {
    record: SigningKeyRecord,
    key: SigningKey,
}

impl ProvenKey {
    /// Unwraps the private half of a row and compares the row with it.
    pub(crate) fn unwrap(
        kek: &KeyEncryptionKey,
        record: SigningKeyRecord,
        wrapped: &WrappedKey,
    ) -> Result<Self, TrustError> {
        let id = record.id;
        let key = match kek.unwrap_key(wrapped, &context(&record)) {
            Err(error @ WrapError::Rejected) => {
                return Err(TrustError::ForgedKey { id, source: KeyMismatch::PrivateHalf(error) });
            }
            unwrapped => unwrapped?,
        };
        require_same_public_half(&record, &key)?;
        Ok(Self { record, key })
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.record.id
    }

    /// The organization that it belongs to.
    pub fn org(&self) -> OrgId {
        self.record.org_id
    }

    /// Its public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// The fingerprint of its public half.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint()
    }

    /// Its row, whose public half is the proven one.
    pub fn record(&self) -> &SigningKeyRecord {
        &self.record
    }

    /// Wraps the private half for the same row, with another KEK.
    pub(crate) fn wrap(&self, kek: &KeyEncryptionKey) -> Result<WrappedKey, TrustError> {
        Ok(kek.wrap_key(&self.key, &context(&self.record))?)
    }

    pub(crate) fn into_record(self) -> SigningKeyRecord {
        self.record
    }
}

impl TrustReader {
    /// Proves a signing key, revoked or not: unwraps its private half, derives the public
    /// half, and compares that with the row.
    ///
    /// # Errors
    ///
    /// [`TrustError::ForgedKey`] if the row is not the one that was written;
    /// [`TrustError::NoKeyEncryptionKey`]; [`TrustError::Wrap`] if another KEK wrapped the
    /// private half.
    pub async fn proven_key(&self, id: KeyId) -> Result<ProvenKey, TrustError> {
        let kek = self.require_kek()?;
        let (record, wrapped) = self.store.wrapped_signing_key(id).await?;
        ProvenKey::unwrap(kek, record, &wrapped)
    }

    /// The public half of a signing key, revoked or not.
    ///
    /// # Errors
    ///
    /// As [`proven_key`](Self::proven_key): what a row says of it is not handed out.
    pub async fn export_public_key(&self, id: KeyId) -> Result<VerifyingKey, TrustError> {
        let key = self.proven_key(id).await?;
        AuditEvent::new(EventType::KeyExported)
            .org(key.org())
            .key_id(Some(id))
            .fingerprint(key.fingerprint())
            .emit();
        Ok(key.verifying_key())
    }

    /// Unwraps a signing key, to sign with.
    ///
    /// # Errors
    ///
    /// As [`proven_key`](Self::proven_key); [`TrustError::SigningKeyRevoked`];
    /// [`StoreError::Compromised`].
    pub async fn get_signing_key(&self, id: KeyId) -> Result<SigningKey, TrustError> {
        let proven = self.proven_key(id).await?;
        self.require_usable(&proven).await?;
        Ok(proven.key)
    }

    /// The private half of a key that may sign.
    pub(crate) async fn require_usable<'key>(
        &self,
        proven: &'key ProvenKey,
    ) -> Result<&'key SigningKey, TrustError> {
        if let Some(at) = proven.record.revoked_at {
            let (id, name) = (proven.id(), proven.record.name.clone());
            return Err(TrustError::SigningKeyRevoked { id, name, at });
        }
        self.require_uncompromised(proven.fingerprint()).await?;
        // Nobody can revoke the keys of an organization that was deleted.
        let org = proven.org();
        match self.store.organization(OrganizationRef::Id(org)).await?.deleted_at {
            Some(_) => Err(StoreError::OrganizationDeleted { org }.into()),
            None => Ok(&proven.key),
        }
    }

    /// Refuses a key that any organization has declared compromised.
    pub(crate) async fn require_uncompromised(
        &self,
        fingerprint: Fingerprint,
    ) -> Result<(), TrustError> {
        match self.store.compromised_key(fingerprint).await? {
            Some(declared) => {
                Err(StoreError::Compromised { fingerprint, at: declared.declared_at }.into())
            }
            None => Ok(()),
        }
    }
}

fn context(record: &SigningKeyRecord) -> WrapContext {
    let SigningKeyRecord { org_id: org, id, predecessor_id: predecessor, .. } = *record;
    WrapContext { org, id, predecessor }
}

/// Compares a row with the private half that belongs to it.
pub(crate) fn require_same_public_half(
    record: &SigningKeyRecord,
    key: &SigningKey,
) -> Result<(), TrustError> {
    let expected = key.fingerprint();
    let found = [record.public_key.fingerprint(), record.fingerprint];
    match found.into_iter().find(|found| *found != expected) {
        Some(found) => {
            let source = KeyMismatch::PublicHalf { expected, found };
            Err(TrustError::ForgedKey { id: record.id, source })
        }
        None => Ok(()),
    }
}
