//! What rows take away from signed trust. They add nothing to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use signing_crypto::{Fingerprint, OrgId, PackageName, PackageVersion};

use crate::snapshot::{KeyStatement, KeyStatus, KeyTrust, OrganizationTrust, StatedBy, TrustGrant};

/// What `signed` and `rows` both trust: about the keys that the rows were asked about, by the
/// grants that both contain, and refused where either refuses.
pub(crate) fn restricted_by_rows(
    signed: &OrganizationTrust,
    rows: OrganizationTrust,
) -> OrganizationTrust {
    let (grants, places) = both_grant(signed, &rows);
    let mut trust = OrganizationTrust {
        grants,
        floors: highest(&signed.floors, rows.floors.clone()),
        documents: signed.documents,
        keys: BTreeMap::new(),
        ..rows.clone()
    };
    for (fingerprint, row) in &rows.keys {
        let key = both_say(*fingerprint, signed, &rows, row, &places);
        trust.keys.insert(*fingerprint, key);
    }
    // The rows may be silent about a key that the organization has denied by a document.
    for (&fingerprint, signed_key) in &signed.keys {
        let denies = |by: StatedBy| matches!(by, StatedBy::Organization(_));
        let denials = signed_key
            .statements
            .iter()
            .filter(|statement| denies(statement.by) && statement.status.revoked.is_some());
        let statements: Vec<_> = denials.cloned().collect();
        if !statements.is_empty() {
            let only_denied = KeyTrust { statements, ..KeyTrust::default() };
            trust.keys.entry(fingerprint).or_insert(only_denied);
        }
    }
    trust
}

/// The grants that both contain, and at which place each is by its child.
fn both_grant(
    signed: &OrganizationTrust,
    rows: &OrganizationTrust,
) -> (Vec<TrustGrant>, BTreeMap<OrgId, usize>) {
    let mut grants = Vec::new();
    for grant in &signed.grants {
        let Some(row) = rows.grants.iter().find(|row| row.child == grant.child) else { continue };
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
    let places = grants.iter().enumerate().map(|(place, grant)| (grant.child, place)).collect();
    (grants, places)
}

/// What both say about a key.
fn both_say(
    fingerprint: Fingerprint,
    signed: &OrganizationTrust,
    rows: &OrganizationTrust,
    row: &KeyTrust,
    places: &BTreeMap<OrgId, usize>,
) -> KeyTrust {
    let says = |trust: &OrganizationTrust, key: &KeyTrust, who: Option<OrgId>| {
        let by = |by: StatedBy| match by {
            StatedBy::Child(place, _) => Some(trust.grants[place].child),
            StatedBy::Organization(_) | StatedBy::Pinned => None,
        };
        key.statements.iter().find(|statement| by(statement.by) == who).cloned()
    };
    let signed_key = signed.keys.get(&fingerprint).cloned().unwrap_or_default();
    let mut statements = Vec::new();
    let own = (says(signed, &signed_key, None), says(rows, row, None));
    match own {
        (Some(signed), Some(row)) => {
            let by = StatedBy::Organization(row.by.row());
            let status = match row.status.is_in_effect() || signed.status.revoked.is_some() {
                true => lesser(signed.status, &row.status),
                false => row.status,
            };
            statements.push(KeyStatement { by, status });
        }
        (Some(signed), None) if signed.status.revoked.is_some() => statements.push(signed),
        (None, Some(row)) if row.status.revoked.is_some() => statements.push(row),
        _ => {}
    }
    for grant in &signed.grants {
        let Some(&place) = places.get(&grant.child) else { continue };
        let who = Some(grant.child);
        let both = (says(signed, &signed_key, who), says(rows, row, who));
        if let (Some(signed), Some(row)) = both
            && row.status.is_in_effect()
        {
            let by = StatedBy::Child(place, row.by.row());
            statements.push(KeyStatement { by, status: lesser(signed.status, &row.status) });
        }
    }
    let is_trusted = |status: &KeyStatus| status.is_in_effect() && status.revoked.is_none();
    let trusts = |key: &KeyTrust| key.statements.iter().any(|one| is_trusted(&one.status));
    KeyTrust {
        compromised_at: row.compromised_at,
        is_unreadable: row.is_unreadable,
        is_unsigned: statements.is_empty() && trusts(row),
        statements,
    }
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
        if *row < *floor {
            *row = floor.clone();
        }
    }
    rows
}
