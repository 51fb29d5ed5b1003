use signing_crypto::{KeyId, KeyName, Note, OrgId, SigningKey, WrapContext};
use signing_store::{Change, NewSigningKey, Revocation, RevocationReason, SigningKeyRecord};

use super::KeyManager;
use crate::audit::EventType;
use crate::error::TrustError;
use crate::trust_reader::{ProvenKey, require_same_public_half};

impl KeyManager {
    /// Makes a signing key for `org`, kept under the KEK. It is not trusted yet,
    /// not even by `org`.
    pub async fn create_signing_key(
        &self,
        org: OrgId,
        name: KeyName,
    ) -> Result<SigningKeyRecord, TrustError> {
        self.require_kek()?;
        self.import_signing_key(org, name, &SigningKey::generate()?).await
    }

    /// Keeps a signing key that exists already.
    ///
    /// # Errors
    ///
    /// As [`create_signing_key`](Self::create_signing_key), and
    /// [`StoreError::SigningKeyExists`](signing_store::StoreError::SigningKeyExists)
    /// if `org` has the key already, revoked or not.
    pub async fn import_signing_key(
        &self,
        org: OrgId,
        name: KeyName,
        key: &SigningKey,
    ) -> Result<SigningKeyRecord, TrustError> {
        self.keep_signing_key(org, name, key, None).await
    }

    /// Stores a signing key, perhaps one that replaces another.
    pub(super) async fn keep_signing_key(
        &self,
        org: OrgId,
        name: KeyName,
        key: &SigningKey,
        predecessor: Option<KeyId>,
    ) -> Result<SigningKeyRecord, TrustError> {
        let id = KeyId::random();
        let wrapped_key =
            self.require_kek()?.wrap_key(key, &WrapContext { org, id, predecessor })?;
        let event = self
            .event(EventType::SigningKeyCreated)
            .org(org)
            .key_id(Some(id))
            .name(Some(&name))
            .fingerprint(key.fingerprint())
            .predecessor(predecessor);
        let public_key = key.verifying_key();
        let new = NewSigningKey { id, org_id: org, name, public_key, wrapped_key, predecessor };
        let record =
            self.change(event, |store, entry| store.insert_signing_key(new, entry)).await?;
        require_same_public_half(&record, key)?;
        Ok(record)
    }

    /// Revokes a signing key: it signs no more. As retired, signatures that it made stay
    /// good wherever the key is trusted; to end that, revoke the trusted key. As
    /// compromised, every organization of the store refuses its signatures from when this
    /// returns, and it never comes back: that it is its organization's is proven now.
    ///
    /// # Errors
    ///
    /// As compromised, those of [`proven_key`](crate::TrustReader::proven_key): a row with
    /// another's fingerprint would end trust in the other's key, and spare the one that was stolen.
    /// Retiring needs no KEK.
    pub async fn revoke_signing_key(
        &self,
        id: KeyId,
        revocation: Revocation,
    ) -> Result<Change<SigningKeyRecord>, TrustError> {
        match revocation.reason {
            RevocationReason::Compromised => {
                self.revoke_as_compromised(&self.proven_key(id).await?, revocation.note).await
            }
            RevocationReason::Retired => {
                let record = self.store.signing_key(id).await?;
                self.revoke_record(&record, revocation).await
            }
        }
    }

    /// Revokes a signing key as compromised. What is declared compromised is the key that was
    /// proven, whatever its row has said since then.
    pub async fn revoke_as_compromised(
        &self,
        key: &ProvenKey,
        note: Option<Note>,
    ) -> Result<Change<SigningKeyRecord>, TrustError> {
        self.revoke_record(key.record(), Revocation::compromised().with_note(note)).await
    }

    async fn revoke_record(
        &self,
        record: &SigningKeyRecord,
        revocation: Revocation,
    ) -> Result<Change<SigningKeyRecord>, TrustError> {
        let event = self
            .event(EventType::SigningKeyRevoked)
            .org(record.org_id)
            .key_id(Some(record.id))
            .fingerprint(record.fingerprint)
            .revocation(&revocation);
        self.change(event, |store, entry| store.revoke_signing_key(record, revocation, entry)).await
    }

    /// Lets a retired signing key sign again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compromised`](signing_store::StoreError::Compromised): what is
    /// compromised stays so.
    pub async fn reinstate_signing_key(
        &self,
        id: KeyId,
        note: &Note,
    ) -> Result<Change<SigningKeyRecord>, TrustError> {
        let record = self.store.signing_key(id).await?;
        let event = self
            .event(EventType::SigningKeyReinstated)
            .org(record.org_id)
            .key_id(Some(id))
            .fingerprint(record.fingerprint)
            .note(note);
        let org = record.org_id;
        self.change(event, |store, entry| store.reinstate_signing_key(org, id, entry)).await
    }
}
