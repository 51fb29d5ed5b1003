//! Ed25519 keys (RFC 8032), what they are called, and their forms as text and at rest.

mod fingerprint;
mod kek_id;
mod pem;
mod unchecked;
mod verifying;

#[cfg(feature = "private-keys")]
mod kek;
#[cfg(feature = "private-keys")]
mod signing;
#[cfg(feature = "private-keys")]
mod wrap;

pub use fingerprint::Fingerprint;
pub use kek_id::KekId;
pub use pem::MAX_PEM_SIZE;
pub use unchecked::UncheckedKey;
pub use verifying::VerifyingKey;
#[cfg(feature = "private-keys")]
pub use {
    kek::KeyEncryptionKey,
    pem::{MAX_PASSPHRASE_SIZE, Passphrase},
    signing::SigningKey,
    wrap::{WrapContext, WrappedKey},
};
