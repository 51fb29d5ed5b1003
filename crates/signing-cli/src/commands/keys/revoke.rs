use serde::Serialize;
use signing_crypto::{Fingerprint, KeyEncryptionKey, Note, OrgId, OrgName};
use signing_trust::store::{
    OrganizationRecord, OrganizationRef, Revocation, RevocationReason, SigningKeyRecord,
    TrustedKeyRecord,
};
use signing_trust::{KeyManager, ProvenKey, TrustReader};

use super::deny::published;
use super::dry_run;
use crate::cli::{self, PublishKey};
use crate::commands::publication_notes::{self, RowChange};
use crate::commands::trust::{ChosenKey, InStore, name_to_publish};
use crate::context::{Context, Opened};
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::select::{self, Selected};
use crate::signed_trust::Withdrawn;
use crate::time::Time;
use crate::view::{json_documents, refusal_of, revocation_of};

/// Revokes a signing key or a trusted key.
pub(super) async fn revoke(context: &Context, command: cli::Revoke) -> Result<Report, CliError> {
    let revocation = Revocation { reason: command.reason.into(), note: command.note };
    let publish = command.publish.0.as_ref();
    let cli::KeyArgs { key: named, org, .. } = &command.key;
    let mut keys = context.open(command.dry_run).await?;
    let key = select::key(context, &keys, org.as_ref(), named, command.key.kind()).await?;
    let owner = keys.store().organization(OrganizationRef::Id(key.org_id())).await?;
    if must_be_proven(&key, &revocation, publish)? {
        keys = keys.with_kek(proving_kek(context, &owner)?);
    }
    let Opened::ToChange(keys) = keys else {
        return dry_run::revocation(&keys, &owner.name, key, &revocation).await;
    };
    let proven = proven(&keys, &key, &revocation).await?;
    let in_store = proven.as_ref().map_or(InStore::Row(key.fingerprint()), InStore::Proven);
    let to_publish = ChosenKey::to_publish(&keys, &owner, named, in_store, publish).await?;
    let (is_signing, reason) = (matches!(key, Selected::Signing(_)), revocation.reason);
    let report = match key {
        Selected::Signing(key) => {
            revoke_signing(&keys, &owner.name, &key, proven.as_ref(), revocation).await?
        }
        Selected::Trusted(key) => revoke_trusted(&keys, &owner.name, &key, revocation).await?,
    };
    if let Some((key, publish)) = to_publish {
        return published(&keys, &owner, key, publish, report).await;
    }
    let fingerprint = in_store.fingerprint();
    Ok(match reason {
        RevocationReason::Compromised => {
            let named = name_to_publish(named, proven.as_ref());
            let change = RowChange::Refuses { key: &fingerprint, named: &named };
            publication_notes::noted(&keys, &owner, change, report).await
        }
        RevocationReason::Retired if is_signing => report,
        RevocationReason::Retired => {
            let change = RowChange::Withdraws(Withdrawn::Key(&fingerprint));
            publication_notes::noted(&keys, &owner, change, report).await
        }
    })
}

/// The key that everybody is to refuse, by its private half. From here on its row says nothing more
/// about which key it is.
async fn proven(
    keys: &TrustReader,
    key: &Selected,
    revocation: &Revocation,
) -> Result<Option<ProvenKey>, CliError> {
    match (key, revocation.reason) {
        (Selected::Signing(key), RevocationReason::Compromised) => {
            Ok(Some(keys.proven_key(key.id).await?))
        }
        _ => Ok(None),
    }
}

/// Whether every organization would refuse a key: first it is proven that it is this one.
fn must_be_proven(
    key: &Selected,
    revocation: &Revocation,
    publish: Option<&PublishKey>,
) -> Result<bool, CliError> {
    match (key, revocation.reason) {
        (Selected::Signing(_), RevocationReason::Compromised) => Ok(true),
        // A retired key stays trusted: there is nothing to publish.
        (Selected::Signing(_), RevocationReason::Retired) if publish.is_some() => {
            Err(CliError::NothingToPublish)
        }
        _ => Ok(false),
    }
}

fn proving_kek(
    context: &Context,
    owner: &OrganizationRecord,
) -> Result<KeyEncryptionKey, CliError> {
    context.kek().map_err(|error| match error {
        CliError::NoKek => CliError::NoKekToProve { org: owner.name.clone() },
        error => error,
    })
}

