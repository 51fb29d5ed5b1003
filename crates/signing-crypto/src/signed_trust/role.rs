use std::collections::BTreeSet;
use std::fmt;

use crate::dsse::SignerCount;
use crate::key::Fingerprint;

/// What a key of a root document may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Root documents: its own and the next.
    Root,
    /// Trust statements.
    Trust,
    /// Revocations.
    Revocation,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Root, Self::Trust, Self::Revocation];

    /// The role's name: `root`, `trust` or `revocation`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Trust => "trust",
            Self::Revocation => "revocation",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The keys of a role, and how many of them must sign. There are always enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    keys: BTreeSet<Fingerprint>,
    threshold: SignerCount,
}

impl RoleKeys {
    /// Takes the keys, unless they are fewer than must sign.
    pub fn new(
        keys: impl IntoIterator<Item = Fingerprint>,
        threshold: SignerCount,
    ) -> Option<Self> {
        let keys: BTreeSet<_> = keys.into_iter().collect();
        (keys.len() >= threshold.get()).then_some(Self { keys, threshold })
    }

    /// The keys.
    pub fn keys(&self) -> &BTreeSet<Fingerprint> {
        &self.keys
    }

    /// How many of them must sign.
    pub fn threshold(&self) -> SignerCount {
        self.threshold
    }
}
