use serde::Serialize;
use signing_crypto::Fingerprint;
use signing_trust::store::{Change, TrustedKeyRecord};

use crate::cli;
use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;
use crate::select::{self, Selected};
use crate::view::View;

/// Takes back the retirement of a signing key, or the refusal of a key's signatures.
pub(super) async fn reinstate(
    context: &Context,
    command: cli::Reinstate,
) -> Result<Report, CliError> {
    let note = command.note;
    let keys = context.keys_to_change().await?;
    let cli::KeyArgs { key, org, .. } = &command.key;
    let kind = command.key.kind();
    Ok(Report::done(&match select::key(context, &keys, org.as_ref(), key, kind).await? {
        Selected::Signing(key) => {
            let change = keys.reinstate_signing_key(key.id, &note).await?;
            let changed = matches!(change, Change::Made(_));
            let done = if changed { "may sign again" } else { "was not revoked" };
            ReinstatedView {
                kind: "signing",
                id: key.id.to_string(),
                fingerprint: key.fingerprint,
                changed,
                text: format!("the signing key {} {done}", key.name),
            }
        }
        Selected::Trusted(key) => {
            let change = keys.reinstate_trusted_key(key.id, &note).await?;
            ReinstatedView {
                kind: "trusted",
                id: key.id.to_string(),
                fingerprint: key.fingerprint,
                changed: matches!(change, Change::Made(_)),
                text: new_standing(&change),
            }
        }
    }))
}

/// A key that was only denied is not trusted afterwards.
fn new_standing(change: &Change<TrustedKeyRecord>) -> String {
    match change {
        Change::Made(key) if key.public_key.is_some() => {
            format!("reinstated: signatures by {} are accepted again", key.fingerprint)
        }
        Change::Made(key) => format!(
            "reinstated: {} is no longer denied; only trust grants can make it trusted",
            key.fingerprint,
        ),
        Change::Unchanged(key) => format!("signatures by {} were not refused", key.fingerprint),
    }
}

#[cfg(test)]
pub(super) const DOCUMENTS: &[Document] = &[Document::of::<ReinstatedView>("keys reinstate")];

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ReinstatedView {
    kind: &'static str,
    id: String,
    fingerprint: Fingerprint,
    changed: bool,
    #[serde(skip)]
    text: String,
}

impl View for ReinstatedView {
    fn text(&self) -> Lines {
        Lines::from(&self.text)
    }
}
