//! Who: an author of checkpoint and key files, or an organization that others granted trust.
//! How: files that are well-formed and hostile; rows whose ids others are shown.
//! What must happen: the file is refused by name, and no list shows an id of somebody else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::openssl::must;
use crate::support::{Run, Scratch, text};

/// A checkpoint of acme's log in `forged`, dated `created_at`, that the auditor's key
/// signed with another tool.
fn sign_checkpoint_dated(scratch: &Scratch, created_at: &str) {
    let sign = ["audit", "checkpoint", "--org", "acme", "--key", "auditor.pem"];
    let mut envelope: Value = serde_json::from_str(scratch.run(&sign).stdout.trim()).unwrap();
    let payload = STANDARD.decode(text(&envelope["payload"])).unwrap();
    let mut statement: Value = serde_json::from_slice(&payload).unwrap();
    statement["predicate"]["createdAt"] = created_at.into();
    let payload = statement.to_string();
    let payload_type = text(&envelope["payloadType"]);
    let (type_length, length) = (payload_type.len(), payload.len());
    scratch.write("pae", format!("DSSEv1 {type_length} {payload_type} {length} {payload}"));
    must(scratch, "pkeyutl -sign -inkey auditor.pem -rawin -in pae -out sig");
    envelope["payload"] = STANDARD.encode(payload).into();
    envelope["signatures"][0]["sig"] = STANDARD.encode(scratch.read("sig")).into();
    scratch.write("forged", envelope.to_string());
}

#[test]
fn checkpoint_dated_beyond_the_year_9999_is_rejected() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("auditor");
    let verify = ["audit", "verify", "--checkpoint", "forged", "--trust-key", "auditor.pub.pem"];
    for last in ["9999-12-31T23:59:59Z", "9999-12-31T23:58:59-00:01", "0000-01-01T00:00:00Z"] {
        sign_checkpoint_dated(&scratch, last);
        scratch.json(&verify);
    }
    for beyond in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01"] {
        sign_checkpoint_dated(&scratch, beyond);
        let run = scratch.fails(1, "MalformedCheckpoint", &verify);
        assert!(run.stderr.contains("createdAt"), "{}", run.stderr);
    }
}

/// The key in `dev.pem` under a passphrase, derived by `prf` with as many iterations as are
/// claimed afterwards: nobody computes them.
fn encrypted_key_that_claims(scratch: &Scratch, prf: &str, iterations: [u8; 3]) {
    // 65,536 is written in three bytes as well.
    must(
        scratch,
        &format!(
            "pkcs8 -topk8 -in dev.pem -outform DER -iter 65536 -v2 aes-256-cbc -v2prf {prf} \
             -passout file:secret -out dev.der"
        ),
    );
    let mut der = scratch.read("dev.der");
    let integer = [0x02, 0x03, 0x01, 0x00, 0x00];
    let place = der.windows(5).position(|window| window == integer).unwrap();
    der[place + 2..place + 5].copy_from_slice(&iterations);
    let body = STANDARD.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    scratch.write(
        "encrypted.pem",
        format!(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
            lines.join("\n")
        ),
    );
}

#[test]
fn key_file_that_asks_for_too_much_work_is_refused_before_any_is_done() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.write("secret", "open sesame");
    scratch.write("a.so", "package");
    let sign = ["package", "sign", "a.so", "--key", "encrypted.pem", "--passphrase-file", "secret"];
    // SHA-512 is worth several of SHA-256, and two blocks of SHA-224 make a key of 32 bytes.
    for prf in ["hmacWithSHA512", "hmacWithSHA384", "hmacWithSHA224"] {
        encrypted_key_that_claims(&scratch, prf, [0x7F, 0xFF, 0xFF]);
        let run = scratch.fails(2, "InvalidKeyFile", &sign);
        assert!(run.stderr.contains("PBKDF2"), "{}", run.stderr);
        encrypted_key_that_claims(&scratch, prf, [0x01, 0x00, 0x00]);
        scratch.json(&[&sign[..], &["--force"]].concat());
    }
}

