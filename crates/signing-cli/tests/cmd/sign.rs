use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use signing_crypto::SignatureEnvelope;

use crate::support::{OTHER_KEK, Scratch, finish, text};

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    scratch.write("b.so", "b");
    scratch
}

#[test]
fn a_signature_is_written_beside_each_package() {
    let scratch = scratch();
    let signed = scratch.json(&["package", "sign", "a.so", "b.so", "--key", "dev.pem"]);
    assert_eq!(signed.as_array().unwrap().len(), 2);
    assert_eq!(signed[1]["path"], "b.so");
    assert_eq!(signed[1]["signature"], "b.so.sig");
    assert_eq!(signed[1]["size"], 1);
    for package in ["a.so", "b.so"] {
        let envelope = SignatureEnvelope::parse(&scratch.read(&format!("{package}.sig"))).unwrap();
        assert_eq!(envelope.unverified_statement().unwrap().name().as_str(), package);
        scratch.json(&["package", "verify", package, "--trust-key", "dev.pub.pem"]);
    }
    assert!(!scratch.exists("store.db"));
}

#[test]
fn an_existing_signature_stops_all_before_any_is_written() {
    let scratch = scratch();
    scratch.write("b.so.sig", "precious");
    let sign = ["package", "sign", "a.so", "b.so", "--key", "dev.pem"];
    let run = scratch.fails(2, "FileExists", &sign);
    assert!(run.stderr.contains("b.so.sig"), "{}", run.stderr);
    assert!(run.stderr.contains("next: "), "{}", run.stderr);
    assert!(!scratch.exists("a.so.sig"));
    assert_eq!(scratch.read("b.so.sig"), b"precious");

    scratch.json(&[&sign[..], &["--force"]].concat());
    scratch.json(&["package", "verify", "a.so", "b.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn a_package_is_signed_under_another_name_into_another_file() {
    let scratch = scratch();
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--name", "z.so", "--output", "out"];
    assert_eq!(scratch.json(&sign)[0]["name"], "z.so");
    assert!(!scratch.exists("a.so.sig"));
    assert_eq!(scratch.json(&sign)[0]["outcome"], "already_signed");
    scratch.fails(1, "OtherStatement", &[&sign[..5], &["--output", "out"]].concat());
    let verify = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem", "--signature", "out"];
    scratch.fails(1, "WrongName", &verify);
    scratch.json(&[&verify[..], &["--name", "z.so"]].concat());
}

#[test]
fn one_name_or_file_is_not_for_several_packages() {
    let scratch = scratch();
    for extra in [["--name", "z.so"], ["--output", "out"]] {
        let sign = [&["package", "sign", "a.so", "b.so", "--key", "dev.pem"], &extra[..]].concat();
        scratch.fails(2, "SeveralPackages", &sign);
    }
    let verify = ["package", "verify", "a.so", "b.so", "--trust-key", "dev.pub.pem", "--name", "z"];
    scratch.fails(2, "SeveralPackages", &verify);
    assert_eq!(scratch.files(), ["a.so", "b.so", "dev.pem", "dev.pub.pem"]);
}

#[test]
fn a_key_comes_from_standard_input_or_is_refused() {
    let scratch = scratch();
    let sign = ["package", "sign", "a.so", "--key", "-", "--json"];
    let run = finish(&mut scratch.command(&sign), &scratch.read("dev.pub.pem"));
    run.assert_failed(2, "InvalidKeyFile");
    assert!(!scratch.exists("a.so.sig"));
    assert_eq!(finish(&mut scratch.command(&sign), &scratch.read("dev.pem")).code, 0);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn a_signature_in_the_store_needs_no_file() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    scratch.write("a.so", "a");
    let verify = ["package", "verify", "a.so", "--org", "acme"];
    scratch.fails(1, "SignatureNotFound", &verify);
    let signed = scratch.json(&["package", "sign", "a.so", "--key-id", &id, "--store"]);
    assert_eq!(signed[0]["signature"], serde_json::Value::Null);
    assert_eq!(text(&signed[0]["signature_id"]).len(), 36);
    assert!(!scratch.exists("a.so.sig"));
    scratch.json(&verify);
    scratch.write("a.so", "b");
    scratch.fails(1, "SignatureNotFound", &verify);
}

#[test]
fn a_file_beside_the_stored_signature_is_written_when_asked_for() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", &id, "--store", "--output", "a.so.sig"];
    assert_eq!(scratch.json(&sign)[0]["signature"], "a.so.sig");
    scratch.json(&["keys", "export", &id, "--output", "release.pub.pem"]);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "release.pub.pem"]);
}

