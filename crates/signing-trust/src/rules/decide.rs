//! The rules of trust: whose signatures count. What signed documents take away is applied before
//! (`signed/restrict.rs`).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
#[cfg(feature = "store")]
use signing_crypto::TrustedKeyId;
use signing_crypto::{Fingerprint, PackageName, PackagePatterns, RevocationReason, TrustLimits};

use crate::acceptance::ClockSkewAllowance;
use crate::decision::{
    KeyDecision, Signers, TrustDecision, TrustPath, TrustedKey, UntrustedReason,
};
use crate::document_error::{DocumentOwner, SignedTrustError};
use crate::snapshot::{
    DocumentsOfChild, Expiry, KeyEntry, KeyStatus, OrganizationTrust, StatedBy, TrustGrant,
};

/// When a decision is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecisionContext {
    /// The moment that expiry is measured against.
    pub(crate) now: DateTime<Utc>,
    /// How far that may be ahead of the clock by which an expiry was set.
    pub(crate) clock_skew_allowance: ClockSkewAllowance,
    /// The most keys that are found for signatures that name none.
    pub(crate) max_unnamed: usize,
}

impl DecisionContext {
    /// At `now`, with no allowance.
    pub(crate) fn at(now: DateTime<Utc>) -> Self {
        Self { now, clock_skew_allowance: ClockSkewAllowance::NONE, max_unnamed: usize::MAX }
    }

    pub(crate) fn with_allowance(self, clock_skew_allowance: ClockSkewAllowance) -> Self {
        Self { clock_skew_allowance, ..self }
    }

    /// The time, if what ends then has ended.
    fn ended(self, expires_at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        // An end after the last time that can be written never comes.
        let allowance = self.clock_skew_allowance.as_delta();
        let end = |at: &DateTime<Utc>| at.checked_add_signed(allowance);
        expires_at.filter(|at| end(at).is_some_and(|end| self.now >= end))
    }
}

/// The packages that keys are to be good for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Packages<'a> {
    /// This one.
    Named(&'a PackageName),
    /// Each and every one.
    All,
    /// At least one.
    Any,
}

impl Packages<'_> {
    fn are_within(self, limit: &PackagePatterns) -> bool {
        match self {
            Self::Named(name) => limit.matches(name),
            Self::All => false,
            Self::Any => true,
        }
    }
}

/// Decides on the keys that are named as signers and, if a signature names none, on every
/// key that is trusted and so may have made it.
pub(crate) fn decide(
    trust: &OrganizationTrust,
    signers: &Signers,
    packages: Packages<'_>,
    context: DecisionContext,
) -> TrustDecision {
    let decided = |&fingerprint: &Fingerprint| KeyDecision {
        fingerprint,
        verdict: verdict(trust, &fingerprint, packages, context),
    };
    let mut keys: Vec<_> = signers.named.iter().map(decided).collect();
    if signers.unnamed {
        let others = trust.keys.keys().filter(|key| !signers.named.contains(key));
        let trusted = others.map(decided).filter(|decided| decided.verdict.is_ok());
        keys.extend(trusted.take(context.max_unnamed));
    }
    let floor = match packages {
        Packages::Named(name) => trust.floors.get(name).cloned(),
        Packages::All | Packages::Any => None,
    };
    TrustDecision { keys, now: context.now, floor }
}

impl OrganizationTrust {
    /// Checks that none of the organization's signed documents has expired, if it has any.
    pub(crate) fn require_current(&self, context: DecisionContext) -> Result<(), SignedTrustError> {
        match &self.documents {
            Some(expiry) => require_current(expiry, context),
            None => Ok(()),
        }
    }
}

/// Every key that is trusted, once for each path, in the order of their fingerprints.
#[cfg(feature = "store")]
pub(crate) fn trusted_paths(
    trust: &OrganizationTrust,
    packages: Packages<'_>,
    context: DecisionContext,
) -> Vec<TrustedKey> {
    let any = Signers { named: Vec::new(), unnamed: true };
    let decision = decide(trust, &any, packages, context);
    let paths = decision.keys.iter().flat_map(|KeyDecision { fingerprint, .. }| {
        let path = move |entry| path(trust, fingerprint, entry, packages, context).ok();
        trust.keys[fingerprint].entries.iter().filter_map(path)
    });
    paths.collect()
}

