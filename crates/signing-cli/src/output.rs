mod document;
mod listing;
mod progress;
mod stdout;

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use anstream::adapter::strip_str;
use anstyle::Style;
use clap::ValueEnum;
use serde_json::Value;
use signing_crypto::{error_with_sources, printable, shell_word};
use signing_trust::store::{DatabaseUrl, RequiredTls};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::document::{Document, Failure, json_text};
use self::stdout::{Reader, print};
use crate::cli::{Color, Global};
use crate::error::{CliError, Outcome};
use crate::lines::{BAD, Layout, Lines, NOTE};
use crate::view::{Documented, View};

pub(crate) use document::ErrorView;
pub(crate) use listing::{Form, Listing};
pub(crate) use progress::Progress;
pub(crate) use stdout::MIN_COLUMNS;

pub(crate) const SCHEMA_VERSION: u32 = 1;
/// The code of a command line that cannot be read.
pub(crate) const USAGE: &str = "Usage";

/// What a command shows, for people and for programs.
pub(crate) struct Report {
    text: Text,
    json: Value,
    /// The result of all of it, after the refusals.
    total: Option<String>,
    refusals: Vec<Refusal>,
    warnings: Vec<Refusal>,
    notes: Vec<String>,
}

/// What people get.
enum Text {
    /// A success message: the exit code says as much.
    Done(Lines),
    /// Output that the command was run for.
    Requested(Lines),
    /// This program's own output for another program, which must get it unchanged.
    Verbatim(String),
    /// A listing has printed everything except its errors.
    Printed,
}

/// One of several things that did not succeed.
struct Refusal {
    subject: Option<String>,
    error: CliError,
}

