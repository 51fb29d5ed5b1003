use serde_json::{Value, json};
use signing_crypto::KeyName;
use signing_trust::store::TrustedKeyRecord;
use signing_trust::{TrustPath, TrustedKey};

use super::make::signing_key_json;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::Report;

/// Lists an organisation's signing keys, the keys that it accepts and by which
/// path, and those that it refuses.
pub(super) async fn list(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let signing = keys.list_signing_keys(org.id).await?;
    let accepted = keys.list_trusted_keys(org.id).await?;
    let refused: Vec<_> = keys
        .list_own_trusted_keys(org.id)
        .await?
        .into_iter()
        .filter(|key| key.revoked_at.is_some())
        .collect();

    let mut text = format!("signing keys of {}\n", org.name);
    for key in &signing {
        let state = if key.revoked_at.is_some() { "  revoked" } else { "" };
        text += &format!("  {}  {}  {}{state}\n", key.id, key.fingerprint, key.name);
    }
    text += &format!("keys whose signatures {} accepts\n", org.name);
    for key in &accepted {
        text += &format!("  {}  {}  {}\n", row_id(key), key.key.fingerprint(), key.via);
    }
    text += &format!("keys whose signatures {} refuses\n", org.name);
    for key in &refused {
        text += &format!("  {}  {}\n", key.id, key.fingerprint);
    }
    let json = json!({
        "signing_keys": signing.iter().map(signing_key_json).collect::<Vec<_>>(),
        "accepted": accepted.iter().map(accepted_json).collect::<Vec<_>>(),
        "refused": refused.iter().map(refused_json).collect::<Vec<_>>(),
    });
    Ok(Report::new(text, json))
}

fn row_id(key: &TrustedKey) -> String {
    match &key.via {
        TrustPath::Direct { trusted_key } | TrustPath::Granted { trusted_key, .. } => {
            trusted_key.to_string()
        }
        _ => String::new(),
    }
}

fn accepted_json(key: &TrustedKey) -> Value {
    let via = match &key.via {
        TrustPath::Granted { child, child_name, grant, .. } => json!({
            "path": "granted",
            "org_id": child.to_string(),
            "org": child_name.as_str(),
            "grant_id": grant.to_string(),
        }),
        _ => json!({ "path": "direct" }),
    };
    json!({
        "id": row_id(key),
        "fingerprint": key.key.fingerprint().to_string(),
        "name": key.name.as_ref().map(KeyName::as_str),
        "via": via,
    })
}

fn refused_json(key: &TrustedKeyRecord) -> Value {
    json!({
        "id": key.id.to_string(),
        "fingerprint": key.fingerprint.to_string(),
        "revoked_at": key.revoked_at.map(|at| at.to_rfc3339()),
    })
}
