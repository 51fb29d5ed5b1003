//! Envelopes that no honest program writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signing_crypto::{SignatureEnvelope, SigningKey};

/// The envelope with its JSON changed.
pub(crate) fn edit(
    envelope: &SignatureEnvelope,
    change: impl FnOnce(&mut Value),
) -> SignatureEnvelope {
    let mut json = serde_json::from_str(&envelope.to_json()).unwrap();
    change(&mut json);
    SignatureEnvelope::parse(json.to_string().as_bytes()).unwrap()
}

/// The envelope with one bit of its first signature turned over.
pub(crate) fn corrupt_signature(envelope: &SignatureEnvelope) -> SignatureEnvelope {
    edit(envelope, |json| {
        let signature = &mut json["signatures"][0]["sig"];
        let mut bytes = STANDARD.decode(signature.as_str().unwrap()).unwrap();
        bytes[10] ^= 1;
        *signature = STANDARD.encode(bytes).into();
    })
}

/// The envelope without a word about who signed it.
pub(crate) fn forget_signers(envelope: &SignatureEnvelope) -> SignatureEnvelope {
    edit(envelope, |json| {
        for signature in json["signatures"].as_array_mut().unwrap() {
            signature.as_object_mut().unwrap().remove("keyid").unwrap();
        }
    })
}

/// The envelope with another signature behind those that it has.
pub(crate) fn add_signature(envelope: &SignatureEnvelope, key: &SigningKey) -> SignatureEnvelope {
    let mut envelope = envelope.clone();
    envelope.add_signature(key).unwrap();
    envelope
}
