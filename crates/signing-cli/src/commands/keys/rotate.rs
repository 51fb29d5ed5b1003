use std::collections::BTreeSet;

use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, OrgId, OrgName, TrustedKeyId};
use signing_trust::store::{Change, OrganizationRef, TrustedKeyRecord};
use signing_trust::{Resign, Rotation, SearchExtent};

use super::resigned::{ResignedView, Stage};
use super::rotate_dry_run::RotationImpactView;
use crate::cli;
use crate::commands::publication_notes;
use crate::context::{Context, Opened};
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::question::confirm;
use crate::select;
use crate::terminal::Confirmation;
use crate::time::Time;
use crate::view::{View, json_documents};

/// Replaces a signing key with a new one, and lists the remaining steps.
pub(super) async fn rotate(context: &Context, command: cli::Rotate) -> Result<Report, CliError> {
    let mut resign = if command.resign { Resign::All } else { Resign::Leave };
    let keys = context.open(command.dry_run).await?.with_kek(context.kek()?);
    let id = select::signing_key(context, &keys, command.org.as_ref(), &command.key).await?;
    let Opened::ToChange(keys) = keys else {
        let impact = keys.rotation_impact(id, command.name, resign).await?;
        let owner = keys.store().organization(OrganizationRef::Id(impact.old.org_id)).await?.name;
        return Ok(Report::requested(&RotationImpactView::of(&impact, &owner)));
    };
    if resign == Resign::All && Confirmation::given_if(command.yes) == Confirmation::Needed {
        let (signatures, packages) = keys.resigned_packages(id).await?;
        // Only what was shown is signed, whatever others store before the answer.
        let shown = packages.iter().filter(|package| package.outdated.is_none());
        resign = Resign::Only(shown.map(|package| package.statement.clone()).collect());
        if signatures.added > 0 {
            let view = ResignedView::of(&signatures, &packages, Stage::Planned);
            let mut preview = Lines::from(view.text());
            preview.append(view.table());
            confirm(&preview, "re-sign these packages with the key's successor?")?;
        }
    }
    let rotation = keys.rotate_signing_key(id, command.name, resign).await?;
    let owner = keys.store().organization(OrganizationRef::Id(rotation.old.org_id)).await?.name;
    let orgs = rotation.others.iter().map(|other| other.org.id).chain([rotation.old.org_id]);
    let mut rooted = BTreeSet::new();
    for org in orgs {
        if publication_notes::has_signed_trust(&keys, org).await {
            rooted.insert(org);
        }
    }
    let mut report = Report::done(&RotationView::of(&rotation, &owner, &rooted));
    if rotation.signatures.added > 0 {
        report.note(
            "until the old key is revoked, it and its successor count as two of --required-signers"
                .into(),
        );
    }
    Ok(report)
}

