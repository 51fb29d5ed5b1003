use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, OrgName};
use signing_trust::store::{
    Change, OrganizationRef, SigningKeyRecord, StoreError, TrustedKeyRecord,
};
use signing_trust::{TrustError, TrustReader};

use crate::cli;
use crate::commands::impact::{About, ImpactView};
use crate::commands::publication_notes::{self, RowChange};
use crate::context::{Context, Opened};
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::select::{self, Selected};
use crate::view::{View, json_documents};

/// Takes back the retirement of a signing key, or the refusal of a key's signatures.
pub(super) async fn reinstate(
    context: &Context,
    command: cli::Reinstate,
) -> Result<Report, CliError> {
    let cli::KeyArgs { key, org, .. } = &command.key;
    let kind = command.key.kind();
    let note = command.note.filter(|_| !command.dry_run);
    let keys = context.open(note.is_none()).await?;
    let key = select::key(context, &keys, org.as_ref(), key, kind).await?;
    let (keys, note) = match (keys, note) {
        (Opened::ToChange(keys), Some(note)) => (keys, note),
        (keys, _) => return dry_run(&keys, key).await,
    };
    Ok(match key {
        Selected::Signing(key) => {
            let change = match keys.reinstate_signing_key(key.id, &note).await {
                Ok(change) => change,
                Err(error) => return Err(not_reinstated(&keys, key, error).await),
            };
            let changed = matches!(change, Change::Made(_));
            let done = if changed { "may sign again" } else { "was not revoked" };
            let text = format!("the signing key {} {done}", key.name);
            let (kind, id, fingerprint) = ("signing", key.id.to_string(), key.fingerprint);
            Report::done_as(text, &ReinstatedView { kind, id, fingerprint, changed })
        }
        Selected::Trusted(key) => {
            let owner = keys.store().organization(OrganizationRef::Id(key.org_id)).await?;
            let change = keys.reinstate_trusted_key(key.id, &note).await?;
            let text = new_standing(&owner.name, &change);
            let (kind, id, fingerprint) = ("trusted", key.id.to_string(), key.fingerprint);
            let changed = matches!(change, Change::Made(_));
            let view = ReinstatedView { kind, id, fingerprint, changed };
            let report = Report::done_as(text, &view);
            publication_notes::noted(&keys, &owner, RowChange::Trusts(&fingerprint), report).await
        }
    })
}

/// What the command would bring about. Nothing is changed.
async fn dry_run(keys: &TrustReader, key: Selected) -> Result<Report, CliError> {
    let owner = keys.store().organization(OrganizationRef::Id(key.org_id())).await?;
    let name = match key.name() {
        Some(name) => format!("{}/{name}", owner.name),
        None => format!("{} of {}", key.fingerprint(), owner.name),
    };
    match key {
        Selected::Signing(key) => {
            let key = match keys.reinstatable_signing_key(key.id).await {
                Ok(key) => key,
                Err(error) => return Err(not_reinstated(keys, key, error).await),
            };
            Ok(Report::requested(&SigningAgainView {
                dry_run: true,
                kind: "signing",
                id: key.id,
                fingerprint: key.fingerprint,
                could_sign_again: key.revoked_at.is_some(),
                name,
            }))
        }
        Selected::Trusted(key) => {
            let impact = keys.trusted_key_reinstatement_impact(key.id).await?;
            let what = format!("reinstating the trusted key {name}");
            let report = Report::requested(&ImpactView::of(what, About::Keys, &impact));
            Ok(publication_notes::noted(keys, &owner, RowChange::Trusts(&key.fingerprint), report)
                .await)
        }
    }
}

/// Says which key has taken the name, if one has.
async fn not_reinstated(keys: &TrustReader, key: SigningKeyRecord, error: TrustError) -> CliError {
    if !matches!(error, TrustError::Store(StoreError::NameTaken { .. })) {
        return error.into();
    }
    let owner = keys.store().organization(OrganizationRef::Id(key.org_id)).await;
    let others = keys.store().signing_keys(key.org_id).await;
    let (Ok(owner), Ok(others)) = (owner, others) else { return error.into() };
    match others.into_iter().find(|other| other.name == key.name && other.revoked_at.is_none()) {
        Some(other) => {
            let (org, name, holder) = (owner.name, key.name, other.id);
            CliError::NameTakenMeanwhile { org, name, holder }
        }
        None => error.into(),
    }
}

/// A key that was only denied is not trusted afterwards.
fn new_standing(owner: &OrgName, change: &Change<TrustedKeyRecord>) -> String {
    match change {
        Change::Made(key) if key.public_key.is_some() => {
            format!("reinstated: {owner} accepts signatures by {} again", key.fingerprint)
        }
        Change::Made(key) => format!(
            "reinstated: {owner} no longer denies {}; only trust grants can make it trusted",
            key.fingerprint,
        ),
        Change::Unchanged(key) => {
            format!("{owner} does not refuse signatures by {}", key.fingerprint)
        }
    }
}

json_documents! {
    "keys reinstate": ReinstatedView,
    "keys reinstate": SigningAgainView,
    "keys reinstate": ImpactView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ReinstatedView {
    kind: &'static str,
    id: String,
    fingerprint: Fingerprint,
    changed: bool,
}

/// A signing key that was not reinstated.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SigningAgainView {
    dry_run: bool,
    kind: &'static str,
    id: KeyId,
    fingerprint: Fingerprint,
    could_sign_again: bool,
    #[serde(skip)]
    name: String,
}

impl View for SigningAgainView {
    fn text(&self) -> Lines {
        let name = &self.name;
        let mut text = Lines::from(format!(
            "nothing was changed; reinstating the signing key {name} would have this effect:"
        ));
        text.push(format!("  fingerprint  {}", self.fingerprint));
        text.push(match self.could_sign_again {
            true => "  it could sign again; no organization would accept other signatures than now",
            false => "  none: it is not revoked",
        });
        text
    }
}
