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
        let mut envelope = Self {
            payload_type: PAYLOAD_TYPE.into(),
            payload: statement.into_bytes(),
            signatures: Vec::new(),
        };
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
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(EnvelopeError::Full { limit: MAX_SIGNATURES });
        }
        let fingerprint = key.fingerprint();
        if self.signatures.iter().any(|signature| signature.keyid == Some(fingerprint)) {
            return Err(EnvelopeError::AlreadySignedBy { fingerprint });
        }
        self.push_signature(key);
        if self.to_json().len() > MAX_ENVELOPE_SIZE {
            self.signatures.pop();
            return Err(MalformedEnvelope::TooLarge { limit: MAX_ENVELOPE_SIZE }.into());
        }
        Ok(())
    }

    fn push_signature(&mut self, key: &SigningKey) {
        let bytes = key.sign(&self.signed_bytes()).to_vec();
        self.signatures.push(EnvelopeSignature { keyid: Some(key.fingerprint()), bytes });
    }
}
