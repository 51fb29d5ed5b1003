use super::{
    EnvelopeSignature, MAX_ENVELOPE_SIZE, MAX_SIGNATURES, PAYLOAD_TYPE, SignatureEnvelope,
};
use crate::dsse::{AddSignatureError, MalformedEnvelope, PackageStatement};
use crate::key::{Signer, SignerError, SigningInput, SigningKey, VerifyingKey};

impl SignatureEnvelope {
    /// Signs `statement` with a key in memory, which never fails.
    pub fn sign(statement: &PackageStatement, key: &SigningKey) -> Self {
        Self::sign_in_memory(PAYLOAD_TYPE, statement.to_json(), key)
    }

    /// Signs `statement` with a key that may be elsewhere.
    ///
    /// # Errors
    ///
    /// That `signer` did not sign it.
    pub fn sign_with(
        statement: &PackageStatement,
        signer: &dyn Signer,
    ) -> Result<Self, SignerError> {
        Self::sign_statement(statement.to_json(), signer)
    }

    /// Signs a statement of any kind, which says of which.
    pub(crate) fn sign_statement(
        statement: String,
        signer: &dyn Signer,
    ) -> Result<Self, SignerError> {
        Self::sign_payload(PAYLOAD_TYPE, statement, signer)
    }

    /// Signs a payload of a type that says what it is.
    pub(crate) fn sign_in_memory(payload_type: &str, payload: String, key: &SigningKey) -> Self {
        Self::sign_payload(payload_type, payload, key).expect("a key in memory signs")
    }

    /// Adds `signer`'s signature over the statement that is there already.
    ///
    /// # Errors
    ///
    /// The envelope is left as it was if it is full, already names this key, is not about a
    /// package, or would become too large to be read again, and if `signer` does not sign.
    pub fn add_signature(&mut self, signer: &dyn Signer) -> Result<(), AddSignatureError> {
        self.unverified_statement()?;
        self.add_signature_at_most(signer, MAX_ENVELOPE_SIZE)
    }

    /// Adds `signer`'s signature if the envelope has at most `limit` bytes then.
    pub(crate) fn add_signature_at_most(
        &mut self,
        signer: &dyn Signer,
        limit: usize,
    ) -> Result<(), AddSignatureError> {
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(AddSignatureError::Full { limit: MAX_SIGNATURES });
        }
        let key = signer.verifying_key();
        let fingerprint = key.fingerprint();
        if self.signatures.iter().any(|signature| signature.keyid == Some(fingerprint)) {
            return Err(AddSignatureError::AlreadySignedBy { fingerprint });
        }
        let signature = self.signature_by(&key, signer)?;
        self.signatures.push(signature);
        if self.to_json().len() > limit {
            self.signatures.pop();
            return Err(MalformedEnvelope::TooLarge { limit }.into());
        }
        Ok(())
    }

    fn sign_payload(
        payload_type: &str,
        payload: String,
        signer: &dyn Signer,
    ) -> Result<Self, SignerError> {
        let mut envelope = Self::unsigned(payload_type, payload);
        let signature = envelope.signature_by(&signer.verifying_key(), signer)?;
        envelope.signatures.push(signature);
        Ok(envelope)
    }

    /// The only place where signatures are made. A signer may be a program of others, or a
    /// faulty device, so its answer counts only if a verifier would accept it.
    fn signature_by(
        &self,
        key: &VerifyingKey,
        signer: &dyn Signer,
    ) -> Result<EnvelopeSignature, SignerError> {
        let input = SigningInput::new(self.signed_bytes());
        let bytes = signer.sign(&input)?;
        let fingerprint = key.fingerprint();
        if !key.accepts(input.as_bytes(), &bytes) {
            return Err(SignerError::WrongSignature { fingerprint });
        }
        Ok(EnvelopeSignature { keyid: Some(fingerprint), bytes: bytes.to_vec() })
    }
}
