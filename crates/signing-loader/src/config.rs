use std::time::Duration;

use signing_crypto::KeyEncryptionKey;

use crate::RequiredSigners;

/// What is asked of a package beyond that a trusted key has signed it.
///
/// No value of it turns verification off. Fields may be added: construct it with
/// `..Default::default()`.
#[derive(Clone, Debug)]
pub struct VerificationConfig {
    /// The most bytes that a package may have, 4 GiB by default. They are copied into
    /// memory when it is loaded.
    pub max_package_size: u64,
    /// Who must have signed. One trusted key by default.
    pub required_signers: RequiredSigners,
    /// How far the clock may be ahead: a signature, and trust in a key, count for this
    /// long after they expired. None by default.
    pub clock_skew_allowance: Duration,
    /// How long before they expire a signature that is accepted, and the trust by which
    /// it is, are reported with the audit events `signature.expiring` and
    /// `trust.expiring`. 30 days by default.
    pub warn_before_expiry: Duration,
}

impl Default for VerificationConfig {
    fn default() -> Self {
        Self {
            max_package_size: 4 * 1024 * 1024 * 1024,
            required_signers: RequiredSigners::default(),
            clock_skew_allowance: Duration::ZERO,
            warn_before_expiry: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// Whether [`verify_and_load_package`](crate::verify_and_load_package) verifies, and what
/// it asks of packages.
///
/// Fields may be added: construct it with `..Default::default()`.
#[derive(Clone, Debug, Default)]
pub struct SecurityConfig {
    /// Whether a package must be signed by a trusted key. Off by default, for local
    /// development: then packages are loaded unverified, and each load says so in a
    /// warning.
    pub require_signatures: bool,
    /// The KEK, for a program that also makes or uses private keys. Verifying
    /// never needs it.
    pub key_encryption_key: Option<KeyEncryptionKey>,
    /// What is asked of the packages.
    pub verification: VerificationConfig,
}
