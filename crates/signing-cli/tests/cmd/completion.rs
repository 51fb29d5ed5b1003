//! Completion, asked as each shell asks.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use super::support::{Scratch, ended, finish, spawn, terminal};

/// Two organizations with a grant, keys, a floor, and a stored signature.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor", "other"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.stored_key("vendor-key", "vendor");
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    scratch.write("stored.so", "the bytes of stored.so");
    scratch.json(&["package", "sign", "stored.so", "--key-id", &id, "--store"]);
    let floor = ["package", "floor", "set", "1.0.0", "--org", "acme", "--name"];
    scratch.json(&[&floor[..], &["floored.so"]].concat());
    scratch
}

/// A shell in which the program is found by its name, and from which nothing leaks.
fn shell(scratch: &Scratch, name: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_cloacina")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = scratch.tool(name);
    // Completing neither needs this nor asks for a passphrase instead.
    shell.env("PATH", path).env_remove("CLOACINA_KEY_ENCRYPTION_KEY");
    shell
}

fn lines(command: &mut Command) -> Vec<String> {
    let run = finish(command, b"");
    assert_eq!((run.code, &*run.stderr), (0, ""), "{}", run.stdout);
    run.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What bash would offer for the last of the words.
fn in_bash(scratch: &Scratch, words: &[&str]) -> Vec<String> {
    let script = r#"
        . <(cloacina completions bash)
        COMP_WORDS=(cloacina "$@"); COMP_CWORD=$#; COMP_TYPE=9
        function=$(complete -p cloacina); function=${function##* -F }; function=${function%% *}
        $function cloacina "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    lines(shell(scratch, "bash").args(["--norc", "-c", script, "bash"]).args(words))
}

fn in_zsh(scratch: &Scratch, words: &[&str]) -> Vec<String> {
    // Outside of its line editor zsh has no completion system, so this stands for it.
    let script = r#"
        compdef() { function=$1 }
        _describe() { print -rl -- "${(@P)3}" }
        eval "$(cloacina completions zsh)"
        words=(cloacina "$@"); CURRENT=$#words
        $function; true
    "#;
    let shown = lines(shell(scratch, "zsh").args(["-f", "-c", script, "zsh"]).args(words));
    // The value is before its description.
    shown.into_iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

fn in_fish(scratch: &Scratch, words: &[&str]) -> Vec<String> {
    let script = "cloacina completions fish | source; complete --do-complete \"$argv\"";
    let line = format!("cloacina {}", words.join(" "));
    let mut fish = shell(scratch, "fish");
    let shown = lines(fish.args(["--no-config", "-c", script, &line]));
    shown.into_iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_shell_completes_commands_flags_and_what_the_store_has() {
    let scratch = scratch();
    for complete in [in_bash, in_zsh, in_fish] {
        let of = |words: &[&str]| complete(&scratch, words);
        assert_eq!(of(&["orgs", "gra"]), ["grant-trust"]);
        assert_eq!(of(&["package", "verify", "--trust-k"]), ["--trust-key"]);
        assert_eq!(of(&["keys", "list", "--org", ""]), ["acme", "other", "vendor"]);
        assert_eq!(of(&["keys", "list", "--org", "a"]), ["acme"]);
        assert_eq!(of(&["keys", "list", "--org", "x"]), [""; 0]);
        assert_eq!(of(&["keys", "export", "acme/"]), ["acme/release"]);
        assert_eq!(of(&["audit", "list", "--event", "key.den"]), ["key.denied"]);
        for names in ["man", "help"] {
            assert_eq!(of(&[names, "ke"]), ["keys"], "{names}");
            assert_eq!(of(&[names, "keys", "rotate"]), ["rotate", "rotate-kek"], "{names}");
        }
        assert_eq!(of(&["man", "keys", "floor"]), [""; 0]);
    }
}

#[test]
fn a_key_that_can_no_longer_sign_is_not_offered_to_sign() {
    let scratch = scratch();
    let sign = || in_bash(&scratch, &["sign", "a.so", "--key-id", "acme/"]);
    assert_eq!(sign(), ["acme/release"]);
    scratch.json(&["keys", "revoke", "acme/release", "--signing"]);
    assert_eq!(sign(), [""; 0]);
    // Others still show or reinstate it.
    assert_eq!(in_bash(&scratch, &["keys", "show", "acme/"]), ["acme/release"]);
}

/// What bash makes of a line that somebody types, with a tab at its end: it divides words at `=`
/// and `:`.
fn typed_in_bash(scratch: &Scratch, line: &str) -> String {
    let (mut person, end) = terminal();
    let mut bash = shell(scratch, "bash");
    bash.args(["--norc", "--noprofile", "-i"]).env("PS1", "$ ").env("TERM", "dumb");
    bash.stdin(end.try_clone().unwrap()).stdout(end.try_clone().unwrap()).stderr(end);
    let child = spawn(&mut bash);
    bash.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // The program is not run but shown: the line is what echo prints.
    let begin = "bind 'set enable-bracketed-paste off'; . <(cloacina completions bash)\n";
    let keys = format!("{begin}{line}\t\u{1}echo typed: \u{5}.\nexit\n");
    person.write_all(keys.as_bytes()).unwrap();
    ended(child, move |mut child| {
        let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = person.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..count]);
        }
        child.wait().unwrap();
        let shown = String::from_utf8(shown).unwrap().replace('\r', "");
        let typed = shown.lines().find_map(|line| line.strip_prefix("typed: cloacina "));
        typed.unwrap_or_else(|| panic!("{shown}")).to_owned()
    })
}

#[test]
fn bash_completes_for_the_store_of_an_option_that_it_divides() {
    let scratch = scratch();
    let other = ["--database-url", "other.db"];
    scratch.json(&[&["orgs", "create", "ancestor"], &other[..]].concat());
    for (line, completed) in [
        ("--database-url=other.db orgs show a", "--database-url=other.db orgs show ancestor ."),
        (
            "--database-url=sqlite:other.db orgs show a",
            "--database-url=sqlite:other.db orgs show ancestor .",
        ),
        ("--database-url other.db orgs show a", "--database-url other.db orgs show ancestor ."),
        ("--database-url=store.db orgs show a", "--database-url=store.db orgs show acme ."),
        ("orgs show a", "orgs show acme ."),
        ("keys list --org=ve", "keys list --org=vendor ."),
        ("keys rotate --org=acme rel", "keys rotate --org=acme release ."),
    ] {
        assert_eq!(typed_in_bash(&scratch, &format!("cloacina {line}")), completed, "{line}");
    }
}

#[test]
fn a_key_is_completed_among_those_of_the_organization_that_is_named() {
    let scratch = scratch();
    let of = |words: &[&str]| in_bash(&scratch, words);
    assert_eq!(of(&["keys", "rotate", "--org", "acme", "re"]), ["release"]);
    assert_eq!(of(&["keys", "rotate", "--org=vendor", "re"]), [""; 0]);
    assert_eq!(of(&["keys", "rotate", "--org", "vendor", "v"]), ["vendor-key"]);
    // Which one is meant is not known.
    let both = of(&["keys", "rotate", "v"]);
    assert_eq!(both, ["vendor/vendor-key"]);
}

#[test]
fn packages_signatures_and_grants_are_completed() {
    let scratch = scratch();
    let of = |words: &[&str]| in_bash(&scratch, words);
    let unset = ["package", "floor", "unset", "--org", "acme", "--name"];
    assert_eq!(of(&[&unset[..], &["floo"]].concat()), ["floored.so"]);
    assert_eq!(of(&[&unset[..], &["st"]].concat()), ["stored.so"]);
    let ids = of(&["package", "unstore", "--org", "acme", ""]);
    let ids: Vec<_> = ids.iter().filter(|id| !id.starts_with('-')).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    scratch.json(&["package", "unstore", ids[0]]);
    let revoke = ["orgs", "revoke-trust", "--from", "acme", "--to", ""];
    assert_eq!(of(&revoke), ["vendor"]);
    let grant = ["orgs", "grant-trust", "--from", "acme", "--to", ""];
    assert_eq!(of(&grant), ["acme", "other", "vendor"]);
}

/// Bash quotes the names that it finds itself, and takes those of a program as they are.
#[test]
fn names_of_files_are_left_to_bash() {
    let scratch = scratch();
    scratch.write("lib$(touch pwned).so", "");
    scratch.write("libplain.so", "");
    assert_eq!(in_bash(&scratch, &["verify", "lib"]), [""; 0]);
    let found = in_fish(&scratch, &["verify", "libp"]);
    assert_eq!(found, ["libplain.so"]);
    let script = scratch.run(&["completions", "bash"]).stdout;
    assert!(script.matches("complete -o nospace -o bashdefault -o default ").count() > 0);
}

#[test]
fn completion_only_reads_and_is_silent_whatever_is_wrong() {
    let scratch = scratch();
    let words = ["keys", "list", "--org", ""];
    let before = scratch.files();
    assert_eq!(in_bash(&scratch, &words).len(), 3);
    assert_eq!(scratch.files(), before);

    let with_store = |url: &str| {
        let words = ["--database-url", url, "keys", "list", "--org", ""];
        in_bash(&scratch, &words)
    };
    scratch.write("text.db", "no database");
    for url in ["gone.db", "no/such/directory/gone.db", "text.db", ".", "postgres://127.0.0.1:1/x"]
    {
        assert_eq!(with_store(url), [""; 0], "{url}");
    }
    assert_eq!(with_store("store.db").len(), 3);
    assert!(!scratch.exists("gone.db"));
    // A server without TLS is not asked, even where a command would ask it.
    let insecure = ["--danger-allow-insecure-database", "--database-url"];
    let insecure = [&insecure[..], &["postgres://u:p@localhost:1/x"], &words].concat();
    assert_eq!(in_bash(&scratch, &insecure), [""; 0]);
}

#[test]
fn a_store_that_is_locked_holds_nobody_up() {
    let scratch = scratch();
    let path = scratch.path("store.db");
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").unwrap();
    // Some kinds of lock leave readers alone; none makes them wait, or say so.
    let found = in_bash(&scratch, &["keys", "list", "--org", ""]);
    assert!(found.is_empty() || found.len() == 3, "{found:?}");
    other.batch_execute("ROLLBACK;").unwrap();
}

#[test]
fn a_name_that_a_shell_would_run_is_no_candidate() {
    let scratch = scratch();
    let set = ["package", "floor", "set", "1.0.0", "--org", "acme", "--name"];
    for name in ["x$(touch owned).so", "x;touch owned", "x y.so", "x'y", "x`id`"] {
        scratch.json(&[&set[..], &[name]].concat());
    }
    scratch.json(&[&set[..], &["xylophone.so"]].concat());
    let unset = ["package", "floor", "unset", "--org", "acme", "--name", "x"];
    assert_eq!(in_bash(&scratch, &unset), ["xylophone.so"]);
    assert!(!scratch.exists("owned"));
}

#[test]
fn the_variable_alone_does_nothing_and_fails_for_another_shell() {
    let scratch = Scratch::new();
    let run = |value: &str, arguments: &[&str]| {
        let mut command = scratch.command(arguments);
        let run = finish(command.env("CLOACINA_COMPLETE", value), b"");
        (run.code, run.stdout.is_empty())
    };
    for value in ["", "0", "bash", "tcsh"] {
        assert_eq!(run(value, &["man", "keys"]), (0, false), "{value}");
        assert_eq!(run(value, &["orgs", "show", "gone"]), (2, true), "{value}");
        assert_eq!(run(value, &["--"]).0, 2, "{value}");
    }
    let words = ["--", "cloacina", "orgs", "sh"];
    assert_eq!(run("fish", &words), (0, false));
    for value in ["", "0", "tcsh"] {
        assert_eq!(run(value, &words), (2, true), "{value}");
    }
}
