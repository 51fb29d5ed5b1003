use std::path::Path;

use crate::support::{Scratch, finish, text};

const VERIFY: [&str; 4] = ["package", "verify", "--trust-key", "dev.pub.pem"];

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    scratch
}

fn verify(paths: &[&'static str]) -> Vec<&'static str> {
    [&VERIFY[..], paths].concat()
}

#[test]
fn a_verified_package_is_described() {
    let scratch = scratch();
    let verified = scratch.json(&verify(&["a.so"]))[0].clone();
    assert_eq!(verified["verdict"], "verified");
    assert_eq!(verified["path"], "a.so");
    assert_eq!(verified["name"], "a.so");
    assert_eq!(verified["via"]["path"], "pinned");
    assert_eq!(verified["size"], scratch.read("a.so").len());
    assert_eq!(text(&verified["sha256"]).len(), 64);
    let shown = scratch.run(&verify(&["a.so"])).stdout;
    assert!(shown.starts_with("ok a.so\n"), "{shown}");
    assert!(shown.contains(&text(&verified["signer"])), "{shown}");
}

#[test]
fn each_change_to_package_or_signature_is_refused_by_its_name() {
    let refused = |code: &str, change: fn(&Scratch)| {
        let scratch = scratch();
        change(&scratch);
        let run = scratch.fails(1, code, &verify(&["a.so"]));
        assert_eq!(run.document()["result"][0]["verdict"], "refused");
        assert_eq!(run.document()["result"][0]["code"], code);
        assert!(run.stderr.starts_with("refused: a.so: "), "{}", run.stderr);
        assert!(run.stderr.contains("next: "), "{}", run.stderr);
        assert!(!run.stderr.contains("require"), "{}", run.stderr);
    };
    refused("TamperedPackage", |scratch| {
        let mut bytes = scratch.read("a.so");
        bytes[3] ^= 1;
        scratch.write("a.so", bytes);
    });
    refused("TamperedPackage", |scratch| {
        scratch.write("a.so", [&scratch.read("a.so")[..], b"!"].concat());
    });
    refused("SignatureNotFound", |scratch| {
        std::fs::remove_file(scratch.path("a.so.sig")).unwrap();
    });
    refused("MalformedSignature", |scratch| scratch.write("a.so.sig", "{}"));
    refused("MalformedSignature", |scratch| {
        scratch.write("a.so.sig", "-----BEGIN PGP SIGNATURE-----\n");
    });
    refused("InvalidSignature", |scratch| {
        let mut document: serde_json::Value =
            serde_json::from_slice(&scratch.read("a.so.sig")).unwrap();
        document["payloadType"] = "application/vnd.other+json".into();
        scratch.write("a.so.sig", document.to_string());
    });
    refused("WrongName", |scratch| {
        scratch.signed_package("b.so", "dev.pem");
        for suffix in ["", ".sig"] {
            let (from, to) = (format!("b.so{suffix}"), format!("a.so{suffix}"));
            std::fs::rename(scratch.path(&from), scratch.path(&to)).unwrap();
        }
    });
    refused("UntrustedSigner", |scratch| {
        scratch.key_files("stranger");
        scratch.json(&["package", "sign", "a.so", "--key", "stranger.pem", "--force"]);
    });
}

#[test]
fn any_of_several_trusted_keys_will_do() {
    let scratch = scratch();
    scratch.key_files("other");
    scratch.signed_package("b.so", "other.pem");
    scratch.fails(1, "UntrustedSigner", &verify(&["a.so", "b.so"]));
    let both = verify(&["a.so", "b.so", "--trust-key", "other.pub.pem"]);
    assert_eq!(scratch.json(&both).as_array().unwrap().len(), 2);
}

#[test]
fn one_refused_package_among_good_ones_is_told_apart() {
    let scratch = scratch();
    scratch.signed_package("b.so", "dev.pem");
    scratch.signed_package("c.so", "dev.pem");
    scratch.write("b.so", "changed");
    let run = scratch.fails(1, "TamperedPackage", &verify(&["a.so", "b.so", "c.so"]));
    let document = run.document();
    let verdicts = document["result"].as_array().unwrap();
    let verdicts: Vec<_> = verdicts.iter().map(|one| text(&one["verdict"])).collect();
    assert_eq!(verdicts, ["verified", "refused", "verified"]);

    let shown = scratch.run(&verify(&["a.so", "b.so", "c.so"]));
    assert_eq!(shown.code, 1);
    assert!(shown.stdout.contains("ok a.so") && shown.stdout.contains("ok c.so"));
    assert!(shown.stdout.contains("refused b.so\n"), "{}", shown.stdout);
}

#[test]
fn what_cannot_be_decided_outweighs_a_refusal() {
    let scratch = scratch();
    scratch.signed_package("b.so", "dev.pem");
    scratch.write("b.so", "changed");
    let run = scratch.fails(2, "UnreadableFile", &verify(&["b.so", "gone.so", "a.so"]));
    let result = &run.document()["result"];
    assert_eq!(result[0]["code"], "TamperedPackage");
    assert_eq!(result[1]["verdict"], "undecided");
    assert_eq!(result[2]["verdict"], "verified");
}

#[test]
fn a_renamed_package_is_good_under_the_name_that_was_signed() {
    let scratch = scratch();
    std::fs::rename(scratch.path("a.so"), scratch.path("z.so")).unwrap();
    std::fs::rename(scratch.path("a.so.sig"), scratch.path("z.so.sig")).unwrap();
    scratch.fails(1, "WrongName", &verify(&["z.so"]));
    scratch.json(&verify(&["z.so", "--name", "a.so"]));
    scratch.fails(1, "WrongName", &verify(&["z.so", "--name", "b.so"]));
}

#[test]
fn a_signature_from_elsewhere_is_used_instead_of_the_one_beside() {
    let scratch = scratch();
    std::fs::rename(scratch.path("a.so.sig"), scratch.path("elsewhere")).unwrap();
    scratch.write("a.so.sig", "{}");
    scratch.json(&verify(&["a.so", "--signature", "elsewhere"]));
    scratch.fails(1, "MalformedSignature", &verify(&["a.so"]));
    scratch.fails(1, "SignatureNotFound", &verify(&["a.so", "--signature", "gone"]));
}

/// Verifying where neither a store nor a KEK can be had.
#[test]
fn pinned_keys_need_no_store_no_kek_and_leave_nothing_behind() {
    let scratch = scratch();
    let before = scratch.files();
    let run = |arguments: &[&str]| {
        let mut command = scratch.command(arguments);
        command.env("CLOACINA_DATABASE_URL", "/nowhere/at/all/store.db");
        command.env_remove("CLOACINA_KEY_ENCRYPTION_KEY").arg("--json");
        finish(&mut command, b"")
    };
    let verified = run(&verify(&["a.so"]));
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    verified.document();
    assert_eq!(scratch.files(), before);
    assert!(!scratch.path("home").exists() && !Path::new("/nowhere").exists());
    run(&["package", "verify", "a.so", "--org", "acme"]).assert_failed(2, "NoDatabase");
    assert_eq!(scratch.files(), before);
}

#[test]
fn verifying_by_an_organizations_trust_needs_no_kek() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let verify = || {
        let mut command = scratch.command(&["package", "verify", "a.so", "--org", "acme"]);
        finish(command.env_remove("CLOACINA_KEY_ENCRYPTION_KEY").arg("--json"), b"")
    };
    verify().assert_failed(1, "UntrustedSigner");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"]);
    assert_eq!(verify().code, 0);
}

#[test]
fn an_organization_and_pinned_keys_exclude_each_other() {
    let scratch = scratch();
    scratch.fails(2, "Usage", &verify(&["a.so", "--org", "acme"]));
    // Without either, it is the store's only organization, and here is no store.
    scratch.fails(2, "NoDatabase", &["package", "verify", "a.so"]);
    scratch.fails(2, "Usage", &VERIFY);
    scratch.fails(2, "InvalidKeyFile", &["package", "verify", "a.so", "--trust-key", "dev.pem"]);
    scratch.fails(2, "UnreadableFile", &["package", "verify", "a.so", "--trust-key", "gone.pem"]);
}
