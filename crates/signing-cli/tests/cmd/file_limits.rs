//! Files that are not files, and files that are larger than what there is to hold
//! them. Whatever hangs is killed by `finish`, and fails.

use std::fs::File;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::support::{Run, Scratch, finish};

/// A scratch directory with a FIFO, a socket, a link to nowhere and a directory.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    assert_eq!(finish(scratch.tool("mkfifo").arg("fifo"), b"").code, 0);
    drop(UnixListener::bind(scratch.path("socket")).unwrap());
    std::os::unix::fs::symlink("nowhere", scratch.path("dangling")).unwrap();
    std::fs::create_dir(scratch.path("directory")).unwrap();
    scratch
}

#[test]
fn a_package_that_is_no_file_is_refused_at_once() {
    let scratch = scratch();
    let both = |exit: i32, code: &str, path: &str| {
        scratch.fails(exit, code, &["package", "sign", path, "--key", "dev.pem"]);
        let verify = ["package", "verify", path, "--trust-key", "dev.pub.pem"];
        let run = scratch.fails(exit, code, &[&verify[..], &["--signature", "a.so.sig"]].concat());
        assert!(run.stderr.contains(path), "{}", run.stderr);
    };
    both(1, "NotARegularFile", "fifo");
    both(1, "NotARegularFile", "directory");
    both(1, "NotARegularFile", "/dev/zero");
    both(2, "UnreadableFile", "dangling");
    both(2, "UnreadableFile", "gone");
    both(2, "UnreadableFile", "a.so/b.so");
    // A signature is made from what is there, and verified under a name.
    scratch.fails(1, "NotARegularFile", &["package", "sign", "..", "--key", "dev.pem"]);
    let verify = ["package", "verify", "..", "--trust-key", "dev.pub.pem"];
    let verify = [&verify[..], &["--signature", "a.so.sig"]].concat();
    scratch.fails(1, "InvalidPackageName", &verify);
    // Linux does not open a socket, so that what it is is not seen; other kernels do.
    let socket = scratch.run(&["package", "sign", "socket", "--key", "dev.pem"]);
    assert!(matches!(socket.code, 1 | 2), "{}", socket.stderr);
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn a_signature_that_is_no_file_is_refused_at_once() {
    let scratch = scratch();
    let signature = |exit: i32, code: &str, path: &str| {
        let verify =
            ["package", "verify", "a.so", "--trust-key", "dev.pub.pem", "--signature", path];
        scratch.fails(exit, code, &verify);
    };
    signature(1, "NotARegularFile", "fifo");
    signature(1, "NotARegularFile", "directory");
    signature(1, "NotARegularFile", "/dev/zero");
    signature(2, "UnreadableFile", "dangling");
    signature(1, "SignatureNotFound", "gone");
}

#[test]
fn a_key_file_that_is_no_file_is_refused_at_once() {
    let scratch = scratch();
    scratch.json(&["orgs", "create", "acme"]);
    for path in ["fifo", "directory", "/dev/zero", "socket", "dangling", "gone"] {
        let refused = |arguments: &[&str]| {
            let run = scratch.fails(2, "UnreadableFile", arguments);
            assert!(run.stderr.contains(path), "{}", run.stderr);
        };
        refused(&["package", "sign", "a.so", "--force", "--key", path]);
        refused(&["package", "verify", "a.so", "--trust-key", path]);
        refused(&["keys", "trust", "--org", "acme", "--import", path]);
        refused(&["keys", "import", "--name", "x", "--org", "acme", "--key", path]);
        refused(&["keys", "generate", "--name", "x", "--org", "acme", "--kek-file", path]);
    }
}

#[test]
fn a_store_that_is_no_file_is_refused_at_once() {
    let scratch = scratch();
    for path in ["fifo", "directory", "/dev/zero"] {
        let run = finish(
            scratch.command(&["db", "status", "--json"]).env("CLOACINA_DATABASE_URL", path),
            b"",
        );
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert_eq!(run.document()["ok"], false);
    }
}

#[test]
fn huge_signatures_and_keys_are_refused_without_being_read() {
    let scratch = scratch();
    scratch.write("huge", "");
    let huge = File::options().write(true).open(scratch.path("huge")).unwrap();
    huge.set_len(4 << 30).unwrap();
    let verify = ["package", "verify", "a.so", "--trust-key"];
    let run = limited(&scratch, &[&verify[..], &["dev.pub.pem", "--signature", "huge"]].concat());
    run.assert_failed(1, "MalformedSignature");
    limited(&scratch, &[&verify[..], &["huge"]].concat()).assert_failed(2, "InvalidKeyFile");
    let sign = limited(&scratch, &["package", "sign", "a.so", "--force", "--key", "huge"]);
    sign.assert_failed(2, "InvalidKeyFile");
}

/// Enough for the program and its libraries, a quarter of the package.
const ADDRESS_SPACE_KIB: u64 = 256 * 1024;

fn limited_shell(scratch: &Scratch, program: &str, arguments: &[&str]) -> Command {
    let mut shell = scratch.tool("sh");
    let script = format!("ulimit -v {ADDRESS_SPACE_KIB} || exit 99; exec \"$0\" \"$@\"");
    shell.args(["-c", &script, program]).args(arguments);
    shell
}

fn limited(scratch: &Scratch, arguments: &[&str]) -> Run {
    let mut shell = limited_shell(scratch, env!("CARGO_BIN_EXE_cloacina"), arguments);
    finish(shell.arg("--json"), b"")
}

#[test]
fn a_package_larger_than_memory_is_signed_and_verified() {
    let scratch = scratch();
    File::create(scratch.path("big.so")).unwrap().set_len(1 << 30).unwrap();
    // The limit bites: who holds the whole file does not get through.
    let mut whole = limited_shell(&scratch, "dd", &["if=big.so", "of=/dev/null", "bs=1G"]);
    assert_ne!(finish(&mut whole, b"").code, 0);
    let mut part =
        limited_shell(&scratch, "dd", &["if=big.so", "of=/dev/null", "bs=1M", "count=1"]);
    assert_eq!(finish(&mut part, b"").code, 0);

    let signed = limited(&scratch, &["package", "sign", "big.so", "--key", "dev.pem"]);
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    assert_eq!(signed.document()["result"][0]["size"], 1_u64 << 30);
    let verify = ["package", "verify", "big.so", "--trust-key", "dev.pub.pem"];
    let verified = limited(&scratch, &verify);
    assert_eq!(verified.code, 0, "{}", verified.stderr);

    let file = File::options().write(true).open(scratch.path("big.so")).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"!", (1 << 30) - 1).unwrap();
    limited(&scratch, &verify).assert_failed(1, "TamperedPackage");
}

#[test]
fn a_package_that_grew_is_refused_by_its_size_alone() {
    let scratch = scratch();
    // Hashing this much would take the better part of an hour.
    let file = File::options().write(true).open(scratch.path("a.so")).unwrap();
    file.set_len(4 << 40).unwrap();
    let verify = ["package", "verify", "a.so", "--trust-key", "dev.pub.pem"];
    scratch.fails(1, "PackageTooLarge", &verify);
    file.set_len(4 << 30).unwrap();
    let run = scratch.fails(1, "TamperedPackage", &verify);
    // Reading stops after the signed size, so another size would not be known.
    assert!(run.stderr.contains("4294967296 bytes"), "{}", run.stderr);
}

/// The system would end the program by a signal, without a word.
#[test]
fn a_limit_on_the_size_of_files_is_an_error() {
    let scratch = Scratch::new();
    let generate = ["keys", "generate", "--name", "dev", "--output", "dev.pem"];
    let within = |blocks: &str| {
        let mut command = scratch.tool("sh");
        let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_cloacina")]).args(generate);
        finish(&mut command, b"")
    };
    let run = within("0");
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
    assert!(!scratch.exists("dev.pem"));
    let run = within("100");
    assert_eq!(run.code, 0, "{}", run.stderr);
}