fn verdict(
    trust: &OrganizationTrust,
    fingerprint: &Fingerprint,
    packages: Packages<'_>,
    context: DecisionContext,
) -> Result<TrustedKey, UntrustedReason> {
    let unknown = match &trust.organization {
        Some(organization) => match organization.deleted_at {
            Some(at) => return Err(UntrustedReason::OrganizationDeleted { at }),
            None => UntrustedReason::Unknown,
        },
        None => UntrustedReason::NotPinned,
    };
    let Some(key) = trust.keys.get(fingerprint) else { return Err(unknown) };
    if let Some(at) = key.compromised_at {
        return Err(UntrustedReason::Compromised { at });
    }
    if key.is_unreadable {
        return Err(unknown);
    }
    let (mut trusted, mut refusal): (Option<TrustedKey>, _) = (None, None);
    for entry in &key.entries {
        match (path(trust, fingerprint, entry, packages, context), &mut trusted) {
            (Ok(found), None) => trusted = Some(found),
            (Ok(found), Some(first)) => first.vouchers.extend(found.vouchers),
            // The parent's own denial wins over every grant.
            (Err(own @ (UntrustedReason::Revoked { .. } | UntrustedReason::Denied { .. })), _) => {
                return Err(own);
            }
            (Err(UntrustedReason::Unknown), _) => {}
            (Err(reason), _) => refusal = refusal.or(Some(reason)),
        }
    }
    let silent = if key.is_unsigned { UntrustedReason::NotSigned } else { unknown };
    trusted.ok_or_else(|| refusal.unwrap_or(silent))
}

/// Whether the key is trusted by this statement alone.
fn path(
    trust: &OrganizationTrust,
    fingerprint: &Fingerprint,
    entry: &KeyEntry,
    packages: Packages<'_>,
    context: DecisionContext,
) -> Result<TrustedKey, UntrustedReason> {
    let KeyEntry { by, status } = entry;
    if !status.is_in_effect() {
        return Err(UntrustedReason::Unknown);
    }
    // The key itself is checked last: that takes the longest, and others choose how many
    // keys there are.
    let withdrawn = withdrawn(status, context);
    let (via, voucher, limits) = match *by {
        StatedBy::Pinned => (TrustPath::Pinned, None, TrustLimits::default()),
        StatedBy::Organization(trusted_key) => {
            match withdrawn {
                None => {}
                Some(Withdrawn::Revoked { at, .. }) => return Err(UntrustedReason::Revoked { at }),
                Some(Withdrawn::Denied { at }) => return Err(UntrustedReason::Denied { at }),
                Some(Withdrawn::Expired { at }) => return Err(UntrustedReason::Expired { at }),
            }
            let limits = TrustLimits { packages: None, expires_at: status.expires_at };
            let organization = trust.organization.as_ref().map(|organization| organization.id);
            (TrustPath::Direct { trusted_key }, organization, limits)
        }
        StatedBy::Child(place, trusted_key) => {
            let grant = &trust.grants[place];
            let limits = granted(grant, withdrawn, status.expires_at, packages, context)?;
            let (child, child_name) = (grant.child, grant.child_name.clone());
            let via = TrustPath::Granted { grant: grant.id, child, child_name, trusted_key };
            (via, Some(child), limits)
        }
    };
    let key = status.key_named(fingerprint).ok_or(UntrustedReason::Unknown)?;
    let (name, vouchers) = (status.name.clone(), voucher.into_iter().collect());
    Ok(TrustedKey { key, name, via, vouchers, limits })
}

/// How far a child's statement counts by a grant, if it does.
fn granted(
    grant: &TrustGrant,
    withdrawn: Option<Withdrawn>,
    expires_at: Option<DateTime<Utc>>,
    packages: Packages<'_>,
    context: DecisionContext,
) -> Result<TrustLimits, UntrustedReason> {
    let TrustGrant { child_name, limits, .. } = grant;
    let child_name = child_name.clone();
    let standing = grant_standing(limits, grant.child_deleted_at, context);
    match (standing, require_documents(grant, context), withdrawn) {
        (GrantStanding::ChildDeleted { at }, _, _) => {
            return Err(UntrustedReason::ChildDeleted { child_name, at });
        }
        (_, Err(reason), _) => return Err(reason),
        (_, _, Some(Withdrawn::Revoked { at, .. } | Withdrawn::Denied { at })) => {
            return Err(UntrustedReason::RevokedByChild { child_name, at });
        }
        (_, _, Some(Withdrawn::Expired { at })) => {
            return Err(UntrustedReason::ExpiredAtChild { child_name, at });
        }
        (GrantStanding::Expired { at }, _, _) => {
            return Err(UntrustedReason::GrantExpired { child_name, at });
        }
        (GrantStanding::InForce, Ok(()), None) => {}
    }
    let mut within = [&limits.packages, &grant.narrowed_to].into_iter().flatten();
    if let Some(others) = within.find(|limit| !packages.are_within(limit)) {
        let packages = others.clone();
        return Err(UntrustedReason::OtherPackages { child_name, packages });
    }
    let ends = [expires_at, limits.expires_at];
    let packages = grant.narrowed_to.as_ref().or(limits.packages.as_ref()).cloned();
    Ok(TrustLimits { packages, expires_at: ends.into_iter().flatten().min() })
}

/// How far the clock may be behind that of those who issued a document. A clock that was never
/// set is years behind, and by it nothing would have expired.
const MAX_CLOCK_DELAY: TimeDelta = TimeDelta::days(1);

/// That signed documents count now.
pub(crate) fn require_current(
    expiry: &Expiry,
    context: DecisionContext,
) -> Result<(), SignedTrustError> {
    require_issued(expiry, context.now)?;
    let &Expiry { ref org, kind, at, .. } = expiry;
    match context.ended(Some(at)) {
        Some(at) => Err(SignedTrustError::Expired { org: DocumentOwner::clone(org), kind, at }),
        None => Ok(()),
    }
}

