//! Whose trust a package is verified by, as the command line says.

use signing_loader::{Offline, Online, Verifier};
use signing_trust::store::{OrganizationRecord, OrganizationRef};
use signing_trust::{PinnedKeys, TrustReader};

use crate::cli::{SignedTrustArgs, TrustArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::{key_files, select, signed_trust};

/// Trust in keys from files, or by a bundle; `None` if a store is to be asked.
pub(super) fn offline(
    TrustArgs { trust_key, signed, .. }: &TrustArgs,
) -> Result<Option<Verifier<Offline>>, CliError> {
    let SignedTrustArgs { trust_root, trust_bundle, state_file } = signed;
    if let (Some(root), Some(bundle)) = (trust_root, trust_bundle) {
        let anchor = signed_trust::pinned(root, state_file.as_deref())?;
        return Ok(Some(Verifier::bundle(&signed_trust::read_bundle(bundle)?, anchor)?));
    }
    if trust_key.is_empty() {
        return Ok(None);
    }
    let keys: Result<PinnedKeys, _> =
        trust_key.iter().map(|path| key_files::read_public_key(path)).collect();
    let keys = keys.map_err(|error| key_files::or_stored(error, |_| "--org <org>".into()));
    Ok(Some(Verifier::pinned(keys?)))
}

/// The trust of an organization of the store.
pub(super) struct StoredTrust {
    pub(super) keys: TrustReader,
    pub(super) org: OrganizationRecord,
    pub(super) verifier: Verifier<Online>,
}

/// Opens the store, and finds the organization in it.
pub(super) async fn store(context: &Context, trust: &TrustArgs) -> Result<StoredTrust, CliError> {
    store_of(context, context.open_to_read().await?, trust).await
}

/// Finds the organization in a store that is open.
pub(super) async fn store_of(
    context: &Context,
    keys: TrustReader,
    TrustArgs { org, signed, .. }: &TrustArgs,
) -> Result<StoredTrust, CliError> {
    let org = select::organization_or_default(context, &keys, org.as_ref()).await?;
    let mut verifier = Verifier::organization(&keys, OrganizationRef::Id(org.id)).await?;
    if let Some(root) = &signed.trust_root {
        verifier = verifier.rooted(signed_trust::pinned(root, signed.state_file.as_deref())?);
    }
    Ok(StoredTrust { keys, org, verifier })
}
