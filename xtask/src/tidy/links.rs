//! Relative links in Markdown lead to files of the repository.
//!
//! Inline links, images, reference definitions and HTML's `href` and `src` are looked
//! at, outside code. Whether a heading exists behind a `#` is not.

use std::collections::BTreeSet;

use super::Violation;

/// Looks at one Markdown file, among all the files that a fresh clone would have.
pub(super) fn check(path: &str, text: &str, files: &BTreeSet<String>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| start.starts_with(marker));
        match (fence, marker) {
            (None, Some(_)) => fence = marker,
            (Some(open), Some(close)) if open == close => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                let broken =
                    targets(&without_code(line)).into_iter().filter(|t| !leads(path, t, files));
                found.extend(broken.map(|target| {
                    Violation::new(path, number + 1, format!("no file at the link {target:?}"))
                }));
            }
        }
    }
    found
}

fn targets(line: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for opening in ["](", "href=\"", "src=\""] {
        for (at, _) in line.match_indices(opening) {
            targets.push(target(&line[at + opening.len()..]));
        }
    }
    let is_definition = line.trim_start().starts_with('[') && !line.trim_start().starts_with("[^");
    if is_definition && let Some((_, rest)) = line.split_once("]: ") {
        targets.push(target(rest));
    }
    targets
}

fn target(rest: &str) -> String {
    let rest = rest.trim_start();
    let (rest, ends): (_, &[char]) = match rest.strip_prefix('<') {
        Some(rest) => (rest, &['>']),
        None => (rest, &[')', ' ', '"']),
    };
    rest.split(ends).next().unwrap_or_default().replace("%20", " ")
}

/// Blanks out code spans, which show links rather than being some.
fn without_code(line: &str) -> String {
    let parts: Vec<_> = line.split('`').collect();
    let spans = parts.len() / 2;
    let is_code = |index: usize| index % 2 == 1 && index / 2 < spans && index + 1 < parts.len();
    let kept = parts.iter().enumerate().map(|(index, part)| if is_code(index) { "" } else { part });
    kept.collect()
}

fn leads(from: &str, target: &str, files: &BTreeSet<String>) -> bool {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    let is_url = path.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/'));
    if path.is_empty() || is_url || path.starts_with("//") {
        return true;
    }
    // A leading slash means the repository's root, as it does where the files are shown.
    let mut parts: Vec<&str> = match path.starts_with('/') {
        true => Vec::new(),
        false => from.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let below = format!("{path}/");
    path.is_empty()
        || files.contains(&path)
        || files.range(below.clone()..).next().is_some_and(|file| file.starts_with(&below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let files = ["README.md", "docs/a.md", "docs/img/b c.png"].map(str::to_owned).into();
        check("docs/index.md", text, &files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_somewhere() {
        for text in [
            "[a](a.md) [a](./a.md#part \"title\") [r](../README.md) [d](img) [i](img/) [root](/README.md)",
            "![b](img/b%20c.png) ![b](<img/b c.png>) <img src=\"img/b%20c.png\">",
            "[a]: a.md\n[^note]: gone.md",
            "[w](https://example.org/x) [m](mailto:a@b) [h](#here)",
            "`[x](gone.md)` and\n```md\n[x](gone.md)\n```\n~~~\n```\n[x](gone.md)\n~~~",
        ] {
            assert_eq!(broken(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn links_that_lead_nowhere() {
        assert_eq!(broken("x\n[a](gone.md)"), ["docs/index.md:2: no file at the link \"gone.md\""]);
        for text in [
            "[a](a.md) [b](im)",
            "[a](../../README.md)",
            "[a]: gone.md",
            "<a href=\"gone.md\">",
            "[`code`](gone.md)",
            "![x](img/gone.png#f)",
            "a stray ` and [a](gone.md)",
        ] {
            assert_eq!(broken(text).len(), 1, "{text}");
        }
    }
}
