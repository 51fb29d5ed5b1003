//! Keys that never enter the program: in an ssh-agent, behind another program, and in a token.

mod agent;
mod openssh;
mod program;
#[cfg(feature = "pkcs11")]
mod token;

use crate::support::{Run, Scratch, finish, text};

/// Runs a tool that must do it, and gives what it printed.
#[track_caller]
fn tool(scratch: &Scratch, program: &str, arguments: &[&str]) -> String {
    let run = finish(scratch.tool(program).args(arguments), b"");
    assert_eq!(run.code, 0, "{program} {arguments:?}: {}{}", run.stdout, run.stderr);
    run.stdout
}

/// Signs `a.so` with this key, for a document.
fn sign(scratch: &Scratch, key: &str) -> Run {
    let arguments = ["package", "sign", "a.so", "--key", key, "--json"];
    finish(&mut scratch.command(&arguments), b"")
}

/// `a.so` verifies by the key in this file, as cloacina and openssl say.
#[track_caller]
fn assert_signed_by(scratch: &Scratch, public: &str) {
    scratch.json(&["package", "verify", "a.so", "--trust-key", public]);
    crate::openssl::take_apart(scratch, "a.so.sig");
    let verify = "pkeyutl -verify -pubin -rawin -in pae -sigfile sig -inkey";
    let arguments: Vec<_> = verify.split(' ').chain([public]).collect();
    tool(scratch, "openssl", &arguments);
}

/// Fails with this code, and writes no signature.
#[track_caller]
fn assert_not_signed(scratch: &Scratch, run: &Run, code: &str) {
    run.assert_failed(2, code);
    let next = text(&run.document()["error"]["next"]);
    assert!(!next.is_empty(), "{code}");
    assert!(!scratch.exists("a.so.sig"), "{code}");
}
