//! Keys in PKCS#11 tokens: of SoftHSM, and of modules that lie.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use signing_crypto::VerifyingKey;

use super::{assert_not_signed, assert_signed_by, tool};
use crate::support::{Run, Scratch, finish, text};

const PIN: &str = "123456";
const KEY: &str = "pkcs11:token=acme;object=release?module-name=softhsm2";

/// A package, and a token of SoftHSM with the key `release` and the PIN in the file `pin`.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.so", "a");
    scratch.write("pin", PIN);
    fs::create_dir(scratch.path("tokens")).unwrap();
    let tokens = scratch.path("tokens").display().to_string();
    scratch.write("softhsm2.conf", format!("directories.tokendir = {tokens}\n"));
    token(&scratch, "acme");
    make_key(&scratch, "release", "01", "edwards25519");
    scratch
}

fn token(scratch: &Scratch, label: &str) {
    let line = format!("--init-token --free --label {label} --pin {PIN} --so-pin {PIN}");
    softhsm_tool(scratch, "softhsm2-util", &line);
}

fn make_key(scratch: &Scratch, label: &str, id: &str, curve: &str) {
    let line = format!("--keypairgen --key-type EC:{curve} --label {label} --id {id}");
    pkcs11_tool(scratch, &line);
}

fn pkcs11_tool(scratch: &Scratch, line: &str) -> String {
    let line = format!("--module {} --login --pin {PIN} {line}", softhsm().display());
    softhsm_tool(scratch, "pkcs11-tool", &line)
}

fn softhsm_tool(scratch: &Scratch, program: &str, line: &str) -> String {
    let mut command = scratch.tool(program);
    let run = finish(with_softhsm(scratch, command.args(line.split(' '))), b"");
    assert_eq!(run.code, 0, "{program} {line}: {}{}", run.stdout, run.stderr);
    run.stdout
}

/// Where Debian has the module.
fn softhsm() -> PathBuf {
    let path = PathBuf::from("/usr/lib/softhsm/libsofthsm2.so");
    assert!(path.exists(), "this test needs {}, of the package softhsm2", path.display());
    path
}

fn with_softhsm<'a>(scratch: &Scratch, command: &'a mut Command) -> &'a mut Command {
    command.env("SOFTHSM2_CONF", scratch.path("softhsm2.conf"))
}

fn run(scratch: &Scratch, arguments: &[&str]) -> Run {
    finish(with_softhsm(scratch, scratch.command(arguments).arg("--json")), b"")
}

/// Signs with the PIN in a file.
fn sign(scratch: &Scratch, key: &str) -> Run {
    run(scratch, &["package", "sign", "a.so", "--key", key, "--passphrase-file", "pin"])
}

/// The public key as another tool shows it, in the file `<label>.pub.pem`.
fn public_pem(scratch: &Scratch, label: &str) -> String {
    let shown = pkcs11_tool(scratch, "--list-objects --type pubkey");
    // Of each key, its point stands before its label.
    let name = format!("label:      {label}");
    let before = shown.split(&name).next().filter(|before| before.len() < shown.len());
    let point = before.unwrap().rsplit("EC_POINT:").next().unwrap();
    let point = point.split_whitespace().next().unwrap();
    let raw: Vec<u8> = (0..point.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&point[at..at + 2], 16).unwrap())
        .collect();
    // Within a DER OCTET STRING.
    let key = VerifyingKey::from_slice(&raw[2..]).unwrap();
    scratch.write(&format!("{label}.pub.pem"), key.to_pem());
    key.fingerprint().to_string()
}

#[test]
fn a_key_in_a_token_signs() {
    let scratch = scratch();
    public_pem(&scratch, "release");
    let by_path = format!("pkcs11:object=release?module-path={}", softhsm().display());
    for key in [KEY, "pkcs11:id=%01?module-name=softhsm2", &by_path] {
        let signed = sign(&scratch, key);
        assert_eq!(signed.code, 0, "{key}: {}", signed.stderr);
        signed.assert_says_nowhere(PIN);
        assert_signed_by(&scratch, "release.pub.pem");
        fs::remove_file(scratch.path("a.so.sig")).unwrap();
    }
}

