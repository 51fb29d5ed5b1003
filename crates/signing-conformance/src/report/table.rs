//! A report as text of 80 columns.

use std::fmt;

use super::{Report, Verdict};

/// Of a terminal, in characters.
const WIDTH: usize = 80;
const INDENT: &str = "    ";

pub(super) fn write(report: &Report, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    for case in &report.cases {
        writeln!(to, "{:<10}{:<32}{:<15}{}", case.verdict, case.id, case.severity, case.weakness)?;
        if case.verdict != Verdict::Passed {
            for text in [case.attack, &case.detail] {
                paragraph(text, to)?;
            }
        }
    }
    let summary = report.summary;
    writeln!(
        to,
        "{}: {} passed, {} failed, {} noted, {} not applicable, {} undecided",
        printable(&report.host),
        summary.passed,
        summary.failed,
        summary.noted,
        summary.not_applicable,
        summary.undecided
    )?;
    writeln!(to, "seed {}, {} rounds of each race", report.seed, report.rounds)
}

/// Indented lines that break between words. A longer word is broken within.
fn paragraph(text: &str, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let room = WIDTH - INDENT.len();
    let text = printable(text);
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let used = line.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + word.len() > room && used > 0 {
                writeln!(to, "{INDENT}{line}")?;
                line.clear();
                continue;
            }
            let rest = word.split_off(word.len().min(room));
            line.extend((used > 0).then_some(' ').into_iter().chain(word));
            word = rest;
        }
    }
    writeln!(to, "{INDENT}{line}")
}

/// What a host prints must not reach the terminal as commands.
fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' => ' ',
        ' '..='~' => character,
        _ => '?',
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::super::CaseReport;
    use super::*;
    use crate::corpus::cases;
    use crate::observed::Finding;
    use crate::rounds::Rounds;

    fn text(detail: &str) -> String {
        let broken = |case| CaseReport::new(case, Finding::Broken(detail.into()));
        Report::new("a host", 7, Rounds::default(), cases().map(broken).collect()).to_string()
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        for detail in ["x".repeat(300), "some words ".repeat(40), String::new()] {
            let text = text(&detail);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
        assert_eq!(text(&"x".repeat(300)).matches('x').count() / 300, cases().count());
    }

    #[test]
    fn what_a_host_prints_gives_the_terminal_no_commands() {
        let text = text("\u{1b}[2J\u{202e}a\rb");
        assert!(text.contains("?[2J?a?b"), "{text}");
    }
}
