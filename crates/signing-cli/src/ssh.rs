//! How OpenSSH writes Ed25519 keys and signatures (RFC 4251, RFC 8709).

mod private_key;
mod public_key;
mod wire;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest, Sha256};

pub(crate) use private_key::{public_half, unfit_private_key};
pub(crate) use public_key::{OpensshKeyError, parse_public_key};
pub(crate) use wire::{Reader, write_string};

/// The name of Ed25519 keys and signatures.
pub(crate) const ED25519: &[u8] = b"ssh-ed25519";

/// A public key of any algorithm, as OpenSSH writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKeyBlob(Vec<u8>);

impl PublicKeyBlob {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The algorithm's name. `None` if the bytes are no key.
    pub(crate) fn algorithm(&self) -> Option<&[u8]> {
        Reader::new(&self.0).string()
    }

    /// The raw key of an Ed25519 key, which nobody has checked.
    pub(crate) fn ed25519(&self) -> Option<&[u8]> {
        let mut reader = Reader::new(&self.0);
        let (algorithm, key) = (reader.string()?, reader.string()?);
        (algorithm == ED25519 && reader.is_empty()).then_some(key)
    }

    /// `SHA256:…`, as `ssh-add -l` shows it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.0)))
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    // ssh-keygen -t ed25519; ssh-keygen -l
    pub(super) const KEY: &str =
        "AAAAC3NzaC1lZDI1NTE5AAAAIK/Ahvzj+/PoXxTAJncS0+vFU6Qz7oKUsS8B9tOL8wik";
    const FINGERPRINT: &str = "SHA256:FF83MighJXJBqQ/qRP2ZivwSasF9d7QXPitQ9viSTe8";

    fn blob() -> Vec<u8> {
        STANDARD.decode(KEY).unwrap()
    }

    #[test]
    fn a_key_is_read_and_named_as_openssh_does() {
        let blob = PublicKeyBlob::new(&blob());
        assert_eq!(blob.algorithm(), Some(ED25519));
        assert_eq!(blob.ed25519().unwrap(), &blob.as_bytes()[19..]);
        assert_eq!(blob.fingerprint(), FINGERPRINT);
    }

    #[test]
    fn a_key_with_more_or_less_behind_it_is_none() {
        let whole = blob();
        for length in 0..whole.len() {
            assert_eq!(PublicKeyBlob::new(&whole[..length]).ed25519(), None, "{length}");
        }
        assert_eq!(PublicKeyBlob::new(&[&whole[..], b"x"].concat()).ed25519(), None);
        let mut other = whole;
        other[8] ^= 1;
        assert_eq!(PublicKeyBlob::new(&other).ed25519(), None);
    }
}
