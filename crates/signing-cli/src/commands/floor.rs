use serde::Serialize;
use signing_crypto::{OrgId, OrgName, PackageName, PackageVersion};
use signing_trust::store::VersionFloorRecord;

use crate::cli::{Floor, FloorPackage, OrgReference};
use crate::commands::impact::{About, ImpactView};
use crate::commands::publication_notes::{self, RowChange};
use crate::context::{Context, Opened, block_on};
use crate::error::CliError;
use crate::lines::{Cell, Lines, Table, quoted};
use crate::output::Report;
use crate::select;
use crate::signed_trust::Withdrawn;
use crate::time::Time;
use crate::view::{View, json_documents};

pub(super) fn run(context: &Context, command: Floor) -> Result<Report, CliError> {
    block_on(async {
        match command {
            Floor::Set { package, floor } => set(context, package, Some(floor)).await,
            Floor::Unset(package) => set(context, package, None).await,
            Floor::List { org } => list(context, org.as_ref()).await,
        }
    })
}

async fn set(
    context: &Context,
    FloorPackage { org, name, dry_run }: FloorPackage,
    floor: Option<PackageVersion>,
) -> Result<Report, CliError> {
    let keys = context.open(dry_run).await?;
    let org = select::organization_or_default(context, &keys, org.as_ref()).await?;
    let Opened::ToChange(keys) = keys else {
        let what = match &floor {
            Some(floor) => format!("accepting {name} from version {floor} for {}", org.name),
            None => format!("accepting every version of {name} for {}", org.name),
        };
        let impact = keys.version_floor_impact(org.id, &name, floor).await?;
        return Ok(Report::requested(&ImpactView::of(what, About::Packages, &impact)));
    };
    let change = keys.set_version_floor(org.id, &name, floor.clone()).await?;
    let (before, changed) = change.into_parts();
    let is_lower = before.as_ref().is_some_and(|before| {
        floor.as_ref().is_none_or(|floor| floor.cmp_precedence(before).is_lt())
    });
    let mut report = Report::done(&FloorChangeView {
        org_id: org.id,
        org: org.name.clone(),
        package_name: name.clone(),
        floor: floor.clone(),
        before,
        changed,
    });
    Ok(match &floor {
        // The highest of row and statement counts.
        _ if changed && is_lower => {
            publication_notes::noted(&keys, &org, RowChange::Gives, report).await
        }
        Some(floor) => {
            let change = RowChange::Withdraws(Withdrawn::VersionsBelow(&name, floor));
            publication_notes::noted(&keys, &org, change, report).await
        }
        None if changed => report,
        None => {
            // Nothing was changed, so the command does not fail because this cannot be told.
            let others = keys.store().version_floors(org.id).await;
            if others.is_ok_and(|others| !others.is_empty()) {
                report.note(format!(
                    "{0} has a lowest version of other packages: cloacina package floor list --org {0}",
                    org.name
                ));
            }
            report
        }
    })
}

async fn list(context: &Context, org: Option<&OrgReference>) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let floors = keys.store().version_floors(org.id).await?;
    let mut table = Table::new(["PACKAGE", "LOWEST VERSION", "SET"]);
    let mut views = Vec::new();
    for VersionFloorRecord { package_name, floor, set_at, .. } in floors {
        let set_at = Time(set_at);
        let name = Cell::name(package_name.as_str());
        table.row([name, floor.to_string().into(), set_at.to_string().into()]);
        views.push(FloorView { org_id: org.id, package_name, floor, set_at });
    }
    Ok(Report::requested_as(table, &views))
}

json_documents! {
    "package floor set": FloorChangeView,
    "package floor unset": FloorChangeView,
    "package floor set": ImpactView<'static>,
    "package floor unset": ImpactView<'static>,
    "package floor list": Vec<FloorView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FloorChangeView {
    org_id: OrgId,
    #[serde(skip)]
    org: OrgName,
    package_name: PackageName,
    floor: Option<PackageVersion>,
    before: Option<PackageVersion>,
    changed: bool,
}

impl View for FloorChangeView {
    fn text(&self) -> Lines {
        let (org, name) = (&self.org, quoted(self.package_name.as_str()));
        let mut text = match (&self.floor, self.changed) {
            (Some(floor), true) => format!("{org} now accepts {name} from version {floor}"),
            (Some(floor), false) => format!("{org} already accepts {name} from version {floor}"),
            (None, true) => format!("{org} accepts every version of {name} again"),
            (None, false) => format!("{org} already accepts every version of {name}"),
        };
        if let (Some(before), true) = (&self.before, self.changed) {
            text += &format!("; before: from version {before}");
        }
        Lines::from(text)
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FloorView {
    org_id: OrgId,
    package_name: PackageName,
    floor: PackageVersion,
    set_at: Time,
}