/// That signed documents were not issued later than a clock shows, or it shows a wrong time.
pub(crate) fn require_issued(expiry: &Expiry, now: DateTime<Utc>) -> Result<(), SignedTrustError> {
    let &Expiry { ref org, issued: (issued_at, kind), .. } = expiry;
    match now < issued_at - MAX_CLOCK_DELAY {
        true => {
            let org = DocumentOwner::clone(org);
            Err(SignedTrustError::IssuedLater { org, kind, issued_at, now })
        }
        false => Ok(()),
    }
}

/// Whether the signed documents of the grant's child count, if they are asked for.
fn require_documents(grant: &TrustGrant, context: DecisionContext) -> Result<(), UntrustedReason> {
    match fault_of_documents(grant, context) {
        None => Ok(()),
        Some(fault) => {
            Err(UntrustedReason::ChildDocuments { child_name: grant.child_name.clone(), fault })
        }
    }
}

/// Why the signed documents of the grant's child do not count.
pub(crate) fn fault_of_documents(
    grant: &TrustGrant,
    context: DecisionContext,
) -> Option<Arc<SignedTrustError>> {
    match &grant.documents {
        DocumentsOfChild::NotAsked => None,
        DocumentsOfChild::UntilExpiry(expiry) => {
            require_current(expiry, context).err().map(Arc::new)
        }
        DocumentsOfChild::Refused(fault) => Some(fault.clone()),
    }
}

/// The effect of an organization's statement about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStanding {
    /// Its signatures are accepted.
    Trusted,
    /// They were, until then.
    Expired {
        /// When that ended.
        at: DateTime<Utc>,
    },
    /// They are refused.
    Revoked {
        /// Since when.
        at: DateTime<Utc>,
        /// Why.
        reason: RevocationReason,
    },
    /// They are refused, and the organization never trusted the key itself.
    Denied {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// Every organization of the store refuses them.
    Compromised {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The row holds another key than it names, so it is not trusted.
    Mismatched,
}

/// The effect of a statement about a key by itself; `None` if it says nothing.
pub(crate) fn key_standing(
    fingerprint: &Fingerprint,
    status: &KeyStatus,
    compromised_at: Option<DateTime<Utc>>,
    context: DecisionContext,
) -> Option<KeyStanding> {
    if !status.is_in_effect() {
        return None;
    }
    Some(match (compromised_at, withdrawn(status, context)) {
        (Some(at), _) => KeyStanding::Compromised { at },
        (None, Some(Withdrawn::Denied { at })) => KeyStanding::Denied { at },
        (None, Some(Withdrawn::Revoked { at, reason })) => KeyStanding::Revoked { at, reason },
        (None, Some(Withdrawn::Expired { at })) => KeyStanding::Expired { at },
        (None, None) if status.key_named(fingerprint).is_none() => KeyStanding::Mismatched,
        (None, None) => KeyStanding::Trusted,
    })
}

/// How a statement about a key says that the key is not trusted, or not any more.
#[derive(Clone, Copy)]
enum Withdrawn {
    Revoked { at: DateTime<Utc>, reason: RevocationReason },
    Denied { at: DateTime<Utc> },
    Expired { at: DateTime<Utc> },
}

fn withdrawn(status: &KeyStatus, context: DecisionContext) -> Option<Withdrawn> {
    match (status.revoked, context.ended(status.expires_at)) {
        (Some((at, _)), _) if status.public_key.is_none() => Some(Withdrawn::Denied { at }),
        (Some((at, reason)), _) => Some(Withdrawn::Revoked { at, reason }),
        (None, Some(at)) => Some(Withdrawn::Expired { at }),
        (None, None) => None,
    }
}

/// The organization's own row about a key, and its effect.
#[cfg(feature = "store")]
pub(crate) fn own_standing(
    trust: &OrganizationTrust,
    fingerprint: &Fingerprint,
    context: DecisionContext,
) -> Option<(TrustedKeyId, KeyStanding)> {
    let key = trust.keys.get(fingerprint)?;
    let own = key.own()?;
    let standing = key_standing(fingerprint, &own.status, key.compromised_at, context)?;
    Some((own.by.row()?, standing))
}

/// Whether a grant is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantStanding {
    /// It is in force.
    InForce,
    /// It was, until then.
    Expired {
        /// When that ended.
        at: DateTime<Utc>,
    },
    /// The other organization was deleted, and passes nothing on.
    ChildDeleted {
        /// When it was.
        at: DateTime<Utc>,
    },
}

pub(crate) fn grant_standing(
    limits: &TrustLimits,
    child_deleted_at: Option<DateTime<Utc>>,
    context: DecisionContext,
) -> GrantStanding {
    match (child_deleted_at, context.ended(limits.expires_at)) {
        (Some(at), _) => GrantStanding::ChildDeleted { at },
        (None, Some(at)) => GrantStanding::Expired { at },
        (None, None) => GrantStanding::InForce,
    }
}
