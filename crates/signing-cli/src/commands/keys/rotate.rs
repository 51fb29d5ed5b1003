use serde_json::{Value, json};
use signing_crypto::{KeyId, KeyName};
use signing_trust::store::{Change, TrustedKeyRecord};
use signing_trust::{Resign, Rotation};

use crate::cli;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::time;

/// Puts a new signing key in the place of an old one, and says what is left to do.
pub(super) async fn rotate(context: &Context, command: cli::Rotate) -> Result<Report, CliError> {
    let id: KeyId = command.id.parse()?;
    let name = command.name.map(KeyName::new).transpose()?;
    let resign = if command.resign { Resign::All } else { Resign::Leave };
    let keys = context.keys_to_change_with_kek().await?;
    Ok(report(&keys.rotate_signing_key(id, name, resign).await?))
}

fn report(rotation: &Rotation) -> Report {
    let (made, successor) = match &rotation.successor {
        Change::Made(key) => (true, key),
        Change::Unchanged(key) => (false, key),
    };
    let old = &rotation.old;
    let mut text = Lines::from(match made {
        true => format!("made {} in the place of {}", successor.name, old.name),
        false => format!("{} is in the place of {} already", successor.name, old.name),
    });
    text.push(format!("id           {}", successor.id));
    text.push(format!("fingerprint  {}", successor.fingerprint));
    text.push(match &rotation.trusted {
        Some(Change::Made(_)) => "its organization trusts it now, as the old key",
        Some(Change::Unchanged(_)) => "its organization trusts it already",
        None => "its organization does not trust the old key, so it does not trust the new one",
    });
    let signatures = &rotation.signatures;
    text.push(format!(
        "kept signatures by the old key: {} signed anew, {} were before, {} are not",
        signatures.added, signatures.already, signatures.left,
    ));
    let steps = steps(rotation, successor.id);
    text.push("to be done:");
    for step in &steps {
        text.push(format!("  {}: {}", step.why, step.command));
    }
    let row = |row: &TrustedKeyRecord| {
        json!({
            "id": row.id.to_string(),
            "expires_at": row.expires_at.as_ref().map(time::text),
        })
    };
    let steps: Vec<Value> =
        steps.iter().map(|step| json!({ "why": step.why, "command": step.command })).collect();
    let json = json!({
        "old": { "id": old.id.to_string(), "fingerprint": old.fingerprint.to_string() },
        "successor": {
            "id": successor.id.to_string(),
            "name": successor.name.as_str(),
            "fingerprint": successor.fingerprint.to_string(),
            "made": made,
        },
        "trusted": rotation.trusted.as_ref().map(|change| match change {
            Change::Made(key) | Change::Unchanged(key) => row(key),
        }),
        "signatures": {
            "added": signatures.added,
            "already": signatures.already,
            "left": signatures.left,
        },
        "next": steps,
    });
    Report::told(text, json)
}

/// What somebody has to do, and with which command.
struct Step {
    why: String,
    command: String,
}

/// In the order in which nothing is refused between them.
fn steps(rotation: &Rotation, new: KeyId) -> Vec<Step> {
    let step = |why: &str, command: String| Step { why: why.into(), command };
    let mut steps = Vec::new();
    if rotation.signatures.left > 0 {
        steps.push(step(
            "have what is in the store signed anew",
            format!("cloacina keys rotate {} --resign", rotation.old.id),
        ));
    }
    steps.push(step(
        "add a signature to each .sig file that the old key has signed, with the \
         --package-version and --expires that cloacina package inspect shows",
        format!("cloacina package sign <package> --key-id {new}"),
    ));
    for other in rotation.others.iter().filter(|other| other.trusted.is_none()) {
        let org = &other.org.name;
        steps.push(step(
            &format!("{org} trusts the old key itself; have it trust the new one"),
            format!("cloacina keys trust --org {org} --key-id {new}"),
        ));
    }
    if rotation.old.revoked_at.is_none() {
        steps.push(step(
            "when nothing signs with the old key any more",
            format!("cloacina keys revoke {}", rotation.old.id),
        ));
    }
    let own = rotation.old_trusted.iter().map(|row| ("its organization".to_owned(), row));
    let others =
        rotation.others.iter().map(|other| (other.org.name.to_string(), &other.old_trusted));
    for (who, row) in own.chain(others) {
        steps.push(step(
            &format!("when {who} loads nothing any more that only the old key has signed"),
            format!("cloacina keys revoke {}", row.id),
        ));
    }
    steps
}
