//! The documents that are printed with `--json`.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use signing_crypto::error_with_sources;

use super::SCHEMA_VERSION;
use crate::advice::Advice;
use crate::error::CliError;

/// JSON means the same with any of its strings' characters escaped, and a terminal
/// obeys some that JSON itself would leave as they are.
pub(super) fn json_text(document: &impl Serialize) -> String {
    let document = serde_json::to_value(document).expect("views serialize, their keys are text");
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

/// What there is instead of a result.
#[derive(Serialize)]
pub(super) struct Failure {
    schema_version: u32,
    ok: bool,
    error: ErrorView,
}

impl Failure {
    pub(super) fn text(error: ErrorView) -> String {
        json_text(&Self { schema_version: SCHEMA_VERSION, ok: false, error })
    }
}

/// A result, and the worst of what did not succeed.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) schema_version: u32,
    pub(super) ok: bool,
    pub(super) result: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
}

/// An error for programs.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ErrorView {
    #[cfg_attr(test, schemars(schema_with = "crate::schemas::error_code"))]
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The next safe step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Cow<'static, str>>,
}

impl ErrorView {
    pub(crate) fn of(error: &CliError) -> Self {
        let Advice { code, next, .. } = error.advice();
        Self { code, message: error_with_sources(error), next }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_escaped_in_json_is_the_same_text() {
        let document = json!({ "path": "a\u{9b}31m\u{202e}\u{7f}\n größe" });
        let text = json_text(&document);
        assert!(!text.chars().any(signing_crypto::is_deceptive), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
