//! Which key a command has signed with.

use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, OrgName, Signer};
use signing_trust::store::OrganizationRef;
use signing_trust::{ProvenKey, TrustReader};

use crate::error::CliError;

/// How many digits of a fingerprint tell an organization's keys apart.
const DIGITS: usize = 16;

/// The key that signed. A user who can write rows of the store can swap the names of an
/// organization's signing keys. The fingerprint is derived from the private half.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SignerView {
    #[serde(rename = "signer")]
    fingerprint: Fingerprint,
    /// What the store calls a key of the store.
    #[serde(rename = "signer_org")]
    org: Option<OrgName>,
    #[serde(rename = "signer_name")]
    name: Option<KeyName>,
    #[serde(rename = "signer_key_id")]
    key_id: Option<KeyId>,
}

impl SignerView {
    /// A key that is not in the store.
    pub(crate) fn of(signer: &dyn Signer) -> Self {
        let fingerprint = signer.verifying_key().fingerprint();
        Self { fingerprint, org: None, name: None, key_id: None }
    }

    /// A key of the store.
    pub(crate) async fn of_stored(keys: &TrustReader, key: &ProvenKey) -> Result<Self, CliError> {
        let org = keys.store().organization(OrganizationRef::Id(key.org())).await?.name;
        Ok(Self {
            fingerprint: key.fingerprint(),
            org: Some(org),
            name: Some(key.record().name.clone()),
            key_id: Some(key.id()),
        })
    }

    /// Whether the key was found by what rows of the store say.
    pub(crate) fn is_stored(&self) -> bool {
        self.key_id.is_some()
    }

    /// Such as `acme/release (1a2b3c4d5e6f7081)`.
    pub(crate) fn text(&self) -> String {
        let digits = format!("{:.DIGITS$}", self.fingerprint.to_string());
        match (&self.org, &self.name) {
            (Some(org), Some(name)) => format!("{org}/{name} ({digits})"),
            _ => format!("the key {digits}"),
        }
    }
}
