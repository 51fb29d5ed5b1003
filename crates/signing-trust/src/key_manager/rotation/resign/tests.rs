use chrono::Utc;
use signing_crypto::{KeyEncryptionKey, KeyId, OrgId, PackageDigest, StatementTime};
use signing_store::{DatabaseUrl, Store};
use tempfile::TempDir;

use super::*;
use crate::trust_reader::{Resigned, SearchExtent};

/// An organization that trusts its key.
struct Acme {
    _directory: TempDir,
    keys: KeyManager,
    org: OrgId,
    old: KeyId,
}

impl Acme {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(directory.path().join("store.db"));
        let (store, _) = Store::migrate(&url).await.unwrap();
        let kek = KeyEncryptionKey::parse(&"01".repeat(32)).unwrap();
        let keys = KeyManager::new(store, Some(kek));
        let org = keys.create_organization("acme".parse().unwrap()).await.unwrap().id;
        let old = keys.create_signing_key(org, "release".parse().unwrap()).await.unwrap().id;
        keys.trust_signing_key(org, old, None, None).await.unwrap();
        Self { _directory: directory, keys, org, old }
    }

    /// What its key signs as this version of a package.
    async fn sign(&self, version: &str) -> SignatureEnvelope {
        let digest = PackageDigest::from_bytes([7; 32]);
        let now = StatementTime::new(Utc::now()).unwrap();
        let statement = PackageStatement::new("a.so".parse().unwrap(), digest, 1, now);
        let statement = statement.with_version(version.parse().unwrap());
        self.keys.sign_statement(self.old, &statement).await.unwrap()
    }
}

#[tokio::test]
async fn rotation_ends_if_there_are_too_many_signatures_to_look_at() {
    let acme = Acme::new().await;
    let (keys, old) = (&acme.keys, acme.old);
    keys.store_signature(acme.org, &acme.sign("1.0.0").await).await.unwrap();

    // As if looking at the first took too long.
    let cut_off = keys.rotate_within(old, None, &Resign::All, Duration::ZERO).await.unwrap();
    assert!(matches!(cut_off.successor, Change::Made(_)), "{cut_off:?}");
    assert!(matches!(cut_off.trusted, Some(Change::Made(_))), "{cut_off:?}");
    let extent = SearchExtent::UntilTimeLimit;
    assert_eq!(cut_off.signatures, Resigned { extent, ..Resigned::default() });

    let done = keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    assert_eq!(done.signatures, Resigned { added: 1, ..Resigned::default() });
}

/// A writer of the database replaces the row after it was decided what is signed again.
#[tokio::test]
async fn a_statement_in_the_place_of_the_one_that_was_decided_about_is_not_signed() {
    let acme = Acme::new().await;
    let (keys, store) = (&acme.keys, &acme.keys.store);
    let (shown, other) = (acme.sign("2.0.0").await, acme.sign("1.0.0").await);
    let (Change::Made(id) | Change::Unchanged(id)) =
        keys.store_signature(acme.org, &shown).await.unwrap();
    let rotation = keys.rotate_signing_key(acme.old, None, Resign::Leave).await.unwrap();
    let (Change::Made(new) | Change::Unchanged(new)) = rotation.successor;
    let (old, new) =
        (keys.proven_key(acme.old).await.unwrap(), keys.proven_key(new.id).await.unwrap());
    let key = keys.require_usable(&new).await.unwrap();
    let successor = Successor { keys, old: &old, new: &new, key };
    let kept = async || store.stored_signature(id).await.unwrap().unwrap();

    let before = kept().await;
    store.replace_package_signature(&before, old.fingerprint(), &other).await.unwrap();
    let outcome = successor.resign(before, shown.clone()).await.unwrap();
    assert_eq!(outcome, Outcome::Left);
    assert_eq!(kept().await.envelope.as_bytes(), other.to_json().as_bytes());

    // The sibling: somebody has added a signature to what was decided about.
    let before = kept().await;
    store.replace_package_signature(&before, old.fingerprint(), &shown).await.unwrap();
    let (before, mut cosigned) = (kept().await, shown.clone());
    cosigned.add_signature(&SigningKey::generate().unwrap()).unwrap();
    store.replace_package_signature(&before, old.fingerprint(), &cosigned).await.unwrap();
    let outcome = successor.resign(before, shown).await.unwrap();
    assert_eq!(outcome, Outcome::Added);
    let signed = SignatureEnvelope::parse(kept().await.envelope.as_bytes()).unwrap();
    signed.verify(&new.verifying_key()).unwrap();
}
