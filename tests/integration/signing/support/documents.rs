//! Documents of signed trust, made from JSON and raw Ed25519 signatures, and not by the code
//! that reads them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{SecondsFormat, TimeDelta, Utc};
use ed25519_dalek::Signer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signing_crypto::{DocumentTexts, OrgId, SigningKey, TrustDocumentKind, VerifyingKey};
use zeroize::Zeroizing;

/// A key pair that signs whatever it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawKey([u8; 32]);

impl RawKey {
    pub(crate) fn of_seed(seed: u8) -> Self {
        Self([seed; 32])
    }

    fn pair(self) -> ed25519_dalek::SigningKey {
        ed25519_dalek::SigningKey::from_bytes(&self.0)
    }

    pub(crate) fn public(self) -> [u8; 32] {
        self.pair().verifying_key().to_bytes()
    }

    pub(crate) fn base64(self) -> String {
        STANDARD.encode(self.public())
    }

    pub(crate) fn fingerprint(self) -> String {
        hex(&Sha256::digest(self.public()))
    }

    pub(crate) fn verifying_key(self) -> VerifyingKey {
        VerifyingKey::from_bytes(&self.public()).unwrap()
    }

    pub(crate) fn signing_key(self) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(self.0))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many days from now, as a document writes it.
pub(crate) fn in_days(days: i64) -> String {
    (Utc::now() + TimeDelta::days(days)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The DSSE `payloadType` of a kind of document.
pub(crate) fn payload_type(kind: TrustDocumentKind) -> String {
    format!("application/vnd.cloacina.trust-{kind}+json")
}

/// A DSSE envelope around a document, signed by these keys.
pub(crate) fn signed(kind: TrustDocumentKind, document: &Value, keys: &[RawKey]) -> String {
    signed_as(&payload_type(kind), document.to_string().as_bytes(), keys)
}

pub(crate) fn signed_as(payload_type: &str, payload: &[u8], keys: &[RawKey]) -> String {
    let mut pae = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    // Documents are text.
    pae += std::str::from_utf8(payload).unwrap();
    let signature = |key: &RawKey| {
        let signature = key.pair().sign(pae.as_bytes()).to_bytes();
        json!({ "keyid": key.fingerprint(), "sig": STANDARD.encode(signature) })
    };
    let signatures: Vec<_> = keys.iter().map(signature).collect();
    json!({
        "payload": STANDARD.encode(payload),
        "payloadType": payload_type,
        "signatures": signatures,
    })
    .to_string()
}

/// The version that a document has.
pub(crate) fn version_of(envelope: &str) -> u64 {
    let envelope: Value = serde_json::from_str(envelope).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let document: Value = serde_json::from_slice(&payload).unwrap();
    document["version"].as_u64().unwrap()
}

/// What names a root document.
pub(crate) fn digest(root: &Value) -> String {
    hex(&Sha256::digest(root.to_string()))
}

/// An organization whose trust two keys of the `root` role and two of the `trust` role sign.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    pub(crate) org: OrgId,
    name: &'static str,
    /// From when until when its documents are.
    times: [String; 2],
    pub(crate) root_keys: [RawKey; 2],
    pub(crate) trust_keys: [RawKey; 2],
    pub(crate) revocation_key: RawKey,
    /// What it signs packages with.
    pub(crate) release: RawKey,
}

impl Party {
    pub(crate) fn new(org: OrgId, name: &'static str, seed: u8) -> Self {
        let key = |number: u8| RawKey([seed + number; 32]);
        Self {
            org,
            name,
            times: [-1, 30].map(in_days),
            root_keys: [key(0), key(1)],
            trust_keys: [key(2), key(3)],
            revocation_key: key(4),
            release: key(5),
        }
    }

    /// What each document begins with.
    fn header(&self, version: u32) -> Value {
        json!({
            "organization": { "id": self.org.to_string(), "name": self.name },
            "version": version,
            "issuedAt": self.times[0],
            "expiresAt": self.times[1],
        })
    }

    pub(crate) fn root(&self, version: u32) -> Value {
        let role = |keys: &[RawKey]| {
            let keyids: Vec<_> = keys.iter().map(|key| key.fingerprint()).collect();
            json!({ "keyids": keyids, "threshold": keys.len() })
        };
        let revocation = [self.revocation_key];
        let keys = [&self.root_keys[..], &self.trust_keys, &revocation].concat();
        let mut root = self.header(version);
        root["keys"] = keys.iter().map(|key| key.base64()).collect();
        root["roles"] = json!({
            "root": role(&self.root_keys),
            "trust": role(&self.trust_keys),
            "revocation": role(&revocation),
        });
        root
    }

    /// Trust in its own release key.
    pub(crate) fn statement(&self, version: u32) -> Value {
        let mut statement = self.header(version);
        statement["rootVersion"] = 1.into();
        statement["revocationsVersion"] = 1.into();
        statement["keys"] = json!([{ "publicKey": self.release.base64(), "name": "release" }]);
        for empty in ["denied", "grants", "floors"] {
            statement[empty] = json!([]);
        }
        statement
    }

    /// A grant to this organization, as another's statement makes it.
    pub(crate) fn granted(&self) -> Value {
        json!({
            "organization": { "id": self.org.to_string(), "name": self.name },
            "root": digest(&self.root(1)),
        })
    }

    pub(crate) fn revocations(&self, version: u32, denied: &[RawKey]) -> Value {
        let denied =
            denied.iter().map(|key| json!({ "fingerprint": key.fingerprint(), "at": in_days(-1) }));
        let mut revocations = self.header(version);
        revocations["rootVersion"] = 1.into();
        revocations["denied"] = denied.collect();
        revocations
    }

    pub(crate) fn sign_root(&self, root: &Value) -> String {
        signed(TrustDocumentKind::Root, root, &self.root_keys)
    }

    pub(crate) fn sign_statement(&self, statement: &Value) -> String {
        signed(TrustDocumentKind::Statement, statement, &self.trust_keys)
    }

    pub(crate) fn sign_revocations(&self, revocations: &Value) -> String {
        signed(TrustDocumentKind::Revocations, revocations, &[self.revocation_key])
    }

    /// Its first documents, with this statement.
    pub(crate) fn documents(&self, statement: &Value) -> DocumentTexts {
        DocumentTexts {
            roots: vec![self.sign_root(&self.root(1))],
            statement: Some(self.sign_statement(statement)),
            revocations: Some(self.sign_revocations(&self.revocations(1, &[]))),
        }
    }
}
