//! What organizations would no longer accept after a change that has not been made.

use serde::Serialize;
use signing_crypto::{OrgId, OrgName, PackageDigest, PackageName, SignatureId};
use signing_trust::OrganizationLoss;

use crate::lines::{Lines, ShortIds, Table};

/// What an organization would no longer accept.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LossView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    signatures: Vec<LostSignatureView<'a>>,
    packages: Vec<PackageView<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LostSignatureView<'a> {
    id: SignatureId,
    #[serde(flatten)]
    package: PackageView<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PackageView<'a> {
    sha256: PackageDigest,
    name: &'a PackageName,
}

impl<'a> LossView<'a> {
    pub(super) fn of(loss: &'a OrganizationLoss) -> Self {
        let signatures = loss.signatures.iter().map(|lost| LostSignatureView {
            id: lost.id,
            package: PackageView { sha256: lost.digest, name: &lost.name },
        });
        let packages =
            loss.packages.iter().map(|(digest, name)| PackageView { sha256: *digest, name });
        Self {
            org_id: loss.org.id,
            org: &loss.org.name,
            signatures: signatures.collect(),
            packages: packages.collect(),
        }
    }

    pub(super) fn text(losses: &[Self]) -> Lines {
        let mut text = Lines::new();
        let lost = || losses.iter().flat_map(|loss| &loss.signatures);
        let digests = losses.iter().flat_map(|loss| &loss.packages);
        let digests = lost().map(|lost| &lost.package).chain(digests);
        let ids = digests.map(|package| package.sha256.to_string());
        let ids = ShortIds::new(ids.chain(lost().map(|lost| lost.id.to_string())), [""; 0]);
        for LossView { org, signatures, packages, .. } in losses {
            text.push(format!("  {org} would no longer accept these stored signatures:"));
            let mut table = Table::new(["PACKAGE", "SHA256", "SIGNATURE"]).indented();
            for LostSignatureView { id, package } in signatures {
                let name = package.name.as_str().into();
                table.row([name, ids.cell(package.sha256), ids.cell(id)]);
            }
            text.table(table.indented());
            if !packages.is_empty() {
                text.push(format!("  {org} would have no other signature for:"));
            }
            let mut table = Table::new(["PACKAGE", "SHA256"]).indented();
            for package in packages {
                table.row([package.name.as_str().into(), ids.cell(package.sha256)]);
            }
            text.table(table.indented());
        }
        text.push("  the store does not know the .sig files beside packages");
        text
    }
}