#[test]
fn a_signature_without_its_file_is_said_to_be_in_the_store() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--key-id", &id]);
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", &id, "--store", "--output", "missing/a.sig"];
    let failed = scratch.fails(2, "SignatureFileNotWritten", &sign);
    scratch.json(&["package", "verify", "a.so"]);

    let next = text(&failed.document()["error"]["next"]);
    let (_, kept) = next.split_once("cloacina package unstore ").unwrap();
    scratch.json(&["package", "unstore", kept]);
    scratch.fails(1, "SignatureNotFound", &["package", "verify", "a.so"]);
}

#[test]
fn a_key_in_a_file_stores_for_an_organization_that_is_named() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"]);
    scratch.json(&["keys", "trust", "--org", "other", "--import", "dev.pub.pem"]);
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--store"];
    scratch.fails(2, "OrganizationNeeded", &sign);
    scratch.json(&[&sign[..], &["--org", "acme"]].concat());
    scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    let verify = ["package", "verify", "a.so", "--org", "other"];
    scratch.fails(1, "SignatureNotFound", &verify);
    let unused = ["package", "sign", "a.so", "--key", "dev.pem", "--org", "acme"];
    scratch.fails(2, "UnusedOrganization", &unused);
}

#[test]
fn an_organization_says_whose_key_signs() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    scratch.write("a.so", "a");
    for org in ["acme", "other"] {
        scratch.stored_key("release", org);
    }
    scratch.fails(2, "OrganizationNeeded", &["package", "sign", "a.so"]);
    for org in ["acme", "other"] {
        let signed = scratch.json(&["package", "sign", "a.so", "--force", "--org", org]);
        assert_eq!(signed[0]["signer_org"], org, "{signed}");
    }
    let other = ["package", "sign", "a.so", "--org", "acme", "--key-id", "other/release"];
    scratch.fails(2, "KeyOfAnotherOrganization", &other);
}

/// The only copy of a key, and a package that nobody can build again.
#[test]
fn an_output_replaces_a_file_of_its_own_kind_only() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    let (key, store) = (scratch.read("dev.pem"), scratch.read("store.db"));
    let refused = |arguments: &[&str]| {
        scratch.fails(2, "OtherFileKind", &[arguments, &["--force"]].concat());
    };
    scratch.write("text", "what a killed editor left");
    let sign = ["package", "sign", "a.so", "--key", "dev.pem", "--output"];
    refused(&[&sign[..], &["a.so"]].concat());
    refused(&[&sign[..], &["./dev.pem"]].concat());
    refused(&[&sign[..], &["store.db"]].concat());
    refused(&["audit", "checkpoint", "--org", "acme", "--key", "dev.pem", "--output", "dev.pem"]);
    let init = ["trust", "init", "--org", "acme", "--root-key", "dev.pem", "--yes"];
    refused(&[&init[..], &["--root-output", "dev.pem"]].concat());
    scratch.fails(1, "TrustDocumentMissing", &["trust", "show", "--org", "acme"]);
    assert_eq!(scratch.read("a.so"), b"a");
    assert_eq!((scratch.read("dev.pem"), scratch.read("store.db")), (key, store));

    // Of the two files of a key pair, neither, and nothing becomes a private key.
    let generate = ["keys", "generate", "--name", "new", "--output", "pair.pem"];
    scratch.write("pair.pub.pem", OTHER_KEK);
    refused(&generate);
    assert_eq!(scratch.read("pair.pub.pem"), OTHER_KEK.as_bytes());
    assert!(!scratch.exists("pair.pem"));
    scratch.write("pair.pub.pem", "old");
    scratch.write("pair.pem", OTHER_KEK);
    scratch.fails(2, "FileExists", &[&generate[..], &["--force"]].concat());
    assert_eq!(scratch.read("pair.pem"), OTHER_KEK.as_bytes());
    assert_eq!(scratch.read("pair.pub.pem"), b"old");
    fs::remove_file(scratch.path("pair.pem")).unwrap();
    scratch.json(&[&generate[..], &["--force"]].concat());
    assert_eq!(scratch.tool("mkfifo").arg("pipe").status().unwrap().code(), Some(0));
    let to_pipe = [&sign[..], &["pipe", "--force"]].concat();
    scratch.fails(2, "UnwritableFile", &to_pipe);

    for _ in 0..2 {
        scratch.json(&[&sign[..], &["text", "--force"]].concat());
    }
}

