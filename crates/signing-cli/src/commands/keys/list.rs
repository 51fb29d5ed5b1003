use serde_json::{Value, json};
use signing_trust::{GraphKey, KeyStanding, TrustPath, TrustedKey};

use super::make::signing_key_json;
use crate::commands::trust_graph::{key_json, limits_text, remark};
use crate::commands::trusted_key::trusted_json;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::{Lines, Report};

/// Lists an organisation's signing keys, the keys that it accepts, once for each path,
/// and what else it says about keys.
pub(super) async fn list(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let signing = keys.list_signing_keys(org.id).await?;
    let accepted = keys.list_trusted_keys(org.id).await?;
    let graph = keys.trust_graph(Some(org.id)).await?;
    let own = graph.organization(org.id).map(|org| &*org.keys).unwrap_or_default();
    let is_refused = |key: &&GraphKey| {
        matches!(key.standing, KeyStanding::Revoked { .. } | KeyStanding::Compromised { .. })
    };
    let is_idle = |key: &&GraphKey| !is_refused(key) && key.standing != KeyStanding::Trusted;
    let refused: Vec<_> = own.iter().filter(is_refused).collect();
    let idle: Vec<_> = own.iter().filter(is_idle).collect();

    let mut text = Lines::from(format!("signing keys of {}", org.name));
    for key in &signing {
        let state = if key.revoked_at.is_some() { "  revoked" } else { "" };
        text.push(format!("  {}  {}  {}{state}", key.id, key.fingerprint, key.name));
    }
    text.push(format!("keys whose signatures {} accepts", org.name));
    for key in &accepted {
        let limits = limits_text(&key.limits);
        text.push(format!("  {}  {}  {}{limits}", row_id(key), key.key.fingerprint(), key.via));
    }
    text.push(format!("keys whose signatures {} refuses", org.name));
    for key in &refused {
        text.push(format!("  {}  {}{}", key.id, key.fingerprint, remark(key)));
    }
    if !idle.is_empty() {
        text.push(format!("keys that {} itself trusts no longer", org.name));
    }
    for key in &idle {
        text.push(format!("  {}  {}{}", key.id, key.fingerprint, remark(key)));
    }
    let json = json!({
        "signing_keys": signing.iter().map(signing_key_json).collect::<Vec<_>>(),
        "accepted": accepted.iter().map(accepted_json).collect::<Vec<_>>(),
        "refused": refused.into_iter().map(key_json).collect::<Vec<_>>(),
        "no_longer_trusted": idle.into_iter().map(key_json).collect::<Vec<_>>(),
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
    let mut document = trusted_json(key);
    document["id"] = row_id(key).into();
    document
}
