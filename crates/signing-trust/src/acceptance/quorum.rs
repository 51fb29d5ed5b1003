use std::collections::{HashMap, HashSet};
use std::fmt;

use signing_crypto::{OrgId, SignerCount};

use super::VerificationError;
use crate::decision::{TrustPath, TrustedKey};

/// Who must have signed a package. All of them in one envelope, since signatures in
/// several are signatures of several statements.
///
/// Keys are compared by their bytes, not by the names that signatures give them: a key that
/// signs twice counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequiredSigners {
    /// This many trusted keys, no matter whose.
    Keys(SignerCount),
    /// This many trusted keys, each by the word of another organization. A key that
    /// several organizations trust counts for any one of them, whichever lets the most
    /// keys count. Pinned keys belong to no organization and are refused.
    Organizations(SignerCount),
}

impl RequiredSigners {
    /// That enough of those who signed, each of whom is trusted, are distinct.
    pub(super) fn require(self, signers: &[TrustedKey]) -> Result<(), VerificationError> {
        let (count, found) = match self {
            Self::Keys(count) => (count, signers.len()),
            Self::Organizations(count) => {
                if signers.iter().any(|signer| signer.via == TrustPath::Pinned) {
                    return Err(VerificationError::NoOrganizations { required: self });
                }
                let vouchers: Vec<&[OrgId]> =
                    signers.iter().map(|signer| &*signer.vouchers).collect();
                (count, most_distinct(&vouchers))
            }
        };
        if found >= count.get() {
            return Ok(());
        }
        let signers = signers.iter().map(|signer| signer.key.fingerprint()).collect();
        Err(VerificationError::NotEnoughSigners { required: self, found, signers, refused: None })
    }
}

impl Default for RequiredSigners {
    /// One trusted key.
    fn default() -> Self {
        Self::Keys(SignerCount::ONE)
    }
}

impl fmt::Display for RequiredSigners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(SignerCount::ONE) => f.write_str("one trusted key"),
            Self::Keys(count) => write!(f, "{count} distinct trusted keys"),
            Self::Organizations(SignerCount::ONE) => {
                f.write_str("one key that an organization trusts")
            }
            Self::Organizations(count) => {
                write!(f, "{count} keys, each trusted by a different organization")
            }
        }
    }
}

/// The size of a maximum matching of keys to distinct organizations, by augmenting paths.
/// `vouchers` names, for each key, the organizations that vouch for it. Another voucher never
/// makes the matching smaller.
fn most_distinct(vouchers: &[&[OrgId]]) -> usize {
    let mut held = HashMap::new();
    (0..vouchers.len()).filter(|&key| assign(key, vouchers, &mut held, &mut HashSet::new())).count()
}

/// Finds an organization for `key`, if need be by finding others for the keys that
/// hold its own. `asked` are those that this search has been to.
fn assign(
    key: usize,
    vouchers: &[&[OrgId]],
    held: &mut HashMap<OrgId, usize>,
    asked: &mut HashSet<OrgId>,
) -> bool {
    for &org in vouchers[key] {
        if asked.insert(org)
            && held.get(&org).copied().is_none_or(|holder| assign(holder, vouchers, held, asked))
        {
            held.insert(org, key);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