impl Report {
    fn new(text: Text, view: &impl Documented) -> Self {
        let json = serde_json::to_value(view).expect("views serialize, their keys are text");
        let (refusals, warnings, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { text, json, total: None, refusals, warnings, notes }
    }

    /// A success message, which `--quiet` suppresses.
    pub(crate) fn done(view: &impl View) -> Self {
        Self::done_as(view.text(), view)
    }

    /// A success message in other words than the view's own.
    pub(crate) fn done_as(text: impl Into<Lines>, view: &impl Documented) -> Self {
        Self::new(Text::Done(text.into()), view)
    }

    /// Output that the command was run for.
    pub(crate) fn requested(view: &impl View) -> Self {
        Self::requested_as(view.text(), view)
    }

    /// Output in other words than the view's own.
    pub(crate) fn requested_as(text: impl Into<Lines>, view: &impl Documented) -> Self {
        Self::new(Text::Requested(text.into()), view)
    }

    /// Output for another program, such as a script or a key. It quotes nobody.
    pub(crate) fn verbatim(text: String, view: &impl Documented) -> Self {
        Self::new(Text::Verbatim(text), view)
    }

    /// What remains to be shown after a [`Listing`].
    fn after_listing(failure: Option<CliError>, unprinted: Option<CliError>) -> Self {
        let failures = failure.into_iter().chain(unprinted);
        let refusals = failures.map(|error| Refusal { subject: None, error }).collect();
        Self { refusals, ..Self::new(Text::Printed, &()) }
    }

    /// Adds the result of all of it.
    pub(crate) fn total(&mut self, total: String) {
        self.total = Some(total);
    }

    /// Adds a remark about something that was left out without an error.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Adds something that will not succeed elsewhere, although this command did.
    pub(crate) fn warn(&mut self, subject: String, error: CliError) {
        self.warnings.push(Refusal { subject: Some(subject), error });
    }

    /// Says that all of it has failed.
    pub(crate) fn fail(&mut self, error: CliError) {
        self.refusals.push(Refusal { subject: None, error });
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
    layout: Layout,
    /// The options of this command line without which other commands have another store.
    store: Option<String>,
    /// The one without which they have another key encryption key.
    kek: Option<String>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        use_color(global.color);
        let (json, quiet, layout) = (global.json, global.quiet, layout(global));
        let kek = global.kek_file.as_ref().filter(|file| file.exists());
        let kek = kek.map(|file| format!("--kek-file {}", shell_word(file)));
        Self { json, quiet, layout, store: store(global), kek }
    }

    /// Notes the options that the shown commands lack.
    fn note_missing_options(&self, shown: &str) {
        // Advice to give another key encryption key replaces this one.
        let kek = self.kek.as_ref().filter(|_| !shown.contains("--kek-file "));
        let places: Vec<_> = self.store.iter().chain(kek).map(String::as_str).collect();
        if !places.is_empty()
            && !self.quiet
            && shown.contains(": cloacina ")
            && !shown.contains("export CLOACINA_")
        {
            note(&format!("give the commands above this store too: {}", places.join(" ")));
        }
    }

    /// Prints results on standard output and refusals on standard error.
    pub(crate) fn report(&self, report: Report) -> ExitCode {
        // The exit code and the document's error are of the same refusal: the first of the worst.
        let worst = report.refusals.iter().rev().max_by_key(|refusal| refusal.error.outcome());
        let outcome = worst.map_or(Outcome::Done, |refusal| refusal.error.outcome());
        let opened = match &report.text {
            Text::Verbatim(_) => require_reader(),
            _ => Ok(()),
        };
        let print_report = || match &report.text {
            Text::Printed => Ok(()),
            _ if self.json => {
                let document = Document {
                    schema_version: SCHEMA_VERSION,
                    ok: outcome == Outcome::Done,
                    result: report.json,
                    error: worst.map(|worst| ErrorView::of(&worst.error)),
                    notes: report.notes.clone(),
                };
                print(&json_text(&document), Reader::NeedsAll)
            }
            Text::Verbatim(text) => print(text, Reader::NeedsAll),
            Text::Done(_) if self.quiet => Ok(()),
            Text::Done(lines) | Text::Requested(lines) if lines.is_empty() => Ok(()),
            Text::Done(lines) | Text::Requested(lines) => {
                print(&lines.to_text(self.layout), Reader::MayLeave)
            }
        };
        let printed = opened.and_then(|()| print_report().map_err(CliError::Output));
        let mut shown = match &report.text {
            Text::Done(lines) | Text::Requested(lines) if !self.json => lines.to_text(Layout::Wide),
            _ => String::new(),
        };
        let mut complain = |text: &str| {
            stdout::complain(text);
            shown += text;
        };
        for note in report.notes.iter().filter(|_| !self.quiet) {
            complain(&format!("{NOTE}note{NOTE:#}: {}", printable(note)));
        }
        for warning in &report.warnings {
            let (error, subject) = (&warning.error, warning.subject.as_deref());
            let next = error.advice().next;
            complain(&explained(("warning", NOTE), error, subject, next.as_deref()));
        }
        let mut refusals = report.refusals.iter().peekable();
        while let Some(Refusal { subject, error }) = refusals.next() {
            // A step that follows from several refusals in a row is named once.
            let next = error.advice().next;
            let is_repeated =
                refusals.peek().is_some_and(|other| other.error.advice().next == next);
            let next = next.filter(|_| !is_repeated);
            let words = (verdict(error), BAD);
            complain(&explained(words, error, subject.as_deref(), next.as_deref()));
        }
        self.note_missing_options(&shown);
        let printed = match report.total {
            Some(total) if !self.json && !self.quiet => {
                let total = print(&printable(&total), Reader::MayLeave);
                printed.and(total.map_err(CliError::Output))
            }
            _ => printed,
        };
        outcome.max(outcome_of(printed)).exit_code()
    }

    /// Prints why nothing was done.
    pub(crate) fn error(&self, error: &CliError) -> ExitCode {
        let printed = match self.json {
            true => print(&Failure::text(ErrorView::of(error)), Reader::NeedsAll),
            false => Ok(()),
        };
        let explanation = explanation(error, None);
        stdout::complain(&explanation);
        self.note_missing_options(&explanation);
        error.outcome().max(outcome_of(printed.map_err(CliError::Output))).exit_code()
    }
}

fn use_color(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// The options that say where the store is, ready to be pasted.
fn store(global: &Global) -> Option<String> {
    let is_shown = |url: &&String| {
        let url = DatabaseUrl::parse(url, RequiredTls::DangerNone);
        url.is_ok_and(|url| !url.has_password())
    };
    let url = global.database_url.as_ref().filter(is_shown);
    let url = url.map(|url| format!("--database-url {}", shell_word(url)));
    let insecure = "--danger-allow-insecure-database";
    let insecure = global.danger_allow_insecure_database.then(|| insecure.to_owned());
    let places: Vec<_> = url.into_iter().chain(insecure).collect();
    (!places.is_empty()).then(|| places.join(" "))
}

/// The choice of color in a command line that was not read to its end.
fn color_of(words: &[String]) -> Option<Color> {
    let assigned = words.iter().find_map(|word| word.strip_prefix("--color="));
    let next = words.iter().skip_while(|word| *word != "--color").nth(1).map(String::as_str);
    Color::from_str(assigned.or(next)?, false).ok()
}

fn layout(global: &Global) -> Layout {
    match stdout::columns() {
        _ if global.wide => Layout::Wide,
        Some(columns) => Layout::Terminal(columns),
        None => Layout::Fitted,
    }
}

/// Reports output that could not be printed.
fn outcome_of(printed: Result<(), CliError>) -> Outcome {
    match printed {
        Ok(()) => Outcome::Done,
        Err(error) => {
            stdout::complain(&explanation(&error, None));
            error.outcome()
        }
    }
}

/// Refuses to make what only standard output would keep if it was closed.
pub(crate) fn require_reader() -> Result<(), CliError> {
    match stdout::is_closed().map_err(CliError::Output)? {
        true => Err(CliError::ClosedOutput),
        false => Ok(()),
    }
}

/// Prints what a dangerous option gives up.
pub(crate) fn warn(text: &str) {
    stdout::complain(&format!("{NOTE}warning{NOTE:#}: {}", printable(text)));
}

/// Shows on standard error what a question would be about that nobody can be asked.
pub(crate) fn show(lines: &Lines) {
    stdout::complain(lines.to_text(Layout::Fitted).trim_end());
}

/// Prints on standard error what was done besides what was requested.
pub(crate) fn note(text: &str) {
    stdout::complain(&format!("{NOTE}note{NOTE:#}: {}", printable(text)));
}

/// What went wrong, and the next step, with colors.
pub(crate) fn explanation(error: &CliError, subject: Option<&str>) -> String {
    explained((verdict(error), BAD), error, subject, error.advice().next.as_deref())
}

fn explained(
    (word, style): (&str, Style),
    error: &CliError,
    subject: Option<&str>,
    next: Option<&str>,
) -> String {
    let subject = subject.filter(|subject| !error.names(subject));
    let subject = subject.map(|path| format!("{}: ", printable(path))).unwrap_or_default();
    let mut text =
        format!("{style}{word}{style:#}: {subject}{}", printable(&error_with_sources(error)));
    if let Some(next) = next {
        let _ = write!(text, "\n{NOTE}next{NOTE:#}: {}", printable(next));
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
pub(crate) fn usage(error: clap::Error) -> ExitCode {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    color_of(&words.collect::<Vec<_>>()).into_iter().for_each(use_color);
    if !error.use_stderr() {
        let help = error.render().ansi().to_string();
        return outcome_of(print(&help, Reader::MayLeave).map_err(CliError::Output)).exit_code();
    }
    let rendered = with_escaped_words(error.render().to_string());
    let text: Vec<_> = rendered.trim_end().lines().map(printable).collect();
    if std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json") {
        let first = text.split(String::is_empty).next().unwrap_or_default();
        let message: Vec<_> = first.iter().map(|line| line.trim()).collect();
        let message = message.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let error = ErrorView { code: USAGE, message: message.to_owned(), next: None };
        let printed = print(&Failure::text(error), Reader::NeedsAll);
        let _ = outcome_of(printed.map_err(CliError::Output));
    }
    stdout::complain(&text.join("\n"));
    Outcome::Undecided.exit_code()
}

/// The text with the words of the command line, and what is assigned in them, escaped: then they
/// start no line.
fn with_escaped_words(mut text: String) -> String {
    for word in std::env::args_os().map(|word| word.to_string_lossy().into_owned()) {
        let (name, value) = word.split_once('=').unwrap_or((&word, ""));
        for part in [&*word, name, value] {
            // Control sequences are missing in what clap quotes.
            for quoted in [part.to_owned(), strip_str(part).to_string()] {
                if printable(&quoted) != quoted {
                    text = text.replace(&quoted, &printable(part));
                }
            }
        }
    }
    text
}

/// Audit events go to standard error, if they were asked for.
pub(crate) fn install_log(global: &Global) {
    let filter = match global.verbose {
        0 => return,
        1 => Targets::new().with_target(signing_trust::AUDIT_TARGET, LevelFilter::INFO),
        _ => Targets::new().with_default(LevelFilter::DEBUG),
    };
    let events = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        // It would report a standard error that fails on standard error, and panic.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(filter).with(events).init();
}
