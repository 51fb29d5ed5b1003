use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU8;

use crate::dsse::MAX_SIGNATURES;
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

/// How many distinct keys of a role must sign: 1 to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignerThreshold(NonZeroU8);

impl SignerThreshold {
    /// One key suffices.
    pub const ONE: Self = Self(NonZeroU8::MIN);

    /// Takes a number of 1 to 16.
    pub fn new(count: u8) -> Option<Self> {
        NonZeroU8::new(count).filter(|count| usize::from(count.get()) <= MAX_SIGNATURES).map(Self)
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for SignerThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The keys of a role, and how many of them must sign. There are always enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    keys: BTreeSet<Fingerprint>,
    threshold: SignerThreshold,
}

impl RoleKeys {
    /// Takes the keys, unless they are fewer than must sign.
    pub fn new(
        keys: impl IntoIterator<Item = Fingerprint>,
        threshold: SignerThreshold,
    ) -> Option<Self> {
        let keys: BTreeSet<_> = keys.into_iter().collect();
        (keys.len() >= usize::from(threshold.get())).then_some(Self { keys, threshold })
    }

    /// The keys.
    pub fn keys(&self) -> &BTreeSet<Fingerprint> {
        &self.keys
    }

    /// How many of them must sign.
    pub fn threshold(&self) -> SignerThreshold {
        self.threshold
    }
}
