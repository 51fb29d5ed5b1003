//! What a row gives counts for runners that pin a root only once it is signed. The commands that
//! give it say so, where there is signed trust.

use signing_crypto::{Fingerprint, OrgId, OrgName};
use signing_trust::TrustReader;
use signing_trust::store::OrganizationRecord;

use crate::output::Report;
use crate::signed_trust::is_denied_by_documents;

/// The same report, with a note if the organization has signed trust.
pub(super) async fn noted(
    keys: &TrustReader,
    org: &OrganizationRecord,
    mut report: Report,
) -> Report {
    if has_signed_trust(keys, org.id).await {
        report.note(format!(
            "for runners that pin {name}'s root this counts once it is signed: {publish}",
            name = org.name,
            publish = publish(&org.name)
        ));
    }
    report
}

/// The same for trust in a key, which the organization's documents may refuse for good.
pub(super) async fn noted_for_key(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
    mut report: Report,
) -> Report {
    if !is_denied_by_documents(keys, org.id, fingerprint).await {
        return noted(keys, org, report).await;
    }
    report.note(format!(
        "runners that pin {name}'s root refuse this key for good, because {name}'s revocations deny \
         it: make a new key",
        name = org.name
    ));
    report
}

/// A store that does not answer changes nothing about what was done before.
pub(super) async fn has_signed_trust(keys: &TrustReader, org: OrgId) -> bool {
    matches!(keys.unverified_documents(org).await, Ok(Some(_)))
}

/// The command that signs what the rows say.
pub(super) fn publish(org: &OrgName) -> String {
    format!("cloacina trust publish --org {org} --key <private key> --trust-root <file>")
}
