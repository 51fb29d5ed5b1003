//! An explanation as a tree for people.

use signing_crypto::{EnvelopeSignature, PackageStatement, error_with_sources};
use signing_loader::{EnvelopeSource, ExplainedEnvelope, VerificationError};
use signing_trust::TrustedKey;

use super::{Explained, fault, pairs};
use crate::advice::Advice;
use crate::error::{CliError, Outcome};
use crate::lines::{Lines, quoted};
use crate::view::{LimitsView, Verdict};

impl Explained<'_> {
    /// What was examined, with each result, the rule that refused, and the next step.
    pub(in crate::commands) fn tree(&self) -> Lines {
        let mut parts: Vec<_> =
            self.found.iter().map(|envelope| self.envelope_tree(envelope)).collect();
        if parts.is_empty() {
            parts.push(Tree::new("no signature was examined"));
        }
        match self.failure {
            None => parts.push(Tree::new("every rule is satisfied")),
            Some(error) => {
                let Advice { code, next, .. } = error.advice();
                let message = error_with_sources(error);
                parts.push(Tree::new(match error.outcome() {
                    Outcome::Refused => format!("refused by {code}: {message}"),
                    _ => format!("undecided because of {code}: {message}"),
                }));
                parts.extend(next.map(|next| Tree::unwrapped(format!("next: {next}"))));
            }
        }
        let mut lines = Lines::new();
        match self.failure.map(CliError::outcome) {
            None => lines.good("verified", self.path),
            Some(Outcome::Refused) => lines.bad("refused", self.path),
            Some(_) => lines.bad("undecided", self.path),
        }
        push(&parts, &mut lines, "");
        lines
    }

    fn envelope_tree(&self, envelope: &ExplainedEnvelope) -> Tree {
        let which = match &envelope.source {
            EnvelopeSource::File(path) => format!("signature file {}", path.display()),
            EnvelopeSource::Store { id, org } => match self.keepers.get(org) {
                Some(name) => format!("stored signature {id} of {name}"),
                None => format!("stored signature {id} of {org}"),
            },
            _ => "signature in memory".into(),
        };
        let content = match &envelope.content {
            Ok(content) => content,
            Err(reason) => {
                let why = error_with_sources(reason);
                return Tree::new(format!("{which}: cannot be read: {why}"));
            }
        };
        let mut tree = Tree::new(match fault(envelope) {
            None => format!("{which}: sufficient"),
            Some((code, _)) => format!("{which}: not sufficient ({code})"),
        });
        let statement = content.envelope.unverified_statement().ok();
        tree.parts.extend(statement.map(|statement| Tree::new(states(&statement))));
        tree.parts.extend(pairs(content).map(signature_tree));
        tree
    }
}

fn signature_tree((signature, verdict): (&EnvelopeSignature, &Verdict)) -> Tree {
    let mut tree = Tree::new(match signature.claimed_signer() {
        Some(fingerprint) => format!("signature by {fingerprint}"),
        None => "signature that names no key".into(),
    });
    tree.parts.push(Tree::new(match verdict {
        Ok(key) => counts(key, signature),
        Err(VerificationError::UntrustedSigner { reason, .. }) => {
            format!("does not count: {reason}")
        }
        Err(error) => format!("does not count: {}", error_with_sources(error)),
    }));
    tree
}

fn states(statement: &PackageStatement) -> String {
    let mut text = format!(
        "states: {}, {} bytes, sha256 {}, signed at {}",
        quoted(statement.name().as_str()),
        statement.size(),
        statement.digest(),
        statement.signed_at()
    );
    if let Some(version) = statement.version() {
        text += &format!(", version {version}");
    }
    if let Some(expires_at) = statement.expires_at() {
        text += &format!(", expires {expires_at}");
    }
    text
}

fn counts(key: &TrustedKey, signature: &EnvelopeSignature) -> String {
    let mut text = "counts: ".to_owned();
    if signature.claimed_signer().is_none() {
        text += &format!("by {}, ", key.key.fingerprint());
    }
    text += "trusted";
    if let Some(name) = &key.name {
        text += &format!(" as {name}");
    }
    text + &format!(", {}{}", key.via, LimitsView::of(&key.limits).text())
}

/// A line of text with the lines below it.
struct Tree {
    text: String,
    wrapping: Wrapping,
    parts: Vec<Tree>,
}

#[derive(Clone, Copy)]
enum Wrapping {
    Allowed,
    /// A command is copied from the terminal as one line.
    Forbidden,
}

impl Tree {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), wrapping: Wrapping::Allowed, parts: Vec::new() }
    }

    fn unwrapped(text: String) -> Self {
        Self { wrapping: Wrapping::Forbidden, ..Self::new(text) }
    }
}

fn push(parts: &[Tree], lines: &mut Lines, indent: &str) {
    let last = parts.len().saturating_sub(1);
    for (index, part) in parts.iter().enumerate() {
        let (branch, below) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        match part.wrapping {
            Wrapping::Allowed => {
                let further = if part.parts.is_empty() { below } else { &format!("{below}│  ") };
                lines.branch(format!("{indent}{branch}"), format!("{indent}{further}"), &part.text);
            }
            Wrapping::Forbidden => lines.push(format!("{indent}{branch}{}", part.text)),
        }
        push(&part.parts, lines, &format!("{indent}{below}"));
    }
}
