use super::support::{Scratch, finish, text};

#[test]
fn bash_completes_commands_and_flags() {
    let scratch = Scratch::new();
    let script = scratch.run(&["completions", "bash"]);
    assert_eq!((script.code, &*script.stderr), (0, ""));
    scratch.write("completions", &script.stdout);
    let completed = |words: &str, last: &str| {
        let ask = format!(
            "set -u; . ./completions; COMP_WORDS=({words} {last:?}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _cloacina cloacina {last:?} ''; echo \"${{COMPREPLY[*]}}\""
        );
        let run = finish(scratch.tool("bash").args(["--norc", "-c", &ask]), b"");
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout.trim().to_owned()
    };
    assert_eq!(completed("cloacina", "pack"), "package");
    assert_eq!(completed("cloacina keys", "gen"), "generate");
    assert_eq!(completed("cloacina package verify", "--trust-k"), "--trust-key");
    assert_eq!(completed("cloacina package verify", "--no-such"), "");
}

#[test]
fn other_shells_have_their_scripts() {
    let scratch = Scratch::new();
    for (shell, line) in [("zsh", "#compdef cloacina"), ("fish", "complete -c cloacina")] {
        let run = scratch.run(&["completions", shell]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.lines().any(|found| found.starts_with(line)), "{shell}");
        let document = scratch.json(&["completions", shell]);
        assert_eq!(text(&document["script"]).trim_end(), run.stdout.trim_end());
    }
    assert_eq!(scratch.run(&["completions", "csh"]).code, 2);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let scratch = Scratch::new();
    for (path, title, names) in [
        (&[][..], ".TH CLOACINA 1", r"cloacina\-keys(1)"),
        (&["keys", "generate"], ".TH CLOACINA-KEYS-GENERATE 1", r"\-\-passphrase\-fd"),
    ] {
        let run = scratch.run(&[&["man"], path].concat());
        assert_eq!((run.code, &*run.stderr), (0, ""));
        assert!(run.stdout.lines().any(|line| line.starts_with(title)), "{}", run.stdout);
        assert!(run.stdout.contains(names), "{}", run.stdout);
    }
    scratch.fails(2, "NoSuchCommand", &["man", "keys", "gone"]);
}

#[test]
fn help_needs_no_store_and_makes_none() {
    let scratch = Scratch::new();
    for arguments in [&["completions", "bash"][..], &["man"]] {
        assert_eq!(scratch.run(arguments).code, 0);
    }
    assert_eq!(scratch.files(), [""; 0]);
}
