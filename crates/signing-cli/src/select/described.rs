//! How a key is told from others, with the beginning of an id that can be given instead.

use std::fmt;

use signing_trust::TrustReader;
use signing_trust::store::OrganizationRecord;

use super::{Scope, Selected, SelectedPublicKey};
use crate::error::CliError;
use crate::lines::ShortIds;

impl Scope {
    /// The beginnings of the ids and fingerprints among which one is looked for, and of the keys
    /// that `accepted_by` accepts.
    pub(super) async fn short_ids(
        &self,
        keys: &TrustReader,
        accepted_by: Option<&OrganizationRecord>,
    ) -> Result<ShortIds, CliError> {
        let own = self.keys(keys, None).await?;
        let accepted = match accepted_by {
            Some(org) => keys.list_trusted_keys(org.id).await?,
            None => Vec::new(),
        };
        let ids = own.iter().flat_map(|key| [key.id().to_string(), key.fingerprint().to_string()]);
        let accepted = accepted.iter().map(|key| key.key.fingerprint().to_string());
        Ok(ShortIds::new(ids.chain(accepted), own.iter().filter_map(Selected::name)))
    }
}

impl Selected {
    /// `id` is one that can be given instead.
    pub(super) fn described(&self, id: impl fmt::Display) -> String {
        let kind = match self {
            Self::Signing(_) => "signing",
            Self::Trusted(_) => "trusted",
        };
        let revoked = if self.is_revoked() { "revoked " } else { "" };
        match self.name() {
            Some(name) => format!("the {revoked}{kind} key {name} ({id})"),
            None => format!("a {revoked}{kind} key without a name ({id})"),
        }
    }
}

impl SelectedPublicKey {
    pub(super) fn described(&self, ids: &ShortIds) -> String {
        let id = ids.short(self.fingerprint);
        match &self.name {
            Some(name) => format!("{name} ({id})"),
            None => format!("a key without a name ({id})"),
        }
    }
}
