use signing_crypto::KeyEncryptionKey;

/// What a runner asks of the packages that it loads.
///
/// Fields may be added: construct it with `..Default::default()`.
#[derive(Clone, Debug)]
pub struct SecurityConfig {
    /// Whether a package must be signed by somebody trusted. Off by default, for
    /// local development: then packages are loaded unverified, and each load
    /// says so in a warning.
    pub require_signatures: bool,
    /// The KEK, for a program that also makes or uses private keys. Verifying
    /// never needs it.
    pub key_encryption_key: Option<KeyEncryptionKey>,
    /// The most bytes that a package may have. They are copied into memory when
    /// it is loaded.
    pub max_package_size: u64,
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self {
            require_signatures: false,
            key_encryption_key: None,
            max_package_size: 4 * 1024 * 1024 * 1024,
        }
    }
}
