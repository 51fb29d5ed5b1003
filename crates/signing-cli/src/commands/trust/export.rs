use std::path::Path;

use serde::Serialize;
use signing_crypto::{OrgId, OrgName};
use signing_trust::store::{OrganizationRecord, OrganizationRef};
use signing_trust::{TrustAnchor, TrustReader};

use crate::cli::{AnchorArgs, OrgReference};
use crate::context::Context;
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::Lines;
use crate::lines::counted;
use crate::output::{Report, warn};

use crate::select;
use crate::signed_trust;
use crate::view::{RefusedChildView, View, json_documents, refused_child};

/// Writes a bundle.
pub(super) async fn export(
    context: &Context,
    org: Option<&OrgReference>,
    anchor: &AnchorArgs,
    output: &Path,
    existing: Existing,
) -> Result<Report, CliError> {
    existing.require_vacant(output)?;
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let AnchorArgs { trust_root, .. } = anchor;
    let anchor = signed_trust::anchor(anchor)?;
    let bundle = match keys.export_trust(org.id, &anchor).await {
        Ok(bundle) => bundle,
        Err(error) => {
            return Err(
                signed_trust::with_renewal(&keys, &org, Some(trust_root), error.into()).await
            );
        }
    };
    let refused = keys.refused_children(org.id, &anchor).await?;
    let taken = taken_away(&keys, &org, &anchor).await;
    let granted = keys.granted_by_rows(org.id).await?;
    let text =
        bundle.to_json().map_err(|source| CliError::TrustBundle { path: output.into(), source })?;
    files::write_atomically(output, format!("{text}\n").as_bytes(), Readers::Everybody, existing)?;
    let documents = bundle.documents();
    let without_documents: Vec<_> =
        documents.iter().filter(|(_, texts)| texts.size() == 0).map(|(&org, _)| org).collect();
    // Also with --quiet: hosts that get this bundle refuse packages.
    let has_no_room =
        |id: &&OrgId| granted.contains(id) && !refused.iter().any(|child| child.id == **id);
    for id in without_documents.iter().filter(has_no_room) {
        let named = keys.store().organization(OrganizationRef::Id(*id)).await;
        let name = named.map_or_else(|_| id.to_string(), |org| org.name.to_string());
        warn(&format!("hosts refuse the keys of {name}, whose documents have no room"));
    }
    let mut report = Report::done(&ExportView {
        org_id: org.id,
        org: &org.name,
        file: output.display().to_string(),
        organizations: (documents.len() - without_documents.len()) as u64,
        without_documents,
        refused: RefusedChildView::all(&refused),
    });
    for child in &refused {
        report.warn(org.name.to_string(), refused_child(&org.name, child));
    }
    if let Some(error) = taken {
        report.warn(org.name.to_string(), error);
    }
    Ok(report)
}

/// What hosts with the bundle accept and the store does not, if there is anything. The bundle is
/// written all the same: it may give less than the one before it.
async fn taken_away(
    keys: &TrustReader,
    org: &OrganizationRecord,
    anchor: &TrustAnchor,
) -> Option<CliError> {
    let taken = async {
        match keys.published_trust(org.id, anchor).await? {
            Some(published) => keys.taken_away(&published).await,
            None => Ok(Vec::new()),
        }
    };
    match taken.await {
        Ok(taken) if taken.is_empty() => None,
        Ok(taken) => Some(CliError::StillGiven { org: org.name.clone(), taken }),
        Err(error) => Some(error.into()),
    }
}

json_documents! { "trust export": ExportView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ExportView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    file: String,
    /// How many organizations have documents in it.
    organizations: u64,
    without_documents: Vec<OrgId>,
    /// The organizations whose documents do not count. Hosts refuse their keys.
    refused: Vec<RefusedChildView>,
}

impl View for ExportView<'_> {
    fn text(&self) -> Lines {
        let documents = counted(self.organizations, "organization");
        Lines::from(format!("wrote {}: the documents of {documents}", self.file))
    }
}
