//! A key whose signatures count, for programs: alike wherever one is told of.

use serde_json::{Value, json};
use signing_crypto::KeyName;
use signing_trust::{TrustPath, TrustedKey, UntrustedReason};

use super::trust_graph::limits_json;

/// The key, what it is called, by which path it is trusted and how far.
pub(super) fn trusted_json(key: &TrustedKey) -> Value {
    let mut document = limits_json(&key.limits);
    document["fingerprint"] = key.key.fingerprint().to_string().into();
    document["name"] = key.name.as_ref().map(KeyName::as_str).into();
    document["via"] = via_json(&key.via);
    document
}

/// A path of trust.
pub(super) fn via_json(via: &TrustPath) -> Value {
    match via {
        TrustPath::Pinned => json!({ "path": "pinned" }),
        TrustPath::Direct { trusted_key } => {
            json!({ "path": "direct", "trusted_key_id": trusted_key.to_string() })
        }
        // The row about the key is the other organization's to act on.
        TrustPath::Granted { grant, child, child_name, .. } => json!({
            "path": "granted",
            "grant_id": grant.to_string(),
            "org_id": child.to_string(),
            "org": child_name.as_str(),
        }),
        _ => json!({ "path": "other" }),
    }
}

/// Why a key's signatures do not count, in a word.
pub(super) fn reason_word(reason: &UntrustedReason) -> &'static str {
    match reason {
        UntrustedReason::Unknown => "unknown",
        UntrustedReason::NotPinned => "not_pinned",
        UntrustedReason::Compromised { .. } => "compromised",
        UntrustedReason::Expired { .. } => "expired",
        UntrustedReason::Revoked { .. } => "revoked",
        UntrustedReason::Denied { .. } => "denied",
        UntrustedReason::RevokedByChild { .. } => "revoked_by_child",
        UntrustedReason::ExpiredAtChild { .. } => "expired_at_child",
        UntrustedReason::GrantExpired { .. } => "grant_expired",
        UntrustedReason::OtherPackages { .. } => "other_packages",
        UntrustedReason::ChildDeleted { .. } => "child_deleted",
        UntrustedReason::OrganizationDeleted { .. } => "organization_deleted",
        _ => "other",
    }
}
