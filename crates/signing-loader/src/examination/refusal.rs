use signing_trust::acceptance::VerificationError;

/// Why envelopes are refused, and whether trust in further signers could change that.
pub(super) struct Refusal {
    pub(super) error: VerificationError,
    pub(super) lacks_signers: bool,
}

impl From<VerificationError> for Refusal {
    fn from(error: VerificationError) -> Self {
        let lacks_signers = matches!(
            error,
            VerificationError::UntrustedSigner { .. }
                | VerificationError::InvalidSignature { .. }
                | VerificationError::NotEnoughSigners { .. }
        );
        Self { error, lacks_signers }
    }
}
