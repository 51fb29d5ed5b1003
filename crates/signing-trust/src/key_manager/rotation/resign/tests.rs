use chrono::Utc;
use signing_crypto::{KeyEncryptionKey, PackageDigest, StatementTime};
use signing_store::{DatabaseUrl, Store};

use super::*;
use crate::trust_reader::{Resigned, SearchExtent};

#[tokio::test]
async fn rotation_ends_if_there_are_too_many_signatures_to_look_at() {
    let directory = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(directory.path().join("store.db"));
    let (store, _) = Store::migrate(&url).await.unwrap();
    let kek = KeyEncryptionKey::parse(&"01".repeat(32)).unwrap();
    let keys = KeyManager::new(store, Some(kek));
    let org = keys.create_organization("acme".parse().unwrap()).await.unwrap().id;
    let old = keys.create_signing_key(org, "release".parse().unwrap()).await.unwrap().id;
    keys.trust_signing_key(org, old, None, None).await.unwrap();
    let digest = PackageDigest::from_bytes([7; 32]);
    let now = StatementTime::new(Utc::now()).unwrap();
    let statement = PackageStatement::new("a.so".parse().unwrap(), digest, 1, now);
    let envelope = keys.sign_statement(old, &statement).await.unwrap();
    keys.store_signature(org, &envelope).await.unwrap();

    // As if looking at the first took too long.
    let cut_off = keys.rotate_within(old, None, &Resign::All, Duration::ZERO).await.unwrap();
    assert!(matches!(cut_off.successor, Change::Made(_)), "{cut_off:?}");
    assert!(matches!(cut_off.trusted, Some(Change::Made(_))), "{cut_off:?}");
    let extent = SearchExtent::UntilTimeLimit;
    assert_eq!(cut_off.signatures, Resigned { extent, ..Resigned::default() });

    let done = keys.rotate_signing_key(old, None, Resign::All).await.unwrap();
    assert_eq!(done.signatures, Resigned { added: 1, ..Resigned::default() });
}
