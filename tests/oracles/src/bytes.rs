use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ed25519_dalek::Signer;
use signing_crypto::{SigningKey, VerifyingKey};
use zeroize::Zeroizing;

const SEED: [u8; 32] = [7; 32];

/// The key that signs where a signature is needed.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(SEED))
}

pub(crate) fn public_key() -> VerifyingKey {
    key().verifying_key()
}

/// An envelope of DSSE v1 around `payload`, signed by [`key`] without the crates' own code.
pub(crate) fn signed_envelope(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let signer = ed25519_dalek::SigningKey::from_bytes(&SEED);
    let signature = signer.sign(&pre_authentication_encoding(payload_type, payload));
    let envelope = serde_json::json!({
        "payload": STANDARD.encode(payload),
        "payloadType": payload_type,
        "signatures": [{
            "keyid": key().fingerprint().to_string(),
            "sig": STANDARD.encode(signature.to_bytes()),
        }],
    });
    envelope.to_string().into_bytes()
}

/// What is signed, by the text of the DSSE specification, `protocol.md`.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let start = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [start.as_bytes(), payload].concat()
}

/// The bytes, in either alphabet that DSSE allows.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}
