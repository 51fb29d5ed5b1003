use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signing_crypto::VerifyingKey;
use zeroize::Zeroizing;

use super::public_key::{OTHER_ALGORITHMS, OpensshKeyError};
use super::{PublicKeyBlob, Reader};

const BEGIN: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// How many digits of base64 are read. They hold the public half of an Ed25519 key, whatever cipher
/// there is, and may hold the beginning of the private one.
const DIGITS: usize = 240;

/// Why a private key of OpenSSH cannot be used, whatever is done with it: it is of another
/// algorithm. The public half is readable also where the private one is encrypted (`PROTOCOL.key`
/// of OpenSSH).
pub(crate) fn unfit_private_key(pem: &[u8]) -> Option<OpensshKeyError> {
    let name = algorithm(pem)?;
    let known = OTHER_ALGORITHMS.into_iter().find(|known| known.as_bytes() == name)?;
    Some(OpensshKeyError::Algorithm { name: Some(known) })
}

/// The public half, which no passphrase hides. Nothing proves that the private half is its own.
pub(crate) fn public_half(pem: &[u8]) -> Result<VerifyingKey, OpensshKeyError> {
    if let Some(unfit) = unfit_private_key(pem) {
        return Err(unfit);
    }
    let blob = beginning(pem).and_then(|bytes| {
        let mut reader = at_the_public_half(&bytes)?;
        reader.string().map(PublicKeyBlob::new)
    });
    let blob = blob.ok_or(OpensshKeyError::Malformed)?;
    let raw = blob.ed25519().ok_or(OpensshKeyError::Malformed)?;
    VerifyingKey::from_slice(raw).map_err(OpensshKeyError::Key)
}

fn algorithm(pem: &[u8]) -> Option<Vec<u8>> {
    let bytes = beginning(pem)?;
    let mut reader = at_the_public_half(&bytes)?;
    // Not all of it needs to be here: other keys are longer.
    let _length = reader.number()?;
    reader.string().map(<[u8]>::to_owned)
}

fn beginning(pem: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let begin = pem.windows(BEGIN.len()).position(|window| window == BEGIN)?;
    let body = pem[begin + BEGIN.len()..].iter().copied();
    let body = body.filter(|byte| !byte.is_ascii_whitespace());
    let mut digits = Zeroizing::new(Vec::with_capacity(DIGITS));
    digits.extend(body.take_while(|byte| *byte != b'-').take(DIGITS));
    STANDARD.decode(&*digits).ok().map(Zeroizing::new)
}

fn at_the_public_half(bytes: &[u8]) -> Option<Reader<'_>> {
    let mut reader = Reader::new(bytes.strip_prefix(MAGIC)?);
    let _cipher = reader.string()?;
    let _derivation = reader.string()?;
    let _parameters = reader.string()?;
    let _keys = reader.number()?;
    Some(reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(algorithm: &[u8], cipher: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_owned();
        for string in [cipher, b"bcrypt", &[0; 24]] {
            super::super::write_string(&mut bytes, string);
        }
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(100_u32.to_be_bytes());
        super::super::write_string(&mut bytes, algorithm);
        bytes.extend([7; 100]);
        let body = STANDARD.encode(bytes);
        let lines: Vec<_> = body.as_bytes().chunks(70).collect();
        let end = b"-----END OPENSSH PRIVATE KEY-----\n";
        [BEGIN, b"\n", &lines.join(&b"\n"[..]), b"\n", end].concat()
    }

    #[test]
    fn the_algorithm_of_an_encrypted_key_is_known() {
        for name in OTHER_ALGORITHMS {
            let unfit = unfit_private_key(&pem(name.as_bytes(), b"aes256-ctr"));
            let named = matches!(&unfit, Some(OpensshKeyError::Algorithm { name: Some(it) }) if *it == name);
            assert!(named, "{name}: {unfit:?}");
        }
        assert!(unfit_private_key(&pem(b"ssh-ed25519", b"none")).is_none());
    }

    #[test]
    fn what_cannot_be_read_is_not_called_unfit() {
        let good = pem(b"ssh-rsa", b"none");
        for length in 0..BEGIN.len() + 80 {
            assert!(unfit_private_key(&good[..length]).is_none(), "{length}");
        }
        assert!(unfit_private_key(&pem(b"ssh-rsa", &[b'x'; 200])).is_none());
        assert!(unfit_private_key(&pem(b"hunter2", b"none")).is_none());
        assert!(unfit_private_key(&good).is_some());
        for damaged in [pem(b"ssh-ed25519", b"none"), good[..BEGIN.len() + 80].to_owned()] {
            let half = public_half(&damaged);
            assert!(matches!(half, Err(OpensshKeyError::Malformed)), "{half:?}");
        }
    }
}
