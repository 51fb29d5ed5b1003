//! The signatures that an organization keeps in the store.

use serde::Serialize;
use signing_crypto::{
    EnvelopeSignature, Fingerprint, OrgId, OrgName, PackageDigest, PackageName, PackageVersion,
    SignatureEnvelope, SignatureId, StatementTime, VerifyingKey,
};
use signing_trust::TrustReader;
use signing_trust::store::OrganizationRecord;

use crate::cli::{KeyReference, OrgReference};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Cell, Lines, ShortIds, Table};
use crate::output::Report;
use crate::select;
use crate::view::{View, json_documents};

/// Lists all, or those that a key has made.
pub(super) async fn list(
    context: &Context,
    org: Option<&OrgReference>,
    signed_by: Option<&KeyReference>,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = select::organization_or_default(context, &keys, org).await?;
    let key = match signed_by {
        Some(named) => {
            let found = select::public_key(context, &keys, &org, named).await?;
            Some(Maker::find(&keys, &org, found.fingerprint).await?)
        }
        None => None,
    };
    let stored = signatures(&keys, &org, key.as_ref()).await?;
    let is_of_one_key = key.is_some();
    Ok(Report::requested(&StoredSignaturesView {
        org: &org.name,
        is_of_one_key,
        signatures: stored,
    }))
}

/// A key whose signatures are looked for.
pub(super) struct Maker {
    fingerprint: Fingerprint,
    /// Without it, a signature that names the key counts as made by it.
    key: Option<VerifyingKey>,
}

impl Maker {
    /// Looks for the public half in the rows of an organization. Its fingerprint proves it.
    pub(super) async fn find(
        keys: &TrustReader,
        org: &OrganizationRecord,
        fingerprint: Fingerprint,
    ) -> Result<Self, CliError> {
        let signing =
            keys.store().signing_keys(org.id).await?.into_iter().map(|key| key.public_key);
        let accepted = keys.list_trusted_keys(org.id).await?.into_iter().map(|key| key.key);
        let key = signing.chain(accepted).find(|key| key.fingerprint() == fingerprint);
        Ok(Self { fingerprint, key })
    }

    fn has_made(&self, envelope: &SignatureEnvelope) -> bool {
        match &self.key {
            Some(key) => envelope.verify(key).is_ok(),
            None => {
                let mut signatures = envelope.signatures().iter();
                signatures.any(|one| one.claimed_signer() == Some(self.fingerprint))
            }
        }
    }
}

/// Those that can be read, in the order of their ids.
pub(super) async fn signatures(
    keys: &TrustReader,
    org: &OrganizationRecord,
    by: Option<&Maker>,
) -> Result<Vec<StoredSignatureView>, CliError> {
    let mut found = Vec::new();
    let mut all = keys.store().each_stored_signature(org.id);
    while let Some(record) = all.next().await? {
        let envelope = SignatureEnvelope::parse(record.envelope.as_bytes());
        let Ok(envelope) = envelope else { continue };
        let Ok(statement) = envelope.unverified_statement() else { continue };
        if by.is_some_and(|maker| !maker.has_made(&envelope)) {
            continue;
        }
        let signers = envelope.signatures().iter().filter_map(EnvelopeSignature::claimed_signer);
        found.push(StoredSignatureView {
            id: record.id,
            org_id: org.id,
            org: org.name.clone(),
            name: statement.name().clone(),
            version: statement.version().cloned(),
            sha256: *statement.digest(),
            expires_at: statement.expires_at(),
            signers: signers.collect(),
        });
    }
    Ok(found)
}

/// A stored signature, and what it states. Nothing about it was verified but what it was
/// looked for by.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StoredSignatureView {
    id: SignatureId,
    org_id: OrgId,
    org: OrgName,
    name: PackageName,
    version: Option<PackageVersion>,
    sha256: PackageDigest,
    expires_at: Option<StatementTime>,
    /// The keys that it names.
    signers: Vec<Fingerprint>,
}

impl StoredSignatureView {
    pub(super) fn table(stored: &[Self]) -> Table {
        let signers = || stored.iter().flat_map(|stored| &stored.signers);
        let ids =
            stored.iter().flat_map(|stored| [stored.id.to_string(), stored.sha256.to_string()]);
        let ids = ShortIds::new(ids.chain(signers().map(ToString::to_string)), [""; 0]);
        let mut table = Table::new(["PACKAGE", "VERSION", "SHA256", "NAMED KEYS", "SIGNATURE"]);
        for stored in stored {
            let named: Vec<_> = stored.signers.iter().map(|key| ids.short(key)).collect();
            let version = stored.version.as_ref().map_or("", PackageVersion::as_str);
            table.row([
                Cell::name(stored.name.as_str()),
                version.into(),
                ids.cell(stored.sha256),
                named.join(" ").into(),
                ids.cell(stored.id),
            ]);
        }
        table
    }
}

json_documents! { "package list": StoredSignaturesView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StoredSignaturesView<'a> {
    #[serde(skip)]
    org: &'a OrgName,
    #[serde(skip)]
    is_of_one_key: bool,
    signatures: Vec<StoredSignatureView>,
}

impl View for StoredSignaturesView<'_> {
    fn text(&self) -> Lines {
        if self.signatures.is_empty() {
            let by = if self.is_of_one_key { " by this key" } else { "" };
            return Lines::from(format!("{} keeps no signature{by} in the store", self.org));
        }
        let mut text = Lines::new();
        text.table(StoredSignatureView::table(&self.signatures));
        text
    }
}
