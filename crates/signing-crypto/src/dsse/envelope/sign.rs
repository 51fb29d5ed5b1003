use super::{
    EnvelopeSignature, MAX_ENVELOPE_SIZE, MAX_SIGNATURES, PAYLOAD_TYPE, SignatureEnvelope,
};
use crate::dsse::{EnvelopeError, MalformedEnvelope, PackageStatement};
use crate::key::SigningKey;

impl SignatureEnvelope {
    /// Signs `statement` with `key`.
    pub fn sign(statement: &PackageStatement, key: &SigningKey) -> Self {
        Self::sign_statement(statement.to_json(), key)
    }

    /// Signs a statement of any kind, which says of which.
    pub(crate) fn sign_statement(statement: String, key: &SigningKey) -> Self {
        Self::sign_payload(PAYLOAD_TYPE, statement, key)
    }

    /// Signs a payload of a type that says what it is.
    pub(crate) fn sign_payload(payload_type: &str, payload: String, key: &SigningKey) -> Self {
        let mut envelope = Self::unsigned(payload_type, payload);
        envelope.push_signature(key);
        envelope
    }

    /// Adds `key`'s signature over the statement that is there already.
    ///
    /// # Errors
    ///
    /// The envelope is left as it was if it is full, already names this key, is
    /// not about a package, or would become too large to be read again.
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<(), EnvelopeError> {
        self.unverified_statement()?;
        self.add_signature_at_most(key, MAX_ENVELOPE_SIZE)
    }

    /// Adds `key`'s signature if the envelope has at most `limit` bytes then.
    pub(crate) fn add_signature_at_most(
        &mut self,
        key: &SigningKey,
        limit: usize,
    ) -> Result<(), EnvelopeError> {
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(EnvelopeError::Full { limit: MAX_SIGNATURES });
        }
        let fingerprint = key.fingerprint();
        if self.signatures.iter().any(|signature| signature.keyid == Some(fingerprint)) {
            return Err(EnvelopeError::AlreadySignedBy { fingerprint });
        }
        self.push_signature(key);
        if self.to_json().len() > limit {
            self.signatures.pop();
            return Err(MalformedEnvelope::TooLarge { limit }.into());
        }
        Ok(())
    }

    fn push_signature(&mut self, key: &SigningKey) {
        let bytes = key.sign(&self.signed_bytes()).to_vec();
        self.signatures.push(EnvelopeSignature { keyid: Some(key.fingerprint()), bytes });
    }
}
