//! Password-based encryption scheme 2 (RFC 8018, section 6.2).
//!
//! `pkcs5` reads and writes the parameters. Deriving and decrypting are put
//! together here, because its own do not wipe the derived key.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockCipherDecrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use pbkdf2::pbkdf2_hmac;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::der::{self, ErrorKind, Reader};
use pkcs8::pkcs5::pbes2::{
    AES_128_CBC_OID, AES_192_CBC_OID, AES_256_CBC_OID, EncryptionScheme, Kdf, PBES2_OID,
    PBKDF2_OID, Parameters, Pbkdf2Params, Pbkdf2Prf, SCRYPT_OID, Salt, ScryptParams,
};
use pkcs8::spki::AlgorithmIdentifierRef;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::Passphrase;
use crate::key::{KdfCost, PemError};

/// The bytes of an AES block, and so of an initialization vector.
pub(super) const BLOCK: usize = 16;
/// The bytes of a salt that is written.
pub(super) const SALT: usize = 16;

/// The most that PBKDF2 may compute, in HMAC-SHA-256 operations. RFC 8018, section 4.2,
/// finds as many iterations appropriate for especially critical keys.
const MAX_PBKDF2_WORK: u64 = 10_000_000;
/// 256 MiB: twice what OWASP recommends, eight times what OpenSSL reads.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;
/// Five times what OWASP recommends, N = 2^17, r = 8, p = 1, less what PBKDF2 adds.
const MAX_SCRYPT_WORK: u64 = 5 << 20;
/// What scrypt's PBKDF2 costs before and after the mixing, as so many more of N.
const SCRYPT_PBKDF2: u64 = 4;

/// How to decrypt. Its cost is bounded.
pub(super) struct Scheme {
    derivation: Derivation,
    cipher: EncryptionScheme,
}

enum Derivation {
    Pbkdf2 { salt: Salt, iterations: u32, derive: DeriveKey },
    Scrypt { salt: Salt, params: scrypt::Params },
}

/// PBKDF2 with one hash function: passphrase, salt, iterations, key.
type DeriveKey = fn(&[u8], &[u8], u32, &mut [u8]);

impl Scheme {
    /// Reads the parameters. What is not supported is named before the rest is
    /// parsed: RC2's parameters, for one, have a form of their own.
    pub(super) fn parse(algorithm: AlgorithmIdentifierRef<'_>) -> Result<Self, PemError> {
        require(algorithm.oid, &[PBES2_OID])?;
        let parameters = algorithm.parameters.ok_or(PemError::Malformed)?;
        let (kdf, cipher) = parameters.sequence(algorithms).map_err(|_| PemError::Malformed)?;
        require(kdf.oid, &[PBKDF2_OID, SCRYPT_OID])?;
        require(cipher.oid, &[AES_128_CBC_OID, AES_192_CBC_OID, AES_256_CBC_OID])?;
        let kdf = Kdf::try_from(kdf).map_err(unreadable)?;
        let cipher = EncryptionScheme::try_from(cipher).map_err(unreadable)?;
        if kdf.key_length().is_some_and(|length| usize::from(length) != cipher.key_size()) {
            return Err(PemError::Malformed);
        }
        let derivation = match &kdf {
            Kdf::Pbkdf2(params) => Derivation::pbkdf2(params, cipher.key_size())?,
            Kdf::Scrypt(params) => Derivation::scrypt(params)?,
            _ => return Err(unsupported(kdf.oid())),
        };
        Ok(Self { derivation, cipher })
    }

    /// Decrypts in place. Fails if the padding is not valid.
    pub(super) fn decrypt<'a>(
        &self,
        passphrase: &Passphrase,
        buffer: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..self.cipher.key_size()];
        self.derivation.derive(passphrase, key);
        match &self.cipher {
            EncryptionScheme::Aes128Cbc { iv } => open::<aes::Aes128Dec>(key, iv, buffer),
            EncryptionScheme::Aes192Cbc { iv } => open::<aes::Aes192Dec>(key, iv, buffer),
            EncryptionScheme::Aes256Cbc { iv } => open::<aes::Aes256Dec>(key, iv, buffer),
            _ => None,
        }
    }
}

impl Derivation {
    fn pbkdf2(params: &Pbkdf2Params, key_size: usize) -> Result<Self, PemError> {
        // The bytes that one HMAC puts out, and its cost in HMAC-SHA-256 operations. Processors
        // that compute SHA-256 themselves take four times as long for the software of SHA-512;
        // others take less.
        let (derive, output_size, cost): (DeriveKey, usize, u64) = match params.prf {
            Pbkdf2Prf::HmacWithSha224 => (pbkdf2_hmac::<Sha224>, 28, 1),
            Pbkdf2Prf::HmacWithSha256 => (pbkdf2_hmac::<Sha256>, 32, 1),
            Pbkdf2Prf::HmacWithSha384 => (pbkdf2_hmac::<Sha384>, 48, 4),
            Pbkdf2Prf::HmacWithSha512 => (pbkdf2_hmac::<Sha512>, 64, 4),
            other => return Err(unsupported(other.oid())),
        };
        let iterations = params.iteration_count;
        // Every block of the key is iterated on its own (RFC 8018, section 5.2).
        let blocks = key_size.div_ceil(output_size) as u64;
        bound(KdfCost::Pbkdf2Work, MAX_PBKDF2_WORK, u64::from(iterations) * blocks * cost)?;
        Ok(Self::Pbkdf2 { salt: params.salt, iterations, derive })
    }

