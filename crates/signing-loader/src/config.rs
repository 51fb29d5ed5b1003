use std::collections::BTreeSet;

use signing_crypto::KeyEncryptionKey;
use signing_trust::acceptance::VerificationConfig;

use crate::elf::DependencyName;

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
    /// The libraries of the system that verified packages may link against, beside the C
    /// library: see [`Verifier::allow_dependency`](crate::Verifier::allow_dependency).
    pub allowed_dependencies: BTreeSet<DependencyName>,
}