async fn revoke_signing(
    keys: &KeyManager,
    owner: &OrgName,
    before: &SigningKeyRecord,
    proven: Option<&ProvenKey>,
    revocation: Revocation,
) -> Result<Report, CliError> {
    let change = match proven {
        Some(proven) => keys.revoke_as_compromised(proven, revocation.note).await?,
        None => keys.revoke_signing_key(before.id, revocation).await?,
    };
    let (mut key, changed) = change.into_parts();
    if let Some(proven) = proven {
        key.fingerprint = proven.fingerprint();
    }
    let still_trusted_by = match key.revocation_reason {
        Some(RevocationReason::Compromised) => Vec::new(),
        _ => keys.store().organizations_trusting(key.fingerprint).await?,
    };
    let mut text = signing_text(owner, &key, changed);
    // The earlier revocation: of a key that is revoked once more, or that stays as it is.
    let earlier = revocation_of(if changed { before } else { &key });
    text.extend(earlier.map(|earlier| format!("it was {earlier}")));
    for (org, row) in &still_trusted_by {
        text.push(format!(
            "{org} still accepts its signatures; to withdraw that: cloacina keys revoke --trusted \
             {org}/{:.16}",
            row.fingerprint.to_string(),
            org = org.name,
        ));
    }
    let key = Selected::Signing(key);
    let still_trusted_by = still_trusted_by.iter().map(|(org, _)| &org.name).collect();
    let view = RevokedView::of(&key, changed);
    Ok(Report::done_as(text, &RevokedView { still_trusted_by: Some(still_trusted_by), ..view }))
}

fn signing_text(owner: &OrgName, key: &SigningKeyRecord, changed: bool) -> Lines {
    let name = format!("{owner}/{}", key.name);
    let is_compromised = key.revocation_reason == Some(RevocationReason::Compromised);
    let mut text = Lines::from(match (changed, is_compromised) {
        (true, false) => format!("revoked the signing key {name}: it can no longer sign"),
        (true, true) => format!(
            "revoked the signing key {name} as compromised, for good: it can no longer sign, and \
             every organization of the store refuses its signatures",
        ),
        (false, _) => {
            format!("nothing was changed: the signing key {name} is already revoked")
        }
    });
    text.push(format!("fingerprint  {}", key.fingerprint));
    text
}

async fn revoke_trusted(
    keys: &KeyManager,
    owner: &OrgName,
    before: &TrustedKeyRecord,
    revocation: Revocation,
) -> Result<Report, CliError> {
    let change = keys.revoke_trusted_key(before.id, revocation).await?;
    let (key, changed) = change.into_parts();
    let mut text = trusted_text(owner, &key, changed);
    if changed && key.revocation_reason == Some(RevocationReason::Compromised) {
        let own = keys.store().signing_keys(key.org_id).await?;
        let own = own.iter().find(|own| {
            own.fingerprint == key.fingerprint
                && own.revocation_reason != Some(RevocationReason::Compromised)
        });
        text.extend(own.map(|own| {
            format!(
                "{owner} has its private half; to stop it everywhere: cloacina keys revoke --signing \
                 {owner}/{:.16} --reason compromised",
                own.fingerprint.to_string(),
            )
        }));
    }
    let earlier = refusal_of(if changed { before } else { &key });
    text.extend(earlier.map(|earlier| format!("it was {earlier}")));
    Ok(Report::done_as(text, &RevokedView::of(&Selected::Trusted(key), changed)))
}

fn trusted_text(owner: &OrgName, key: &TrustedKeyRecord, changed: bool) -> Lines {
    let name = match &key.name {
        Some(name) => format!("the trusted key {owner}/{name}"),
        None => format!("a trusted key of {owner}"),
    };
    let is_compromised = key.revocation_reason == Some(RevocationReason::Compromised);
    let mut text = Lines::from(match (changed, is_compromised) {
        (true, false) => format!("revoked {name}: {owner} refuses its signatures"),
        (true, true) => format!(
            "revoked {name} as compromised, for good: {owner} refuses its signatures; others do so \
             only when the key's owner revokes the signing key as compromised",
        ),
        (false, _) => format!("nothing was changed: {name} is already refused"),
    });
    text.push(format!("fingerprint  {}", key.fingerprint));
    text
}

json_documents! { "keys revoke": RevokedView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RevokedView<'a> {
    kind: &'static str,
    id: String,
    org_id: OrgId,
    fingerprint: Fingerprint,
    revoked_at: Option<Time>,
    reason: Option<&'static str>,
    note: Option<&'a Note>,
    changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    still_trusted_by: Option<Vec<&'a OrgName>>,
}

impl<'a> RevokedView<'a> {
    fn of(key: &'a Selected, changed: bool) -> Self {
        let (kind, revoked_at, reason, note) = match key {
            Selected::Signing(key) => {
                ("signing", key.revoked_at, key.revocation_reason, &key.revocation_note)
            }
            Selected::Trusted(key) => {
                ("trusted", key.revoked_at, key.revocation_reason, &key.revocation_note)
            }
        };
        Self {
            kind,
            id: key.id().to_string(),
            org_id: key.org_id(),
            fingerprint: key.fingerprint(),
            revoked_at: revoked_at.map(Time),
            reason: reason.map(RevocationReason::as_str),
            note: note.as_ref(),
            changed,
            still_trusted_by: None,
        }
    }
}
