//! Publishes the revocation of a key, after the row's change.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use signing_crypto::{DocumentHeader, Fingerprint, KeyName, StatementTime};
use signing_trust::store::OrganizationRecord;
use signing_trust::{DocumentPlan, KeyManager, VerifiedDocuments};

use crate::cli::{GivenKey, KeyReference, PublishKey};
use crate::error::CliError;
use crate::signed_trust;
use crate::signers;

/// How a key was chosen whose revocation is published, which cannot be taken back.
pub(in crate::commands) enum Chosen {
    /// By its fingerprint, or by the private half that is in the store.
    ByKey,
    /// By a row of the store, which names the key so. The row is believed only if the published
    /// statement knows the key under the same name.
    ByRow(Option<KeyName>),
}

impl Chosen {
    /// How a public key was chosen that the store calls `name`. Only a fingerprint says which
    /// key it is without a row.
    pub(in crate::commands) fn public_key(named: &KeyReference, name: Option<KeyName>) -> Self {
        match named.key {
            GivenKey::Fingerprint(_) => Self::ByKey,
            GivenKey::Id(_) | GivenKey::Name(_) => Self::ByRow(name),
        }
    }

    /// The same of a signing key, whose private half also proves which key its id means.
    pub(in crate::commands) fn signing_key(named: &KeyReference, name: &KeyName) -> Self {
        match named.key {
            GivenKey::Fingerprint(_) | GivenKey::Id(_) => Self::ByKey,
            GivenKey::Name(_) => Self::ByRow(Some(name.clone())),
        }
    }

    /// Refuses a row's word that the published statement does not bear out.
    pub(super) fn require_stated(
        &self,
        fingerprint: Fingerprint,
        published: &VerifiedDocuments,
    ) -> Result<(), CliError> {
        let Self::ByRow(name) = self else { return Ok(()) };
        match published.statement().keys.get(&fingerprint) {
            Some(stated) if stated.name == *name => Ok(()),
            _ => Err(CliError::OtherKeyInRow { fingerprint }),
        }
    }
}

/// Publishes the revocation of a key, after the row's change. Gives why the documents do not count
/// all the same: others of them have expired, or some are too large for organizations that read
/// them.
pub(in crate::commands) async fn publish_revocation(
    keys: &KeyManager,
    org: &OrganizationRecord,
    fingerprint: Fingerprint,
    chosen: &Chosen,
    PublishKey { source, access, anchor: given }: &PublishKey,
) -> Result<Vec<CliError>, CliError> {
    let signer = signers::open(source, access)?;
    let anchor = signed_trust::anchor(given)?;
    let missing = CliError::NoTrustDocuments { org: org.name.clone() };
    let before = keys.published_trust(org.id, &anchor).await?.ok_or(missing)?;
    chosen.require_stated(fingerprint, &before)?;
    let expires_at = expiry_like(&before.revocations().header, Utc::now());
    let plan = DocumentPlan::Next {
        child_roots: Default::default(),
        statement_expires_at: None,
        revocations_expire_at: Some(expires_at),
        deny: BTreeSet::from([fingerprint]),
    };
    let mut documents = keys.draft_documents(org, Some(&anchor), plan).await?.documents;
    documents.sign(&*signer)?;
    if let Some(missing) = documents.missing().into_iter().next() {
        return Err(CliError::DraftNeeded { missing: missing.threshold });
    }
    let published = keys.publish_documents(&documents, &anchor).await?;
    let now = keys.now().await?;
    let mut warnings = signed_trust::draft_too_large_for_parents(&org.name, &documents);
    warnings.extend(signed_trust::faults(&published, &org.name, now, Some(&given.trust_root)));
    Ok(warnings)
}

/// The next revocations live as long as those before, and a day at least: when those were issued
/// informs, and decides nothing.
fn expiry_like(before: &DocumentHeader, now: DateTime<Utc>) -> StatementTime {
    let life = before.expires_at.to_utc() - before.issued_at.to_utc();
    let at = now.trunc_subsecs(0).checked_add_signed(life.max(TimeDelta::days(1)));
    at.and_then(|at| StatementTime::new(at).ok()).unwrap_or(before.expires_at)
}

#[cfg(test)]
mod tests {
    use signing_crypto::{DocumentVersion, OrgId};

    use super::*;

    fn next(issued_at: &str, expires_at: &str) -> String {
        let [issued_at, expires_at, now]: [StatementTime; 3] =
            [issued_at, expires_at, "2026-06-01T00:00:00Z"].map(|at| at.parse().unwrap());
        let header = DocumentHeader {
            org: OrgId::random(),
            org_name: "acme".parse().unwrap(),
            version: DocumentVersion::FIRST,
            issued_at,
            expires_at,
        };
        expiry_like(&header, now.to_utc()).to_string()
    }

    #[test]
    fn revocations_live_as_long_as_those_before_them() {
        assert_eq!(next("2026-05-01T00:00:00Z", "2026-05-31T00:00:00Z"), "2026-07-01T00:00:00Z");
    }

    #[test]
    fn revocations_that_lived_for_a_moment_or_until_the_last_year_are_replaced_all_the_same() {
        assert_eq!(next("2026-07-31T23:59:59Z", "2026-08-01T00:00:00Z"), "2026-06-02T00:00:00Z");
        assert_eq!(next("2026-05-01T00:00:00Z", "9999-12-31T00:00:00Z"), "9999-12-31T00:00:00Z");
    }
}
