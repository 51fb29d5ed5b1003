use std::str;

use serde::Deserialize;
use serde_json::Value;
use signing_crypto::{
    MAX_ENVELOPE_SIZE, MAX_SIGNATURES, PAYLOAD_TYPE, PackageStatement, SignatureEnvelope,
    SignedCheckpoint,
};

use crate::Verdict;
use crate::bytes::{decoded, key, pre_authentication_encoding, public_key, signed_envelope};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    payload: String,
    payload_type: String,
}

/// Any envelope. What is accepted is JSON for `serde_json` too, and what it says was signed is
/// what the specification says of the same fields.
pub(crate) fn envelope(input: &[u8]) -> Verdict {
    let parsed = SignatureEnvelope::parse(input);
    if let Ok(envelope) = &parsed {
        assert!(input.len() <= MAX_ENVELOPE_SIZE);
        assert!((1..=MAX_SIGNATURES).contains(&envelope.signatures().len()));
        let again = SignatureEnvelope::parse(envelope.to_json().as_bytes()).unwrap();
        assert_eq!(&again, envelope);

        let fields: Fields = serde_json::from_str(str::from_utf8(input).unwrap()).unwrap();
        let payload = decoded(&fields.payload).unwrap();
        let expected = pre_authentication_encoding(&fields.payload_type, &payload);
        assert_eq!(envelope.signed_bytes(), expected);
    }
    Verdict::from(&parsed)
}

/// The payload of a package's signature.
pub(crate) fn package_statement(payload: &[u8]) -> Verdict {
    let envelope = SignatureEnvelope::parse(&signed_envelope(PAYLOAD_TYPE, payload));
    let Ok(envelope) = envelope else { return Verdict::Refused };
    let verified = envelope.verify(&public_key());
    if let Ok(verified) = &verified {
        let statement = verified.statement();
        assert_eq!(&envelope.unverified_statement().unwrap(), statement);
        agrees(payload, statement);
        let printed = SignatureEnvelope::sign(statement, &key());
        assert_eq!(&printed.unverified_statement().unwrap(), statement);
    }
    Verdict::from(&verified)
}

/// What another reader of the payload finds in it.
fn agrees(payload: &[u8], statement: &PackageStatement) {
    let json: Value = serde_json::from_slice(payload).unwrap();
    let subject = &json["subject"][0];
    assert_eq!(subject["name"], statement.name().as_str());
    assert_eq!(subject["digest"]["sha256"], statement.digest().to_string());
    let predicate = &json["predicate"];
    assert_eq!(predicate["size"], statement.size());
    let version = statement.version().map(ToString::to_string);
    assert_eq!(predicate.get("version").and_then(Value::as_str), version.as_deref());
    assert_eq!(predicate.get("expiresAt").is_some(), statement.expires_at().is_some());
}

/// The payload of a signed checkpoint of an audit log.
pub(crate) fn audit_checkpoint(payload: &[u8]) -> Verdict {
    let Ok(signed) = SignedCheckpoint::parse(&signed_envelope(PAYLOAD_TYPE, payload)) else {
        return Verdict::Refused;
    };
    let verified = signed.verify(&public_key());
    if let Ok(verified) = &verified {
        let checkpoint = verified.checkpoint();
        let printed = SignedCheckpoint::sign(checkpoint, &key()).unwrap();
        assert_eq!(printed.verify(&public_key()).unwrap().checkpoint(), checkpoint);
        let json: Value = serde_json::from_slice(payload).unwrap();
        assert_eq!(json["predicate"]["sequence"], checkpoint.sequence);
        // A checkpoint is never a package's signature.
        let envelope = SignatureEnvelope::parse(signed.to_json().as_bytes()).unwrap();
        assert!(envelope.verify(&public_key()).is_err());
    }
    Verdict::from(&verified)
}
