use signing_crypto::KeyEncryptionKey;
use signing_store::{Change, KekRotationRecord};

use super::{KeyManager, ProvenKey, entry};
use crate::{AuditEvent, EventType, TrustError};

impl KeyManager {
    /// Wraps every private key of the store anew, with `new` in place of the manager's
    /// KEK, in one transaction: all are under the old KEK or all are under the new one,
    /// whatever happens. A key that is made meanwhile under the old KEK is refused, not
    /// lost. This manager keeps the old KEK, with which it can sign no more.
    ///
    /// Done already, it changes nothing.
    ///
    /// # Errors
    ///
    /// [`TrustError::SameKek`];
    /// [`StoreError::OtherKek`](signing_store::StoreError::OtherKek) if the manager's
    /// KEK is not the store's, and
    /// [`StoreError::NotRewrapped`](signing_store::StoreError::NotRewrapped) names the
    /// first key that does not open.
    pub async fn rotate_kek(
        &self,
        new: &KeyEncryptionKey,
    ) -> Result<Change<KekRotationRecord>, TrustError> {
        let old = self.require_kek()?.clone();
        let (old_id, new_id) = (old.id(), new.id());
        if old_id == new_id {
            return Err(TrustError::SameKek);
        }
        let new = new.clone();
        let change = self.store.rotate_kek(
            old_id,
            new_id,
            move |record, wrapped| ProvenKey::unwrap(&old, record, wrapped)?.wrap(&new),
            move |keys| {
                entry(EventType::KekRotated)
                    .with("old_kek_id", old_id)
                    .with("new_kek_id", new_id)
                    .with("keys", keys)
            },
        );
        let change = change.await?;
        if let Change::Made(rotated) = &change {
            for (org, keys) in &rotated.keys {
                AuditEvent::new(EventType::KekRotated)
                    .org(*org)
                    .kek_rotation(old_id, new_id, *keys)
                    .emit();
            }
        }
        Ok(change)
    }
}
