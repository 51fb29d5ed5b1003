//! What ends soon, or has ended not long ago.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::{
    DocumentTexts, EnvelopeSignature, Fingerprint, OrgName, PackagePatterns, SignatureEnvelope,
    TrustDocumentKind, shell_word,
};
use signing_trust::store::StoreError;
use signing_trust::{
    GrantStanding, GraphGrant, GraphKey, GraphOrganization, KeyStanding, TrustReader,
};

use super::check::Checks;
use crate::error::CliError;
use crate::lines::{counted, short};
use crate::renewal::Renewal;
use crate::signed_trust::{headers, newest_root};
use crate::time::Time;

const CHECK: &str = "expiry";
const SOON: TimeDelta = TimeDelta::days(30);
/// As many lines as somebody reads.
const MAX_LINES: usize = 20;

/// Something that ends.
struct Ending {
    at: DateTime<Utc>,
    what: String,
    next: String,
    /// For how long before it is near.
    notice: TimeDelta,
    /// Whether runners refuse everything of the organization when it has ended.
    stops_everything: bool,
    /// Whether it may still be needed long after its end, as trust in a key that can sign.
    is_in_use: bool,
}

impl Ending {
    fn soon(at: DateTime<Utc>, what: String, next: String) -> Self {
        Self { at, what, next, notice: SOON, stops_everything: false, is_in_use: false }
    }

    /// Whether it is near, or was not long ago. Long after its end, only what stops everything or is
    /// still in use is reported.
    fn is_reported(&self, now: DateTime<Utc>) -> bool {
        let is_lasting = self.stops_everything || self.is_in_use;
        self.at - now <= self.notice && (is_lasting || now - self.at <= SOON)
    }
}

pub(super) async fn check(keys: Option<&TrustReader>, checks: &mut Checks) {
    let Some(keys) = keys else {
        return checks.not_checked(CHECK, "there is no store to look at");
    };
    let now = Utc::now();
    let Some(found) = checks.read(CHECK, collect(keys, now).await) else { return };
    let (mut endings, unreadable) = found;
    for Unreadable { org, kind } in &unreadable {
        let what = format!("{org}'s signed trust ({kind}) cannot be read: runners refuse it");
        checks.problem(CHECK, what, format!("look at it: cloacina trust show --org {org}"));
    }
    if endings.is_empty() && unreadable.is_empty() {
        let what =
            "nothing expires within 30 days, and no document is in the last third of its lifetime";
        return checks.ok(CHECK, what);
    }
    endings.sort_by_key(|ending| (!(ending.stops_everything && ending.at <= now), ending.at));
    let left = endings.len().saturating_sub(MAX_LINES);
    for Ending { at, what, next, stops_everything, .. } in endings.into_iter().take(MAX_LINES) {
        match at <= now {
            true if stops_everything => {
                checks.problem(CHECK, format!("{what} ended at {}", Time(at)), next);
            }
            true => checks.warning(CHECK, format!("{what} ended at {}", Time(at)), next),
            false => checks.warning(CHECK, format!("{what} ends at {}", Time(at)), next),
        }
    }
    if left > 0 {
        checks.warning(
            CHECK,
            format!("{} ended or will end soon", counted(left as u64, "more thing")),
            "look at all of them: cloacina trust graph",
        );
    }
}

/// A document whose end is not known.
struct Unreadable {
    org: OrgName,
    kind: &'static str,
}

async fn collect(
    keys: &TrustReader,
    now: DateTime<Utc>,
) -> Result<(Vec<Ending>, Vec<Unreadable>), CliError> {
    let (mut endings, mut unreadable) = (Vec::new(), Vec::new());
    let graph = keys.trust_graph(None).await?;
    for org in graph.organizations.iter().filter(|org| org.deleted_at.is_none()) {
        let own = Keys::of(keys, org).await?;
        endings.extend(org.keys.iter().filter_map(|key| of_key(&org.name, key, &own.signing)));
        endings.extend(org.grants.iter().filter_map(|grant| of_grant(&org.name, grant)));
        of_signatures(keys, org, &own, now, &mut endings).await?;
        if let Some(texts) = keys.unverified_documents(org.id).await? {
            of_documents(&org.name, &texts, &mut endings, &mut unreadable);
        }
    }
    endings.retain(|ending| ending.is_reported(now));
    Ok((endings, unreadable))
}

/// What an organization's signatures are made and refused by.
struct Keys {
    /// Its own keys that can sign, as far as this role may see them: the store can prove them.
    signing: BTreeSet<Fingerprint>,
    refused: BTreeSet<Fingerprint>,
}

impl Keys {
    async fn of(keys: &TrustReader, org: &GraphOrganization) -> Result<Self, CliError> {
        let own = match keys.store().signing_keys(org.id).await {
            Err(StoreError::PermissionDenied(_)) => Vec::new(),
            own => own?,
        };
        let usable = own.into_iter().filter(|key| key.revoked_at.is_none());
        let refused = org.keys.iter().filter(|key| {
            !matches!(key.standing, KeyStanding::Trusted | KeyStanding::Expired { .. })
        });
        Ok(Self {
            signing: usable.map(|key| key.fingerprint).collect(),
            refused: refused.map(|key| key.fingerprint).collect(),
        })
    }
}

