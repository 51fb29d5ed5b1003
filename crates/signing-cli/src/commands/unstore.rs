use std::collections::BTreeMap;

use serde::Serialize;
use signing_crypto::{OrgId, OrgName, PackageDigest, PackageName, SignatureEnvelope, SignatureId};
use signing_trust::store::OrganizationRef;

use crate::cli::{OrgReference, SignatureReference};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
use crate::select;
use crate::view::{View, json_documents};

/// Removes signatures from the store, if it has all of them.
pub(super) async fn unstore(
    context: &Context,
    named: &[SignatureReference],
    org: Option<&OrgReference>,
) -> Result<Report, CliError> {
    let keys = context.open_to_change().await?;
    let mut found = BTreeMap::new();
    for named in named {
        let record = select::signature(context, &keys, org, named).await?;
        found.insert(record.id, record);
    }
    let mut removed = Vec::new();
    for id in found.into_keys() {
        let record = keys.remove_signature(id).await?;
        let org = keys.store().organization(OrganizationRef::Id(record.org_id)).await?;
        // What it stated is shown as far as it can be read.
        let envelope = SignatureEnvelope::parse(record.envelope.as_bytes()).ok();
        let statement = envelope.and_then(|envelope| envelope.unverified_statement().ok());
        removed.push(RemovedView {
            signature_id: id,
            org_id: record.org_id,
            org: org.name,
            name: statement.map(|statement| statement.name().clone()),
            sha256: record.package_digest,
        });
    }
    Ok(Report::done(&removed))
}

json_documents! { "package unstore": Vec<RemovedView> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RemovedView {
    signature_id: SignatureId,
    org_id: OrgId,
    #[serde(skip)]
    org: OrgName,
    #[serde(skip)]
    name: Option<PackageName>,
    sha256: PackageDigest,
}

impl View for RemovedView {
    fn text(&self) -> Lines {
        let Self { signature_id, org, name, sha256, .. } = self;
        let package = match name {
            Some(name) => format!("{name:?}", name = name.as_str()),
            None => "a package".to_owned(),
        };
        let mut text = Lines::from(format!("removed the signature of {package} from {org}"));
        text.push(format!("id           {signature_id}"));
        text.push(format!("sha256       {sha256}"));
        text
    }
}
