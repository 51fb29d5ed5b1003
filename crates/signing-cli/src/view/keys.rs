//! Signing keys, and what an organization's rows state about keys.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use signing_crypto::{Fingerprint, KeyId, KeyName, Note, OrgId, TrustedKeyId};
use signing_trust::store::{RevocationReason, SigningKeyRecord, TrustedKeyRecord};
use signing_trust::{GraphKey, KeyStanding, TrustGraph};

use super::{GraphKeyView, standing_text};
use crate::lines::{Cell, ShortIds, Table};
use crate::time::Time;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SigningKeyView<'a> {
    pub(crate) id: KeyId,
    org_id: OrgId,
    pub(crate) name: &'a KeyName,
    pub(crate) fingerprint: Fingerprint,
    created_at: Time,
    revoked_at: Option<Time>,
    reason: Option<&'static str>,
    note: Option<&'a Note>,
    predecessor_id: Option<KeyId>,
}

impl<'a> SigningKeyView<'a> {
    pub(crate) fn of(key: &'a SigningKeyRecord) -> Self {
        Self {
            id: key.id,
            org_id: key.org_id,
            name: &key.name,
            fingerprint: key.fingerprint,
            created_at: Time(key.created_at),
            revoked_at: key.revoked_at.map(Time),
            reason: key.revocation_reason.map(RevocationReason::as_str),
            note: key.revocation_note.as_ref(),
            predecessor_id: key.predecessor_id,
        }
    }

    pub(crate) fn row<'r>(&'r self, state: &'r str) -> KeyRow<'r> {
        let (id, name) = (Some(self.id.to_string()), Some(self.name.as_str()));
        KeyRow { id, fingerprint: self.fingerprint, name, state }
    }
}

/// What the organization states about a key.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatedKeyView<'a> {
    #[serde(flatten)]
    key: GraphKeyView<'a>,
    #[serde(skip)]
    state: String,
    /// The name by which a command takes a key that has no other.
    #[serde(skip)]
    name_by_grant: Option<String>,
}

impl<'a> StatedKeyView<'a> {
    pub(crate) fn of(key: &'a GraphKey, graph: &TrustGraph, org: OrgId) -> Self {
        let standing = standing_text(key);
        let state = match key.standing {
            KeyStanding::Trusted => format!("trusted{}", standing.replacen("  ", " ", 1)),
            _ => format!("{}{}", standing.trim_start(), quoted_note(key.note.as_ref())),
        };
        let name_by_grant = name_by_grant(graph, org, key.fingerprint);
        Self { key: GraphKeyView::of(key), state, name_by_grant }
    }

    pub(crate) fn row(&self) -> KeyRow<'_> {
        let Self { key, state, name_by_grant } = self;
        KeyRow {
            id: key.id.map(|id| id.to_string()),
            fingerprint: key.fingerprint,
            name: key.name.map(KeyName::as_str).or(name_by_grant.as_deref()),
            state,
        }
    }
}

/// A key in a table.
pub(crate) struct KeyRow<'a> {
    pub(crate) id: Option<String>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: Option<&'a str>,
    pub(crate) state: &'a str,
}

impl KeyRow<'_> {
    /// What a command takes for one of these keys.
    pub(crate) fn short_ids<'r>(rows: impl Iterator<Item = &'r KeyRow<'r>> + Clone) -> ShortIds {
        let ids = rows.clone().flat_map(|row| [row.id.clone(), Some(row.fingerprint.to_string())]);
        ShortIds::new(ids.flatten(), rows.filter_map(|row| row.name))
    }

    pub(crate) fn table(rows: &[Self], ids: &ShortIds) -> Table {
        let mut table = Table::new(["NAME", "KEY", "STATE"]).with_wide_column("ID").indented();
        for Self { id, fingerprint, name, state } in rows {
            let (name, id) = (Cell::or_dash(*name), Cell::optional(id.as_ref()));
            table.row([name, ids.cell(fingerprint), state.into(), id]);
        }
        table
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TrustedRowView<'a> {
    pub(crate) id: TrustedKeyId,
    org_id: OrgId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: Option<&'a KeyName>,
    pub(crate) expires_at: Option<Time>,
    revoked_at: Option<Time>,
    reason: Option<&'static str>,
    note: Option<&'a Note>,
}

impl<'a> TrustedRowView<'a> {
    pub(crate) fn of(key: &'a TrustedKeyRecord) -> Self {
        Self {
            id: key.id,
            org_id: key.org_id,
            fingerprint: key.fingerprint,
            name: key.name.as_ref(),
            expires_at: key.expires_at.map(Time),
            revoked_at: key.revoked_at.map(Time),
            reason: key.revocation_reason.map(RevocationReason::as_str),
            note: key.revocation_note.as_ref(),
        }
    }
}

/// What an organization that `org` granted trust calls a key, as a command takes it.
fn name_by_grant(graph: &TrustGraph, org: OrgId, key: Fingerprint) -> Option<String> {
    let others = graph.organizations.iter().filter(|other| other.id != org);
    others.into_iter().find_map(|other| {
        let row = other.keys.iter().find(|row| row.fingerprint == key)?;
        Some(format!("{}/{}", other.name, row.name.as_ref()?))
    })
}

/// `revoked at … as retired: "…"`, if the key was revoked.
pub(crate) fn revocation_of(key: &SigningKeyRecord) -> Option<String> {
    let (reason, note) = (key.revocation_reason.unwrap_or_default(), &key.revocation_note);
    Some(revoked(key.revoked_at?, reason, note.as_ref()))
}

/// The same for a key that the organization has trusted, and `denied at …` for another.
pub(crate) fn refusal_of(key: &TrustedKeyRecord) -> Option<String> {
    let (at, note) = (key.revoked_at?, key.revocation_note.as_ref());
    Some(match key.public_key {
        Some(_) => revoked(at, key.revocation_reason.unwrap_or_default(), note),
        None => format!("denied at {}{}", Time(at), quoted_note(note)),
    })
}

fn revoked(at: DateTime<Utc>, reason: RevocationReason, note: Option<&Note>) -> String {
    format!("revoked at {} as {reason}{}", Time(at), quoted_note(note))
}

/// A note, to follow what it is about. It is quoted, because it may contain any words.
pub(crate) fn quoted_note(note: Option<&Note>) -> String {
    note.map(|note| format!(": {}", json!(note))).unwrap_or_default()
}
