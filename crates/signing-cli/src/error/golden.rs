//! What every error looks like to a user.
//!
//! There is a sample of each variant of each enum of errors, wrapped as it reaches a
//! user, and in `golden/` what is printed for it. The variants are read from the enums'
//! source, so that a new one without a sample is named here. `tests/docs` compares the
//! same files with the page `docs/content/reference/errors.md`.

mod enums;
mod values;

mod arguments;
mod audit;
mod install;
mod keys;
mod package;
mod runner;
mod signature;
mod signed_trust;
mod signers;
mod store;

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Debug;

use signing_crypto::{error_with_sources, printable};

use super::CliError;
use crate::generated::assert_current;
use crate::output::{self, ErrorView, USAGE};

/// In every place where a secret could be, there is this one.
const SECRET: &str = "open-sesame";

/// An error as it reaches a user.
struct Sample {
    variant: String,
    error: Reached,
}

/// Whose output shows it.
enum Reached {
    Program(CliError),
    /// The program refuses an argument: clap prints the error's own words.
    Usage(Box<dyn Error>),
    /// A program that loads packages exits with this, and prints the error's own words.
    Runner {
        exit: u8,
        code: &'static str,
        error: Box<dyn Error>,
    },
}

/// A sample of the variant that `value` is, and how that reaches a user.
fn sample<E: Debug>(value: E, wrap: impl FnOnce(E) -> CliError) -> Sample {
    Sample { variant: variant(&value), error: Reached::Program(wrap(value)) }
}

/// A sample of each, which all reach a user in the same way.
fn each<E: Debug>(
    values: impl IntoIterator<Item = E>,
    wrap: impl Fn(E) -> CliError,
) -> impl Iterator<Item = Sample> {
    values.into_iter().map(move |value| sample(value, &wrap))
}

/// A sample of an error about an argument.
fn usage<E: Debug, W: Error + 'static>(value: E, wrap: impl FnOnce(E) -> W) -> Sample {
    Sample { variant: variant(&value), error: Reached::Usage(Box::new(wrap(value))) }
}

/// The enum's name and the variant's, as the source has them.
fn variant<E: Debug>(value: &E) -> String {
    let debug = format!("{value:?}");
    let name = debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let of = type_name::<E>().rsplit("::").next().unwrap_or_default();
    format!("{of}::{name}")
}

/// By the name of the file that shows them.
fn samples() -> Vec<(&'static str, Vec<Sample>)> {
    vec![
        ("package", package::samples()),
        ("signature", signature::samples()),
        ("install", install::samples()),
        ("keys", keys::samples()),
        ("store", store::samples()),
        ("audit", audit::samples()),
        ("arguments", arguments::samples()),
        ("signed_trust", signed_trust::samples()),
        ("signers", signers::samples()),
        ("runner", runner::samples()),
    ]
}

fn programs<'a>(
    samples: &'a [(&'static str, Vec<Sample>)],
) -> impl Iterator<Item = (&'a str, &'a CliError)> {
    samples.iter().flat_map(|(_, samples)| samples).filter_map(|sample| match &sample.error {
        Reached::Program(error) => Some((&*sample.variant, error)),
        Reached::Usage(_) | Reached::Runner { .. } => None,
    })
}

#[test]
fn every_variant_of_every_error_has_a_sample() {
    let samples = samples();
    let sampled: BTreeSet<&str> =
        samples.iter().flat_map(|(_, samples)| samples).map(|sample| &*sample.variant).collect();
    let variants = enums::variants();
    let exist: BTreeSet<&str> = variants.iter().map(|variant| &**variant).collect();
    let lacking: Vec<_> = exist.difference(&sampled).collect();
    assert!(lacking.is_empty(), "without a sample in error/golden/: {lacking:#?}");
    let unread: Vec<_> = sampled.difference(&exist).collect();
    assert!(unread.is_empty(), "not found in the source of their enums: {unread:#?}");
}

#[test]
fn every_error_is_shown_as_its_golden_file_says() {
    for (area, samples) in samples() {
        let shown: Vec<_> = samples.iter().map(shown).collect();
        assert_current(format!("src/error/golden/{area}.txt"), &shown.join("\n"));
    }
}

#[test]
fn a_document_says_what_the_text_says() {
    for (variant, error) in programs(&samples()) {
        let document = ErrorView::of(error);
        let mut text = format!("{}: {}", output::verdict(error), printable(&document.message));
        if let Some(next) = &document.next {
            text += &format!("\nnext: {}", printable(next));
        }
        assert_eq!(plain(error), text, "{variant}");
    }
}

#[test]
fn every_error_that_exists_has_a_next_step() {
    for (variant, error) in programs(&samples()) {
        assert!(error.advice().next.is_some(), "{variant} has no next step");
    }
}

#[test]
fn a_code_has_one_exit_code() {
    let mut exits = BTreeMap::new();
    for (variant, error) in programs(&samples()) {
        let advice = error.advice();
        let exit = *exits.entry(advice.code).or_insert(advice.outcome);
        assert_eq!(exit, advice.outcome, "{variant}, {}", advice.code);
    }
}

#[test]
fn no_error_shows_a_secret() {
    for (_, samples) in samples() {
        for sample in samples {
            let shown = shown(&sample);
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(!shown.contains("PRIVATE KEY-----"), "{shown}");
            let debug = match &sample.error {
                Reached::Program(error) => format!("{error:?}"),
                Reached::Usage(error) => format!("{error:?}"),
                Reached::Runner { error, .. } => format!("{error:?}"),
            };
            assert!(!debug.contains(SECRET), "{debug}");
        }
    }
}

/// What is printed, after the variant's name, the exit code, and the code.
fn shown(sample: &Sample) -> String {
    let (variant, error) = (&sample.variant, &sample.error);
    match error {
        Reached::Program(error) => {
            let advice = error.advice();
            let exit = advice.outcome as u8;
            format!("{variant}\nexit {exit}, {}\n{}\n", advice.code, plain(error))
        }
        Reached::Usage(error) => {
            format!("{variant}\nexit 2, {USAGE}\nerror: {}\n", error_with_sources(&**error))
        }
        Reached::Runner { exit, code, error } => {
            format!("{variant}\nexit {exit}, {code}\nerror: {}\n", error_with_sources(&**error))
        }
    }
}

/// Without colors.
fn plain(error: &CliError) -> String {
    anstream::adapter::strip_str(&output::explanation(error, None)).to_string()
}