#[test]
fn a_stored_key_stores_for_its_own_organization_only() {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", &id, "--store", "--org"];
    scratch.fails(2, "KeyOfAnotherOrganization", &[&sign[..], &["other"]].concat());
    scratch.json(&[&sign[..], &["acme"]].concat());
}

#[test]
fn a_package_is_signed_by_the_only_key_that_can_sign_and_by_none_of_several() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.write("a.so", "a");
    scratch.fails(2, "NoSigningKey", &["sign", "a.so"]);
    let (_, only) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", "release"]);
    scratch.json(&["sign", "a.so"]);
    assert_eq!(scratch.json(&["verify", "a.so"])[0]["signer"], only);
    // One that was revoked does not count.
    scratch.stored_key("night", "acme");
    scratch.fails(2, "SigningKeyNeeded", &["sign", "a.so", "--force"]);
    scratch.json(&["keys", "revoke", "night", "--signing"]);
    scratch.json(&["sign", "a.so", "--force"]);
    // Of two organizations, none is meant.
    scratch.json(&["orgs", "create", "other"]);
    scratch.fails(2, "OrganizationNeeded", &["sign", "a.so", "--force"]);
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let scratch = scratch();
    scratch.write("empty.so", "");
    scratch.write("a\u{1b}[31m.so", "a");
    scratch.fails(1, "EmptyPackage", &["package", "sign", "empty.so", "--key", "dev.pem"]);
    let run = scratch.fails(
        1,
        "InvalidPackageName",
        &["package", "sign", "a\u{1b}[31m.so", "--key", "dev.pem"],
    );
    run.assert_says_nowhere("\u{1b}");
    scratch.fails(2, "Usage", &["package", "sign", "a.so", "--key", "dev.pem", "--name", "x/y"]);
    scratch.fails(2, "UnreadableFile", &["package", "sign", "gone.so", "--key", "dev.pem"]);
    scratch.fails(2, "UnreadableFile", &["package", "sign", "a.so", "--key", "gone.pem"]);
    // Without a key, it is one of the store.
    scratch.fails(2, "NoDatabase", &["package", "sign", "a.so"]);
    scratch.fails(2, "Usage", &["package", "sign", "a.so", "--key", "dev.pem", "--key-id", "x"]);
    scratch.fails(2, "Usage", &["package", "sign", "a.so", "--key-id", "a:b"]);
    assert!(!scratch.files().iter().any(|file| file.ends_with(".sig")));
}

