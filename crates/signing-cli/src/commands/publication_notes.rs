//! Runners with a pinned root accept what a row adds only after it is signed. Hosts with a bundle
//! learn what a row removes only from the next bundle. The commands that change rows say so, where
//! there is signed trust.

use signing_crypto::{Fingerprint, OrgId, OrgName};
use signing_trust::TrustReader;
use signing_trust::store::OrganizationRecord;

pub(super) use crate::advice::signed_trust::publish;
use crate::error::CliError;
use crate::output::Report;
use crate::signed_trust::{
    Withdrawn, documents_for_advice, is_denied_by, is_given_by, is_refused_by,
};

/// What the rows say after a command, whether or not it has changed them.
pub(super) enum RowChange<'a> {
    Gives,
    /// They trust a key, which the organization's documents may refuse for good.
    Trusts(&'a Fingerprint),
    /// They give no such trust any more.
    Withdraws(Withdrawn<'a>),
    /// They refuse a key for good. What is to be published is `named`: the fingerprint may be only
    /// what a row says.
    Refuses {
        key: &'a Fingerprint,
        named: &'a str,
    },
    /// There is no organization any more, so nothing can be published for it.
    Deletes,
}

/// The same report, with a note if the organization has signed documents that do not say the same.
pub(super) async fn noted(
    keys: &TrustReader,
    org: &OrganizationRecord,
    change: RowChange<'_>,
    mut report: Report,
) -> Report {
    let Some(texts) = documents_for_advice(keys, org.id).await else { return report };
    let name = &org.name;
    let note = match change {
        RowChange::Trusts(key) if is_denied_by(&texts, key) => Some(format!(
            "runners that pin {name}'s root refuse this key for good, because {name}'s revocations \
             deny it: make a new key"
        )),
        RowChange::Gives | RowChange::Trusts(_) => Some(format!(
            "for runners that pin {name}'s root this counts once it is signed: {}",
            publish(name)
        )),
        RowChange::Withdraws(withdrawn) => {
            is_given_by(&texts, withdrawn).then(|| to_be_exported(name, &publish(name)))
        }
        RowChange::Refuses { key, named } => (!is_refused_by(&texts, key)).then(|| {
            let deny = format!(
                "cloacina keys deny {named} --org {name} --publish <revocation key> --trust-root \
                 <file>"
            );
            to_be_exported(name, &deny)
        }),
        RowChange::Deletes => Some(format!(
            "hosts that verify by a bundle of {name} do not know of this, and nothing is published \
             for a deleted organization: before that, revoke what {name} trusts, publish it: {}; and \
             give them the next bundle; otherwise they go on until the documents expire",
            publish(name)
        )),
    };
    if let Some(note) = note {
        report.note(note);
    }
    report
}

/// The same where an organization is deleted, or would be. `parents` are those that grant it trust.
pub(super) async fn noted_for_deletion(
    keys: &TrustReader,
    org: &OrganizationRecord,
    parents: &[OrganizationRecord],
    report: Report,
) -> Report {
    let mut report = noted(keys, org, RowChange::Deletes, report).await;
    for parent in parents {
        let change = RowChange::Withdraws(Withdrawn::GrantTo(org.id));
        report = noted(keys, parent, change, report).await;
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
