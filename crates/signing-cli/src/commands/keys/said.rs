//! When and why a key was revoked, alike wherever it is told.

use chrono::{DateTime, Utc};
use serde_json::json;
use signing_crypto::Note;
use signing_trust::store::{SigningKeyRecord, TrustedKeyRecord};

use crate::time;

/// `revoked at … as retired: "…"`, of a signing key that was.
pub(super) fn signing_key(key: &SigningKeyRecord) -> Option<String> {
    let (reason, note) = (key.revocation_reason.unwrap_or_default(), &key.revocation_note);
    Some(format!("revoked {}", at_as(key.revoked_at.as_ref()?, reason, note.as_ref())))
}

/// The same, of a key that an organization has trusted; `denied at …` of one that it has not.
pub(super) fn trusted_key(key: &TrustedKeyRecord) -> Option<String> {
    let (reason, note) = (key.revocation_reason.unwrap_or_default(), &key.revocation_note);
    if key.public_key.is_none() {
        let at = time::text(key.revoked_at.as_ref()?);
        return Some(format!("denied at {at}{}", self::note(note.as_ref())));
    }
    Some(format!("revoked {}", at_as(key.revoked_at.as_ref()?, reason, note.as_ref())))
}

fn at_as(at: &DateTime<Utc>, reason: impl std::fmt::Display, note: Option<&Note>) -> String {
    format!("at {} as {reason}{}", time::text(at), self::note(note))
}

/// What somebody said, to follow on what it is about. It is quoted, since it may be any
/// words.
pub(super) fn note(note: Option<&Note>) -> String {
    note.map(|note| format!(": {}", json!(note.as_str()))).unwrap_or_default()
}
