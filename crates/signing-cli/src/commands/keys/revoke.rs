use serde_json::json;
use signing_crypto::{Fingerprint, Note};
use signing_trust::store::{
    Change, Revocation, RevocationReason, SigningKeyRecord, TrustedKeyRecord,
};
use signing_trust::{KeyManager, TrustError};

use super::{impact, said};
use crate::cli;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::select::{self, Selected};
use crate::time;

/// Revokes a signing key or a trusted key.
pub(super) async fn revoke(context: &Context, command: cli::Revoke) -> Result<Report, CliError> {
    let note = command.note.map(Note::new).transpose()?;
    let revocation = Revocation { reason: command.reason.into(), note };
    // What every organization is to refuse is proven to be this key's.
    let is_proven = |key: &Selected| {
        matches!(key, Selected::Signing(_)) && revocation.reason == RevocationReason::Compromised
    };
    if command.dry_run {
        let mut keys = context.keys().await?;
        let key = select::key(&keys, &command.key).await?;
        if is_proven(&key) {
            keys = context.with_kek(&keys)?;
        }
        return impact::foresee_revocation(&keys, key, &revocation).await;
    }
    let mut keys = context.keys_to_change().await?;
    let key = select::key(&keys, &command.key).await?;
    if is_proven(&key) {
        keys = context.with_kek(&keys)?;
    }
    match key {
        Selected::Signing(key) => revoke_signing(&keys, &key, revocation).await,
        Selected::Trusted(key) => revoke_trusted(&keys, &key, revocation).await,
    }
}

async fn revoke_signing(
    keys: &KeyManager,
    before: &SigningKeyRecord,
    revocation: Revocation,
) -> Result<Report, CliError> {
    let change = keys.revoke_signing_key_because(before.id, revocation).await?;
    let changed = matches!(change, Change::Made(_));
    let key = change.into_inner();
    let (name, fingerprint) = (&key.name, key.fingerprint);
    let compromised = key.revocation_reason == Some(RevocationReason::Compromised);
    let mut text = Lines::from(match (changed, compromised) {
        (true, false) => format!("revoked the signing key {name}: it signs no more"),
        (false, _) => format!("nothing was changed: the signing key {name} signs no more already"),
        (true, true) => format!(
            "revoked the signing key {name} as compromised, for good: it signs no more, and \
             every organization of the store refuses what it has signed",
        ),
    });
    // Of what is revoked anew, what was said before; of what is not, what still holds.
    let said = said::signing_key(if changed { before } else { &key });
    text.extend(said.map(|said| format!("it was {said}")));
    let still_trusted_by = match compromised {
        true => Vec::new(),
        false => still_trusted(keys, &fingerprint, &mut text).await?,
    };
    let json = json!({
        "kind": "signing",
        "id": key.id.to_string(),
        "fingerprint": fingerprint.to_string(),
        "revoked_at": key.revoked_at.as_ref().map(time::text),
        "reason": key.revocation_reason.map(RevocationReason::as_str),
        "note": key.revocation_note.as_ref().map(Note::as_str),
        "changed": changed,
        "still_trusted_by": still_trusted_by,
    });
    Ok(Report::told(text, json))
}

/// Who still accepts what the key has signed, and how to end that.
async fn still_trusted(
    keys: &KeyManager,
    fingerprint: &Fingerprint,
    text: &mut Lines,
) -> Result<Vec<String>, TrustError> {
    let holders = keys.who_trusts(fingerprint).await?;
    for (org, row) in &holders {
        text.push(format!(
            "{org} still accepts what it has signed; to end that: cloacina keys revoke --org {org} {}",
            row.id,
            org = org.name,
        ));
    }
    Ok(holders.into_iter().map(|(org, _)| org.name.to_string()).collect())
}

async fn revoke_trusted(
    keys: &KeyManager,
    before: &TrustedKeyRecord,
    revocation: Revocation,
) -> Result<Report, CliError> {
    let change = keys.revoke_trusted_key_because(before.id, revocation).await?;
    let changed = matches!(change, Change::Made(_));
    let key = change.into_inner();
    let fingerprint = key.fingerprint;
    let compromised = key.revocation_reason == Some(RevocationReason::Compromised);
    let mut text = Lines::from(match (changed, compromised) {
        (true, false) => format!("revoked: signatures by {fingerprint} are refused"),
        (true, true) => format!(
            "revoked as compromised, for good: signatures by {fingerprint} are refused by this \
             organization; by every other only once its owner revokes the signing key as \
             compromised",
        ),
        (false, _) => {
            format!("nothing was changed: signatures by {fingerprint} are refused already")
        }
    });
    let said = said::trusted_key(if changed { before } else { &key });
    text.extend(said.map(|said| format!("it was {said}")));
    let json = json!({
        "kind": "trusted",
        "id": key.id.to_string(),
        "org_id": key.org_id.to_string(),
        "fingerprint": fingerprint.to_string(),
        "revoked_at": key.revoked_at.as_ref().map(time::text),
        "note": key.revocation_note.as_ref().map(Note::as_str),
        "reason": key.revocation_reason.map(RevocationReason::as_str),
        "changed": changed,
    });
    Ok(Report::told(text, json))
}
