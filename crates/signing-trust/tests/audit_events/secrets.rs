use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::bench::{Bench, KEK, SEED, seed_key};
use crate::page::whole_life;

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

#[tokio::test]
async fn nothing_that_is_told_or_logged_is_secret() {
    let bench = Bench::new().await;
    let life = whole_life(&bench).await;
    let told = format!("{life:?}");
    let id = bench.keys.list_signing_keys(bench.org).await.unwrap()[0].id;
    let (_, wrapped) = bench.keys.store().wrapped_signing_key(id).await.unwrap();
    for secret in [&KEK[..], &SEED, wrapped.as_bytes()] {
        for spelling in spellings(secret) {
            assert!(!told.contains(&spelling), "{spelling} is in {told}");
        }
    }
    let pem = seed_key().to_pem();
    assert!(pem.lines().count() > 2);
    for line in pem.lines() {
        assert!(!told.contains(line), "{line} is in {told}");
    }
    // The same search finds what is there.
    let fingerprint = seed_key().fingerprint();
    let found = spellings(fingerprint.as_bytes()).iter().any(|text| told.contains(text));
    assert!(found, "{told}");
}
