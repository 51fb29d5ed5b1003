//! What a row gives counts for runners that pin a root only once it is signed, and what it takes
//! away reaches hosts that verify by a bundle only with the next bundle. The commands that change
//! rows say so, where there is signed trust.

use signing_crypto::{Fingerprint, OrgId, OrgName};
use signing_trust::TrustReader;
use signing_trust::store::OrganizationRecord;

use crate::error::CliError;
use crate::output::Report;
use crate::signed_trust::{
    Withdrawn, documents_for_advice, is_denied_by, is_given_by, is_refused_by,
};

/// The same report, with a note if the organization has signed trust.
pub(super) async fn noted(
    keys: &TrustReader,
    org: &OrganizationRecord,
    mut report: Report,
) -> Report {
    if has_signed_trust(keys, org.id).await {
        report.note(to_be_signed(&org.name));
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
    match documents_for_advice(keys, org.id).await {
        Some(texts) if is_denied_by(&texts, fingerprint) => report.note(format!(
            "runners that pin {name}'s root refuse this key for good, because {name}'s revocations \
             deny it: make a new key",
            name = org.name
        )),
        Some(_) => report.note(to_be_signed(&org.name)),
        None => {}
    }
    report
}

/// The same report where rows give no trust any more, with a note if the organization's documents
/// still give it. Whether this command has changed the row does not matter.
pub(super) async fn noted_for_withdrawal(
    keys: &TrustReader,
    org: &OrganizationRecord,
    withdrawn: Withdrawn<'_>,
    mut report: Report,
) -> Report {
    let texts = documents_for_advice(keys, org.id).await;
    if texts.is_some_and(|texts| is_given_by(&texts, withdrawn)) {
        report.note(to_be_exported(&org.name, &publish(&org.name)));
    }
    report
}

/// The same where an organization is deleted, or would be. Nothing can be published for it then, so
/// that comes first.
pub(super) async fn noted_for_deletion(
    keys: &TrustReader,
    org: &OrganizationRecord,
    parents: &[OrganizationRecord],
    mut report: Report,
) -> Report {
    let name = &org.name;
    if has_signed_trust(keys, org.id).await {
        report.note(format!(
            "hosts that verify by a bundle of {name} do not know of this, and nothing is published \
             for a deleted organization: before that, revoke what {name} trusts, publish it: {}; and \
             give them the next bundle; otherwise they go on until the documents expire",
            publish(name)
        ));
    }
    for parent in parents {
        let withdrawn = Withdrawn::GrantTo(org.id);
        report = noted_for_withdrawal(keys, parent, withdrawn, report).await;
    }
    report
}

/// The organizations whose hosts may accept keys through this one.
pub(super) async fn parents(
    keys: &TrustReader,
    org: OrgId,
) -> Result<Vec<OrganizationRecord>, CliError> {
    let parents = keys.store().parents_of(org).await?;
    Ok(parents.into_iter().map(|(parent, _)| parent).collect())
}

/// The same after a key was refused for good, unless the published documents refuse it too. What
/// is to be published is `named`: the fingerprint may be only what a row says.
pub(super) async fn noted_for_refusal(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
    named: &str,
    mut report: Report,
) -> Report {
    let texts = documents_for_advice(keys, org.id).await;
    if texts.is_some_and(|texts| !is_refused_by(&texts, fingerprint)) {
        let deny = format!(
            "cloacina keys deny {named} --org {} --publish <revocation key> --trust-root <file>",
            org.name
        );
        report.note(to_be_exported(&org.name, &deny));
    }
    report
}

fn to_be_exported(org: &OrgName, publish: &str) -> String {
    format!(
        "hosts that verify by a bundle of {org} do not know of this change: publish it: {publish}; \
         then give them the next bundle: cloacina trust export --org {org} --trust-root <file> \
         --output <file>"
    )
}

/// Whether the store has signed documents of the organization.
pub(super) async fn has_signed_trust(keys: &TrustReader, org: OrgId) -> bool {
    documents_for_advice(keys, org).await.is_some()
}

fn to_be_signed(org: &OrgName) -> String {
    let publish = publish(org);
    format!("for runners that pin {org}'s root this counts once it is signed: {publish}")
}

/// The command that signs what the rows say.
pub(super) fn publish(org: &OrgName) -> String {
    format!("cloacina trust publish --org {org} --key <private key> --trust-root <file>")
}
