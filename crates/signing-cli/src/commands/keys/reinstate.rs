use serde_json::json;
use signing_crypto::Note;
use signing_trust::store::{Change, TrustedKeyRecord};

use crate::cli;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Report;
use crate::select::{self, Selected};

/// Takes back that a signing key was retired, or that a key's signatures are refused.
pub(super) async fn reinstate(
    context: &Context,
    command: cli::Reinstate,
) -> Result<Report, CliError> {
    let note = Note::new(command.note)?;
    let keys = context.keys_to_change().await?;
    let (kind, id, fingerprint, changed, text) = match select::key(&keys, &command.key).await? {
        Selected::Signing(key) => {
            let change = keys.reinstate_signing_key(key.id, &note).await?;
            let (changed, done) = match &change {
                Change::Made(_) => (true, "may sign again"),
                Change::Unchanged(_) => (false, "was not revoked"),
            };
            let text = format!("the signing key {} {done}", key.name);
            ("signing", key.id.to_string(), key.fingerprint, changed, text)
        }
        Selected::Trusted(key) => {
            let change = keys.reinstate_trusted_key(key.id, &note).await?;
            let changed = matches!(change, Change::Made(_));
            let text = what_holds_now(&change);
            ("trusted", key.id.to_string(), key.fingerprint, changed, text)
        }
    };
    let json = json!({
        "kind": kind,
        "id": id,
        "fingerprint": fingerprint.to_string(),
        "changed": changed,
    });
    Ok(Report::told(text, json))
}

/// A denial may have been the first word about the key.
fn what_holds_now(change: &Change<TrustedKeyRecord>) -> String {
    match change {
        Change::Made(key) if key.public_key.is_some() => {
            format!("reinstated: signatures by {} are accepted again", key.fingerprint)
        }
        Change::Made(key) => format!(
            "reinstated: {} is denied no more; whether it is trusted, other organizations say",
            key.fingerprint,
        ),
        Change::Unchanged(key) => format!("signatures by {} were not refused", key.fingerprint),
    }
}
