use serde_json::{Value, json};
use signing_crypto::{EnvelopeSignature, PackageStatement, SignatureEnvelope};
use signing_loader::{ExplainedEnvelope, SignatureInspection, VerificationError};
use signing_trust::{TrustLimits, TrustedKey};

use super::inspect::{signature_document, statement_document};
use crate::error::{CliError, Outcome, verification_code};
use crate::output::{Lines, chain};
use crate::remedy::remedy;

/// What was looked at, what each thing came to, which rule refused, and what to do next,
/// as a tree for people.
pub(super) fn tree(
    path: &str,
    envelopes: &[ExplainedEnvelope],
    refusal: Option<&CliError>,
) -> Lines {
    let mut lines = Lines::new();
    match refusal {
        None => lines.good("verified", path),
        Some(error) if error.outcome() == Outcome::Refused => lines.bad("refused", path),
        Some(_) => lines.bad("undecided", path),
    }
    let mut parts = Vec::new();
    for (index, envelope) in envelopes.iter().enumerate() {
        let which = match envelopes.len() {
            1 => "signature file".to_owned(),
            found => format!("stored signature {} of {found}", index + 1),
        };
        parts.push(match envelope {
            ExplainedEnvelope::Readable { envelope, inspection } => {
                readable(&which, envelope, inspection)
            }
            _ => Tree::new(format!("{which}: it cannot be read")),
        });
    }
    if envelopes.is_empty() {
        parts.push(Tree::new("no signature was looked at".into()));
    }
    match refusal {
        None => parts.push(Tree::new("every rule is kept".into())),
        Some(error) => {
            let rule = format!("refused by {}: {}", error.code(), chain(error));
            parts.push(Tree::new(rule));
            parts.extend(remedy(error).map(|next| Tree::new(format!("next: {next}"))));
        }
    }
    push(&parts, &mut lines, "");
    lines
}

/// The same data for programs.
pub(super) fn document(envelopes: &[ExplainedEnvelope]) -> Value {
    let document = |envelope: &ExplainedEnvelope| match envelope {
        ExplainedEnvelope::Readable { envelope, inspection } => json!({
            "readable": true,
            "statement": envelope.unverified_statement().ok().as_ref().map(statement_document),
            "signatures": pairs(envelope, inspection)
                .map(|(signature, verdict)| signature_document(signature, Some(verdict)))
                .collect::<Vec<_>>(),
            "accepted": inspection.outcome.is_ok(),
            "code": inspection.outcome.as_ref().err().map(verification_code),
            "message": inspection.outcome.as_ref().err().map(ToString::to_string),
        }),
        _ => json!({ "readable": false, "accepted": false }),
    };
    envelopes.iter().map(document).collect()
}

fn readable(which: &str, envelope: &SignatureEnvelope, inspection: &SignatureInspection) -> Tree {
    let outcome = match &inspection.outcome {
        Ok(()) => "would do".to_owned(),
        Err(error) => format!("does not do ({})", verification_code(error)),
    };
    let mut tree = Tree::new(format!("{which}: {outcome}"));
    tree.parts.extend(envelope.unverified_statement().ok().map(|said| Tree::new(says(&said))));
    for (signature, verdict) in pairs(envelope, inspection) {
        let keyid = match signature.claimed_signer() {
            Some(fingerprint) => format!("signature by {fingerprint}"),
            None => "signature that names no key".into(),
        };
        let mut part = Tree::new(keyid);
        part.parts.push(Tree::new(match verdict {
            Ok(key) => counts(key),
            Err(VerificationError::UntrustedSigner { reason, .. }) => {
                format!("does not count: {reason}")
            }
            Err(error) => format!("does not count: {error}"),
        }));
        tree.parts.push(part);
    }
    tree
}

fn says(said: &PackageStatement) -> String {
    let mut text = format!(
        "says: {}, {} bytes, sha256 {}, signed at {}",
        said.name(),
        said.size(),
        said.digest(),
        said.signed_at()
    );
    if let Some(version) = said.version() {
        text += &format!(", version {version}");
    }
    if let Some(expires_at) = said.expires_at() {
        text += &format!(", expires {expires_at}");
    }
    text
}

fn counts(key: &TrustedKey) -> String {
    let TrustLimits { packages, expires_at } = &key.limits;
    let mut text = format!("counts: trusted, {}", key.via);
    if let Some(packages) = packages {
        text += &format!(", for {packages}");
    }
    if let Some(expires_at) = expires_at {
        text += &format!(", until {}", expires_at.to_rfc3339());
    }
    text
}

fn pairs<'a>(
    envelope: &'a SignatureEnvelope,
    inspection: &'a SignatureInspection,
) -> impl Iterator<Item = (&'a EnvelopeSignature, &'a Result<TrustedKey, VerificationError>)> {
    envelope.signatures().iter().zip(&inspection.signatures)
}

/// A line of text, and those that belong to it.
struct Tree {
    text: String,
    parts: Vec<Tree>,
}

impl Tree {
    fn new(text: String) -> Self {
        Self { text, parts: Vec::new() }
    }
}

fn push(parts: &[Tree], lines: &mut Lines, indent: &str) {
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        let (branch, below) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines.push(format!("{indent}{branch}{}", part.text));
        push(&part.parts, lines, &format!("{indent}{below}"));
    }
}
