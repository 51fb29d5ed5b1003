mod tree;

use std::collections::BTreeMap;

use serde::Serialize;
use signing_crypto::{EnvelopeSignature, OrgId, OrgName, SignatureId, error_with_sources};
use signing_loader::{EnvelopeSource, ExplainedEnvelope, InspectedEnvelope};
use signing_trust::TrustReader;
use signing_trust::store::OrganizationRef;

use crate::error::CliError;
use crate::view::{SignatureView, StatementView, Verdict};

/// How a verification ended and what it examined: the data of the tree and of the document.
pub(super) struct Explained<'a> {
    pub(super) path: &'a str,
    pub(super) found: &'a [ExplainedEnvelope],
    pub(super) keepers: &'a Keepers,
    /// Why the package was not verified, if it was not.
    pub(super) failure: Option<&'a CliError>,
}

/// The names of the organizations that keep the signatures.
pub(super) type Keepers = BTreeMap<OrgId, OrgName>;

/// Reads the names of the organizations that keep the signatures. A name that cannot be read
/// changes no decision.
pub(super) async fn keepers(keys: &TrustReader, found: &[ExplainedEnvelope]) -> Keepers {
    let mut keepers = Keepers::new();
    for envelope in found {
        if let EnvelopeSource::Store { org, .. } = envelope.source
            && !keepers.contains_key(&org)
            && let Ok(record) = keys.store().organization(OrganizationRef::Id(org)).await
        {
            keepers.insert(org, record.name);
        }
    }
    keepers
}

/// An envelope that was examined.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ExplainedEnvelopeView<'a> {
    source: SourceView<'a>,
    readable: bool,
    accepted: bool,
    code: Option<&'static str>,
    message: Option<String>,
    #[serde(flatten)]
    content: Option<ContentView<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ContentView<'a> {
    statement: Option<StatementView>,
    signatures: Vec<SignatureView<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
enum SourceView<'a> {
    File { path: String },
    Store { signature_id: SignatureId, org_id: OrgId, org: Option<&'a OrgName> },
    Memory,
}

impl<'a> Explained<'a> {
    /// In the order in which the envelopes were examined.
    pub(super) fn views(&self) -> Vec<ExplainedEnvelopeView<'a>> {
        self.found.iter().map(|envelope| self.view(envelope)).collect()
    }

    fn view(&self, envelope: &'a ExplainedEnvelope) -> ExplainedEnvelopeView<'a> {
        let source = match &envelope.source {
            EnvelopeSource::File(path) => SourceView::File { path: path.display().to_string() },
            EnvelopeSource::Store { id, org } => {
                SourceView::Store { signature_id: *id, org_id: *org, org: self.keepers.get(org) }
            }
            _ => SourceView::Memory,
        };
        let content = envelope.content.as_ref().ok().map(|content| ContentView {
            statement: content.envelope.unverified_statement().ok().as_ref().map(StatementView::of),
            signatures: pairs(content)
                .map(|(signature, verdict)| SignatureView::of(signature, Some(verdict)))
                .collect(),
        });
        let (code, message) = fault(envelope).unzip();
        ExplainedEnvelopeView {
            source,
            readable: content.is_some(),
            accepted: code.is_none(),
            code,
            message,
            content,
        }
    }
}

/// Why the envelope is not sufficient for the package that it is about.
fn fault(envelope: &ExplainedEnvelope) -> Option<(&'static str, String)> {
    match &envelope.content {
        Ok(content) => {
            let error = content.inspection.outcome.as_ref().err()?;
            Some((error.code(), error_with_sources(error)))
        }
        Err(reason) => Some((reason.code(), error_with_sources(reason))),
    }
}

fn pairs(content: &InspectedEnvelope) -> impl Iterator<Item = (&EnvelopeSignature, &Verdict)> {
    content.envelope.signatures().iter().zip(&content.inspection.signatures)
}
