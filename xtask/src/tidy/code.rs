//! What no source file may hold: silenced lints, unfinished code, tests that nobody runs.

use super::Violation;
use super::source::{attributes, line_of, words};

/// The reasons that a test gives which runs under `cargo xtask test-db` only. Every
/// ignored test runs there, so there is no other.
const NEEDS: [&str; 2] =
    ["needs Postgres: cargo xtask test-db", "needs root or sudo: cargo xtask test-db"];

/// Looks at `code`, which is `text` without comments and literals.
pub(super) fn check(path: &str, text: &str, code: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |offset, message: String| {
        found.push(Violation::new(path, line_of(code, offset), message));
    };
    for name in ["todo", "unimplemented"] {
        for at in words(code, name).filter(|at| code[at + name.len()..].starts_with('!')) {
            report(at, format!("`{name}!`: finish it, or return an error"));
        }
    }
    for (start, end) in attributes(code) {
        let attribute = &code[start..end];
        for at in words(attribute, "allow") {
            if attribute[at + "allow".len()..].trim_start().starts_with('(') {
                report(start + at, "`allow`: use `expect` with a reason".to_owned());
            }
        }
        if let Some(message) = ignored(attribute, &text[start..end]) {
            report(start, message);
        }
    }
    for (number, line) in text.lines().enumerate() {
        let comment = line.trim_start();
        let fence = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"));
        let info = fence.and_then(|line| line.trim_start().strip_prefix("```"));
        if info.is_some_and(|info| info.split(',').any(|word| word.trim().starts_with("ignore"))) {
            let message = "an ignored doctest: make it run, or `no_run`, or `text`";
            found.push(Violation::new(path, number + 1, message));
        }
    }
    found
}

/// What is wrong with an `#[ignore]`, also within `cfg_attr`.
fn ignored(attribute: &str, text: &str) -> Option<String> {
    let is_plain = attribute[1..].trim_start_matches(['[', ' ']).starts_with("ignore");
    let is_conditional = words(attribute, "cfg_attr").next().is_some();
    let at = words(attribute, "ignore").next().filter(|_| is_plain || is_conditional)?;
    let after = attribute[at + "ignore".len()..].trim_start();
    if !after.starts_with('=') {
        return Some(format!("`ignore` without a reason: {}", NEEDS.join(", or ")));
    }
    let reason = text[at..].split('"').nth(1).unwrap_or_default();
    if !NEEDS.contains(&reason) && (is_plain || reason.trim().is_empty()) {
        return Some(format!(
            "every ignored test runs under test-db, so its reason must be {:?}, not {reason:?}",
            NEEDS.join(", or ")
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::source::blank;
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check("a.rs", text, &blank(text)).iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn lints_are_expected_and_not_allowed() {
        assert_eq!(lines("\n#[allow(dead_code)]\nfn f() {}"), [2]);
        assert_eq!(lines("#![allow(dead_code)]"), [1]);
        assert_eq!(lines("#[cfg_attr(test,\n allow(dead_code))]"), [2]);
        assert!(
            lines("#[expect(dead_code, reason = \"later\")]\nfn allow(x: [u8; 1]) {}").is_empty()
        );
        assert!(
            lines("// #[allow(dead_code)]\nconst A: &str = \"#[allow(dead_code)]\";").is_empty()
        );
    }

    #[test]
    fn nothing_is_left_to_do() {
        assert_eq!(lines("fn f() {\n  todo!()\n}\nfn g() { unimplemented!(\"x\") }"), [2, 4]);
        assert!(lines("fn todo() {} // todo!()\nconst A: &str = \"todo!()\";").is_empty());
    }

    #[test]
    fn an_ignored_test_says_why() {
        assert_eq!(lines("#[test]\n#[ignore]\nfn f() {}"), [2]);
        assert_eq!(lines("#[ignore = \"slow\"]\nfn f() {}"), [1]);
        assert_eq!(lines("#[ignore = \"needs Postgres\"]\nfn f() {}"), [1]);
        assert_eq!(lines("#[cfg_attr(miri, ignore)]\nfn f() {}"), [1]);
        for need in NEEDS {
            assert!(lines(&format!("#[ignore = {need:?}]\nfn f() {{}}")).is_empty(), "{need}");
        }
        assert!(lines("#[cfg_attr(miri, ignore = \"opens files\")]\nfn f() {}").is_empty());
        assert!(lines("#[serde(ignore)]\nfn ignore() {}").is_empty());
    }

    #[test]
    fn doctests_run() {
        assert_eq!(lines("/// ```ignore\n/// x\n/// ```"), [1]);
        assert_eq!(lines("//! ```rust,ignore\n"), [1]);
        assert!(lines("/// ```no_run\n/// ignore\n/// ```").is_empty());
    }
}
