//! Keys and signatures that go back and forth between `cloacina` and `openssl`
//! (version 3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::{Run, Scratch, finish, text};

fn openssl(scratch: &Scratch, arguments: &str) -> Run {
    finish(scratch.tool("openssl").args(arguments.split(' ')), b"")
}

pub(crate) fn must(scratch: &Scratch, arguments: &str) {
    let run = openssl(scratch, arguments);
    assert_eq!(run.code, 0, "openssl {arguments}: {}", run.stderr);
}

/// Takes a signature file apart as anybody would who has read DSSE's
/// specification: into `pae`, what was signed, and `sig`, the raw signature.
pub(crate) fn take_apart(scratch: &Scratch, file: &str) -> Value {
    let envelope: Value = serde_json::from_slice(&scratch.read(file)).unwrap();
    let payload_type = text(&envelope["payloadType"]);
    let payload = STANDARD.decode(text(&envelope["payload"])).unwrap();
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    scratch.write("pae", [head.as_bytes(), &payload].concat());
    scratch.write("sig", STANDARD.decode(text(&envelope["signatures"][0]["sig"])).unwrap());
    serde_json::from_slice(&payload).unwrap()
}

const VERIFY: &str = "pkeyutl -verify -pubin -inkey dev.pub.pem -rawin -in pae -sigfile sig";

#[test]
fn openssl_verifies_what_cloacina_signed_until_a_byte_is_changed() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let statement = take_apart(&scratch, "a.so.sig");
    must(&scratch, VERIFY);

    // What was verified speaks of the file, by openssl's own account.
    let digest = openssl(&scratch, "dgst -sha256 -r a.so").stdout;
    let digest = digest.split(' ').next().unwrap().to_owned();
    assert_eq!(statement["subject"][0]["digest"]["sha256"], digest);
    assert_eq!(statement["subject"][0]["name"], "a.so");
    assert_eq!(statement["predicate"]["size"], scratch.read("a.so").len());

    let mut pae = scratch.read("pae");
    *pae.last_mut().unwrap() ^= 1;
    scratch.write("pae", pae);
    assert_ne!(openssl(&scratch, VERIFY).code, 0);
}

#[test]
fn openssl_refuses_another_key() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.key_files("other");
    scratch.signed_package("a.so", "other.pem");
    take_apart(&scratch, "a.so.sig");
    assert_ne!(openssl(&scratch, VERIFY).code, 0);
    must(&scratch, &VERIFY.replace("dev", "other"));
}

#[test]
fn the_keyid_is_the_digest_of_the_raw_public_key() {
    let scratch = Scratch::new();
    let fingerprint = scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    must(&scratch, "pkey -pubin -in dev.pub.pem -outform DER -out der");
    let der = scratch.read("der");
    scratch.write("raw", &der[der.len() - 32..]);
    let digest = openssl(&scratch, "dgst -sha256 -r raw").stdout;
    assert_eq!(digest.split(' ').next().unwrap(), fingerprint);
    let envelope: Value = serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
    assert_eq!(envelope["signatures"][0]["keyid"], fingerprint);
}

#[test]
fn cloacina_signs_and_verifies_with_keys_of_openssl() {
    let scratch = Scratch::with_orgs(&["acme"]);
    must(&scratch, "genpkey -algorithm ed25519 -out dev.pem");
    must(&scratch, "pkey -in dev.pem -pubout -out dev.pub.pem");
    must(&scratch, "genpkey -algorithm ed25519 -out other.pem");
    must(&scratch, "pkey -in other.pem -pubout -out other.pub.pem");
    scratch.signed_package("a.so", "dev.pem");
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
    let verify = ["package", "verify", "a.so", "--trust-key", "other.pub.pem"];
    scratch.fails(1, "UntrustedSigner", &verify);
    take_apart(&scratch, "a.so.sig");
    must(&scratch, VERIFY);

    // The same through the store.
    let key = scratch.json(&["keys", "import", "--name", "k", "--org", "acme", "--key", "dev.pem"]);
    let id = text(&key["id"]);
    scratch.json(&["package", "sign", "a.so", "--force", "--key-id", &id]);
    take_apart(&scratch, "a.so.sig");
    must(&scratch, VERIFY);
    scratch.json(&["keys", "export", &id, "--output", "exported.pem"]);
    assert_eq!(scratch.read("exported.pem"), scratch.read("dev.pub.pem"));
}

#[test]
fn openssl_reads_generated_keys_and_gets_the_same_public_half() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    must(&scratch, "pkey -in dev.pem -pubout -out derived.pem");
    assert_eq!(scratch.read("derived.pem"), scratch.read("dev.pub.pem"));
    must(&scratch, "pkey -in dev.pem -out rewritten.pem");
    assert_eq!(scratch.read("rewritten.pem"), scratch.read("dev.pem"));
}

#[test]
fn keys_of_other_algorithms_are_named_and_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    for (algorithm, name) in [
        ("RSA -pkeyopt rsa_keygen_bits:2048", "RSA"),
        ("EC -pkeyopt ec_paramgen_curve:P-256", "ECDSA"),
        ("X25519", "X25519"),
        ("ED448", "Ed448"),
    ] {
        must(&scratch, &format!("genpkey -algorithm {algorithm} -out key.pem"));
        must(&scratch, "pkey -in key.pem -pubout -out key.pub.pem");
        for arguments in [
            &["package", "sign", "a.so", "--key", "key.pem"][..],
            &["package", "verify", "a.so", "--trust-key", "key.pub.pem"],
            &["keys", "trust", "--org", "acme", "--import", "key.pub.pem"],
            &["keys", "import", "--name", "k", "--org", "acme", "--key", "key.pem"],
        ] {
            let run = scratch.fails(2, "InvalidKeyFile", arguments);
            assert!(run.stderr.contains(name), "{}", run.stderr);
            assert!(run.stderr.contains("next: make an Ed25519 key"), "{}", run.stderr);
        }
    }
    let encrypt = "genpkey -algorithm ed25519 -aes256 -pass pass:secret -out locked.pem";
    must(&scratch, encrypt);
    let sign = ["package", "sign", "a.so", "--key", "locked.pem"];
    let run = scratch.fails(2, "PassphraseNeeded", &sign);
    assert!(run.stderr.contains("locked.pem: it is encrypted"), "{}", run.stderr);
    assert!(!scratch.exists("a.so.sig"));
}