json_documents! {
    "keys rotate": RotationView<'static>,
    "keys rotate": RotationImpactView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RotationView<'a> {
    old: OldKeyView<'a>,
    successor: SuccessorView<'a>,
    trusted: Option<RowView>,
    signatures: ResignedView<'a>,
    next: Vec<StepView>,
    #[serde(skip)]
    trust: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OldKeyView<'a> {
    id: KeyId,
    fingerprint: Fingerprint,
    #[serde(skip)]
    name: &'a KeyName,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SuccessorView<'a> {
    id: KeyId,
    name: &'a KeyName,
    fingerprint: Fingerprint,
    made: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RowView {
    id: TrustedKeyId,
    expires_at: Option<Time>,
}

/// What somebody has to do, and with which command.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepView {
    why: String,
    command: String,
}

impl<'a> RotationView<'a> {
    /// `rooted` are the organizations that have signed trust.
    fn of(rotation: &'a Rotation, owner: &OrgName, rooted: &BTreeSet<OrgId>) -> Self {
        let (made, successor) = match &rotation.successor {
            Change::Made(key) => (true, key),
            Change::Unchanged(key) => (false, key),
        };
        let (trust, trusted) = match &rotation.trusted {
            Some(Change::Made(row)) => {
                ("its organization now trusts it, like the old key", Some(row))
            }
            Some(Change::Unchanged(row)) => ("its organization already trusts it", Some(row)),
            None => (
                "its organization does not trust the old key, so it does not trust the new one",
                None,
            ),
        };
        let (old, signatures) = (&rotation.old, &rotation.signatures);
        let row =
            |row: &TrustedKeyRecord| RowView { id: row.id, expires_at: row.expires_at.map(Time) };
        Self {
            old: OldKeyView { id: old.id, fingerprint: old.fingerprint, name: &old.name },
            successor: SuccessorView {
                id: successor.id,
                name: &successor.name,
                fingerprint: successor.fingerprint,
                made,
            },
            trusted: trusted.map(row),
            signatures: ResignedView::of(signatures, &rotation.packages, Stage::Done),
            next: steps(rotation, owner, &successor.name, rooted),
            trust,
        }
    }
}

impl View for RotationView<'_> {
    fn text(&self) -> Lines {
        let Self { old, successor, signatures, .. } = self;
        let mut text = Lines::from(match successor.made {
            true => format!("made {} to replace {}", successor.name, old.name),
            false => format!("{} already replaces {}", successor.name, old.name),
        });
        text.push(format!("id           {}", successor.id));
        text.push(format!("fingerprint  {}", successor.fingerprint));
        text.push(self.trust);
        text.push(signatures.text());
        text.append(signatures.table());
        text.push("to do:");
        for StepView { why, command } in &self.next {
            text.push(format!("  {why}: {command}"));
        }
        text
    }
}

/// In an order that refuses nothing in between.
fn steps(
    rotation: &Rotation,
    owner: &OrgName,
    new: &KeyName,
    rooted: &BTreeSet<OrgId>,
) -> Vec<StepView> {
    let (old, new) = (format!("{owner}/{}", rotation.old.name), format!("{owner}/{new}"));
    let step = |why: &str, command: String| StepView { why: why.into(), command };
    let publish = |org: &OrgName| {
        step(
            &format!("runners that pin {org}'s root accept {new} once trust in it is signed"),
            publication_notes::publish(org),
        )
    };
    let mut steps = Vec::new();
    if rotation.trusted.is_some() && rooted.contains(&rotation.old.org_id) {
        steps.push(publish(owner));
    }
    if rotation.signatures.left > 0 || rotation.signatures.extent != SearchExtent::All {
        steps.push(step(
            "re-sign what the store keeps",
            format!("cloacina keys rotate {old} --resign"),
        ));
    }
    if rotation.old_trusted.is_some() {
        steps.push(step(
            "add a signature to each .sig file that the old key has signed",
            format!("cloacina package cosign <package> --org {owner} --key-id {new}"),
        ));
    } else {
        if rotation.trusted.is_none() {
            steps.push(step(
                &format!("{owner} does not trust the old key; once it is to trust the new one"),
                format!("cloacina keys trust --org {owner} --key-id {new}"),
            ));
        }
        steps.push(step(
            "sign again only packages that you have checked",
            format!("cloacina package sign <package> --key-id {new}"),
        ));
    }
    for other in rotation.others.iter().filter(|other| other.trusted.is_none()) {
        let org = &other.org.name;
        steps.push(step(
            &format!("{org} trusts the old key itself; have it trust the new one"),
            format!("cloacina keys trust --org {org} --key-id {new}"),
        ));
        if rooted.contains(&other.org.id) {
            steps.push(publish(org));
        }
    }
    if rotation.old.revoked_at.is_none() {
        steps.push(step(
            "when nothing signs with the old key any longer",
            format!("cloacina keys revoke --signing {old}"),
        ));
    }
    let own = rotation.old_trusted.iter().map(|row| ("its organization".to_owned(), owner, row));
    let others = rotation.others.iter();
    let others =
        others.map(|other| (other.org.name.to_string(), &other.org.name, &other.old_trusted));
    for (who, org, row) in own.chain(others) {
        steps.push(step(
            &format!("when {who} no longer loads packages that only the old key has signed"),
            format!("cloacina keys revoke --trusted {org}/{:.16}", row.fingerprint.to_string()),
        ));
    }
    steps
}