#[test]
fn a_pin_comes_from_the_uri_a_file_a_descriptor_and_the_variable() {
    let scratch = scratch();
    public_pem(&scratch, "release");
    let uri = format!("{KEY}&pin-source=file:{}", scratch.path("pin").display());
    let plain = ["package", "sign", "a.so", "--key", KEY];
    let mut variable = scratch.command(&plain);
    variable.env("CLOACINA_KEY_PASSPHRASE", PIN);
    let mut descriptor = scratch.tool("sh");
    descriptor.args(["-c", r#"exec "$0" "$@" --passphrase-fd 3 3<pin"#]);
    descriptor.arg(env!("CARGO_BIN_EXE_cloacina")).args(plain);
    let from_uri = scratch.command(&["package", "sign", "a.so", "--key", &uri]);
    for mut command in [variable, descriptor, from_uri] {
        let signed = finish(with_softhsm(&scratch, &mut command), b"");
        assert_eq!(signed.code, 0, "{command:?}: {}", signed.stderr);
        assert_signed_by(&scratch, "release.pub.pem");
        fs::remove_file(scratch.path("a.so.sig")).unwrap();
    }
    // Nobody is there to type it.
    assert_not_signed(&scratch, &run(&scratch, &plain), "PinNeeded");
    fs::set_permissions(scratch.path("pin"), Permissions::from_mode(0o644)).unwrap();
    let readable = run(&scratch, &["package", "sign", "a.so", "--key", &uri]);
    assert_not_signed(&scratch, &readable, "UnprotectedFile");
}

#[test]
fn a_pin_on_the_command_line_is_refused_and_not_repeated() {
    let scratch = scratch();
    for key in [format!("{KEY}&pin-value={PIN}"), format!("pkcs11:objekt=a?pin-value={PIN}")] {
        let refused = run(&scratch, &["package", "sign", "a.so", "--key", &key]);
        assert_not_signed(&scratch, &refused, "PinOnCommandLine");
        refused.assert_says_nowhere(PIN);
    }
}

#[test]
fn a_wrong_pin_writes_nothing() {
    let scratch = scratch();
    scratch.write("wrong", "654321");
    let sign_wrong = ["package", "sign", "a.so", "--key", KEY, "--passphrase-file", "wrong"];
    let refused = run(&scratch, &sign_wrong);
    assert_not_signed(&scratch, &refused, "WrongPin");
    refused.assert_says_nowhere("654321");
    assert_eq!(sign(&scratch, KEY).code, 0);
}

#[test]
fn a_name_of_no_key_or_token_or_of_several_is_refused() {
    let scratch = scratch();
    make_key(&scratch, "release", "02", "edwards25519");
    make_key(&scratch, "legacy", "03", "prime256v1");
    for (key, code) in [
        ("pkcs11:token=acme;object=other?module-name=softhsm2", "NoSuchKey"),
        ("pkcs11:token=acme;id=%09?module-name=softhsm2", "NoSuchKey"),
        ("pkcs11:token=acme;object=legacy?module-name=softhsm2", "NoSuchKey"),
        ("pkcs11:token=other;object=release?module-name=softhsm2", "NoSuchToken"),
        ("pkcs11:serial=00;object=release?module-name=softhsm2", "NoSuchToken"),
        (KEY, "AmbiguousKey"),
        ("pkcs11:object=release?module-name=nowhere", "SignerUnavailable"),
        ("pkcs11:object=release?module-path=/nowhere.so", "UnreadableFile"),
    ] {
        let run = sign(&scratch, key);
        assert_eq!(text(&run.document()["error"]["code"]), code, "{key}");
        assert_not_signed(&scratch, &run, code);
    }
    assert_eq!(sign(&scratch, "pkcs11:object=release;id=%02?module-name=softhsm2").code, 0);
    fs::remove_file(scratch.path("a.so.sig")).unwrap();
    token(&scratch, "second");
    let run = sign(&scratch, "pkcs11:object=release;id=%02?module-name=softhsm2");
    assert_not_signed(&scratch, &run, "NoSuchToken");
    let usage = sign(&scratch, "pkcs11:objekt=release?module-name=softhsm2");
    assert!(usage.stderr.contains("objekt"), "{}", usage.stderr);
}

#[test]
fn keys_of_one_token_sign_trust_documents_and_checkpoints() {
    let scratch = scratch();
    scratch.json(&["orgs", "create", "acme"]);
    make_key(&scratch, "online", "02", "edwards25519");
    let online = "pkcs11:object=online?module-name=softhsm2";
    let must = |arguments: &[&str]| {
        let pin = ["--passphrase-file", "pin"];
        let done = run(&scratch, &[arguments, &pin].concat());
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
    };
    must(&[
        "trust",
        "init",
        "--org",
        "acme",
        "--root-key",
        KEY,
        "--revocation-key",
        online,
        "--root-output",
        "root.json",
        "--yes",
    ]);
    must(&[
        "trust",
        "publish",
        "--org",
        "acme",
        "--key",
        KEY,
        "--key",
        online,
        "--trust-root",
        "root.json",
        "--yes",
    ]);
    must(&["audit", "checkpoint", "--all", "--key", online, "--output", "log"]);
    public_pem(&scratch, "online");
    scratch.json(&["audit", "verify", "--checkpoint", "log", "--trust-key", "online.pub.pem"]);
}

/// SoftHSM, with another `C_Sign`.
const LIAR: &str = r#"
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
typedef unsigned long (*function)(unsigned long, void *, unsigned long, unsigned char *, unsigned long *);
static struct list { unsigned long version; function functions[68]; } *real, list;
/* The functions stand in the order of the specification. */
enum { GET_FUNCTION_LIST = 3, SIGN = 43 };
static unsigned long lie(unsigned long session, void *data, unsigned long size, unsigned char *out, unsigned long *length) {
    unsigned long done = real->functions[SIGN](session, data, size, out, length);
    if (out) { LIE; }
    return done;
}
unsigned long C_GetFunctionList(struct list **found) {
    START;
    void *module = dlopen("SOFTHSM", RTLD_NOW);
    unsigned long (*get)(struct list **) = dlsym(module, "C_GetFunctionList");
    unsigned long done = get(&real);
    memcpy(&list, real, sizeof list);
    list.functions[SIGN] = lie;
    *found = &list;
    return done;
}
"#;

/// Builds a module that does this before it starts, and this after it has signed.
fn liar(scratch: &Scratch, start: &str, lie: &str) -> String {
    let softhsm = softhsm().display().to_string();
    let code = LIAR.replace("START", start).replace("LIE", lie).replace("SOFTHSM", &softhsm);
    scratch.write("liar.c", code);
    tool(scratch, "cc", &["-shared", "-fPIC", "-w", "liar.c", "-o", "liar.so"]);
    format!("pkcs11:object=release?module-path={}", scratch.path("liar.so").display())
}

#[test]
fn a_module_that_lies_writes_nothing() {
    for (what, lie, code) in [
        ("a bit", "out[7] ^= 1", "WrongSignature"),
        ("zeros", "memset(out, 0, 64)", "WrongSignature"),
        ("too little", "*length = 63", "MalformedSignerAnswer"),
        ("nothing", "*length = 0", "MalformedSignerAnswer"),
        ("an error", "done = 0x30", "SignerRefused"),
    ] {
        let scratch = scratch();
        let key = liar(&scratch, "", lie);
        let run = sign(&scratch, &key);
        assert_eq!(text(&run.document()["error"]["code"]), code, "{what}");
        assert_not_signed(&scratch, &run, code);
    }
    // The same module signs if it does not lie.
    let scratch = scratch();
    let key = liar(&scratch, "", "");
    assert_eq!(sign(&scratch, &key).code, 0);
}

#[test]
fn a_module_that_hangs_is_not_waited_for() {
    for (start, lie) in [("for (;;) pause()", ""), ("", "for (;;) pause()")] {
        let scratch = scratch();
        let key = liar(&scratch, start, lie);
        let limited = ["package", "sign", "a.so", "--key", &key, "--signer-timeout", "3"];
        let arguments = [&limited[..], &["--passphrase-file", "pin"]].concat();
        assert_not_signed(&scratch, &run(&scratch, &arguments), "SignerTimedOut");
    }
}

#[test]
fn a_module_that_others_can_change_or_that_is_none_is_not_loaded() {
    let scratch = scratch();
    let key = liar(&scratch, r#"close(open("loaded", 0101, 0600))"#, "");
    fs::set_permissions(scratch.path("liar.so"), Permissions::from_mode(0o777)).unwrap();
    assert_not_signed(&scratch, &sign(&scratch, &key), "UnprotectedFile");
    assert!(!scratch.exists("loaded"));
    fs::set_permissions(scratch.path("liar.so"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(sign(&scratch, &key).code, 0);
    assert!(scratch.exists("loaded"));

    // Who can rename its directory can offer one file to be looked at, and another to be loaded.
    fs::remove_file(scratch.path("a.so.sig")).unwrap();
    fs::remove_file(scratch.path("loaded")).unwrap();
    fs::create_dir(scratch.path("open")).unwrap();
    fs::set_permissions(scratch.path("open"), Permissions::from_mode(0o777)).unwrap();
    fs::copy(scratch.path("liar.so"), scratch.path("open/liar.so")).unwrap();
    let moved = key.replace("liar.so", "open/liar.so");
    assert_not_signed(&scratch, &sign(&scratch, &moved), "UnsafeDirectory");
    assert!(!scratch.exists("loaded"));

    let none = format!("pkcs11:object=release?module-path={}", scratch.path("a.so").display());
    assert_not_signed(&scratch, &sign(&scratch, &none), "SignerUnavailable");
}
