#[cfg(feature = "private-keys")]
mod sign;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

use crate::dsse::strict_json::Object;
use crate::dsse::{EnvelopeError, ForeignFormat, MalformedEnvelope, PackageStatement};
use crate::key::{Fingerprint, VerifyingKey};

/// The DSSE `payloadType` of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The most bytes that an envelope may have: 64 KiB.
pub const MAX_ENVELOPE_SIZE: usize = 64 * 1024;

/// The most signatures that an envelope may carry.
pub const MAX_SIGNATURES: usize = 16;

/// A detached signature: a DSSE v1 envelope around a [`PackageStatement`].
///
/// Parsing one proves nothing. What it says can be had from
/// [`verify`](Self::verify), or, marked as such, from
/// [`unverified_statement`](Self::unverified_statement).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureEnvelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

impl SignatureEnvelope {
    /// Reads an envelope, strictly and in bounded space.
    ///
    /// As DSSE v1 asks, unknown fields are ignored and both base64 alphabets are
    /// read. A `keyid` that is not a fingerprint counts as absent.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedEnvelope> {
        Self::parse_at_most(bytes, MAX_ENVELOPE_SIZE)
    }

    /// Reads an envelope of at most `limit` bytes.
    pub(crate) fn parse_at_most(bytes: &[u8], limit: usize) -> Result<Self, MalformedEnvelope> {
        let envelope = Self::parse_unsigned(bytes, limit)?;
        match envelope.signatures.len() {
            0 => Err(MalformedEnvelope::SignatureCount { found: 0, limit: MAX_SIGNATURES }),
            _ => Ok(envelope),
        }
    }

    /// The same for an envelope that may have no signature yet.
    pub(crate) fn parse_unsigned(bytes: &[u8], limit: usize) -> Result<Self, MalformedEnvelope> {
        if bytes.len() > limit {
            return Err(MalformedEnvelope::TooLarge { limit });
        }
        if bytes.is_empty() {
            return Err(MalformedEnvelope::Empty);
        }
        if let Some(format) = ForeignFormat::recognize(bytes) {
            return Err(MalformedEnvelope::Foreign { format });
        }
        let wire: WireEnvelope = Object::parse(bytes)?;
        let found = wire.signatures.len();
        if found > MAX_SIGNATURES {
            return Err(MalformedEnvelope::SignatureCount { found, limit: MAX_SIGNATURES });
        }
        let mut signatures = Vec::with_capacity(found);
        for Object(wire) in wire.signatures {
            let keyid = wire.keyid.and_then(|keyid| keyid.parse().ok());
            if let Some(fingerprint) = keyid
                && signatures.iter().any(|other: &EnvelopeSignature| other.keyid == keyid)
            {
                return Err(MalformedEnvelope::DuplicateKeyid { fingerprint });
            }
            signatures.push(EnvelopeSignature { keyid, bytes: decode_base64(&wire.sig, "sig")? });
        }
        Ok(Self {
            payload: decode_base64(&wire.payload, "payload")?,
            payload_type: wire.payload_type,
            signatures,
        })
    }

    /// An envelope without signatures.
    pub(crate) fn unsigned(payload_type: &str, payload: String) -> Self {
        Self {
            payload_type: payload_type.into(),
            payload: payload.into_bytes(),
            signatures: Vec::new(),
        }
    }

    /// Checks that `key` signed this envelope, and only then reads what it says.
    ///
    /// A signature is tried if it names `key` or no key at all; others do
    /// neither good nor harm.
    ///
    /// # Errors
    ///
    /// [`NotSignedBy`](EnvelopeError::NotSignedBy) if there was nothing to try,
    /// [`InvalidSignature`](EnvelopeError::InvalidSignature) if nothing tried
    /// was made by `key`, and [`Malformed`](EnvelopeError::Malformed) if `key`
    /// signed something that is not a statement about a package.
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedStatement, EnvelopeError> {
        self.require_signed_by(key)?;
        Ok(VerifiedStatement { statement: self.unverified_statement()?, signer: *key })
    }

    /// Checks that `key` signed this envelope, whatever it says.
    pub(crate) fn require_signed_by(&self, key: &VerifyingKey) -> Result<(), EnvelopeError> {
        let fingerprint = key.fingerprint();
        let signed = self.signed_bytes();
        let mut tried = self
            .signatures
            .iter()
            .filter(|signature| signature.keyid.is_none_or(|keyid| keyid == fingerprint))
            .peekable();
        if tried.peek().is_none() {
            return Err(EnvelopeError::NotSignedBy { fingerprint });
        }
        if !tried.any(|signature| key.accepts(&signed, &signature.bytes)) {
            return Err(EnvelopeError::InvalidSignature { fingerprint });
        }
        Ok(())
    }

    /// The unverified statement in the envelope: to show it, not to act on it.
    pub fn unverified_statement(&self) -> Result<PackageStatement, MalformedEnvelope> {
        PackageStatement::parse(self.unverified_payload_of_type(PAYLOAD_TYPE)?)
    }

    /// What the envelope holds, if it says that it is of this type: to show it, or to read it
    /// before it is verified.
    pub(crate) fn unverified_payload_of_type(
        &self,
        expected: &'static str,
    ) -> Result<&[u8], MalformedEnvelope> {
        match self.payload_type == expected {
            true => Ok(&self.payload),
            false => {
                Err(MalformedEnvelope::PayloadType { expected, found: self.payload_type.clone() })
            }
        }
    }

    /// The bytes that the envelope holds, of whatever type.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether a signature names `key` and was made by it over `signed`, which is
    /// [`signed_bytes`](Self::signed_bytes).
    pub(crate) fn names_and_proves(&self, key: &VerifyingKey, signed: &[u8]) -> bool {
        let named = Some(key.fingerprint());
        let mut signatures = self.signatures.iter();
        signatures
            .any(|signature| signature.keyid == named && key.accepts(signed, &signature.bytes))
    }

    /// Whether `key` made `signature`, regardless of its `keyid`, over what this envelope
    /// holds.
    #[must_use]
    pub fn is_signature_by(&self, signature: &EnvelopeSignature, key: &VerifyingKey) -> bool {
        key.accepts(&self.signed_bytes(), &signature.bytes)
    }

    /// What kind of content is signed, unverified.
    pub fn unverified_payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The envelope's signatures, in order.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// The bytes that the signatures cover: DSSE's pre-authentication encoding
    /// (PAE) of payload type and payload.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let (payload_type, payload) = (&self.payload_type, &self.payload);
        let mut pae =
            format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
        pae.extend_from_slice(payload);
        pae
    }

    /// The envelope as compact JSON, as it stands in a `.sig` file.
    pub fn to_json(&self) -> String {
        let wire = WireEnvelope {
            payload_type: self.payload_type.clone(),
            payload: STANDARD.encode(&self.payload),
            signatures: self
                .signatures
                .iter()
                .map(|signature| {
                    Object(WireSignature {
                        keyid: signature.keyid.map(|keyid| keyid.to_string()),
                        sig: STANDARD.encode(&signature.bytes),
                    })
                })
                .collect(),
        };
        serde_json::to_string(&wire).expect("strings serialize")
    }
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeSignature {
    keyid: Option<Fingerprint>,
    bytes: Vec<u8>,
}

impl EnvelopeSignature {
    /// The key that is said to have made it. A hint: only verifying tells.
    pub fn claimed_signer(&self) -> Option<Fingerprint> {
        self.keyid
    }
}

/// A statement whose signature was checked. Only
/// [`SignatureEnvelope::verify`] makes one.
///
/// It says that `signer` signed the statement, not that `signer` is trusted or
/// that a package matches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedStatement {
    statement: PackageStatement,
    signer: VerifyingKey,
}

impl VerifiedStatement {
    /// What was signed.
    pub fn statement(&self) -> &PackageStatement {
        &self.statement
    }

    /// The key that signed it.
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEnvelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Object<WireSignature>>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

/// Padded base64 in either alphabet, but not in both at once.
fn decode_base64(text: &str, field: &'static str) -> Result<Vec<u8>, MalformedEnvelope> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| MalformedEnvelope::Base64 { field })
}

#[cfg(test)]
mod tests;
