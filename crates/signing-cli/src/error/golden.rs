//! What every error looks like to whoever meets it.
//!
//! There is a sample of each variant of each enum of errors, wrapped as it reaches a
//! user, and in `golden/` what is printed for it. The variants are read from the enums'
//! source, so that a new one without a sample is named here. `tests/docs` compares the
//! same files with the page `docs/content/reference/errors.md`.

mod enums;
mod values;

mod arguments;
mod audit;
mod keys;
mod package;
mod runner;
mod signature;
mod store;

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use signing_crypto::printable;

use super::CliError;
use super::code::{UNNAMED, UNNAMED_REFUSAL};
use crate::output::{self, chain};

/// When this variable is set, the files are written rather than compared.
const WRITE: &str = "CLOACINA_WRITE_ERRORS";

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
    /// A program that loads packages, and prints the error's own words.
    Runner(Box<dyn Error>),
}

/// A sample of the variant that `value` is, and how that reaches a user.
fn sample<E: Debug>(value: E, wrap: impl FnOnce(E) -> CliError) -> Sample {
    Sample { variant: variant(&value), error: Reached::Program(wrap(value)) }
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
        ("keys", keys::samples()),
        ("store", store::samples()),
        ("audit", audit::samples()),
        ("arguments", arguments::samples()),
        ("runner", runner::samples()),
    ]
}

fn programs<'a>(
    samples: &'a [(&'static str, Vec<Sample>)],
) -> impl Iterator<Item = (&'a str, &'a CliError)> {
    samples.iter().flat_map(|(_, samples)| samples).filter_map(|sample| match &sample.error {
        Reached::Program(error) => Some((&*sample.variant, error)),
        Reached::Runner(_) => None,
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
        compare(&file(area), &shown.join("\n"));
    }
}

#[test]
fn a_document_says_what_the_text_says() {
    for (variant, error) in programs(&samples()) {
        let document = output::error_json(error);
        let mut text = format!("{}: ", output::verdict(error));
        text += &printable(document["message"].as_str().unwrap());
        if let Some(next) = document["next"].as_str() {
            text += &format!("\nnext: {}", printable(next));
        }
        assert_eq!(plain(error), text, "{variant}");
    }
}

/// What a program may meet that is not known here has these codes. Whatever is known
/// has one of its own, or shares one on purpose.
#[test]
fn no_error_that_exists_is_unnamed_or_without_a_next_step() {
    for (variant, error) in programs(&samples()) {
        assert!(![UNNAMED, UNNAMED_REFUSAL].contains(&error.code()), "{variant}");
        assert!(crate::remedy::remedy(error).is_some(), "{variant} has no next step");
    }
}

#[test]
fn every_code_is_that_of_an_error_that_exists() {
    let samples = samples();
    let codes: BTreeSet<_> = programs(&samples).map(|(_, error)| error.code()).collect();
    let source = include_str!("code.rs");
    let literals = source.split('"').filter(|text| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_alphabetic())
    });
    for code in literals.filter(|text| ![UNNAMED, UNNAMED_REFUSAL].contains(text)) {
        assert!(codes.contains(code), "no error has the code {code}");
    }
}

#[test]
fn a_code_has_one_exit_code() {
    let mut exits = BTreeMap::new();
    for (variant, error) in programs(&samples()) {
        let exit = *exits.entry(error.code()).or_insert(error.outcome());
        assert_eq!(exit, error.outcome(), "{variant}, {}", error.code());
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
                Reached::Runner(error) => format!("{error:?}"),
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
            let exit = error.outcome() as u8;
            format!("{variant}\nexit {exit}, {}\n{}\n", error.code(), plain(error))
        }
        Reached::Runner(error) => format!("{variant}\nexit 2\nerror: {}\n", chain(&**error)),
    }
}

/// Without colors.
fn plain(error: &CliError) -> String {
    anstream::adapter::strip_str(&output::explanation(error, None)).to_string()
}

fn file(area: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/error/golden/{area}.txt"))
}

fn compare(path: &Path, shown: &str) {
    if env::var_os(WRITE).is_some() {
        fs::write(path, shown).unwrap();
        return;
    }
    let golden = fs::read_to_string(path).unwrap_or_default();
    let mut differing = String::new();
    let (old, new): (Vec<_>, Vec<_>) =
        (golden.split("\n\n").collect(), shown.split("\n\n").collect());
    for (sign, these, others) in [('-', &old, &new), ('+', &new, &old)] {
        for entry in these.iter().filter(|entry| !others.contains(entry)) {
            let _ = writeln!(differing, "{sign} {}", entry.replace('\n', "\n  "));
        }
    }
    assert!(
        golden == shown,
        "{} differs; to write it: {WRITE}=1 cargo test -p signing-cli golden\n{differing}",
        path.display(),
    );
}
