use serde::Serialize;
use signing_crypto::{PackageDigest, PackageName, PackageVersion, SignatureId, StatementTime};
use signing_trust::{Outdated, Resigned, ResignedPackage, SearchExtent};

use crate::commands::impact::NOT_ALL_SEARCHED;
use crate::lines::{Cell, Lines, ShortIds, Table};

/// Which stored signatures by the old key its successor signs.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ResignedView<'a> {
    added: u64,
    already: u64,
    left: u64,
    outdated: u64,
    /// Whether all signatures in the store were looked at, or only those until a time limit.
    searched_all: bool,
    /// Those that were added, and those that are outdated.
    packages: Vec<PackageView<'a>>,
    #[serde(skip)]
    stage: Stage,
}

/// Whether the successor has signed them.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Planned,
    Done,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PackageView<'a> {
    signature_id: SignatureId,
    name: &'a PackageName,
    sha256: PackageDigest,
    version: Option<&'a PackageVersion>,
    expires_at: Option<StatementTime>,
    result: ResultView,
    /// The lowest version that the organization accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<&'a PackageVersion>,
}

#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum ResultView {
    Added,
    Expired,
    BelowFloor,
}

impl<'a> ResignedView<'a> {
    pub(super) fn of(signatures: &Resigned, packages: &'a [ResignedPackage], stage: Stage) -> Self {
        let Resigned { added, already, left, outdated, extent } = *signatures;
        Self {
            added,
            already,
            left,
            outdated,
            searched_all: extent == SearchExtent::All,
            packages: packages.iter().map(PackageView::of).collect(),
            stage,
        }
    }

    pub(super) fn text(&self) -> String {
        let outdated = match self.outdated {
            0 => String::new(),
            count => format!(", {count} left out as outdated"),
        };
        let too_many = match self.searched_all {
            true => String::new(),
            false => format!("; {NOT_ALL_SEARCHED}"),
        };
        let Self { added, already, left, .. } = self;
        let counts = match (self.stage, left) {
            (Stage::Done, _) => {
                format!("{added} re-signed, {already} already up to date, {left} not re-signed")
            }
            (Stage::Planned, 0) => format!("{added} to re-sign, {already} already up to date"),
            (Stage::Planned, _) => {
                format!("{added} to re-sign, {already} already up to date, {left} left as is")
            }
        };
        format!("stored signatures by the old key: {counts}{outdated}{too_many}")
    }

    pub(super) fn table(&self) -> Lines {
        let ids = ShortIds::new(self.packages.iter().map(|package| package.sha256), [""; 0]);
        let mut table = Table::new(["PACKAGE", "VERSION", "SHA256", "UNTIL", "RESULT"]);
        for package in &self.packages {
            table.row([
                Cell::name(package.name.as_str()),
                Cell::optional(package.version),
                ids.cell(package.sha256),
                Cell::optional(package.expires_at),
                package.result_text(self.stage).into(),
            ]);
        }
        table.indented().into()
    }
}

impl<'a> PackageView<'a> {
    fn of(package: &'a ResignedPackage) -> Self {
        let ResignedPackage { id, statement, outdated, .. } = package;
        let (result, floor) = match outdated {
            None => (ResultView::Added, None),
            Some(Outdated::BelowFloor { floor }) => (ResultView::BelowFloor, Some(floor)),
            Some(_) => (ResultView::Expired, None),
        };
        Self {
            signature_id: *id,
            name: statement.name(),
            sha256: *statement.digest(),
            version: statement.version(),
            expires_at: statement.expires_at(),
            result,
            floor,
        }
    }

    fn result_text(&self, stage: Stage) -> String {
        match (self.result, self.floor) {
            (ResultView::Added, _) => match stage {
                Stage::Planned => "to re-sign".into(),
                Stage::Done => "re-signed".into(),
            },
            (ResultView::BelowFloor, Some(floor)) => format!("below floor {floor}"),
            (ResultView::BelowFloor, None) => "below floor".into(),
            (ResultView::Expired, _) => "expired".into(),
        }
    }
}