#[test]
fn a_file_name_that_is_not_utf_8_is_named_and_another_name_can_be_signed() {
    let scratch = scratch();
    let name = OsStr::from_bytes(b"caf\xe9.so");
    fs::write(scratch.path("").join(name), "a").unwrap();
    let sign = |more: &[&str]| {
        let mut command = scratch.command(&["sign", "--key", "dev.pem"]);
        finish(command.arg(name).args(more), b"")
    };
    let run = sign(&[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let told = "caf\u{fffd}.so: the package's file name is not UTF-8\nnext: rename it";
    assert!(run.stderr.contains(told) && run.stderr.contains("--name"), "{}", run.stderr);
    assert_eq!(sign(&["--name", "cafe.so"]).code, 0);
}

#[test]
fn a_missing_key_file_that_is_named_like_a_key_may_be_one_of_the_store() {
    let scratch = scratch();
    for key in ["release", "acme/release", "3573c7c8"] {
        let run = scratch.fails(2, "UnreadableFile", &["sign", "a.so", "--key", key]);
        let told = format!("for a key of the store: --key-id {key}\n");
        assert!(run.stderr.contains(&told), "{}", run.stderr);
    }
    for key in ["gone.pem", "keys/acme/release"] {
        let run = scratch.fails(2, "UnreadableFile", &["sign", "a.so", "--key", key]);
        assert!(!run.stderr.contains("--key-id"), "{}", run.stderr);
    }
    // A verifier names an organization instead.
    scratch.json(&["sign", "a.so", "--key", "dev.pem"]);
    let verify = ["verify", "a.so", "--trust-key", "3573c7c8"];
    let run = scratch.fails(2, "UnreadableFile", &verify);
    assert!(run.stderr.contains("for a key of the store: --org <org>\n"), "{}", run.stderr);
}

#[test]
fn a_dash_is_no_file_to_sign_or_to_write_and_a_file_of_that_name_is() {
    let scratch = scratch();
    scratch.write("-", "a");
    for arguments in [&["sign", "-"][..], &["sign", "a.so", "--output", "-"]] {
        let arguments = [arguments, &["--key", "dev.pem"]].concat();
        let run = scratch.fails(2, "Usage", &arguments);
        assert!(run.stderr.contains("./-"), "{}", run.stderr);
    }
    assert!(!scratch.exists("-.sig"));
    scratch.json(&["sign", "./-", "--key", "dev.pem", "--output", "./-.sig"]);
    scratch.json(&["verify", "./-", "--trust-key", "dev.pub.pem"]);
    // A key is read from standard input.
    let run = finish(&mut scratch.command(&["sign", "a.so", "--key", "-"]), b"nothing");
    let told = "cannot use the key on standard input: ";
    assert!(run.code == 2 && run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn a_directory_is_not_signed_whatever_its_path() {
    let scratch = scratch();
    fs::create_dir(scratch.path("directory")).unwrap();
    for path in ["directory", "directory/", ".", "/", "directory/.."] {
        let run = scratch.fails(1, "NotARegularFile", &["sign", path, "--key", "dev.pem"]);
        assert!(run.stderr.contains(" is not a regular file\n"), "{}", run.stderr);
    }
    scratch.write("empty.so", "");
    let run = scratch.fails(1, "EmptyPackage", &["sign", "a.so", "empty.so", "--key", "dev.pem"]);
    assert!(run.stderr.contains("empty.so: the package is empty"), "{}", run.stderr);
}

#[test]
fn a_package_that_cannot_be_signed_stops_all_before_any_is_written() {
    let scratch = scratch();
    let sign = ["package", "sign", "a.so", "gone.so", "--key", "dev.pem"];
    scratch.fails(2, "UnreadableFile", &sign);
    assert!(!scratch.exists("a.so.sig"));

    scratch.write("gone.so", "back");
    scratch.json(&sign);
    assert!(scratch.exists("a.so.sig") && scratch.exists("gone.so.sig"));
}

#[test]
fn a_package_that_no_runner_would_load_is_signed_with_a_warning() {
    let scratch = scratch();
    scratch.write("empty.c", "int answer(void) { return 42; }\n");
    let cc = |name: &str, option: &str| {
        let run = finish(
            scratch.tool("cc").args(["-shared", "-fPIC", "empty.c", "-o", name, option]),
            b"",
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    cc("good.so", "-Wl,-soname,libgood.so");
    cc("bad.so", "-Wl,-rpath,/opt");
    let sign = ["package", "sign", "a.so", "bad.so", "good.so", "--key", "dev.pem"];
    let signed = scratch.run(&sign);
    assert_eq!(signed.code, 0);
    let warnings: Vec<_> = signed.stderr.lines().filter(|it| it.starts_with("warning")).collect();
    let expected = "warning: bad.so: the library has the dynamic entry DT_RUNPATH \"/opt\", which no package \
         may have";
    assert_eq!(warnings, [expected]);
    // It was signed nonetheless.
    scratch.json(&["package", "verify", "bad.so", "--trust-key", "dev.pub.pem"]);
    let signed = scratch.json(&sign);
    assert_eq!(signed[0].get("library"), None);
    assert_eq!(signed[1]["library"]["faults"][0]["code"], "ForbiddenDynamicTag");
    assert_eq!(signed[2]["library"]["faults"].as_array().unwrap().len(), 0);
}
