use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Reader;
use super::public_key::{OTHER_ALGORITHMS, OpensshKeyError};

const BEGIN: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// How many digits of base64 are read. They hold the name of the algorithm, and nothing secret:
/// before the private half stand the public half and numbers.
const DIGITS: usize = 160;

/// Why a private key of OpenSSH cannot be used, whatever is done with it: it is of another
/// algorithm. The public half is readable also where the private one is encrypted (`PROTOCOL.key`
/// of OpenSSH).
pub(crate) fn unfit_private_key(pem: &[u8]) -> Option<OpensshKeyError> {
    let name = algorithm(pem)?;
    let known = OTHER_ALGORITHMS.into_iter().find(|known| known.as_bytes() == name)?;
    Some(OpensshKeyError::Algorithm { name: Some(known) })
}

fn algorithm(pem: &[u8]) -> Option<Vec<u8>> {
    let begin = pem.windows(BEGIN.len()).position(|window| window == BEGIN)?;
    let body = pem[begin + BEGIN.len()..].iter().copied();
    let digits = body.filter(|byte| !byte.is_ascii_whitespace());
    let digits: Vec<_> = digits.take_while(|byte| *byte != b'-').take(DIGITS).collect();
    let bytes = STANDARD.decode(digits).ok()?;
    let mut reader = Reader::new(bytes.strip_prefix(MAGIC)?);
    let _cipher = reader.string()?;
    let _derivation = reader.string()?;
    let _parameters = reader.string()?;
    let _keys = reader.number()?;
    let _length = reader.number()?;
    reader.string().map(<[u8]>::to_owned)
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
        for length in 0..BEGIN.len() + 100 {
            assert!(unfit_private_key(&good[..length]).is_none(), "{length}");
        }
        assert!(unfit_private_key(&pem(b"ssh-rsa", &[b'x'; 200])).is_none());
        assert!(unfit_private_key(&pem(b"hunter2", b"none")).is_none());
        assert!(unfit_private_key(&good).is_some());
    }
}
