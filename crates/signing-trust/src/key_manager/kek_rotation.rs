use signing_crypto::KeyEncryptionKey;
use signing_store::{Change, KekRotationRecord};

use super::KeyManager;
use crate::audit::{Caller, EventType};
use crate::error::TrustError;
use crate::trust_reader::ProvenKey;

impl KeyManager {
    /// Wraps every private key of the store again, with `new` in place of the manager's
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
        let event = self.event(EventType::KekRotated).keks(old_id, new_id);
        let caller = Caller::current();
        let change = self.store.rotate_kek(
            old_id,
            new_id,
            move |record, wrapped| ProvenKey::unwrap(&old, record, wrapped)?.wrap(&new),
            move |org, keys| event.clone().org(org).keys(keys).into_entry(caller.clone()),
        );
        Ok(change.await?)
    }
}
