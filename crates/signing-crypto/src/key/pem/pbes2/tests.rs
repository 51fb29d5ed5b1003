use pkcs8::der::{Decode, Encode};

use super::*;

const PBKDF2: &str = "1.2.840.113549.1.5.12";
const SCRYPT: &str = "1.3.6.1.4.1.11591.4.11";
const HMAC_SHA224: &str = "1.2.840.113549.2.8";
const HMAC_SHA256: &str = "1.2.840.113549.2.9";
const HMAC_SHA384: &str = "1.2.840.113549.2.10";
const HMAC_SHA512: &str = "1.2.840.113549.2.11";
const AES_128_CBC: &str = "2.16.840.1.101.3.4.1.2";
const AES_256_CBC: &str = "2.16.840.1.101.3.4.1.42";

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    match length {
        ..0x80 => [&[tag, length], content].concat(),
        _ => [&[tag, 0x81, length], content].concat(),
    }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn integer(number: u64) -> Vec<u8> {
    number.to_der().unwrap()
}

fn algorithm(oid: &str, parameters: &[u8]) -> Vec<u8> {
    sequence(&[&ObjectIdentifier::new(oid).unwrap().to_der().unwrap(), parameters])
}

fn salt() -> Vec<u8> {
    tlv(4, &[7; 16])
}

fn prf(oid: &str) -> Vec<u8> {
    algorithm(oid, &[5, 0])
}

fn pbkdf2(iterations: u64) -> Vec<u8> {
    pbkdf2_by(HMAC_SHA256, iterations)
}

fn pbkdf2_by(hash: &str, iterations: u64) -> Vec<u8> {
    algorithm(PBKDF2, &sequence(&[&salt(), &integer(iterations), &prf(hash)]))
}

fn scrypt(n: u64, r: u64, p: u64) -> Vec<u8> {
    algorithm(SCRYPT, &sequence(&[&salt(), &integer(n), &integer(r), &integer(p)]))
}

fn aes() -> Vec<u8> {
    algorithm(AES_256_CBC, &tlv(4, &[9; 16]))
}

/// Reads the parameters of PBES2 without ever deriving.
fn read(kdf: &[u8], cipher: &[u8]) -> Result<(), PemError> {
    read_scheme(&algorithm(&PBES2_OID.to_string(), &sequence(&[kdf, cipher])))
}

fn read_scheme(der: &[u8]) -> Result<(), PemError> {
    Scheme::parse(AlgorithmIdentifierRef::from_der(der).unwrap()).map(drop)
}

fn too_high(cost: KdfCost, limit: u64, found: u64) -> Result<(), PemError> {
    Err(PemError::CostTooHigh { cost, limit, found })
}

#[test]
fn the_work_of_pbkdf2_is_accepted_up_to_the_limit_only() {
    let [aes_128, aes_256] =
        [AES_128_CBC, AES_256_CBC].map(|cipher| algorithm(cipher, &tlv(4, &[9; 16])));
    // How often the work of one HMAC-SHA-256 is done in each iteration.
    for (hash, cipher, factor) in [
        (HMAC_SHA224, &aes_128, 1),
        (HMAC_SHA224, &aes_256, 2),
        (HMAC_SHA256, &aes_128, 1),
        (HMAC_SHA256, &aes_256, 1),
        (HMAC_SHA384, &aes_128, 4),
        (HMAC_SHA384, &aes_256, 4),
        (HMAC_SHA512, &aes_128, 4),
        (HMAC_SHA512, &aes_256, 4),
    ] {
        let most = 10_000_000 / factor;
        for iterations in [1, 2048, 600_000, most] {
            let read = read(&pbkdf2_by(hash, iterations), cipher);
            assert_eq!(read, Ok(()), "{hash}: {iterations}");
        }
        for iterations in [most + 1, 100_000_001, u32::MAX.into()] {
            let refused = read(&pbkdf2_by(hash, iterations), cipher);
            let found = iterations * factor;
            let expected = too_high(KdfCost::Pbkdf2Work, 10_000_000, found);
            assert_eq!(refused, expected, "{hash}: {iterations}");
        }
        for iterations in [0, 1 << 32, u64::MAX] {
            let refused = read(&pbkdf2_by(hash, iterations), cipher);
            assert_eq!(refused, Err(PemError::Malformed), "{hash}: {iterations}");
        }
    }
}

