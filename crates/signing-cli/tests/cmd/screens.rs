//! What a terminal shows is in order at 80 and at 40 columns, with and without color. The page
//! `docs/content/reference/screens.md` shows the same, and is run.

use super::support::{Scratch, finish_on_a_screen};

/// A directory with a good and a bad package, and an organization that accepts one key itself
/// and one by a grant.
fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme", "vendor"]);
    for (name, org) in [("release", "acme"), ("vendor-release-2027", "vendor")] {
        let (id, _) = scratch.stored_key(name, org);
        scratch.json(&["keys", "trust", "--org", org, "--key-id", &id, "--expires", "52w"]);
    }
    let grant = ["orgs", "grant-trust", "--from", "acme", "--to", "vendor"];
    scratch.json(&[&grant[..], &["--packages", "vendor-*"]].concat());
    std::fs::create_dir(scratch.path("plugins")).unwrap();
    for name in ["plugins/a.so", "plugins/b.so"] {
        scratch.write(name, "good");
        scratch.json(&["sign", name, "--key-id", "acme/release"]);
    }
    scratch.write("plugins/b.so", "changed");
    scratch
}

/// Each command that fills a screen.
const SCREENS: [&[&str]; 6] = [
    &["keys", "list", "--org", "acme"],
    &["orgs", "list"],
    &["verify", "plugins", "--org", "acme"],
    &["verify", "plugins/a.so", "--org", "acme", "--explain"],
    &["verify", "plugins/b.so", "--org", "acme", "--explain"],
    &["audit", "list", "--org", "acme"],
];

fn shown(scratch: &Scratch, command: &[&str], columns: u16, color: &str) -> String {
    let mut command = scratch.command(command);
    finish_on_a_screen(command.args(["--color", color]), columns).replace('\r', "")
}

/// The text without escape sequences for colors.
fn plain(shown: &str) -> String {
    let mut parts = shown.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

/// What a terminal wraps, so that it can be copied as one line.
fn is_to_be_copied(line: &str) -> bool {
    ["next: ", "refused: ", "to refuse "].iter().any(|start| line.contains(start))
}

#[test]
fn nothing_is_wider_than_the_terminal_but_what_is_copied_from_it() {
    let scratch = scratch();
    for command in SCREENS {
        for columns in [80, 40] {
            let text = shown(&scratch, command, columns, "never");
            let lines = text.lines().filter(|line| !is_to_be_copied(line));
            let widest = lines.max_by_key(|line| line.chars().count()).unwrap();
            assert!(widest.chars().count() <= columns.into(), "{command:?}: {widest}\n{text}");
        }
    }
}

#[test]
fn color_changes_nothing_but_color() {
    let scratch = scratch();
    for command in SCREENS {
        for columns in [80, 40] {
            let colored = shown(&scratch, command, columns, "always");
            let without = shown(&scratch, command, columns, "never");
            assert_eq!(plain(&colored), without, "{command:?}");
            assert!(!without.contains('\u{1b}'), "{command:?}");
            let has_verdict = command[0] == "verify";
            assert_eq!(colored.contains('\u{1b}'), has_verdict, "{command:?}");
        }
    }
}

#[test]
fn a_narrow_table_loses_no_value_that_a_wide_one_shows() {
    let scratch = scratch();
    let words = |columns| {
        let text = shown(&scratch, SCREENS[0], columns, "never");
        let mut words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        words.retain(|word| !word.contains('…'));
        words.sort();
        words
    };
    let (narrow, wide) = (words(40), words(80));
    let lost: Vec<_> = wide.iter().filter(|word| !narrow.contains(word)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn doctor_and_init_are_wrapped_but_for_what_is_copied_from_them() {
    let scratch = scratch();
    let mut seen = 0;
    for command in [&["doctor"][..], &["init", "new-organization", "--dry-run"]] {
        let text = shown(&scratch, command, 40, "never");
        for line in text.lines() {
            // A word that is longer than the terminal stays whole.
            let is_to_be_copied = line.contains("cloacina ") || line.trim().split(' ').count() == 1;
            assert!(is_to_be_copied || line.chars().count() <= 40, "{line}\n{text}");
            seen += usize::from(line.starts_with("    "));
        }
    }
    assert!(seen > 4, "nothing is wrapped");
}

#[test]
fn help_is_wrapped_to_the_terminal() {
    let scratch = Scratch::new();
    let help = ["keys", "revoke", "--help"];
    let widest = |columns| {
        let text = shown(&scratch, &help, columns, "never");
        let lines = text.lines().filter(|line| !line.contains("cloacina"));
        lines.map(|line| line.chars().count()).max().unwrap()
    };
    assert!(widest(60) <= 60 && widest(80) <= 80 && widest(80) > 60);
}
