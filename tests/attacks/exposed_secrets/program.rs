//! Files of secrets, and of what is trusted, that others can reach.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::{KEK, OTHER_KEK, Scratch, finish};

const SECRET_MODES: [u32; 6] = [0o640, 0o604, 0o644, 0o620, 0o602, 0o666];
const PUBLIC_MODES: [u32; 3] = [0o664, 0o646, 0o666];

/// Refuses `file` with each mode, and takes it after the command that is named.
fn guarded(scratch: &Scratch, file: &str, modes: &[u32], arguments: &[&str]) {
    let path = scratch.path(file);
    for &mode in modes {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let run = scratch.fails(2, "UnprotectedFile", arguments);
        assert!(run.stderr.contains(&format!("its mode is {mode:04o}")), "{}", run.stderr);
        let next = run.stderr.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
        assert_eq!(finish(scratch.tool("sh").args(["-c", next]), b"").code, 0, "{next}");
        scratch.json(arguments);
    }
}

#[test]
fn secrets_that_others_can_read_or_write_are_refused() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    scratch.write("kek", KEK);
    scratch.write("passphrase", "open sesame");
    scratch.write("new", OTHER_KEK);
    let (id, _) = scratch.stored_key("release", "acme");
    let with_kek = ["package", "sign", "a.so", "--force", "--key-id", &id, "--kek-file", "kek"];
    set_permissions(scratch.path("passphrase"), Permissions::from_mode(0o600)).unwrap();
    let passphrase = ["--passphrase-file", "passphrase"];
    let generate = ["keys", "generate", "--name", "k", "--output", "k.pem"];
    scratch.json(&[&generate[..], &passphrase].concat());
    let with_passphrase = ["package", "sign", "a.so", "--force", "--key", "k.pem"];
    for (file, arguments) in [
        ("dev.pem", &["package", "sign", "a.so", "--force", "--key", "dev.pem"][..]),
        ("dev.pem", &["audit", "checkpoint", "--all", "--key", "dev.pem"]),
        ("passphrase", &[&with_passphrase[..], &passphrase].concat()),
        ("kek", &with_kek),
        ("new", &["keys", "rotate-kek", "--kek-file", "kek", "--new-kek-file", "new"]),
    ] {
        guarded(&scratch, file, &SECRET_MODES, arguments);
    }
}

#[test]
fn a_private_key_that_others_can_read_is_not_imported() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    let import = ["keys", "import", "--name", "dev", "--org", "acme", "--key", "dev.pem"];
    guarded(&scratch, "dev.pem", &SECRET_MODES[..1], &import);
}

#[test]
fn public_keys_that_others_can_write_are_not_trusted() {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let checkpoint = ["audit", "checkpoint", "--all", "--key", "dev.pem", "--output", "kept"];
    scratch.json(&checkpoint);
    for arguments in [
        &["package", "verify", "a.so", "--trust-key", "dev.pub.pem"][..],
        &["package", "inspect", "a.so", "--trust-key", "dev.pub.pem"],
        &["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"],
        &["audit", "verify", "--checkpoint", "kept", "--trust-key", "dev.pub.pem"],
    ] {
        guarded(&scratch, "dev.pub.pem", &PUBLIC_MODES, arguments);
        set_permissions(scratch.path("dev.pub.pem"), Permissions::from_mode(0o644)).unwrap();
        scratch.json(arguments);
    }
}

/// In a user namespace without other users, their files belong to the overflow user.
#[test]
fn a_public_key_of_another_user_is_not_trusted() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.signed_package("a.so", "dev.pem");
    let is_root = rustix::process::geteuid().is_root();
    let path = match is_root {
        true => {
            let path = scratch.path("dev.pub.pem");
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            path.to_str().unwrap().to_owned()
        }
        // Of root, who is not in the namespace.
        false => "/etc/hosts".into(),
    };
    let mut command = scratch.tool("unshare");
    command.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_cloacina"), "--json"]);
    command.args(["package", "verify", "a.so", "--trust-key", &path]);
    let run = finish(&mut command, b"");
    run.assert_failed(2, "UnprotectedFile");
    assert!(run.stderr.contains("belongs to the user 65534"), "{}", run.stderr);
    if is_root {
        std::os::unix::fs::chown(scratch.path("dev.pub.pem"), Some(0), None).unwrap();
    }
    scratch.json(&["package", "verify", "a.so", "--trust-key", "dev.pub.pem"]);
}

#[test]
fn what_a_shell_has_opened_is_read() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    scratch.write("a.so", "a");
    for script in [
        "\"$0\" package sign a.so --force --key <(cat dev.pem)",
        "\"$0\" package sign a.so --force --key /dev/fd/3 3< <(cat dev.pem)",
        "\"$0\" package sign a.so --force --key /dev/stdin < dev.pem",
        "cat dev.pem | \"$0\" package sign a.so --force --key /dev/stdin",
        "cat dev.pem | \"$0\" package sign a.so --force --key -",
        "\"$0\" package verify a.so --trust-key <(cat dev.pub.pem)",
    ] {
        let mut shell = scratch.tool("bash");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]);
        let run = finish(&mut shell, b"");
        assert_eq!(run.code, 0, "{script}: {}", run.stderr);
    }
    // A file that others can read is one, by whatever name.
    set_permissions(scratch.path("dev.pem"), Permissions::from_mode(0o644)).unwrap();
    let mut shell = scratch.tool("bash");
    let script = "\"$0\" --json package sign a.so --force --key /dev/fd/3 3< dev.pem";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]);
    finish(&mut shell, b"").assert_failed(2, "UnprotectedFile");
}

#[test]
fn a_passphrase_in_the_environment_is_taken_as_it_is() {
    let scratch = Scratch::new();
    let run = |arguments: &[&str], passphrase: &str| {
        let mut command = scratch.command(arguments);
        finish(command.env("CLOACINA_KEY_PASSPHRASE", passphrase), b"").code
    };
    let generate = ["keys", "generate", "--name", "dev", "--output", "dev.pem"];
    assert_eq!(run(&generate, "open sesame\n"), 0);
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--force", "--key", "dev.pem"];
    assert_eq!(run(&sign, "open sesame"), 2);
    assert_eq!(run(&sign, "open sesame\n"), 0);
    // In a file the last line ending is the file's.
    scratch.write("passphrase", "open sesame\n\r\n");
    scratch.json(&[&sign[..], &["--passphrase-file", "passphrase"]].concat());
    scratch.write("passphrase", "open sesame\n");
    let sign = [&sign[..], &["--passphrase-file", "passphrase"]].concat();
    scratch.fails(2, "WrongPassphrase", &sign);
}