#[test]
fn the_cost_of_scrypt_is_accepted_up_to_the_limits_only() {
    // OpenSSL's default, OWASP's recommendations, and the most work.
    for (n, r, p) in [(1 << 14, 8, 1), (1 << 17, 8, 1), (1 << 13, 8, 10), (1 << 17, 8, 4)] {
        assert_eq!(read(&scrypt(n, r, p), &aes()), Ok(()), "{n} {r} {p}");
    }
    let (memory, work) = (KdfCost::ScryptMemory, KdfCost::ScryptWork);
    for (n, r, p, cost, limit, found) in [
        (1 << 18, 8, 1, memory, 256 << 20, 128 * 8 * ((1 << 18) + 1)),
        (1 << 63, 8, 1, memory, 256 << 20, u64::MAX),
        (1 << 63, 65_535, 65_535, memory, 256 << 20, u64::MAX),
        (2, 65_535, 65_535, memory, 256 << 20, 128 * 65_535 * 65_537),
        (1 << 17, 8, 5, work, 5 << 20, 40 * ((1 << 17) + 4)),
        (1 << 17, 1, 40, work, 5 << 20, 40 * ((1 << 17) + 4)),
        // Hardly any mixing, and all the more for PBKDF2 to do.
        (2, 16, 65_535, work, 5 << 20, 6 * 16 * 65_535),
    ] {
        assert_eq!(read(&scrypt(n, r, p), &aes()), too_high(cost, limit, found), "{n} {r} {p}");
    }
}

#[test]
fn numbers_for_which_scrypt_is_not_defined_are_malformed() {
    for (n, r, p) in [
        (0, 8, 1),
        (1, 8, 1),
        (3, 8, 1),
        (16_383, 8, 1),
        (16_384, 0, 1),
        (16_384, 8, 0),
        (16_384, 65_536, 1),
        (16_384, 8, 65_536),
    ] {
        assert_eq!(read(&scrypt(n, r, p), &aes()), Err(PemError::Malformed), "{n} {r} {p}");
    }
}

#[test]
fn old_ciphers_and_schemes_are_refused_by_name() {
    let names = |result: Result<(), PemError>| match result {
        Err(PemError::UnsupportedEncryption { name: Some(name), .. }) => name,
        other => panic!("{other:?}"),
    };
    let octets = tlv(4, &[9; 8]);
    let rc2 = sequence(&[&integer(58), &octets]);
    for (oid, parameters, name) in [
        ("1.3.14.3.2.7", &octets, "DES"),
        ("1.2.840.113549.3.7", &octets, "triple DES"),
        ("1.2.840.113549.3.2", &rc2, "RC2"),
        ("2.16.840.1.101.3.4.1.46", &octets, "AES-256-GCM"),
    ] {
        assert_eq!(names(read(&pbkdf2(2048), &algorithm(oid, parameters))), name);
    }
    for (oid, name) in [
        ("1.2.840.113549.1.5.3", "PBES1 (MD5 and DES)"),
        ("1.2.840.113549.1.5.10", "PBES1 (SHA-1 and DES)"),
        ("1.2.840.113549.1.5.11", "PBES1 (SHA-1 and RC2)"),
        ("1.2.840.113549.1.12.1.3", "PKCS #12's triple DES"),
        ("1.2.840.113549.1.12.1.6", "PKCS #12's 40-bit RC2"),
    ] {
        let parameters = sequence(&[&octets, &integer(2048)]);
        assert_eq!(names(read_scheme(&algorithm(oid, &parameters))), name);
    }
    // SHA-1 is what PBKDF2 uses if nothing is said.
    let said = sequence(&[&salt(), &integer(2048), &prf("1.2.840.113549.2.7")]);
    let unsaid = sequence(&[&salt(), &integer(2048)]);
    for parameters in [said, unsaid] {
        let kdf = algorithm(PBKDF2, &parameters);
        assert_eq!(names(read(&kdf, &aes())), "PBKDF2 with HMAC-SHA-1");
    }
}

#[test]
fn an_unknown_algorithm_is_refused_by_its_number() {
    let unknown = |oid: &str| Err(PemError::UnsupportedEncryption { oid: oid.into(), name: None });
    let parameters = sequence(&[&salt(), &integer(2048), &prf("1.2.3.4")]);
    assert_eq!(read(&algorithm(PBKDF2, &parameters), &aes()), unknown("1.2.3.4"));
    assert_eq!(read(&algorithm("1.2.3.5", &parameters), &aes()), unknown("1.2.3.5"));
    assert_eq!(read(&pbkdf2(1), &algorithm("1.2.3.6", &[5, 0])), unknown("1.2.3.6"));
    assert_eq!(read_scheme(&algorithm("1.2.3.7", &parameters)), unknown("1.2.3.7"));
}

#[test]
fn a_key_length_that_is_not_the_ciphers_is_malformed() {
    let kdf = |length| {
        let parts = [salt(), integer(2048), integer(length), prf(HMAC_SHA256)].concat();
        algorithm(PBKDF2, &sequence(&[&parts]))
    };
    assert_eq!(read(&kdf(32), &aes()), Ok(()));
    assert_eq!(read(&kdf(16), &aes()), Err(PemError::Malformed));
    let short = algorithm(AES_256_CBC, &tlv(4, &[9; 15]));
    assert_eq!(read(&pbkdf2(2048), &short), Err(PemError::Malformed));
}
