//! Everything that bears on whom one organization accepts, as a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, GrantId, KeyName, OrgId, OrgName, PackageName, PackagePatterns, PackageVersion,
    RevocationReason, TrustDocumentKind, TrustLimits, TrustedKeyId, UncheckedKey, VerifyingKey,
};

use crate::document_error::{DocumentOwner, SignedTrustError};

#[cfg(feature = "store")]
mod from_store;

#[cfg(feature = "store")]
pub use from_store::boot_time;
#[cfg(feature = "store")]
pub(crate) use from_store::{TimedHeartbeat, present};

/// What bears on whom one organization accepts: its own statements about keys, the
/// statements of those that it granted trust, its floors, and what is compromised; about all
/// keys, or about those that were asked about. Pinned keys are such a value too.
///
/// It says nothing by itself: [`decide`](crate::rules::decide) does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OrganizationTrust {
    /// `None` for pinned keys, which belong to no organization.
    pub(crate) organization: Option<Organization>,
    /// Those that reach furthest first.
    pub(crate) grants: Vec<TrustGrant>,
    pub(crate) keys: BTreeMap<Fingerprint, KeyTrust>,
    /// The lowest versions that are accepted.
    pub(crate) floors: BTreeMap<PackageName, PackageVersion>,
    /// Which of the signed documents that it is from expires first. `None` if it is from none.
    pub(crate) documents: Option<Expiry>,
    /// Which state of trust it is of, if it was read from a store.
    #[cfg(feature = "store")]
    pub(crate) as_of: Option<TimedHeartbeat>,
}

/// Until when signed documents count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Whose documents they are.
    pub(crate) org: Arc<DocumentOwner>,
    /// The one that ends first, and when.
    pub(crate) kind: TrustDocumentKind,
    pub(crate) at: DateTime<Utc>,
    /// When the last of them was issued, and which one that is: it is later than that now.
    pub(crate) issued: (DateTime<Utc>, TrustDocumentKind),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    pub(crate) id: OrgId,
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

/// A grant that was not revoked: the child's own statements about keys count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustGrant {
    /// Its row, unless it is only in a signed document.
    pub(crate) id: Option<GrantId>,
    pub(crate) child: OrgId,
    pub(crate) child_name: OrgName,
    pub(crate) child_deleted_at: Option<DateTime<Utc>>,
    pub(crate) limits: TrustLimits,
    /// What a row narrows the packages of a signed grant to.
    pub(crate) narrowed_to: Option<PackagePatterns>,
    pub(crate) documents: DocumentsOfChild,
}

/// The signed documents of an organization that was granted trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DocumentsOfChild {
    /// Rows are believed: no root is pinned.
    NotAsked,
    /// They count until one of them expires.
    UntilExpiry(Expiry),
    /// They do not count.
    Refused(Arc<SignedTrustError>),
}

/// What bears on one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyTrust {
    /// When it was declared compromised for every organization.
    pub(crate) compromised_at: Option<DateTime<Utc>>,
    /// Whether the organization's own statement cannot be read: it may be a refusal.
    pub(crate) is_unreadable: bool,
    /// Whether rows trust the key where only signed documents count, and none does.
    pub(crate) is_unsigned: bool,
    /// The organization's own statement first, then those of its grants in their order.
    pub(crate) entries: Vec<KeyEntry>,
}

/// What one organization says about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyEntry {
    pub(crate) by: StatedBy,
    pub(crate) status: KeyStatus,
}

/// By whom an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatedBy {
    /// The program's own configuration.
    Pinned,
    /// The organization itself, in this row or in a signed document.
    Organization(Option<TrustedKeyId>),
    /// The child of the grant at this place, in this row or in a signed document.
    Child(usize, Option<TrustedKeyId>),
}

/// What a statement about a key says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyStatus {
    /// Unknown only if the key was denied by its fingerprint.
    pub(crate) public_key: Option<UncheckedKey>,
    pub(crate) name: Option<KeyName>,
    pub(crate) revoked: Option<(DateTime<Utc>, RevocationReason)>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl KeyStatus {
    /// Trust in a key.
    pub(crate) fn trusted(public_key: UncheckedKey) -> Self {
        Self { public_key: Some(public_key), ..Self::default() }
    }

    /// Whether it says anything: a denial by fingerprint that was taken back does not.
    pub(crate) fn is_in_effect(&self) -> bool {
        self.public_key.is_some() || self.revoked.is_some()
    }

    /// The key, if it is the one that `fingerprint` names: somebody who can write rows must
    /// not be able to slip another key under a known name.
    pub(crate) fn key_named(&self, fingerprint: &Fingerprint) -> Option<VerifyingKey> {
        let key = self.public_key.as_ref()?;
        match key.fingerprint() == *fingerprint {
            true => key.check().ok(),
            false => None,
        }
    }
}

impl TrustGrant {
    /// Those that reach furthest come first.
    pub(crate) fn order(&self) -> (bool, &OrgName) {
        (self.limits.packages.is_some(), &self.child_name)
    }
}

impl StatedBy {
    /// The organization's row, if it is in one.
    pub(crate) fn row(self) -> Option<TrustedKeyId> {
        match self {
            Self::Pinned => None,
            Self::Organization(row) | Self::Child(_, row) => row,
        }
    }

    /// The place of the grant by which it counts, if it is a child's.
    #[cfg(feature = "store")]
    pub(crate) fn grant(self) -> Option<usize> {
        match self {
            Self::Child(place, _) => Some(place),
            Self::Pinned | Self::Organization(_) => None,
        }
    }
}

impl KeyTrust {
    /// What the organization itself says.
    pub(crate) fn own(&self) -> Option<&KeyEntry> {
        self.entries.iter().find(|entry| !matches!(entry.by, StatedBy::Child(..)))
    }
}

impl OrganizationTrust {
    /// Trust in `keys` and in nothing else.
    pub(crate) fn pinned(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let pinned = |key: VerifyingKey| {
            let status = KeyStatus::trusted(key.into());
            let entries = vec![KeyEntry { by: StatedBy::Pinned, status }];
            (key.fingerprint(), KeyTrust { entries, ..KeyTrust::default() })
        };
        Self { keys: keys.into_iter().map(pinned).collect(), ..Self::default() }
    }

    /// Puts those grants first that reach furthest. To be called before entries name them.
    pub(crate) fn sort_grants(&mut self) {
        self.grants.sort_by(|a, b| a.order().cmp(&b.order()));
    }

    /// How many entries about keys there are.
    #[cfg(feature = "store")]
    pub(crate) fn key_entries(&self) -> usize {
        self.keys.values().map(|key| key.entries.len()).sum()
    }

    /// How much it takes to keep: in entries and floors, each some hundred bytes.
    #[cfg(feature = "store")]
    pub(crate) fn size(&self) -> usize {
        1 + self.key_entries() + self.keys.len() + self.grants.len() + self.floors.len()
    }
}
