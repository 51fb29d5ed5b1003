use std::path::PathBuf;

use cryptoki::error::{Error, RvError};
use signing_crypto::KeyError;
use thiserror::Error;

use crate::lines::counted;

/// A key in a token that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TokenError {
    #[error("there is no PKCS#11 module {name:?}")]
    NoModule { name: String },
    #[error("the PKCS#11 module {} cannot be used", path.display())]
    Load { path: PathBuf, source: Error },
    #[error("the token did not answer within {seconds} s")]
    TimedOut { seconds: u64 },
    #[error("no token matches {given}; the module has {found}")]
    NoSuchToken { given: String, found: usize },
    #[error("several tokens match {given}")]
    SeveralTokens { given: String },
    #[error("the PIN is wrong")]
    WrongPin,
    #[error("the PIN is locked: it was wrong too often")]
    PinLocked,
    #[error("a PIN is needed, and there is no terminal to ask for it")]
    PinNeeded,
    #[error("no Ed25519 private key matches {given}")]
    NoSuchKey { given: String },
    #[error("several Ed25519 private keys match {given}")]
    SeveralKeys { given: String },
    #[error("the token does not show the public half of the key {given}")]
    NoPublicKey { given: String },
    #[error("the key {given} is unfit")]
    UnfitKey { given: String, source: KeyError },
    #[error("the token refused")]
    Refused(#[source] Error),
    #[error("the token returned {}, expected a signature of 64", counted(*found as u64, "byte"))]
    SignatureLength { found: usize },
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        use RvError::{PinIncorrect, PinInvalid, PinLenRange, PinLocked};
        match error {
            Error::Pkcs11(PinIncorrect | PinInvalid | PinLenRange, _) => Self::WrongPin,
            Error::Pkcs11(PinLocked, _) => Self::PinLocked,
            error => Self::Refused(error),
        }
    }
}
