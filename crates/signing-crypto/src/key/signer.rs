use std::error::Error;
use std::fmt;

use thiserror::Error;

use crate::key::{Fingerprint, SigningKey, VerifyingKey};

/// A key pair that signs, wherever its private half is: a [`SigningKey`] in memory, or a
/// program, an agent or a token that never hands it out.
///
/// A signer need not be trusted. Whatever it returns is verified under
/// [`verifying_key`](Self::verifying_key) before it becomes part of an envelope.
///
/// Signing may take as long as a person needs to touch a token, and blocks the thread.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public half. It is always the same.
    fn verifying_key(&self) -> VerifyingKey;

    /// Signs by pure Ed25519 (RFC 8032, section 5.1.6): without prehashing, without context.
    ///
    /// # Errors
    ///
    /// [`SignerError::Failed`], with the signer's own error.
    fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError>;
}

impl Signer for SigningKey {
    fn verifying_key(&self) -> VerifyingKey {
        self.verifying_key()
    }

    fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError> {
        Ok(self.sign_bytes(input.as_bytes()))
    }
}

/// What a signer signs: DSSE's pre-authentication encoding (PAE) of a payload and its type.
///
/// Only this crate makes one, so a signer is never asked to sign bytes that do not say what
/// they are.
pub struct SigningInput(Vec<u8>);

impl SigningInput {
    pub(crate) fn new(encoding: Vec<u8>) -> Self {
        Self(encoding)
    }

    /// The bytes to sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningInput({} bytes)", self.0.len())
    }
}

/// A signer did not sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The signer returned something, and its key did not make it over what was to be signed.
    #[error("the signer returned a signature that the key {fingerprint} did not make")]
    WrongSignature {
        /// The key that should have signed.
        fingerprint: Fingerprint,
    },
    /// The signer returned no signature.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

impl SignerError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongSignature { .. } => "WrongSignature",
            Self::Failed(_) => "SignerFailed",
        }
    }
}