/// `own` are the signing keys of the organization itself, which the store can prove.
fn of_key(org: &OrgName, key: &GraphKey, own: &BTreeSet<Fingerprint>) -> Option<Ending> {
    match key.standing {
        KeyStanding::Trusted | KeyStanding::Expired { .. } => {}
        _ => return None,
    }
    let name = match &key.name {
        Some(name) => name.to_string(),
        None => key.fingerprint.to_string(),
    };
    let digits = short(&key.fingerprint);
    let is_in_use = own.contains(&key.fingerprint);
    let (which, otherwise) = match is_in_use {
        true => (
            format!("--key-id {digits}"),
            format!(
                "; if it is not to sign any more: cloacina keys revoke --signing {org}/{digits}"
            ),
        ),
        false => ("--import <public key>".to_owned(), String::new()),
    };
    let what = format!("{org}'s trust in {name}");
    let next =
        format!("to renew it: cloacina keys trust --org {org} {which} --expires 365d{otherwise}");
    Some(Ending { is_in_use, ..Ending::soon(key.expires_at?, what, next) })
}

fn of_grant(org: &OrgName, grant: &GraphGrant) -> Option<Ending> {
    match grant.standing {
        GrantStanding::InForce | GrantStanding::Expired { .. } => {}
        _ => return None,
    }
    let child = &grant.child_name;
    let patterns = grant.limits.packages.iter().flat_map(PackagePatterns::patterns);
    let packages: String =
        patterns.map(|pattern| format!(" --packages {}", shell_word(pattern))).collect();
    let what = format!("the trust that {org} grants {child}");
    let next = format!(
        "to renew it: cloacina orgs grant-trust --from {org} --to {child}{packages} --expires 365d"
    );
    Some(Ending::soon(grant.limits.expires_at?, what, next))
}

/// The signatures that the store keeps. One that cannot be read counts nowhere, and one whose
/// signers are refused needs no successor.
async fn of_signatures(
    keys: &TrustReader,
    org: &GraphOrganization,
    own: &Keys,
    now: DateTime<Utc>,
    endings: &mut Vec<Ending>,
) -> Result<(), CliError> {
    let mut all = keys.store().each_stored_signature(org.id);
    while let Some(record) = all.next().await? {
        let envelope = SignatureEnvelope::parse(record.envelope.as_bytes()).ok();
        let Some(envelope) = envelope else { continue };
        let Ok(statement) = envelope.unverified_statement() else { continue };
        let Some(expires_at) = statement.expires_at() else { continue };
        let signers: Vec<_> =
            envelope.signatures().iter().filter_map(EnvelopeSignature::claimed_signer).collect();
        let is_refused = |signature: &EnvelopeSignature| {
            signature.claimed_signer().is_some_and(|signer| own.refused.contains(&signer))
        };
        if envelope.signatures().iter().all(is_refused) {
            continue;
        }
        let key = match signers.iter().find(|signer| own.signing.contains(signer)) {
            Some(signer) => format!("--key-id {}/{}", org.name, short(signer)),
            None => format!("--key <private key> --org {}", org.name),
        };
        let version = statement.version().map(|version| format!(" --package-version {version}"));
        let name = shell_word(statement.name().as_str());
        let others = match envelope.signatures().len() {
            1 => String::new(),
            _ => format!(
                "; have each other signer add theirs: cloacina package cosign <path> --name {name} \
                 --org {} --store --key <private key>",
                org.name
            ),
        };
        let what = format!("{}'s signature {} for {}", org.name, record.id, statement.name());
        let next = format!(
            "if the package is still used, sign it again: cloacina sign <path> --name {name}{} {key} \
             --store --force --expires 365d{others}; then remove this signature: cloacina package \
             unstore {}",
            version.unwrap_or_default(),
            record.id,
        );
        let ending = Ending::soon(expires_at.to_utc(), what, next);
        // There may be any number of them.
        endings.extend(Some(ending).filter(|ending| ending.is_reported(now)));
    }
    Ok(())
}

/// The newest documents, as the store shows them.
fn of_documents(
    org: &OrgName,
    texts: &DocumentTexts,
    endings: &mut Vec<Ending>,
    unreadable: &mut Vec<Unreadable>,
) {
    let newest = newest_root(texts);
    for (kind, header) in headers(texts) {
        let name = match kind {
            TrustDocumentKind::Root => "root document",
            TrustDocumentKind::Statement => "trust statement",
            _ => "revocations",
        };
        let Ok(header) = header else {
            unreadable.push(Unreadable { org: org.clone(), kind: name });
            continue;
        };
        let next = match &newest {
            Some(root) => Renewal::of(kind, org, root, None).to_string(),
            None => format!("look at it: cloacina trust show --org {org}"),
        };
        let (issued, at) = (header.issued_at.to_utc(), header.expires_at.to_utc());
        endings.push(Ending {
            at,
            what: format!("{org}'s signed trust ({name})"),
            next,
            // A document that lives for a month is not near its end for all of it.
            notice: SOON.min((at - issued) / 3),
            stops_everything: true,
            is_in_use: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_soon_is_reported_and_what_ended_long_ago_is_not() {
        let now = Utc::now();
        let ending = |days, notice, stops_everything| Ending {
            notice: TimeDelta::days(notice),
            stops_everything,
            ..Ending::soon(now + TimeDelta::days(days), String::new(), String::new())
        };
        let reported = |days, notice, stops_everything| {
            ending(days, notice, stops_everything).is_reported(now)
        };
        assert!(reported(29, 30, false) && !reported(31, 30, false));
        // Revocations that live for a month.
        assert!(reported(9, 10, true) && !reported(11, 10, true));
        assert!(reported(-29, 30, false) && !reported(-31, 30, false));
        // Runners still refuse everything.
        assert!(reported(-400, 10, true));
        // Every package that this key signs is refused.
        assert!(Ending { is_in_use: true, ..ending(-31, 30, false) }.is_reported(now));
    }
}
