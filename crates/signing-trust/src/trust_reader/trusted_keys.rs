use signing_crypto::{Fingerprint, OrgId};

use super::TrustReader;
use crate::decision::{Signers, TrustedKey};
use crate::error::TrustError;
use crate::rules::{self, DecisionContext, Packages};
use crate::source::read_all;

impl TrustReader {
    /// The keys whose signatures `org` accepts for some package at least, once for
    /// each path, in the order of their fingerprints. To decide about a signature ask
    /// [`decide`](Self::decide), not this list.
    pub async fn list_trusted_keys(&self, org: OrgId) -> Result<Vec<TrustedKey>, TrustError> {
        let trust = read_all(&self.store, org, usize::MAX).await?;
        Ok(rules::trusted_paths(&trust, Packages::Any, DecisionContext::at(trust.now())))
    }

    /// The key with this fingerprint, if `org` accepts its signatures for every
    /// package, whatever its name.
    pub async fn find_trusted_key(
        &self,
        org: OrgId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<TrustedKey>, TrustError> {
        let trust = self.trust_in_key(org, *fingerprint).await?;
        let context = DecisionContext::at(trust.now());
        let decision = rules::decide(&trust, &Signers::one(*fingerprint), Packages::All, context);
        Ok(decision.about(fingerprint).ok().cloned())
    }
}
