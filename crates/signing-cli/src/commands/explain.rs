mod tree;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use signing_crypto::{EnvelopeSignature, OrgId, OrgName};
use signing_loader::{EnvelopeSource, ExplainedEnvelope, InspectedEnvelope, VerificationError};
use signing_trust::store::OrganizationRef;
use signing_trust::{KeyManager, TrustedKey};

use super::inspect::{signature_document, statement_document};
use crate::error::{CliError, Outcome, verification_code};
use crate::output::chain;

/// What a verification came to and what it has looked at: the data that the tree and
/// the document show alike.
pub(super) struct Explained<'a> {
    pub(super) path: String,
    pub(super) found: &'a [ExplainedEnvelope],
    pub(super) keepers: &'a Keepers,
    /// Why it was not verified, if it was not.
    pub(super) failure: Option<&'a CliError>,
}

/// What the organizations are called that keep what was found.
pub(super) type Keepers = BTreeMap<OrgId, OrgName>;

/// Asks for the names of those who keep what was found. A name that cannot be asked for
/// changes nothing of what was decided.
pub(super) async fn keepers(keys: &KeyManager, found: &[ExplainedEnvelope]) -> Keepers {
    let mut keepers = Keepers::new();
    for envelope in found {
        if let EnvelopeSource::Store { org, .. } = envelope.source
            && !keepers.contains_key(&org)
            && let Ok(record) = keys.organization(OrganizationRef::Id(org)).await
        {
            keepers.insert(org, record.name);
        }
    }
    keepers
}

impl Explained<'_> {
    fn verdict(&self) -> &'static str {
        match self.failure.map(CliError::outcome) {
            None => "verified",
            Some(Outcome::Refused) => "refused",
            Some(_) => "undecided",
        }
    }

    /// For programs: what was looked at, in the order in which it was tried.
    pub(super) fn document(&self) -> Value {
        self.found.iter().map(|envelope| self.envelope_document(envelope)).collect()
    }

    fn envelope_document(&self, envelope: &ExplainedEnvelope) -> Value {
        let source = match &envelope.source {
            EnvelopeSource::File(path) => {
                json!({ "kind": "file", "path": path.display().to_string() })
            }
            EnvelopeSource::Store { id, org } => json!({
                "kind": "store",
                "signature_id": id.to_string(),
                "org_id": org.to_string(),
                "org": self.keepers.get(org).map(OrgName::as_str),
            }),
            _ => json!({ "kind": "memory" }),
        };
        let mut document = match &envelope.content {
            Ok(content) => json!({
                "statement":
                    content.envelope.unverified_statement().ok().as_ref().map(statement_document),
                "signatures": pairs(content)
                    .map(|(signature, verdict)| signature_document(signature, Some(verdict)))
                    .collect::<Vec<_>>(),
            }),
            Err(_) => json!({}),
        };
        let fault = fault(envelope);
        document["source"] = source;
        document["readable"] = envelope.content.is_ok().into();
        document["accepted"] = fault.is_none().into();
        document["code"] = fault.as_ref().map(|fault| fault.0).into();
        document["message"] = fault.map(|fault| fault.1).into();
        document
    }
}

/// Why the envelope would not do for the package that it is about.
fn fault(envelope: &ExplainedEnvelope) -> Option<(&'static str, String)> {
    match &envelope.content {
        Ok(content) => {
            let error = content.inspection.outcome.as_ref().err()?;
            Some((verification_code(error), chain(error)))
        }
        Err(reason) => Some(("MalformedSignature", chain(reason))),
    }
}

type Verdict = Result<TrustedKey, VerificationError>;

fn pairs(content: &InspectedEnvelope) -> impl Iterator<Item = (&EnvelopeSignature, &Verdict)> {
    content.envelope.signatures().iter().zip(&content.inspection.signatures)
}
