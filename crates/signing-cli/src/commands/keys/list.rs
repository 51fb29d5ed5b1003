use serde_json::{Value, json};
use signing_crypto::{KeyId, KeyName, Note, OrgName, TrustedKeyId};
use signing_trust::store::SigningKeyRecord;
use signing_trust::{GraphKey, KeyStanding, TrustPath, TrustedKey};

use super::make::signing_key_json;
use super::said;
use crate::commands::trust_graph::{key_json, limits_text, remark};
use crate::commands::trusted_key::trusted_json;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::output::{Lines, Report};
use crate::time;

/// Lists an organization's signing keys, the keys that it accepts, once for each path,
/// and what else it says about keys.
pub(super) async fn list(context: &Context, org: &str) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let signing = keys.list_signing_keys(org.id).await?;
    let accepted = keys.list_trusted_keys(org.id).await?;
    let graph = keys.trust_graph(Some(org.id)).await?;
    let own = graph.organization(org.id).map(|org| &*org.keys).unwrap_or_default();
    let is_refused = |key: &&GraphKey| {
        matches!(
            key.standing,
            KeyStanding::Revoked { .. }
                | KeyStanding::Denied { .. }
                | KeyStanding::Compromised { .. }
        )
    };
    let is_idle = |key: &&GraphKey| !is_refused(key) && key.standing != KeyStanding::Trusted;
    let refused: Vec<_> = own.iter().filter(is_refused).collect();
    let idle: Vec<_> = own.iter().filter(is_idle).collect();

    let mut text = Lines::from(format!("signing keys of {}", org.name));
    for key in &signing {
        let name = |id: KeyId| signing.iter().find(|other| other.id == id).map(|key| &key.name);
        let mut state = said::signing_key(key).map(|said| format!("  {said}")).unwrap_or_default();
        if let Some(old) = key.predecessor_id.and_then(name) {
            state += &format!("  in the place of {old}");
        }
        if let Some(new) = successor(key, &signing) {
            state += &format!("  {} is in its place", new.name);
        }
        text.push(format!("  {}  {}  {}{state}", key.id, key.fingerprint, key.name));
    }
    text.push(format!("keys whose signatures {} accepts", org.name));
    for key in &accepted {
        let (fingerprint, name, via, limits) =
            (key.key.fingerprint(), named(&key.name), &key.via, limits_text(&key.limits));
        match row_id(key) {
            Some(id) => text.push(format!("  {id}  {fingerprint}{name}  {via}{limits}")),
            None => {
                text.push(format!("  {fingerprint}{name}  {via}{limits}"));
                text.push(format!("    to refuse it: {}", refuse_with(key, &org.name)));
            }
        }
    }
    text.push(format!("keys whose signatures {} refuses", org.name));
    for key in &refused {
        let note = said::note(key.note.as_ref());
        let (name, remark) = (named(&key.name), remark(key));
        text.push(format!("  {}  {}{name}{remark}{note}", key.id, key.fingerprint));
    }
    if !idle.is_empty() {
        text.push(format!("keys that {} itself trusts no longer", org.name));
    }
    for key in &idle {
        text.push(format!("  {}  {}{}{}", key.id, key.fingerprint, named(&key.name), remark(key)));
    }
    let signing_document = |key: &SigningKeyRecord| {
        let mut document = signing_key_json(key);
        let successor = successor(key, &signing);
        document["successor_id"] = successor.map(|successor| successor.id.to_string()).into();
        document
    };
    let json = json!({
        "signing_keys": signing.iter().map(signing_document).collect::<Vec<_>>(),
        "accepted":
            accepted.iter().map(|key| accepted_json(key, &org.name)).collect::<Vec<_>>(),
        "refused": refused.into_iter().map(key_json).collect::<Vec<_>>(),
        "no_longer_trusted": idle.into_iter().map(key_json).collect::<Vec<_>>(),
    });
    Ok(Report::shown(text, json))
}

/// Lists the keys that every organization refuses, and who declared them compromised.
pub(super) async fn compromised(context: &Context) -> Result<Report, CliError> {
    let declared = context.keys().await?.list_compromised_keys().await?;
    let mut text = Lines::from("keys that every organization of the store refuses");
    let mut documents = Vec::new();
    for (key, org) in &declared {
        let (at, note) = (time::text(&key.declared_at), said::note(key.note.as_ref()));
        let fingerprint = key.fingerprint;
        text.push(format!("  {fingerprint}  declared compromised by {} at {at}{note}", org.name));
        documents.push(json!({
            "fingerprint": fingerprint.to_string(),
            "declared_by": org.id.to_string(),
            "org": org.name.as_str(),
            "declared_at": at,
            "note": key.note.as_ref().map(Note::as_str),
        }));
    }
    Ok(Report::shown(text, json!({ "compromised": documents })))
}

/// The key that is in the place of another, and is not revoked itself.
fn successor<'a>(
    key: &SigningKeyRecord,
    keys: &'a [SigningKeyRecord],
) -> Option<&'a SigningKeyRecord> {
    keys.iter().find(|other| other.predecessor_id == Some(key.id) && other.revoked_at.is_none())
}

/// What the key is called, to follow on its fingerprint.
fn named(name: &Option<KeyName>) -> String {
    name.as_ref().map(|name| format!("  {name}")).unwrap_or_default()
}

/// The organization's own row about the key. Of an inherited key the row is another
/// organization's, which is not this one's to act on.
fn row_id(key: &TrustedKey) -> Option<TrustedKeyId> {
    match &key.via {
        TrustPath::Direct { trusted_key } => Some(*trusted_key),
        _ => None,
    }
}

/// The command by which the organization accepts the key no longer.
fn refuse_with(key: &TrustedKey, org: &OrgName) -> String {
    match row_id(key) {
        Some(id) => format!("cloacina keys revoke --org {org} {id}"),
        None => format!("cloacina keys deny --org {org} {}", key.key.fingerprint()),
    }
}

fn accepted_json(key: &TrustedKey, org: &OrgName) -> Value {
    let mut document = trusted_json(key);
    document["id"] = row_id(key).map(|id| id.to_string()).into();
    document["refuse_with"] = refuse_with(key, org).into();
    document
}
