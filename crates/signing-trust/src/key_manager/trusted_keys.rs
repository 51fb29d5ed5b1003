use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, OrgId, TrustedKeyId, VerifyingKey};
use signing_store::{
    Change, CompromisedKeyRecord, NewTrustedKey, Revocation, StoreError, TrustedKeyRecord,
};

use super::KeyManager;
use crate::audit::EventType;
use crate::clock::to_microseconds;
use crate::error::TrustError;

impl KeyManager {
    /// Trusts a public key: `org`, and each organization that granted trust to `org`, accepts
    /// its signatures from now on until `expires_at`, `None` without an end. One that is
    /// trusted already is trusted until then instead, and gets the new name if there is one.
    ///
    /// # Errors
    ///
    /// [`TrustError::PreviouslyRevoked`] if `org` has revoked or denied the key:
    /// trusting it again must be a decision of its own, see
    /// [`reinstate_trusted_key`](Self::reinstate_trusted_key);
    /// [`StoreError::Compromised`]; [`TrustError::ExpiryPast`].
    pub async fn trust_public_key(
        &self,
        org: OrgId,
        key: &VerifyingKey,
        name: Option<KeyName>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        self.require_future(expires_at).await?;
        let id = TrustedKeyId::random();
        let expires_at = expires_at.map(to_microseconds);
        let event = self
            .event(EventType::TrustedKeyAdded)
            .org(org)
            .fingerprint(key.fingerprint())
            .name(name.as_ref())
            .expires_at(expires_at);
        let new = NewTrustedKey { id, org_id: org, public_key: *key, name, expires_at };
        match self.change(event, |store, entry| store.trust_key(new, entry)).await {
            Err(TrustError::Store(StoreError::KeyRefused { fingerprint, at })) => {
                Err(TrustError::PreviouslyRevoked { fingerprint, at })
            }
            change => change,
        }
    }

    /// Trusts a signing key of the store until `expires_at`, `None` without an end.
    ///
    /// # Errors
    ///
    /// As [`trust_public_key`](Self::trust_public_key) and
    /// [`proven_key`](crate::TrustReader::proven_key): the public half of a row is not trusted
    /// before it is proven.
    pub async fn trust_signing_key(
        &self,
        org: OrgId,
        id: KeyId,
        name: Option<KeyName>,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let key = self.proven_key(id).await?.verifying_key();
        self.trust_public_key(org, &key, name, expires_at).await
    }

    /// Denies a key, by fingerprint, even one that `org` only inherits through a
    /// grant or has never seen.
    pub async fn deny_key(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
        note: Option<Note>,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let revocation = Revocation::retired().with_note(note);
        let event = self
            .event(EventType::KeyDenied)
            .org(org)
            .fingerprint(*fingerprint)
            .revocation(&revocation);
        self.change(event, |store, entry| store.deny_key(org, *fingerprint, revocation, entry))
            .await
    }

    /// Declares a key compromised: every organization of the store refuses it from
    /// now on, and it never comes back. Nothing proves that it is `org`'s, so this is
    /// for the store's administrator; an owner revokes the signing key as compromised.
    pub async fn danger_declare_compromised(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
        note: Option<Note>,
    ) -> Result<Change<CompromisedKeyRecord>, TrustError> {
        let revocation = Revocation::compromised().with_note(note.clone());
        let event = self
            .event(EventType::KeyCompromised)
            .org(org)
            .fingerprint(*fingerprint)
            .revocation(&revocation);
        self.change(event, |store, entry| store.declare_compromised(org, *fingerprint, note, entry))
            .await
    }

    /// Revokes a trusted key: from when this returns, no signature by it is accepted,
    /// whenever it says that it was made. As compromised, its organization refuses it for
    /// good.
    pub async fn revoke_trusted_key(
        &self,
        id: TrustedKeyId,
        revocation: Revocation,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let record = self.store.trusted_key(id).await?;
        let event = self
            .event(EventType::TrustedKeyRevoked)
            .org(record.org_id)
            .key_id(Some(id))
            .fingerprint(record.fingerprint)
            .revocation(&revocation);
        let org = record.org_id;
        self.change(event, |store, entry| store.revoke_trusted_key(org, id, revocation, entry))
            .await
    }

    /// Takes a revocation or a denial back: what the organization said before it holds
    /// again.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compromised`]: what is
    /// compromised stays so.
    pub async fn reinstate_trusted_key(
        &self,
        id: TrustedKeyId,
        note: &Note,
    ) -> Result<Change<TrustedKeyRecord>, TrustError> {
        let record = self.store.trusted_key(id).await?;
        let event = self
            .event(EventType::TrustedKeyReinstated)
            .org(record.org_id)
            .key_id(Some(id))
            .fingerprint(record.fingerprint)
            .note(note);
        let org = record.org_id;
        self.change(event, |store, entry| store.reinstate_trusted_key(org, id, entry)).await
    }
}
