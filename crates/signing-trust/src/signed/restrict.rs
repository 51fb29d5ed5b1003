//! What rows take away from signed trust. They add nothing to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, OrgId, PackageName, PackageVersion};

use crate::decision::Signers;
use crate::rules::{DecisionContext, Packages, decide};
use crate::snapshot::{
    DocumentsOfChild, KeyEntry, KeyStatus, KeyTrust, OrganizationTrust, StatedBy, TrustGrant,
};

/// What `signed` and `rows` both trust: about the keys that the rows were asked about, by the
/// grants that both contain, and refused where either refuses.
pub(crate) fn restricted_by_rows(
    signed: &OrganizationTrust,
    rows: OrganizationTrust,
) -> OrganizationTrust {
    let mut trust = OrganizationTrust {
        grants: both_grant(signed, &rows),
        floors: highest(&signed.floors, rows.floors.clone()),
        documents: signed.documents.clone(),
        keys: BTreeMap::new(),
        ..rows.clone()
    };
    for (fingerprint, row) in &rows.keys {
        let key = both_say(*fingerprint, signed, &rows, row, &trust.grants);
        trust.keys.insert(*fingerprint, key);
    }
    trust
}

/// The grants that both contain.
fn both_grant(signed: &OrganizationTrust, rows: &OrganizationTrust) -> Vec<TrustGrant> {
    let of_child: BTreeMap<_, _> = rows.grants.iter().map(|row| (row.child, row)).collect();
    let mut grants = Vec::new();
    for grant in &signed.grants {
        let Some(row) = of_child.get(&grant.child) else { continue };
        let mut limits = grant.limits.clone();
        limits.expires_at = earliest(limits.expires_at, row.limits.expires_at);
        let is_narrowed = row.limits.packages != grant.limits.packages;
        grants.push(TrustGrant {
            id: row.id,
            child_deleted_at: row.child_deleted_at,
            limits,
            narrowed_to: row.limits.packages.clone().filter(|_| is_narrowed),
            ..grant.clone()
        });
    }
    grants
}

/// What both say about a key.
fn both_say(
    fingerprint: Fingerprint,
    signed: &OrganizationTrust,
    rows: &OrganizationTrust,
    row: &KeyTrust,
    grants: &[TrustGrant],
) -> KeyTrust {
    let nothing = KeyTrust::default();
    let by_signed = by_organization(signed, signed.keys.get(&fingerprint).unwrap_or(&nothing));
    let by_rows = by_organization(rows, row);
    let says = |said: &BTreeMap<Option<OrgId>, &KeyEntry>, who| -> Option<KeyEntry> {
        said.get(&who).map(|entry| KeyEntry::clone(entry))
    };
    let mut entries = Vec::new();
    let own = (says(&by_signed, None), says(&by_rows, None));
    match own {
        (Some(signed), Some(row)) => {
            let by = StatedBy::Organization(row.by.row());
            let status = match row.status.is_in_effect() || signed.status.revoked.is_some() {
                true => lesser(signed.status, &row.status),
                false => row.status,
            };
            entries.push(KeyEntry { by, status });
        }
        (Some(signed), None) if signed.status.revoked.is_some() => entries.push(signed),
        (None, Some(row)) if row.status.revoked.is_some() => entries.push(row),
        _ => {}
    }
    for (place, grant) in grants.iter().enumerate() {
        let who = Some(grant.child);
        let both = (says(&by_signed, who), says(&by_rows, who));
        let Some(row) = both.1.filter(|row| row.status.is_in_effect()) else { continue };
        let by = StatedBy::Child(place, row.by.row());
        match (both.0, &grant.documents) {
            (Some(signed), _) => {
                entries.push(KeyEntry { by, status: lesser(signed.status, &row.status) });
            }
            // It does not count, and the refusal says why.
            (None, DocumentsOfChild::Refused(_)) => {
                entries.push(KeyEntry { by, status: row.status });
            }
            (None, _) => {}
        }
    }
    let rows_trust_it = || {
        let context = DecisionContext::at(rows.now());
        let decision = decide(rows, &Signers::one(fingerprint), Packages::Any, context);
        decision.about(&fingerprint).is_ok()
    };
    KeyTrust {
        compromised_at: row.compromised_at,
        is_unreadable: row.is_unreadable,
        is_unsigned: entries.is_empty() && rows_trust_it(),
        entries,
    }
}

/// What each organization says about a key; the one whose trust it is has no name here.
fn by_organization<'a>(
    trust: &OrganizationTrust,
    key: &'a KeyTrust,
) -> BTreeMap<Option<OrgId>, &'a KeyEntry> {
    let who = |by: StatedBy| match by {
        StatedBy::Child(place, _) => Some(trust.grants[place].child),
        StatedBy::Organization(_) | StatedBy::Pinned => None,
    };
    key.entries.iter().map(|entry| (who(entry.by), entry)).collect()
}

/// The signed status, as far as the row bears it out.
fn lesser(signed: KeyStatus, row: &KeyStatus) -> KeyStatus {
    KeyStatus {
        revoked: signed.revoked.or(row.revoked),
        expires_at: earliest(signed.expires_at, row.expires_at),
        ..signed
    }
}

fn earliest(one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    [one, other].into_iter().flatten().min()
}

fn highest(
    signed: &BTreeMap<PackageName, PackageVersion>,
    mut rows: BTreeMap<PackageName, PackageVersion>,
) -> BTreeMap<PackageName, PackageVersion> {
    for (package, floor) in signed {
        let row = rows.entry(package.clone()).or_insert_with(|| floor.clone());
        if row.cmp_precedence(floor).is_lt() {
            *row = floor.clone();
        }
    }
    rows
}
