//! Somebody can write the database, and has neither the key encryption key nor a private
//! key of the organization. They change rows of `signing_keys`, and wait for an operator to
//! rotate, export, trust or revoke a key by its id.
//!
//! The public half of a row counts only if the private half gives it.

mod handed_out;
mod revoked;
mod rotated;
mod successors;

use std::fmt::Debug;

use signing_crypto::{Fingerprint, KeyId, SigningKey, VerifyingKey};
use signing_trust::store::SigningKeyRecord;
use signing_trust::{KeyMismatch, TrustError};

use crate::support::World;

impl World {
    /// Changes columns of a row of `signing_keys`, past the store.
    async fn forge_key(&self, id: KeyId, set: &str) {
        let id = self.database.id(id.as_uuid());
        let sql = format!("UPDATE signing_keys SET {set} WHERE id = {id}");
        self.database.execute(&sql).await.unwrap();
    }

    /// Puts another public half, and its fingerprint, into a row.
    async fn swap_public_half(&self, id: KeyId, key: &VerifyingKey) {
        let (public, fingerprint) = self.public_half(key);
        self.forge_key(id, &format!("public_key = {public}, fingerprint = {fingerprint}")).await;
    }

    /// A public key and its fingerprint, as SQL.
    fn public_half(&self, key: &VerifyingKey) -> (String, String) {
        let bytes = |bytes: &[u8]| self.database.bytes(bytes);
        (bytes(key.as_bytes()), bytes(key.fingerprint().as_bytes()))
    }

    async fn accepts(&self, org: signing_crypto::OrgId, fingerprint: &Fingerprint) -> bool {
        self.keys.find_trusted_key(org, fingerprint).await.unwrap().is_some()
    }
}

/// A key pair of the attacker's own.
fn attacker() -> SigningKey {
    SigningKey::generate().unwrap()
}

/// Asserts that the row of `id` was found to have another public half than its private one.
#[track_caller]
fn assert_other_public_half<T: Debug>(
    result: Result<T, TrustError>,
    genuine: &SigningKeyRecord,
    forged: Fingerprint,
) {
    match result {
        Err(TrustError::ForgedKey { id, source: KeyMismatch::PublicHalf { expected, found } }) => {
            assert_eq!((id, expected, found), (genuine.id, genuine.fingerprint, forged));
        }
        other => panic!("expected a forged key, found {other:?}"),
    }
}

/// Asserts that the private half of `key` was found to belong into another row.
#[track_caller]
fn assert_of_another_row<T: Debug>(result: Result<T, TrustError>, key: KeyId) {
    match result {
        Err(TrustError::ForgedKey { id, source: KeyMismatch::PrivateHalf(_) }) => {
            assert_eq!(id, key);
        }
        other => panic!("expected a forged key, found {other:?}"),
    }
}
