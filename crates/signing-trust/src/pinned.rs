use signing_crypto::VerifyingKey;

use crate::clock::clock_time;
use crate::decision::{Signers, TrustDecision};
use crate::rules::{DecisionContext, Packages, decide};
use crate::snapshot::OrganizationTrust;

/// Public keys that a program trusts without a store.
///
/// Deciding by them takes no database and no runtime. Nothing revokes them: a
/// key that is no longer good must be taken out of the program's configuration.
#[derive(Clone, Debug, Default)]
pub struct PinnedKeys(OrganizationTrust);

impl PinnedKeys {
    /// Trusts `keys` and nothing else.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self(OrganizationTrust::pinned(keys))
    }

    /// Decides which of `signers` are pinned.
    pub fn decide(&self, signers: &Signers) -> TrustDecision {
        decide(&self.0, signers, Packages::Any, DecisionContext::at(clock_time()))
    }
}

impl FromIterator<VerifyingKey> for PinnedKeys {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self::new(keys)
    }
}

impl<const N: usize> From<[VerifyingKey; N]> for PinnedKeys {
    fn from(keys: [VerifyingKey; N]) -> Self {
        Self::new(keys)
    }
}

impl From<VerifyingKey> for PinnedKeys {
    fn from(key: VerifyingKey) -> Self {
        Self::new([key])
    }
}

#[cfg(test)]
mod tests {
    use signing_crypto::SigningKey;

    use super::*;
    use crate::decision::UntrustedReason;

    #[test]
    fn only_pinned_keys_are_trusted() {
        let [ours, theirs] = [(); 2].map(|()| SigningKey::generate().unwrap());
        let pinned = PinnedKeys::from(ours.verifying_key());
        let signers =
            Signers { named: vec![theirs.fingerprint(), ours.fingerprint()], unnamed: false };
        let decision = pinned.decide(&signers);
        assert_eq!(decision.trusted().count(), 1);
        assert!(decision.about(&ours.fingerprint()).is_ok());
        assert_eq!(decision.about(&theirs.fingerprint()), Err(UntrustedReason::NotPinned));
    }

    #[test]
    fn a_signature_without_a_name_may_be_of_any_pinned_key() {
        let pinned: PinnedKeys =
            (0..3).map(|_| SigningKey::generate().unwrap().verifying_key()).collect();
        let unnamed = Signers { named: vec![], unnamed: true };
        assert_eq!(pinned.decide(&unnamed).trusted().count(), 3);
        assert_eq!(pinned.decide(&Signers::default()).trusted().count(), 0);
    }

    #[test]
    fn without_pins_nothing_is_trusted() {
        let key = SigningKey::generate().unwrap();
        let decision = PinnedKeys::default().decide(&Signers::one(key.fingerprint()));
        assert_eq!(decision.trusted().count(), 0);
    }
}
