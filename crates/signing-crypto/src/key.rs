//! Ed25519 keys (RFC 8032), what they are called, and their forms as text and at rest.

mod error;
mod fingerprint;
mod kek_id;
mod pem;
mod unchecked;
mod verifying;

#[cfg(feature = "private-keys")]
mod kek;
#[cfg(feature = "private-keys")]
mod random;
#[cfg(feature = "private-keys")]
mod signer;
#[cfg(feature = "private-keys")]
mod signing;
#[cfg(feature = "private-keys")]
mod wrap;

pub use error::KeyError;
pub use fingerprint::Fingerprint;
pub use kek_id::KekId;
pub use pem::{KdfCost, MAX_PEM_SIZE, PassphraseError, PemError, PemForm};
pub use unchecked::UncheckedKey;
pub use verifying::VerifyingKey;
#[cfg(feature = "private-keys")]
pub use {
    error::{KekError, WrapError},
    kek::KeyEncryptionKey,
    pem::{MAX_PASSPHRASE_SIZE, Passphrase},
    random::NoRandomness,
    signer::{Signer, SignerError, SigningInput},
    signing::SigningKey,
    wrap::{WrapContext, WrappedKey},
};
