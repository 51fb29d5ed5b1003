use serde::Serialize;
use signing_crypto::{EnvelopeSignature, SignatureId};

use crate::lines::Lines;
use crate::view::{
    SignatureView, SignerView, StatementView, Verdict, View, json_documents, verdict_text,
};

json_documents! { "package cosign": Vec<CosignedView<'static>> }

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Added,
    AlreadySigned,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CosignedView<'a> {
    pub(super) path: &'a str,
    pub(super) outcome: Outcome,
    #[serde(flatten)]
    pub(super) statement: &'a StatementView,
    /// The signatures that were there.
    pub(super) before: Vec<BeforeView<'a>>,
    #[serde(flatten)]
    pub(super) signer: SignerView,
    /// How many signatures the envelope has now.
    #[serde(rename = "signatures")]
    pub(super) count: usize,
    /// The signature file.
    pub(super) signature: Option<String>,
    /// The signature in the store, which is a new one if another was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature_id: Option<SignatureId>,
    /// Where the signatures were, for people.
    #[serde(skip)]
    pub(super) source: String,
    #[serde(skip)]
    pub(super) was_shown: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct BeforeView<'a> {
    #[serde(flatten)]
    view: SignatureView<'a>,
    #[serde(skip)]
    text: String,
}

impl<'a> BeforeView<'a> {
    pub(super) fn of(signature: &EnvelopeSignature, verdict: Option<&'a Verdict>) -> Self {
        let keyid = match signature.claimed_signer() {
            Some(fingerprint) => format!("the key {:.16}", fingerprint.to_string()),
            None => "a signature that names no key".into(),
        };
        let name = verdict.and_then(|verdict| verdict.as_ref().ok()?.name.as_ref());
        let name = name.map(|name| format!("{name}, ")).unwrap_or_default();
        let text = format!("{name}{keyid}: {}", verdict_text(signature, verdict));
        Self { view: SignatureView::of(signature, verdict), text }
    }
}

impl CosignedView<'_> {
    pub(super) fn preview(&self) -> Lines {
        let mut text = Lines::from(format!("{} states", self.source));
        text.append(self.statement.text());
        text.extend(self.before.iter().map(|before| format!("  signed by  {}", before.text)));
        text
    }
}

impl View for CosignedView<'_> {
    fn text(&self) -> Lines {
        let mut text = match self.was_shown {
            true => Lines::new(),
            false => self.preview(),
        };
        let (path, signer, count) = (self.path, self.signer.text(), self.count);
        text.push(match self.outcome {
            Outcome::Added => {
                let id = self.signature_id.map(|id| format!(", in the store as {id}"));
                let id = id.unwrap_or_default();
                format!("signed {path} with {signer}, as one of {count}{id}")
            }
            Outcome::AlreadySigned => {
                format!("{path} is already signed by {signer}: nothing was done")
            }
        });
        text
    }
}
