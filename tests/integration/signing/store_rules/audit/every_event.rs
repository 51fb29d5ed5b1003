//! Every type of event there is, each of which somebody can bring about.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use signing_trust::EventType;

use super::whole_life::{Life, SEED, key, whole_life};
use crate::support::{World, on_both_backends};

on_both_backends! {
    every_type_of_event_is_told_and_none_tells_a_secret,
}

/// Ways in which a secret could slip out.
fn spellings(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        hex.to_uppercase(),
        hex,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        format!("{secret:?}"),
        format!("{secret:x?}"),
    ]
}

async fn every_type_of_event_is_told_and_none_tells_a_secret(world: World) {
    let Life { told, logged, wrapped } = whole_life(world).await;
    let types: BTreeSet<_> = told.iter().map(|(_, fields)| fields["event_type"].as_str()).collect();
    let all: BTreeSet<_> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    assert_eq!(types, all);

    let told = format!("{told:?} {logged:?}");
    for secret in [&SEED[..], &[1; 32], &[2; 32], &wrapped] {
        for spelling in spellings(secret) {
            assert!(!told.contains(&spelling), "{spelling} is in {told}");
        }
    }
    let pem = key().to_pem();
    assert!(pem.lines().count() > 2);
    for line in pem.lines() {
        assert!(!told.contains(line), "{line} is in {told}");
    }
    // The same search finds what is there.
    let fingerprint = key().fingerprint();
    assert!(spellings(fingerprint.as_bytes()).iter().any(|text| told.contains(text)), "{told}");
}
