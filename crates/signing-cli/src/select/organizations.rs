use signing_crypto::OrgName;
use signing_trust::TrustReader;
use signing_trust::store::{OrganizationRecord, OrganizationRef, StoreError};

use crate::cli::{KeyReference, OrgReference};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::ShortIds;
use crate::similar::most_similar;

/// Finds an organization, by its whole id even if it is deleted.
pub(crate) async fn organization(
    keys: &TrustReader,
    named: &OrgReference,
) -> Result<OrganizationRecord, CliError> {
    let given = match named {
        OrgReference::Id(id) => {
            let found = existing(keys.store().organization(OrganizationRef::Id(*id)).await)?;
            return found.ok_or_else(|| no_such_organization(named, &[]));
        }
        OrgReference::Name(given) => given,
    };
    if let Ok(name) = OrgName::new(given.as_str()) {
        let by_name = OrganizationRef::Name(name.clone());
        if let Some(org) = existing(keys.store().organization(by_name).await)? {
            return Ok(org);
        }
        // Who used the name of a deleted organization does not mean another one's id.
        if keys.store().is_retired_name(&name).await? {
            return Err(no_such_organization(named, &[]));
        }
    }
    let all = keys.store().organizations().await?;
    let Some(prefix) = given.prefix() else { return Err(no_such_organization(named, &all)) };
    let matching: Vec<_> = all.iter().filter(|org| prefix.begins(org.id)).collect();
    match &matching[..] {
        [org] => Ok((*org).clone()),
        [] => Err(no_such_organization(named, &all)),
        _ => {
            let ids = ShortIds::new(all.iter().map(|org| org.id), all.iter().map(|org| &org.name));
            let candidates = matching.iter().map(|org| (org.name.clone(), ids.short(org.id)));
            let candidates = candidates.collect();
            Err(CliError::AmbiguousOrganization { given: named.to_string(), candidates })
        }
    }
}

/// Finds the organization that the command line names, or else CLOACINA_ORG, or else the only
/// one of the store.
pub(crate) async fn organization_or_default(
    context: &Context,
    keys: &TrustReader,
    named: Option<&OrgReference>,
) -> Result<OrganizationRecord, CliError> {
    if let Some(named) = named {
        return organization(keys, named).await;
    }
    if let Some(named) = context.default_organization()? {
        return organization(keys, &named).await;
    }
    match <[_; 1]>::try_from(keys.store().organizations().await?) {
        Ok([only]) => Ok(only),
        Err(none) if none.is_empty() => Err(CliError::NoOrganization),
        Err(all) => {
            let organizations = all.into_iter().map(|org| org.name).collect();
            Err(CliError::OrganizationNeeded { organizations, key: None })
        }
    }
}

/// The same for a key, with which the organization can be named too.
pub(super) async fn organization_of_key(
    context: &Context,
    keys: &TrustReader,
    org: Option<&OrgReference>,
    named: &KeyReference,
) -> Result<OrganizationRecord, CliError> {
    organization_or_default(context, keys, org).await.map_err(|error| match error {
        CliError::OrganizationNeeded { organizations, .. } => {
            CliError::OrganizationNeeded { organizations, key: Some(named.to_string()) }
        }
        error => error,
    })
}

fn existing(
    found: Result<OrganizationRecord, StoreError>,
) -> Result<Option<OrganizationRecord>, CliError> {
    match found {
        Ok(org) => Ok(Some(org)),
        Err(StoreError::OrganizationNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn no_such_organization(named: &OrgReference, all: &[OrganizationRecord]) -> CliError {
    let given = named.to_string();
    let names = all.iter().map(|org| &org.name);
    let similar = most_similar(&given, names, OrgName::as_str).cloned();
    CliError::NoSuchOrganization { given, similar }
}
