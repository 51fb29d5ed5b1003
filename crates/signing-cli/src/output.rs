mod listing;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Color, Global};
use crate::error::{CliError, Outcome};
use crate::remedy::remedy;

pub(crate) use listing::{Form, Listing};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();

/// What a command has to say, for people and for programs.
pub(crate) struct Report {
    text: String,
    layout: Layout,
    json: Value,
    refusals: Vec<Refusal>,
}

/// What is done to a report's text before it is printed.
enum Layout {
    /// It may quote what comes from outside, so it is escaped, and verdicts are coloured.
    Lines,
    /// It is this program's own, for another program, which must get it as it is.
    Verbatim,
    /// All of it is printed already, but for what did not succeed.
    Printed,
}

/// Something among several that did not succeed.
struct Refusal {
    subject: Option<String>,
    error: CliError,
}

impl Report {
    /// A report with lines of text, which are shown escaped, and the same as JSON.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), layout: Layout::Lines, json, refusals: Vec::new() }
    }

    /// A report whose text is a script or a page for another program, and quotes
    /// nobody.
    pub(crate) fn verbatim(text: String, json: Value) -> Self {
        Self { text, layout: Layout::Verbatim, json, refusals: Vec::new() }
    }

    /// What is left to say after a [`Listing`].
    fn after_listing(failure: Option<CliError>) -> Self {
        let refusals = failure.map(|error| Refusal { subject: None, error });
        let refusals = refusals.into_iter().collect();
        Self { text: String::new(), layout: Layout::Printed, json: Value::Null, refusals }
    }

    /// Adds something that did not succeed, beside what did.
    pub(crate) fn refuse(&mut self, subject: String, error: CliError) {
        self.refusals.push(Refusal { subject: Some(subject), error });
    }
}

/// Where results and errors go.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self { json: global.json, quiet: global.quiet }
    }

    /// Prints a result: on standard output what was asked for, on standard error
    /// what was refused.
    pub(crate) fn report(&self, report: Report) -> ExitCode {
        // The exit code and the document's error tell of the same one: the first of the worst.
        let worst = report.refusals.iter().rev().max_by_key(|refusal| refusal.error.outcome());
        let outcome = worst.map_or(Outcome::Done, |refusal| refusal.error.outcome());
        if matches!(report.layout, Layout::Printed) {
            // All but the error, which goes elsewhere.
        } else if self.json {
            let mut document = json!({ "schema_version": 1, "ok": outcome == Outcome::Done });
            document["result"] = report.json;
            if let Some(worst) = worst {
                document["error"] = error_json(&worst.error);
            }
            print(&json_text(&document));
        } else if matches!(report.layout, Layout::Verbatim) {
            print(report.text.trim_end_matches('\n'));
        } else if !self.quiet && !report.text.is_empty() {
            let mut text = String::new();
            for line in report.text.lines() {
                let line = printable(line);
                let _ = match line.strip_prefix("ok ") {
                    Some(rest) => writeln!(text, "{GOOD}ok{GOOD:#} {rest}"),
                    None => writeln!(text, "{line}"),
                };
            }
            print(text.trim_end_matches('\n'));
        }
        for refusal in &report.refusals {
            self.explain(&refusal.error, refusal.subject.as_deref());
        }
        outcome.exit_code()
    }

    /// Prints why nothing was done.
    pub(crate) fn error(&self, error: &CliError) -> ExitCode {
        if self.json {
            print(&json_text(&failure(error_json(error))));
        }
        self.explain(error, None);
        error.outcome().exit_code()
    }

    fn explain(&self, error: &CliError, subject: Option<&str>) {
        let _ = writeln!(anstream::stderr(), "{}", explanation(error, subject));
    }
}

/// What went wrong, and the next step, with colours.
pub(crate) fn explanation(error: &CliError, subject: Option<&str>) -> String {
    let verdict = verdict(error);
    let subject = subject.map(|path| format!("{}: ", printable(path))).unwrap_or_default();
    let mut text = format!("{BAD}{verdict}{BAD:#}: {subject}{}", printable(&chain(error)));
    if let Some(next) = remedy(error) {
        let _ = write!(text, "\n{NOTE}next{NOTE:#}: {}", printable(&next));
    }
    text
}

pub(crate) fn verdict(error: &CliError) -> &'static str {
    match error.outcome() {
        Outcome::Refused => "refused",
        _ => "error",
    }
}

/// Prints help, or what is wrong with the command line, which may quote any bytes
/// that a shell's wildcard has put there.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    let rendered = error.render().to_string();
    let text: Vec<_> = rendered.trim_end().lines().map(printable).collect();
    if std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json") {
        let first = text.split(String::is_empty).next().unwrap_or_default();
        let message: Vec<_> = first.iter().map(|line| line.trim()).collect();
        let message = message.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        print(&json_text(&failure(json!({ "code": "Usage", "message": message }))));
    }
    let _ = writeln!(anstream::stderr(), "{}", text.join("\n"));
    Outcome::Undecided.exit_code()
}

/// Audit events go to standard error, if they were asked for.
pub(crate) fn install_log(global: &Global) {
    let filter = match global.verbose {
        0 => return,
        1 => Targets::new().with_target(signing_trust::AUDIT_TARGET, LevelFilter::INFO),
        _ => Targets::new().with_default(LevelFilter::DEBUG),
    };
    let events = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(events).init();
}

/// A path in a line of text, in which it must not start another one.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// What comes from outside must not steer the terminal, nor reorder what is read.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if signing_crypto::is_deceptive(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn print(text: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// JSON means the same with any of its strings' characters escaped, and a terminal
/// obeys some that JSON itself would leave as they are.
fn json_text(document: &Value) -> String {
    let mut text = String::new();
    for c in document.to_string().chars() {
        if signing_crypto::is_deceptive(c) {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

fn failure(error: Value) -> Value {
    json!({ "schema_version": 1, "ok": false, "error": error })
}

pub(crate) fn error_json(error: &CliError) -> Value {
    let mut document = json!({ "code": error.code(), "message": chain(error) });
    if let Some(next) = remedy(error) {
        document["next"] = next.into();
    }
    document
}

/// The error and what caused it. Errors that pass on another's words say them once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            let _ = write!(text, ": {words}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_bidi_marks_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("lib\u{202e}os"), "lib\\u{202e}os");
        assert_eq!(printable("größe.so"), "größe.so");
    }

    #[test]
    fn what_is_escaped_in_json_is_the_same_text() {
        let document = json!({ "path": "a\u{9b}31m\u{202e}\u{7f}\n größe" });
        let text = json_text(&document);
        assert!(!text.chars().any(signing_crypto::is_deceptive), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
