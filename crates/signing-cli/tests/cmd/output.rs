use crate::support::{Scratch, finish, text};

#[test]
fn errors_are_text_on_standard_error_and_nothing_on_standard_output() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let run = scratch.run(&["keys", "list", "--org", "acne"]);
    assert_eq!((run.code, &*run.stdout), (2, ""));
    assert!(run.stderr.starts_with("error: there is no organization \"acne\"\nnext: "));
    scratch.fails(2, "NoSuchOrganization", &["keys", "list", "--org", "acne"]);
}

#[test]
fn quiet_says_nothing_of_what_was_done() {
    let scratch = Scratch::new();
    let quiet = |arguments: &[&str], code: i32| {
        let run = finish(scratch.command(arguments).arg("-q"), b"");
        assert_eq!((run.code, &*run.stdout), (code, ""), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stderr.is_empty(), code == 0, "{}", run.stderr);
    };
    quiet(&["db", "migrate"], 0);
    quiet(&["orgs", "create", "acme"], 0);
    quiet(&["orgs", "create", "other"], 0);
    quiet(&["orgs", "grant-trust", "--from", "acme", "--to", "other"], 0);
    quiet(&["keys", "generate", "--name", "release", "--org", "acme"], 0);
    quiet(&["keys", "generate", "--name", "d", "--output", "d.pem"], 0);
    quiet(&["keys", "trust", "--org", "acme", "--import", "d.pub.pem"], 0);
    quiet(&["keys", "deny", &"ab".repeat(32), "--org", "acme"], 0);
    let id = text(&scratch.json(&["keys", "list", "--org", "acme"])["signing_keys"][0]["id"]);
    quiet(&["keys", "export", &id, "--output", "release.pub.pem"], 0);
    let checkpoint = ["audit", "checkpoint", "--all", "--key", "d.pem", "--output", "kept"];
    quiet(&checkpoint, 0);
    quiet(&["audit", "verify", "--checkpoint", "kept", "--trust-key", "d.pub.pem"], 0);
    quiet(&["keys", "rotate", &id], 0);
    quiet(&["keys", "revoke", &id], 0);
    quiet(&["package", "floor", "set", "1.0.0", "--org", "other", "--name", "a.so"], 0);
    scratch.write("a.so", "a");
    quiet(&["package", "sign", "a.so", "--key", "d.pem"], 0);
    quiet(&["package", "verify", "a.so", "--org", "acme"], 0);
    scratch.write("a.so", "b");
    quiet(&["package", "verify", "a.so", "--org", "acme"], 1);
    quiet(&["orgs", "create", "acme"], 2);
    let run = scratch.run(&["-q", "-v", "orgs", "list"]);
    assert_eq!(run.code, 2);
}

#[test]
fn quiet_shows_what_a_command_is_there_to_show() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    scratch.key_files("auditor");
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id]);
    scratch.json(&["package", "floor", "set", "1.0.0", "--org", "acme", "--name", "b.so"]);
    for arguments in [
        &["db", "status"][..],
        &["db", "grants", "--role", "r", "--as", "runner"],
        &["orgs", "list"],
        &["orgs", "show", "acme"],
        &["keys", "list", "--org", "acme"],
        &["keys", "list", "--compromised"],
        &["keys", "export", &id],
        &["keys", "export", &id, "--format", "raw"],
        &["keys", "revoke", &id, "--dry-run"],
        &["keys", "deny", &fingerprint, "--org", "acme", "--dry-run"],
        &["package", "inspect", "a.so"],
        &["package", "inspect", "a.so", "--org", "acme"],
        &["package", "verify", "a.so", "--org", "acme", "--explain"],
        &["package", "floor", "list", "--org", "acme"],
        &["keys", "timeline", "--org", "acme"],
        &["trust", "graph"],
        &["trust", "graph", "--format", "dot"],
        &["trust", "graph", "--format", "mermaid"],
        &["trust", "graph", "--format", "svg"],
        &["audit", "list", "--org", "acme"],
        &["audit", "list", "--org", "acme", "--jsonl"],
        &["completions", "bash"],
        &["man", "keys", "list"],
    ] {
        let (loud, quiet) = (scratch.run(arguments), scratch.run(&[&["-q"], arguments].concat()));
        assert_eq!((quiet.code, &*quiet.stderr), (0, ""), "{arguments:?}");
        assert_ne!(quiet.stdout, "", "{arguments:?}");
        assert_eq!(quiet.stdout, loud.stdout, "{arguments:?}");
    }
    // Two checkpoints are signed at two moments.
    let checkpoint = ["-q", "audit", "checkpoint", "--org", "acme", "--key", "auditor.pem"];
    let run = scratch.run(&checkpoint);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 1), "{}", run.stderr);
    scratch.write("kept", run.stdout);
    let verify = ["audit", "verify", "--checkpoint", "kept", "--trust-key", "auditor.pub.pem"];
    scratch.json(&verify);
}

