//! Publishes the revocation of a key, after the row's change.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use signing_crypto::{DocumentHeader, StatementTime};
use signing_trust::store::OrganizationRecord;
use signing_trust::{DocumentPlan, KeyManager};

use super::chosen_key::ChosenKey;
use crate::cli::PublishKey;
use crate::error::CliError;
use crate::signed_trust;
use crate::signers;

/// Publishes the revocation of a key, after the row's change. Gives why the documents do not count
/// all the same: others of them have expired.
pub(in crate::commands) async fn publish_revocation(
    keys: &KeyManager,
    org: &OrganizationRecord,
    key: ChosenKey,
    PublishKey { source, access, anchor: given }: &PublishKey,
) -> Result<Vec<CliError>, CliError> {
    let signer = signers::open(source, access)?;
    let anchor = signed_trust::anchor(given)?;
    let missing = CliError::NoTrustDocuments { org: org.name.clone() };
    let before = keys.published_trust(org.id, &anchor).await?.ok_or(missing)?;
    let expires_at = expiry_like(&before.revocations().header, Utc::now());
    let plan = DocumentPlan::Next {
        child_roots: Default::default(),
        statement_expires_at: None,
        revocations_expire_at: Some(expires_at),
        deny: BTreeSet::from([key.fingerprint()]),
    };
    let mut documents = keys.draft_documents(org, Some(&anchor), plan).await?.documents;
    documents.sign(&*signer)?;
    if let Some(missing) = documents.missing().into_iter().next() {
        return Err(CliError::DraftNeeded { missing: missing.threshold });
    }
    let published = keys.publish_documents(&documents, &anchor).await?;
    let now = keys.now().await?;
    Ok(signed_trust::faults(&published, &org.name, now, Some(&given.trust_root)))
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