    fn scrypt(params: &ScryptParams) -> Result<Self, PemError> {
        let salt = params.salt;
        let n = params.cost_parameter;
        let (r, p) = (u64::from(params.block_size), u64::from(params.parallelization));
        bound(
            KdfCost::ScryptMemory,
            MAX_SCRYPT_MEMORY,
            (128 * r).saturating_mul(n.saturating_add(p)),
        )?;
        let rounds = n.saturating_add(SCRYPT_PBKDF2);
        bound(KdfCost::ScryptWork, MAX_SCRYPT_WORK, (r * p).saturating_mul(rounds))?;
        // `pkcs5` and `scrypt` themselves take one, and panic at zero.
        if n < 2 || !n.is_power_of_two() {
            return Err(PemError::Malformed);
        }
        let params = u8::try_from(n.ilog2()).ok().and_then(|log_n| {
            let (r, p) = (params.block_size.into(), params.parallelization.into());
            scrypt::Params::new(log_n, r, p).ok()
        });
        let params = params.ok_or(PemError::Malformed)?;
        Ok(Self::Scrypt { salt, params })
    }

    fn derive(&self, passphrase: &Passphrase, key: &mut [u8]) {
        let passphrase = passphrase.bytes();
        match self {
            Self::Pbkdf2 { salt, iterations, derive } => {
                derive(passphrase, salt.as_bytes(), *iterations, key);
            }
            Self::Scrypt { salt, params } => {
                scrypt::scrypt(passphrase, salt.as_bytes(), params, key)
                    .expect("a key is neither empty nor gigabytes");
            }
        }
    }
}

/// Encrypts with PBKDF2-HMAC-SHA256 and AES-256-CBC.
pub(super) fn encrypt(
    plain: &[u8],
    passphrase: &Passphrase,
    iterations: u32,
    salt: [u8; SALT],
    iv: [u8; BLOCK],
) -> (Parameters, Vec<u8>) {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha256>(passphrase.bytes(), &salt, iterations, key.as_mut_slice());
    let mut buffer = Zeroizing::new([plain, &[0; BLOCK]].concat());
    let ciphertext = cbc::Encryptor::<aes::Aes256Enc>::new((&*key).into(), &iv.into())
        .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
        .expect("there is room for the padding")
        .to_vec();
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(iterations, &salt, iv);
    (parameters.expect("the salt is short, and so are the iterations"), ciphertext)
}

fn open<'a, C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    buffer: &'a mut [u8],
) -> Option<&'a [u8]> {
    cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?.decrypt_padded::<Pkcs7>(buffer).ok()
}

fn algorithms<'a, R: Reader<'a>>(
    reader: &mut R,
) -> der::Result<(AlgorithmIdentifierRef<'a>, AlgorithmIdentifierRef<'a>)> {
    Ok((reader.decode()?, reader.decode()?))
}

fn bound(cost: KdfCost, limit: u64, found: u64) -> Result<(), PemError> {
    match found {
        0 => Err(PemError::Malformed),
        _ if found > limit => Err(PemError::CostTooHigh { cost, limit, found }),
        _ => Ok(()),
    }
}

fn require(found: ObjectIdentifier, supported: &[ObjectIdentifier]) -> Result<(), PemError> {
    if supported.contains(&found) { Ok(()) } else { Err(unsupported(found)) }
}

fn unreadable(error: der::Error) -> PemError {
    match error.kind() {
        ErrorKind::OidUnknown { oid } => unsupported(oid),
        _ => PemError::Malformed,
    }
}

fn unsupported(oid: ObjectIdentifier) -> PemError {
    let text = oid.to_string();
    let name = NAMES.iter().find(|(known, _)| *known == text).map(|(_, name)| *name);
    PemError::UnsupportedEncryption { oid: text, name }
}

/// What is, or was, around: RFC 8018, appendices A to C; RFC 7292, appendix C.
const NAMES: [(&str, &str); 26] = [
    ("1.2.840.113549.1.5.1", "PBES1 (MD2 and DES)"),
    ("1.2.840.113549.1.5.3", "PBES1 (MD5 and DES)"),
    ("1.2.840.113549.1.5.4", "PBES1 (MD2 and RC2)"),
    ("1.2.840.113549.1.5.6", "PBES1 (MD5 and RC2)"),
    ("1.2.840.113549.1.5.10", "PBES1 (SHA-1 and DES)"),
    ("1.2.840.113549.1.5.11", "PBES1 (SHA-1 and RC2)"),
    ("1.2.840.113549.1.12.1.1", "PKCS #12's RC4"),
    ("1.2.840.113549.1.12.1.2", "PKCS #12's 40-bit RC4"),
    ("1.2.840.113549.1.12.1.3", "PKCS #12's triple DES"),
    ("1.2.840.113549.1.12.1.4", "PKCS #12's triple DES with two keys"),
    ("1.2.840.113549.1.12.1.5", "PKCS #12's RC2"),
    ("1.2.840.113549.1.12.1.6", "PKCS #12's 40-bit RC2"),
    ("1.2.840.113549.3.2", "RC2"),
    ("1.2.840.113549.3.4", "RC4"),
    ("1.2.840.113549.3.7", "triple DES"),
    ("1.2.840.113549.3.9", "RC5"),
    ("1.3.14.3.2.7", "DES"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("1.2.840.113549.2.7", "PBKDF2 with HMAC-SHA-1"),
    ("1.2.840.113549.2.12", "PBKDF2 with HMAC-SHA-512/224"),
    ("1.2.840.113549.2.13", "PBKDF2 with HMAC-SHA-512/256"),
];

#[cfg(test)]
mod tests;
