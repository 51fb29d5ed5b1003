use signing_crypto::SignerError;
use signing_trust::TrustError;

use super::{Sample, each, sample, values};
use crate::error::CliError;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(each(signer(), failed));
    samples.push(sample(TrustError::Signer(values::wrong_signature()), CliError::from));
    samples
}

fn failed(error: SignerError) -> CliError {
    TrustError::from(error).into()
}

fn signer() -> [SignerError; 2] {
    [values::wrong_signature(), SignerError::Failed("the token was removed".into())]
}
