//! Private keys under a passphrase.

use signing_crypto::{Passphrase, PemError, SigningKey};

use crate::assert_shows_nothing_of;
use crate::workshop::Workshop;

const SECRET: &str = "pass:open-sesame";

fn secret() -> Passphrase {
    Passphrase::new(b"open-sesame".to_vec()).expect("a short passphrase")
}

/// A key of openssl's in `key.pem`.
fn shop() -> (Workshop, SigningKey) {
    let shop = Workshop::new();
    shop.run("genpkey -algorithm ed25519 -out key.pem");
    let key = SigningKey::from_pem(&shop.read("key.pem")).expect("a key");
    (shop, key)
}

#[test]
fn keys_encrypted_by_openssl_are_read_with_their_passphrase_only() {
    let (shop, key) = shop();
    for how in [
        "pkcs8 -topk8 -in key.pem",
        "pkey -in key.pem -aes-256-cbc",
        "pkcs8 -topk8 -in key.pem -v2 aes-128-cbc",
        "pkcs8 -topk8 -in key.pem -v2 aes-192-cbc -v2prf hmacWithSHA384",
        "pkcs8 -topk8 -in key.pem -v2 aes-256-cbc -v2prf hmacWithSHA224",
        "pkcs8 -topk8 -in key.pem -v2 aes-256-cbc -v2prf hmacWithSHA512",
        "pkcs8 -topk8 -in key.pem -iter 600000",
        "pkcs8 -topk8 -in key.pem -iter 1",
        "pkcs8 -topk8 -in key.pem -scrypt",
        "pkcs8 -topk8 -in key.pem -v2 aes-128-cbc -scrypt",
        "pkcs8 -topk8 -in key.pem -scrypt -scrypt_N 1024 -scrypt_r 16 -scrypt_p 3",
    ] {
        shop.run(&format!("{how} -passout {SECRET} -out encrypted.pem"));
        let text = shop.read("encrypted.pem");
        let read = SigningKey::from_encrypted_pem(&text, &secret()).unwrap();
        assert_eq!(read.to_pem(), key.to_pem(), "{how}");
        let wrong = Passphrase::new(b"open-sesamE".to_vec()).unwrap();
        let refused = SigningKey::from_encrypted_pem(&text, &wrong).unwrap_err();
        assert_eq!(refused, PemError::WrongPassphrase, "{how}");
        assert_shows_nothing_of(&text, &refused, how);
        assert_eq!(SigningKey::from_pem(&text).unwrap_err(), PemError::PassphraseNeeded);
    }
}

#[test]
fn keys_encrypted_by_us_are_read_by_openssl_with_their_passphrase_only() {
    let (shop, key) = shop();
    shop.write("encrypted.pem", key.to_encrypted_pem(&secret()).unwrap());
    let plain = shop.run(&format!("pkey -in encrypted.pem -passin {SECRET}"));
    assert_eq!(plain, key.to_pem().as_bytes());
    let refused = shop.try_run("pkey -in encrypted.pem -passin pass:open-sesamE");
    assert!(!refused.status.success());
}

#[test]
fn what_we_write_is_600_000_iterations_of_pbkdf2_hmac_sha256_and_aes_256_cbc() {
    let (shop, key) = shop();
    shop.write("encrypted.pem", key.to_encrypted_pem(&secret()).unwrap());
    let shown = String::from_utf8(shop.run("asn1parse -in encrypted.pem")).unwrap();
    for part in [":PBES2", ":PBKDF2", ":0927C0", ":hmacWithSHA256", ":aes-256-cbc"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn passphrases_are_the_same_bytes_for_us_and_for_openssl() {
    let (shop, key) = shop();
    for text in ["größe", "a b\tc", "\u{7f}\u{1}", "-----BEGIN", "\\n$(x)'\""] {
        let passphrase = || Passphrase::new(text.as_bytes().to_vec()).unwrap();
        shop.write("secret", text);
        shop.run("pkcs8 -topk8 -in key.pem -passout file:secret -out theirs.pem");
        let read = SigningKey::from_encrypted_pem(&shop.read("theirs.pem"), &passphrase());
        assert_eq!(read.unwrap().to_pem(), key.to_pem(), "{text:?}");
        shop.write("ours.pem", key.to_encrypted_pem(&passphrase()).unwrap());
        let plain = shop.run("pkey -in ours.pem -passin file:secret");
        assert_eq!(plain, key.to_pem().as_bytes(), "{text:?}");
    }
}

#[test]
fn old_encryption_of_openssl_is_refused_by_name() {
    let (shop, _) = shop();
    for (how, name) in [
        ("-v2 des3", "triple DES"),
        ("-v1 PBE-SHA1-3DES", "PKCS #12's triple DES"),
        ("-v2 camellia-256-cbc", "Camellia-256"),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA1", "PBKDF2 with HMAC-SHA-1"),
    ] {
        shop.run(&format!("pkcs8 -topk8 -in key.pem {how} -passout {SECRET} -out old.pem"));
        let error = SigningKey::from_encrypted_pem(&shop.read("old.pem"), &secret()).unwrap_err();
        assert!(
            matches!(error, PemError::UnsupportedEncryption { name: Some(found), .. } if found == name),
            "{how}: {error:?}"
        );
    }
}

#[test]
fn an_encrypted_key_of_another_algorithm_is_named() {
    let shop = Workshop::new();
    let encrypt = format!("-aes256 -pass {SECRET} -out key.pem");
    shop.run(&format!("genpkey -algorithm X25519 {encrypt}"));
    let error = SigningKey::from_encrypted_pem(&shop.read("key.pem"), &secret()).unwrap_err();
    assert!(matches!(error, PemError::Algorithm { name: Some("X25519"), .. }), "{error:?}");
}