#[test]
fn audit_events_are_shown_when_asked_for_and_leave_json_alone() {
    let scratch = Scratch::new();
    scratch.json(&["db", "migrate"]);
    let silent = finish(&mut scratch.command(&["orgs", "create", "quiet", "--json"]), b"");
    assert_eq!(silent.stderr, "");
    for verbose in ["-v", "-vv"] {
        let arguments = ["orgs", "create", &format!("org{verbose}"), verbose, "--json"];
        let run = finish(&mut scratch.command(&arguments), b"");
        assert!(run.stderr.contains("cloacina::audit"), "{}", run.stderr);
        assert!(run.stderr.contains("organization.created"), "{}", run.stderr);
        assert_eq!(run.document()["ok"], true);
    }
}

#[test]
fn usage_errors_exit_with_2_and_are_one_document_too() {
    let scratch = Scratch::new();
    for arguments in [
        &[][..],
        &["orgs"],
        &["frobnicate"],
        &["orgs", "create"],
        &["orgs", "create", "a", "b"],
        &["orgs", "list", "--frobnicate"],
        &["orgs", "list", "--color", "sometimes"],
        &["orgs", "grant-trust", "--from", "a"],
        &["keys", "export", "x", "--format", "der"],
    ] {
        let run = scratch.run(arguments);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains("--help"), "{}", run.stderr);
        let run = finish(scratch.command(arguments).arg("--json"), b"");
        assert_eq!(run.code, 2);
        assert_eq!(run.document()["error"]["code"], "Usage", "{arguments:?}");
    }
    // What stands after `--` is an argument, whatever it looks like.
    let run = scratch.run(&["orgs", "list", "--", "--json"]);
    assert_eq!((run.code, &*run.stdout), (2, ""));
}

#[test]
fn help_and_version_are_no_errors() {
    let scratch = Scratch::new();
    for arguments in [&["--help"][..], &["keys", "revoke", "--help"], &["--version"]] {
        let run = scratch.run(arguments);
        assert_eq!((run.code, &*run.stderr), (0, ""));
        assert!(run.stdout.contains("cloacina"), "{}", run.stdout);
    }
    // Neither is a document.
    for option in ["--help", "--version"] {
        scratch.fails(2, "Usage", &[option]);
    }
}

#[test]
fn a_closed_standard_output_does_no_harm() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let mut shell = scratch.tool("sh");
    let script = "\"$0\" orgs list --json >&-; echo $?; \"$0\" orgs list | true";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_cloacina")]);
    let run = finish(&mut shell, b"");
    assert_eq!((&*run.stdout, &*run.stderr), ("0\n", ""));
}

#[test]
fn a_path_cannot_start_a_line_of_its_own() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    let folder = "x\nok good.so";
    std::fs::create_dir(scratch.path(folder)).unwrap();
    let path = format!("{folder}/a.so");
    scratch.write(&path, "a");
    let signed = scratch.run(&["package", "sign", &path, "--key", "dev.pem"]);
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    let verified = scratch.run(&["package", "verify", &path, "--trust-key", "dev.pub.pem"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    for shown in [signed.stdout, verified.stdout] {
        assert!(!shown.lines().any(|line| line.starts_with("ok good.so")), "{shown}");
        assert!(shown.contains("x\\u{a}ok good.so/a.so"), "{shown}");
    }
    let json = scratch.json(&["package", "verify", &path, "--trust-key", "dev.pub.pem"]);
    assert_eq!(json[0]["path"], path);
}
