use std::collections::BTreeSet;

use super::document::max_envelope;
use super::error::{DocumentFault, MalformedTrustDocument};
use super::{DocumentDigest, RootDigest, RootDocument, TrustDocument};
#[cfg(feature = "private-keys")]
use crate::dsse::AddSignatureError;
#[cfg(test)]
use crate::dsse::EnvelopeSignature;
use crate::dsse::{MalformedEnvelope, SignatureEnvelope};
use crate::key::{Fingerprint, VerifyingKey};
#[cfg(feature = "private-keys")]
use crate::key::{Signer, SigningKey};

/// A document in its envelope, with the signatures that it has so far. Exactly the bytes that
/// were signed are kept.
///
/// Parsing one proves nothing: [`VerifiedRoot::verify`](super::VerifiedRoot::verify) does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDocument<D> {
    envelope: SignatureEnvelope,
    document: D,
}

impl<D: TrustDocument> SignedDocument<D> {
    /// Reads an envelope and the document in it, strictly and in bounded space: a field that
    /// is not known is malformed, because it may be one that was meant to be enforced.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedTrustDocument> {
        let envelope = SignatureEnvelope::parse_at_most(bytes, const { max_envelope::<D>() });
        Self::of(envelope)
    }

    /// Reads a document that may have no signature yet.
    pub(super) fn parse_unsigned(bytes: &[u8]) -> Result<Self, MalformedTrustDocument> {
        let envelope = SignatureEnvelope::parse_unsigned(bytes, const { max_envelope::<D>() });
        Self::of(envelope)
    }

    /// Puts a document in an envelope, for others to sign.
    ///
    /// # Errors
    ///
    /// That it could not be read again: it has too many keys or bytes.
    pub fn unsigned(document: &D) -> Result<Self, MalformedTrustDocument> {
        let envelope = SignatureEnvelope::unsigned(D::PAYLOAD_TYPE, document.to_json());
        Self::parse_unsigned(envelope.to_json().as_bytes())
    }

    fn of(
        envelope: Result<SignatureEnvelope, MalformedEnvelope>,
    ) -> Result<Self, MalformedTrustDocument> {
        let malformed = |fault| MalformedTrustDocument { kind: D::KIND, fault };
        let envelope = envelope.map_err(|fault| malformed(fault.into()))?;
        let payload = envelope
            .unverified_payload_of_type(D::PAYLOAD_TYPE)
            .map_err(|fault| malformed(fault.into()))?;
        if payload.len() > D::MAX_PAYLOAD {
            let (found, limit) = (payload.len(), D::MAX_PAYLOAD);
            return Err(malformed(DocumentFault::TooLarge { found, limit }));
        }
        let document = D::from_payload(payload).map_err(malformed)?;
        Ok(Self { envelope, document })
    }

    /// Signs a document with a key in memory.
    ///
    /// # Errors
    ///
    /// That it could not be read again: it has too many keys or bytes.
    #[cfg(feature = "private-keys")]
    pub fn sign(document: &D, key: &SigningKey) -> Result<Self, MalformedTrustDocument> {
        let envelope = SignatureEnvelope::sign_in_memory(D::PAYLOAD_TYPE, document.to_json(), key);
        Self::parse(envelope.to_json().as_bytes())
    }

    /// Adds `signer`'s signature over exactly the bytes that the others have signed.
    ///
    /// # Errors
    ///
    /// The document is left as it was if it is full, already names this key, or if `signer`
    /// does not sign.
    #[cfg(feature = "private-keys")]
    pub fn add_signature(&mut self, signer: &dyn Signer) -> Result<(), AddSignatureError> {
        self.envelope.add_signature_at_most(signer, const { max_envelope::<D>() })
    }

    /// Its unverified content: to show it, not to act on it.
    pub fn unverified(&self) -> &D {
        &self.document
    }

    /// The keys that are named as signers. No signature has been verified.
    #[cfg(test)]
    pub(super) fn claimed_signers(&self) -> impl Iterator<Item = Fingerprint> {
        self.envelope.signatures().iter().filter_map(EnvelopeSignature::claimed_signer)
    }

    /// Which of `keys` have signed it, each by a signature that names it.
    pub(crate) fn signers_among<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a VerifyingKey>,
    ) -> BTreeSet<Fingerprint> {
        let signed = self.envelope.signed_bytes();
        let has_signed = |key: &&VerifyingKey| self.envelope.names_and_proves(key, &signed);
        keys.into_iter().filter(has_signed).map(VerifyingKey::fingerprint).collect()
    }

    /// The envelope as compact JSON, on one line.
    pub fn to_json(&self) -> String {
        self.envelope.to_json()
    }
}

impl SignedDocument<RootDocument> {
    /// What names it.
    pub fn digest(&self) -> RootDigest {
        RootDigest::of(self.envelope.unverified_payload())
    }
}

/// A document that as many keys have signed as must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedDocument<D> {
    document: D,
    digest: DocumentDigest,
}

impl<D: TrustDocument> VerifiedDocument<D> {
    /// To be called by the root document's check alone.
    pub(super) fn of(signed: &SignedDocument<D>) -> Self {
        let digest = DocumentDigest::of(signed.envelope.unverified_payload());
        Self { document: signed.document.clone(), digest }
    }

    /// What was signed.
    pub fn document(&self) -> &D {
        &self.document
    }

    /// The digest of what was signed.
    pub fn digest(&self) -> DocumentDigest {
        self.digest
    }

    /// What was signed.
    pub fn into_document(self) -> D {
        self.document
    }
}
