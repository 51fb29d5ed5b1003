use super::super::every_event::spellings;
use super::recorded_store::{RecordedStore, SEED, seed_key};
use super::reference_page::whole_life;
use crate::support::on_both_backends;

on_both_backends! {
    nothing_that_is_told_or_logged_is_secret,
}

async fn nothing_that_is_told_or_logged_is_secret(recorded: RecordedStore) {
    let life = whole_life(&recorded).await;
    let told = format!("{life:?}");
    let id = recorded.keys.list_signing_keys(recorded.org).await.unwrap()[0].id;
    let (_, wrapped) = recorded.keys.store().wrapped_signing_key(id).await.unwrap();
    for secret in [&[1; 32][..], &[2; 32], &SEED, wrapped.as_bytes()] {
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
