use std::fmt;

use thiserror::Error;

use crate::key::KeyError;
#[cfg(feature = "private-keys")]
use crate::key::random::NoRandomness;

/// A file that is not the key that was asked for. None of its content is shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PemError {
    /// Too many bytes.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// Something else than the key that was asked for.
    #[error("expected {expected}, found {found}")]
    WrongForm {
        /// What was asked for.
        expected: PemForm,
        /// What was found.
        found: PemForm,
    },
    /// Several PEM blocks, so that it is open which one is meant.
    #[error("expected one PEM block, found {found}")]
    SeveralBlocks {
        /// The number of blocks.
        found: usize,
    },
    /// A key for another algorithm.
    #[error("expected an Ed25519 key, found {} key", name.unwrap_or(oid))]
    Algorithm {
        /// The algorithm's object identifier.
        oid: String,
        /// Its name, if it is a common one.
        name: Option<&'static str>,
    },
    /// The right label around something that does not parse.
    #[error("its content is damaged: it is not the ASN.1 that its label promises")]
    Malformed,
    /// A PKCS#8 version 2 file whose halves do not belong together.
    #[error("its public half does not belong to its private half")]
    PublicHalfMismatch,
    /// A public key that is not fit to be trusted.
    #[error("it holds an unfit public key")]
    Key(#[source] KeyError),
    /// A private key under a passphrase, and none was given.
    #[error("it is encrypted; a passphrase is needed")]
    PassphraseNeeded,
    /// Nothing that parses came out. The format cannot tell why.
    #[error("the passphrase is wrong, or the file is damaged")]
    WrongPassphrase,
    /// Trying a passphrase would cost more than a key file may ask for.
    #[error("trying a passphrase would take {found} {cost}, the limit is {limit}")]
    CostTooHigh {
        /// What there is too much of.
        cost: KdfCost,
        /// The most allowed.
        limit: u64,
        /// What the file asks for.
        found: u64,
    },
    /// Encrypted in a way that is not read, such as DES, RC2 or all of PBES1.
    #[error("it is encrypted with {}, which is not supported", name.unwrap_or(oid))]
    UnsupportedEncryption {
        /// The algorithm's object identifier.
        oid: String,
        /// Its name, if it is a common one.
        name: Option<&'static str>,
    },
}

impl PemError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PassphraseNeeded => "PassphraseNeeded",
            Self::WrongPassphrase => "WrongPassphrase",
            Self::TooLarge { .. }
            | Self::WrongForm { .. }
            | Self::SeveralBlocks { .. }
            | Self::Algorithm { .. }
            | Self::Malformed
            | Self::PublicHalfMismatch
            | Self::Key(_)
            | Self::CostTooHigh { .. }
            | Self::UnsupportedEncryption { .. } => "InvalidKeyFile",
        }
    }
}

/// What deriving a key from a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KdfCost {
    /// PBKDF2's work (RFC 8018, section 5.2): the iterations, times the blocks of the hash
    /// that the key is made of, times 4 for SHA-384 and SHA-512.
    Pbkdf2Work,
    /// scrypt's memory in bytes: 128 · r · (N + p) (RFC 7914, section 6).
    ScryptMemory,
    /// scrypt's time: (N + 4) · r · p, where the 4 stands for its two runs of PBKDF2.
    ScryptWork,
}

/// A passphrase that cannot be one, or no key could be put under it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// Too many bytes. They are not cut off, because another program might.
    #[error("a passphrase has at most {limit} bytes")]
    TooLong {
        /// The most bytes allowed.
        limit: usize,
    },
    /// No bytes, which protect nothing.
    #[error("the passphrase is empty")]
    Empty,
    /// The operating system gave no random numbers.
    #[cfg(feature = "private-keys")]
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl PassphraseError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong { .. } => "InvalidPassphrase",
            #[cfg(feature = "private-keys")]
            Self::Randomness(error) => error.code(),
        }
    }
}

/// The kind of a key file, by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemForm {
    /// PEM `PUBLIC KEY`: SubjectPublicKeyInfo.
    PublicKey,
    /// PEM `PRIVATE KEY`: PKCS#8.
    PrivateKey,
    /// PEM `ENCRYPTED PRIVATE KEY`: PKCS#8 under a passphrase.
    EncryptedPrivateKey,
    /// PEM `RSA PRIVATE KEY` and the like: a key of another algorithm in its own
    /// older form.
    LegacyPrivateKey,
    /// PEM `OPENSSH PRIVATE KEY`.
    OpensshPrivateKey,
    /// One line as in `authorized_keys`.
    OpensshPublicKey,
    /// PEM `CERTIFICATE`, or a request for one.
    Certificate,
    /// Anything of OpenPGP.
    Pgp,
    /// Some other PEM label.
    OtherPem,
    /// Binary ASN.1.
    Der,
    /// No bytes, or white space only.
    Empty,
    /// None of these.
    Unknown,
}

impl PemForm {
    pub(crate) fn recognize(text: &[u8]) -> Self {
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return Self::Empty;
        }
        const OPENSSH: [&[u8]; 3] = [b"ssh-", b"ecdsa-sha2-", b"sk-"];
        if OPENSSH.iter().any(|start| trimmed.starts_with(start)) {
            return Self::OpensshPublicKey;
        }
        let Some(label) = first_label(trimmed) else {
            return if trimmed.starts_with(&[0x30]) { Self::Der } else { Self::Unknown };
        };
        match label {
            b"PUBLIC KEY" => Self::PublicKey,
            b"PRIVATE KEY" => Self::PrivateKey,
            b"ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
            b"OPENSSH PRIVATE KEY" => Self::OpensshPrivateKey,
            b"CERTIFICATE" | b"CERTIFICATE REQUEST" | b"TRUSTED CERTIFICATE" => Self::Certificate,
            label if label.starts_with(b"PGP ") => Self::Pgp,
            label if label.ends_with(b" PRIVATE KEY") => Self::LegacyPrivateKey,
            _ => Self::OtherPem,
        }
    }
}

fn first_label(text: &[u8]) -> Option<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let start = text.windows(BEGIN.len()).position(|window| window == BEGIN)? + BEGIN.len();
    let end = text[start..].windows(5).position(|window| window == b"-----")?;
    Some(&text[start..start + end])
}

impl fmt::Display for KdfCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pbkdf2Work => "operations of PBKDF2 (iterations · blocks · cost of the hash)",
            Self::ScryptMemory => "bytes of memory for scrypt",
            Self::ScryptWork => "block operations of scrypt ((N + 4) · r · p)",
        })
    }
}

impl fmt::Display for PemForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicKey => "a public key (PEM 'PUBLIC KEY')",
            Self::PrivateKey => "a private key (PEM 'PRIVATE KEY')",
            Self::EncryptedPrivateKey => "a private key under a passphrase",
            Self::LegacyPrivateKey => "a private key of another algorithm",
            Self::OpensshPrivateKey => "an OpenSSH private key",
            Self::OpensshPublicKey => "an OpenSSH public key",
            Self::Certificate => "a certificate",
            Self::Pgp => "an OpenPGP file",
            Self::OtherPem => "a PEM file of another kind",
            Self::Der => "binary ASN.1 (DER)",
            Self::Empty => "an empty file",
            Self::Unknown => "something that is not a key file",
        })
    }
}
