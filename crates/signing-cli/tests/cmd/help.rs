//! Help, manual pages and the version.

use std::process::{Command, Stdio};

use super::support::{Scratch, commands, finish, text};

#[test]
fn other_shells_have_their_scripts() {
    let scratch = Scratch::new();
    for (shell, line) in [
        ("bash", "    complete -o nospace"),
        ("zsh", "#compdef cloacina"),
        ("fish", "complete --keep-order --exclusive --command cloacina"),
    ] {
        let run = scratch.run(&["completions", shell]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.lines().any(|found| found.starts_with(line)), "{}", run.stdout);
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
        (&["keys", "rotate-kek"], ".TH CLOACINA-KEYS-ROTATE-KEK 1", r"\fBcloacina\-keys\fR(1)"),
    ] {
        let run = scratch.run(&[&["man"], path].concat());
        assert_eq!((run.code, &*run.stderr), (0, ""));
        assert!(run.stdout.lines().any(|line| line.starts_with(title)), "{}", run.stdout);
        assert!(run.stdout.contains(names), "{}", run.stdout);
    }
    scratch.fails(2, "NoSuchCommand", &["man", "keys", "gone"]);
}

#[test]
fn every_manual_page_is_well_formed_and_has_what_options_do_not_say() {
    let scratch = Scratch::new();
    let mut pages = commands(&scratch, "");
    pages.push(String::new());
    for path in pages.iter().filter(|path| !path.ends_with("help")) {
        let words: Vec<_> = ["man"].into_iter().chain(path.split_whitespace()).collect();
        let page = scratch.run(&words).stdout;
        for section in ["EXIT STATUS", "ENVIRONMENT", "FILES"] {
            let heading = format!(".SH \"{section}\"");
            let is_heading = |line: &str| line == heading || line == format!(".SH {section}");
            assert!(page.lines().any(is_heading), "{path} lacks {section}: {page}");
        }
        let has_examples = page.contains(".SH EXAMPLES");
        let is_group =
            scratch.run(&[&words[1..], &["--help"]].concat()).stdout.contains("\nCommands:");
        assert_eq!(has_examples, !is_group, "{path}");
        assert_eq!(faults(&page), "", "{path}: {page}");
    }
    assert_ne!(faults(".TH A 1\n.SH NAME\n.nosuchmacro\n"), "");
}

/// What mandoc warns about. A page of sources without a history has no date.
fn faults(page: &str) -> String {
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-T", "lint", "-W", "warning"]).env_clear().stderr(Stdio::piped());
    let run = finish(&mut mandoc, page.as_bytes());
    let lines = run.stdout.lines().filter(|line| !line.contains("missing date"));
    lines.collect::<Vec<_>>().join("\n") + &run.stderr
}

#[test]
fn short_help_fits_on_a_screen_and_long_help_says_more() {
    let scratch = Scratch::new();
    for path in commands(&scratch, "").iter().filter(|path| !path.ends_with("help")) {
        let help = |flag: &str| {
            let words: Vec<_> = path.split(' ').chain([flag]).collect();
            let run = finish(scratch.command(&words).env("COLUMNS", "80"), b"");
            assert_eq!((run.code, &*run.stderr), (0, ""));
            run.stdout
        };
        let (short, long) = (help("-h"), help("--help"));
        assert!(short.lines().count() <= 52, "{path}: {short}");
        assert!(long.lines().count() > short.lines().count(), "{path}");
        let is_wrapped = |line: &str| line.chars().count() <= 80 || line.contains("cloacina ");
        for line in short.lines().chain(long.lines()) {
            assert!(is_wrapped(line), "{path}: {line}");
        }
        assert!(long.contains("\nGlobal options:\n"), "{path}: {long}");
        assert!(!short.contains("--database-url <"), "{path}: {short}");
    }
}

#[test]
fn the_short_version_is_one_line_and_the_long_one_says_what_was_built() {
    let scratch = Scratch::new();
    let short = scratch.run(&["-V"]).stdout;
    assert_eq!(short, concat!("cloacina ", env!("CARGO_PKG_VERSION"), "\n"));
    let long = scratch.run(&["--version"]).stdout;
    let lines: Vec<_> = long.lines().collect();
    assert_eq!(lines[0], short.trim_end());
    let commit = lines[1].strip_prefix("commit  ").unwrap();
    let digits = commit.strip_suffix(" with changes").unwrap_or(commit);
    let is_commit = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_commit || commit == "unknown", "{long}");
    assert!(lines[2].strip_prefix("target  ").unwrap().contains(std::env::consts::ARCH), "{long}");
    assert_eq!(lines.len(), 3);
    assert!(!long.contains('/'), "no path of the machine that built it: {long}");
}

#[test]
fn help_needs_no_store_and_makes_none() {
    let scratch = Scratch::new();
    for arguments in [&["completions", "bash"][..], &["man"], &["--version"]] {
        assert_eq!(scratch.run(arguments).code, 0);
    }
    assert_eq!(scratch.files(), [""; 0]);
}