/// An operator that accepts what a vendor trusts; gives the vendor's row about its key,
/// and the key's fingerprint.
fn operator_and_vendor() -> (Scratch, String, String) {
    let scratch = Scratch::with_orgs(&["operator", "vendor"]);
    let fingerprint = scratch.key_files("release");
    let trusted =
        scratch.json(&["keys", "trust", "--org", "vendor", "--import", "release.pub.pem"]);
    scratch.json(&["orgs", "grant-trust", "--from", "operator", "--to", "vendor"]);
    (scratch, text(&trusted["id"]), fingerprint)
}

#[test]
fn no_list_of_an_organization_shows_an_id_of_another_ones_row() {
    let (scratch, row, fingerprint) = operator_and_vendor();
    scratch.signed_package("a.so", "release.pem");
    for arguments in [
        &["keys", "list", "--org", "operator"][..],
        &["trust", "graph", "--org", "operator"],
        &["trust", "graph", "--org", "operator", "--format", "dot"],
        &["package", "verify", "a.so", "--org", "operator"],
        &["package", "verify", "a.so", "--org", "operator", "--explain"],
        &["package", "inspect", "a.so.sig", "--org", "operator"],
    ] {
        let people = scratch.run(arguments);
        let programs = scratch.run(&[arguments, &["--json"]].concat());
        for Run { code, stdout, stderr } in [people, programs] {
            assert_eq!(code, 0, "{arguments:?}: {stderr}");
            assert!(!stdout.contains(&row), "{arguments:?}: {stdout}");
            assert!(stdout.contains(&fingerprint[..8]), "{arguments:?}: {stdout}");
        }
    }
    // The vendor itself may act on it.
    for arguments in [
        &["keys", "list", "--org", "vendor", "--wide"][..],
        &["trust", "graph", "--org", "vendor", "--json"],
    ] {
        let run = scratch.run(arguments);
        assert!(run.stdout.contains(&row), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn inherited_key_is_listed_with_the_command_that_denies_it() {
    let (scratch, _, fingerprint) = operator_and_vendor();
    scratch.signed_package("a.so", "release.pem");
    let verify_for = |org: &str| scratch.run(&["package", "verify", "a.so", "--org", org]).code;
    assert_eq!((verify_for("operator"), verify_for("vendor")), (0, 0));

    let listed = scratch.json(&["keys", "list", "--org", "operator"]);
    let key = &listed["accepted"][0];
    assert_eq!(key["fingerprint"], fingerprint);
    assert_eq!(key["via"]["org"], "vendor");
    let deny = text(&key["refuse_with"]);
    assert_eq!(deny, format!("cloacina keys deny --org operator {fingerprint}"));
    let shown = scratch.run(&["keys", "list", "--org", "operator"]).stdout;
    let (_, short) = shown.split_once(": ").unwrap();
    assert!(deny.starts_with(short.trim_end()), "{shown}");

    let words: Vec<_> = short.split_whitespace().skip(1).collect();
    scratch.json(&words);
    assert_eq!((verify_for("operator"), verify_for("vendor")), (1, 0));
}

#[test]
fn id_of_another_organizations_row_is_refused_where_the_organization_is_given() {
    let (scratch, row, _) = operator_and_vendor();
    scratch.signed_package("a.so", "release.pem");
    let note = ["--note", "it is fine"];
    for command in [
        &["keys", "revoke", &row, "--org", "operator"][..],
        &["keys", "revoke", &row, "--org", "operator", "--dry-run"],
        &[&["keys", "reinstate", &*row, "--org", "operator"][..], &note].concat(),
    ] {
        let run = scratch.fails(2, "KeyOfAnotherOrganization", command);
        assert_eq!(run.document()["error"].get("result"), None, "{}", json!(run.stdout));
    }
    let verify = ["package", "verify", "a.so", "--org", "vendor"];
    assert_eq!(scratch.run(&verify).code, 0);
    scratch.json(&["keys", "revoke", &row, "--org", "vendor"]);
    assert_eq!(scratch.run(&verify).code, 1);
}
