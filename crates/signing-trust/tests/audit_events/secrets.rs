use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use signing_crypto::SignatureEnvelope;
use signing_trust::KeyManager;

use crate::bench::{Bench, KEK, SEED, kek, seed_key, statement};

/// Every spelling that a secret could slip out in.
fn spellings(secret: &[u8]) -> Vec<String> {
    let hex = hex::encode(secret);
    vec![
        hex.to_uppercase(),
        hex,
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        format!("{secret:?}"),
        format!("{secret:x?}"),
    ]
}

/// Does everything there is to do, and gives all that was told and logged.
async fn whole_life(bench: &Bench) -> String {
    let keys = &bench.keys;
    let child = bench.child().await;
    let id = keys.import_signing_key(bench.org, "ci".parse().unwrap(), &seed_key()).await;
    let id = id.unwrap().id;
    keys.export_public_key(id).await.unwrap();
    let key = seed_key().verifying_key();
    let row = keys.trust_public_key(bench.org, &key, Some("ci".parse().unwrap())).await;
    keys.sign_statement(id, &statement()).await.unwrap();
    let envelope = SignatureEnvelope::sign(&statement(), &seed_key());
    keys.store_signature(bench.org, &envelope).await.unwrap();
    keys.grant_trust(bench.org, child).await.unwrap();
    keys.revoke_trust(bench.org, child).await.unwrap();
    keys.revoke_trusted_key(row.unwrap().into_inner().id).await.unwrap();
    keys.deny_key(child, &key.fingerprint(), Some("leaked".parse().unwrap())).await.unwrap();
    let stranger = KeyManager::new(keys.store().clone(), Some(kek([1; 32])));
    assert!(stranger.get_signing_key(id).await.is_err());
    assert!(stranger.create_signing_key(bench.org, "x".parse().unwrap()).await.is_err());
    keys.revoke_signing_key(id).await.unwrap();
    keys.delete_organization(child).await.unwrap();

    let heard = bench.heard();
    // The child's creation was heard before.
    assert_eq!(heard.len(), 11, "{heard:?}");
    let mut told = format!("{heard:?}");
    for org in [bench.org, child] {
        for record in keys.store().audit_log(org).await.unwrap() {
            told += &format!("\n{} {}", record.event_type, record.details);
        }
    }
    told
}

#[tokio::test]
async fn nothing_that_is_told_or_logged_is_secret() {
    let bench = Bench::new().await;
    let told = whole_life(&bench).await;
    let id = bench.keys.list_signing_keys(bench.org).await.unwrap()[0].id;
    let (_, wrapped) = bench.keys.store().wrapped_signing_key(id).await.unwrap();
    for secret in [&KEK[..], &SEED, wrapped.as_bytes()] {
        for spelling in spellings(secret) {
            assert!(!told.contains(&spelling), "{spelling} is in {told}");
        }
    }
    // The same search finds what is there.
    let fingerprint = seed_key().fingerprint();
    let found = spellings(fingerprint.as_bytes()).iter().any(|text| told.contains(text));
    assert!(found, "{told}");
}
