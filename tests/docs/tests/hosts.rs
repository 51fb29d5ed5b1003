//! The example hosts for other packages than native libraries: each uses the bytes that were
//! verified, and refuses others.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use docs_tests::Programs;
use signing_loader::{SigningKey, sign_package};

/// `(module (func (export "answer") (result i32) i32.const 42))`, encoded by hand.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\
    \x07\x0a\x01\x06answer\0\0\x0a\x06\x01\x04\0\x41\x2a\x0b";

fn run(programs: &Programs, host: &str, directory: &Path, package: &str) -> Output {
    let arguments = ["release.pub.pem", package];
    Command::new(programs.example(host)).args(arguments).current_dir(directory).output().unwrap()
}

/// Signs the package, runs the host with it, and runs it again with one byte changed.
fn assert_answers_and_refuses(host: &str, directory: &Path, package: &str) {
    let programs = Programs::build().unwrap_or_else(|error| panic!("{error}"));
    let (path, key) = (directory.join(package), SigningKey::generate().unwrap());
    fs::write(directory.join("release.pub.pem"), key.verifying_key().to_pem()).unwrap();
    let signature = sign_package(&path, &key).unwrap();
    fs::write(directory.join(format!("{package}.sig")), signature.to_json()).unwrap();

    let answered = run(&programs, host, directory, package);
    let [out, err] = [&answered.stdout, &answered.stderr].map(|text| String::from_utf8_lossy(text));
    assert_eq!((&*out, answered.status.code()), ("42\n", Some(0)), "{err}");

    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let refused = run(&programs, host, directory, package);
    let err = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{err}");
    assert!(err.contains("TamperedPackage"), "{err}");
}

#[test]
fn wasm_module_runs_if_it_was_signed_and_not_if_it_was_changed() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plugin.wasm"), MODULE).unwrap();
    assert_answers_and_refuses("host_wasm", directory.path(), "plugin.wasm");
}

#[test]
fn python_module_is_imported_if_its_archive_was_signed_and_not_if_it_was_changed() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plugin.py"), "def answer():\n    return 42\n").unwrap();
    let zip = ["-m", "zipfile", "-c", "plugin.zip", "plugin.py"];
    let made = Command::new("python3").args(zip).current_dir(directory.path()).status().unwrap();
    assert!(made.success());
    assert_answers_and_refuses("host_python", directory.path(), "plugin.zip");
}
