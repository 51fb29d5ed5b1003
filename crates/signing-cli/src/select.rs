//! Finds in the store what a command line names.
//!
//! All of an id or a fingerprint comes first, then a name, then the beginning of an id or
//! a fingerprint. So nobody captures a whole id by choosing a name, nor a name by making
//! keys until one begins like it. A name or a beginning is looked for among the keys of one
//! organization, because every organization names its keys as it likes.

mod described;
mod only_signing_key;
mod organizations;
mod signatures;

use std::collections::HashSet;

use signing_crypto::{Fingerprint, KeyId, KeyName, OrgId, OrgName, TrustedKeyId};
use signing_trust::store::{OrganizationRecord, SigningKeyRecord, StoreError, TrustedKeyRecord};
use signing_trust::{TrustPath, TrustReader};

use crate::cli::{GivenKey, KeyKind, KeyReference, OrgReference};
use crate::context::Context;
use crate::error::CliError;
use crate::similar::most_similar;

pub(crate) use only_signing_key::{free_name, replaced_by, signing_key_or_only, usual_key_name};
use organizations::organization_of_key;
pub(crate) use organizations::{organization, organization_or_default};
pub(crate) use signatures::signature;

/// A key of either kind.
#[derive(Clone)]
pub(crate) enum Selected {
    Signing(SigningKeyRecord),
    Trusted(TrustedKeyRecord),
}

/// Finds a key of either kind. All that match count, revoked ones too: a change to the wrong
/// key would be worse than no change. With `org`, it must belong to that organization: a key that
/// is named as another's is what `org` says about that key.
pub(crate) async fn key(
    context: &Context,
    keys: &TrustReader,
    org: Option<&OrgReference>,
    named: &KeyReference,
    kind: Option<KeyKind>,
) -> Result<Selected, CliError> {
    let scope = Scope::new(context, keys, org, named).await?;
    let Some(org) = org else {
        let matching = scope.matching(keys, named, kind).await?;
        return scope.only(keys, named, kind, matching).await;
    };
    let org = organization(keys, org).await?;
    let key = match &scope.org {
        Some(owner) if owner.id != org.id => scope.row_about(&org, keys, named, kind).await?,
        _ => {
            let matching = scope.matching(keys, named, kind).await?;
            Some(scope.only(keys, named, kind, matching).await?)
        }
    };
    key.filter(|key| key.org_id() == org.id)
        .ok_or(CliError::KeyOfAnotherOrganization { given: named.to_string(), org: org.name })
}

/// Finds a signing key to use. Of several that had the name one after the other, it is the
/// one that is not revoked.
pub(crate) async fn signing_key(
    context: &Context,
    keys: &TrustReader,
    org: Option<&OrgReference>,
    named: &KeyReference,
) -> Result<KeyId, CliError> {
    let scope = Scope::new(context, keys, org, named).await?;
    let kind = Some(KeyKind::Signing);
    let mut matching = scope.matching(keys, named, kind).await?;
    let is_usable = |key: &Selected| !key.is_revoked();
    if matching.iter().all(|key| named.is_name_of(key)) && matching.iter().any(is_usable) {
        matching.retain(is_usable);
    }
    match scope.only(keys, named, kind, matching).await? {
        Selected::Signing(key) => Ok(key.id),
        Selected::Trusted(_) => Err(scope.no_such_key(keys, named, kind).await?),
    }
}

/// What is said instead of signing keys that cannot be listed.
pub(crate) const UNREADABLE: &str = "this database role may not see them";

/// The organization's signing keys. `None` if the database role may not see them, as a runner's.
pub(crate) async fn readable_signing_keys(
    keys: &TrustReader,
    org: OrgId,
) -> Result<Option<Vec<SigningKeyRecord>>, CliError> {
    match keys.store().signing_keys(org).await {
        Err(StoreError::PermissionDenied(_)) => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// A public key, and what the store calls it.
pub(crate) struct SelectedPublicKey {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: Option<KeyName>,
    /// Whether anything but the command line says that there is such a key.
    pub(crate) is_known: bool,
}

/// Finds a public key that `org` may have an opinion of: its own, or one that it accepts
/// through a grant. A whole fingerprint may be unknown to the store.
pub(crate) async fn public_key(
    context: &Context,
    keys: &TrustReader,
    org: &OrganizationRecord,
    named: &KeyReference,
) -> Result<SelectedPublicKey, CliError> {
    let scope = match (&named.org, &named.key) {
        (None, GivenKey::Fingerprint(_) | GivenKey::Name(_)) => Scope { org: Some(org.clone()) },
        _ => Scope::new(context, keys, None, named).await?,
    };
    let matching = scope.matching(keys, named, None).await?;
    let mut found: Vec<_> = matching.iter().map(Selected::public_key).collect();
    if let (None, GivenKey::Name(given)) = (&named.org, &named.key)
        && let Some(prefix) = given.prefix()
        && !matching.iter().any(|key| named.is_name_of(key))
    {
        let accepted = keys.list_trusted_keys(org.id).await?;
        found.extend(accepted.into_iter().filter_map(|key| {
            let fingerprint = key.key.fingerprint();
            let (name, is_known) = (key.name, true);
            prefix.begins(fingerprint).then_some(SelectedPublicKey { fingerprint, name, is_known })
        }));
    }
    found.sort_by_key(|key| (key.fingerprint, key.name.is_none()));
    found.dedup_by_key(|key| key.fingerprint);
    match (<[_; 1]>::try_from(found), &named.key) {
        (Ok([key]), _) => Ok(key),
        (Err(none), GivenKey::Fingerprint(fingerprint)) if none.is_empty() => {
            Ok(SelectedPublicKey { fingerprint: *fingerprint, name: None, is_known: false })
        }
        (Err(none), _) if none.is_empty() => Err(scope.no_such_key(keys, named, None).await?),
        (Err(several), _) => {
            let ids = scope.short_ids(keys, Some(org)).await?;
            Err(CliError::AmbiguousKey {
                given: named.to_string(),
                kinds_differ: false,
                candidates: several.iter().map(|key| key.described(&ids)).collect(),
            })
        }
    }
}

/// The organization among whose keys one is looked for; `None` for a whole id, which names
/// one key in the whole store.
struct Scope {
    org: Option<OrganizationRecord>,
}

impl Scope {
    async fn new(
        context: &Context,
        keys: &TrustReader,
        org: Option<&OrgReference>,
        named: &KeyReference,
    ) -> Result<Self, CliError> {
        Ok(Self {
            org: match (&named.org, &named.key) {
                (Some(own), _) => Some(organization(keys, own).await?),
                (None, GivenKey::Id(_)) => None,
                (None, _) => Some(organization_of_key(context, keys, org, named).await?),
            },
        })
    }

    async fn matching(
        &self,
        keys: &TrustReader,
        named: &KeyReference,
        kind: Option<KeyKind>,
    ) -> Result<Vec<Selected>, CliError> {
        if let GivenKey::Id(id) = &named.key {
            let mut found = by_id(keys, *id, kind).await?;
            found.retain(|key| self.org.as_ref().is_none_or(|org| org.id == key.org_id()));
            return Ok(found);
        }
        let mut candidates = self.keys(keys, kind).await?;
        match &named.key {
            GivenKey::Fingerprint(fingerprint) => {
                candidates.retain(|key| key.fingerprint() == *fingerprint);
            }
            GivenKey::Name(given) => {
                let has_name = |key: &Selected| named.is_name_of(key);
                let prefix = given.prefix();
                let begins = |key: &Selected| {
                    prefix.as_ref().is_some_and(|prefix| {
                        prefix.begins(key.id()) || prefix.begins(key.fingerprint())
                    })
                };
                match candidates.iter().any(has_name) {
                    true => candidates.retain(has_name),
                    false => candidates.retain(begins),
                }
            }
            GivenKey::Id(_) => {}
        }
        Ok(candidates)
    }

    async fn keys(
        &self,
        keys: &TrustReader,
        kind: Option<KeyKind>,
    ) -> Result<Vec<Selected>, CliError> {
        let Some(org) = &self.org else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        if kind != Some(KeyKind::Trusted) {
            let signing = keys.store().signing_keys(org.id).await?;
            found.extend(signing.into_iter().map(Selected::Signing));
        }
        if kind != Some(KeyKind::Signing) {
            let trusted = keys.store().own_trusted_keys(org.id).await?;
            found.extend(trusted.into_iter().map(Selected::Trusted));
        }
        Ok(found)
    }

    /// The row of `org` about the key that is named, if it has one.
    async fn row_about(
        &self,
        org: &OrganizationRecord,
        keys: &TrustReader,
        named: &KeyReference,
        kind: Option<KeyKind>,
    ) -> Result<Option<Selected>, CliError> {
        // One key, before any row of `org` is looked at: the other organization chooses its names,
        // and must not be able to select one of `org`'s rows by them.
        let mut theirs = self.matching(keys, named, None).await?;
        theirs.sort_by_key(Selected::fingerprint);
        theirs.dedup_by_key(|key| key.fingerprint());
        let fingerprint = self.only(keys, named, None, theirs).await?.fingerprint();
        if kind == Some(KeyKind::Signing) {
            return Ok(None);
        }
        let own = Self { org: Some(org.clone()) };
        let mut matching = own.keys(keys, Some(KeyKind::Trusted)).await?;
        matching.retain(|row| row.fingerprint() == fingerprint);
        match matching.is_empty() {
            true => Ok(None),
            false => own.only(keys, named, kind, matching).await.map(Some),
        }
    }

    async fn only(
        &self,
        keys: &TrustReader,
        named: &KeyReference,
        kind: Option<KeyKind>,
        matching: Vec<Selected>,
    ) -> Result<Selected, CliError> {
        match <[_; 1]>::try_from(matching) {
            Ok([key]) => Ok(key),
            Err(none) if none.is_empty() => Err(self.no_such_key(keys, named, kind).await?),
            Err(matching) => {
                let ids = self.short_ids(keys, None).await?;
                let is_signing = |key: &Selected| matches!(key, Selected::Signing(_));
                let fingerprints: HashSet<_> = matching.iter().map(Selected::fingerprint).collect();
                // What lists show, unless that is the same key twice.
                let shown = |key: &Selected| match fingerprints.len() == matching.len() {
                    true => ids.short(key.fingerprint()),
                    false => ids.short(key.id()),
                };
                Err(CliError::AmbiguousKey {
                    given: named.to_string(),
                    kinds_differ: matching.iter().any(is_signing)
                        && !matching.iter().all(is_signing),
                    candidates: matching.iter().map(|key| key.described(shown(key))).collect(),
                })
            }
        }
    }

    async fn no_such_key(
        &self,
        keys: &TrustReader,
        named: &KeyReference,
        kind: Option<KeyKind>,
    ) -> Result<CliError, CliError> {
        if let (Some(org), Some(KeyKind::Signing)) = (&self.org, kind)
            && !self.matching(keys, named, Some(KeyKind::Trusted)).await?.is_empty()
        {
            return Ok(CliError::NoPrivateHalf { given: named.to_string(), org: org.name.clone() });
        }
        let all = self.keys(keys, kind).await?;
        let similar = match &named.key {
            GivenKey::Name(given) => {
                let names = all.iter().filter_map(Selected::name);
                most_similar(given.as_str(), names, KeyName::as_str).cloned()
            }
            _ => None,
        };
        let org = self.org.as_ref().map(|org| org.name.clone());
        let mut similar = org.clone().zip(similar);
        if let (Some(own), None, GivenKey::Name(given)) = (&self.org, &named.org, &named.key)
            && kind != Some(KeyKind::Signing)
        {
            let granted = granted_key(keys, own, given.as_str()).await?;
            similar = granted.or(similar);
        }
        Ok(CliError::NoSuchKey { given: named.to_string(), org, similar })
    }
}

/// The key that another organization calls so, and `org` accepts through a grant.
async fn granted_key(
    keys: &TrustReader,
    org: &OrganizationRecord,
    given: &str,
) -> Result<Option<(OrgName, KeyName)>, CliError> {
    let accepted = keys.list_trusted_keys(org.id).await?;
    Ok(accepted.into_iter().find_map(|key| match (key.via, key.name) {
        (TrustPath::Granted { child_name, .. }, Some(name)) if name.as_str() == given => {
            Some((child_name, name))
        }
        _ => None,
    }))
}

impl KeyReference {
    fn is_name_of(&self, key: &Selected) -> bool {
        match (&self.key, key.name()) {
            (GivenKey::Name(given), Some(name)) => given.as_str() == name.as_str(),
            _ => false,
        }
    }
}

/// Ids are random: if both kinds have a key of this id, somebody made it so.
async fn by_id(
    keys: &TrustReader,
    id: KeyId,
    kind: Option<KeyKind>,
) -> Result<Vec<Selected>, CliError> {
    let mut found = Vec::new();
    if kind != Some(KeyKind::Trusted) {
        match keys.store().signing_key(id).await {
            Ok(key) => found.push(Selected::Signing(key)),
            Err(StoreError::SigningKeyNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if kind != Some(KeyKind::Signing) {
        match keys.store().trusted_key(TrustedKeyId::from(*id.as_uuid())).await {
            Ok(key) => found.push(Selected::Trusted(key)),
            Err(StoreError::TrustedKeyNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

impl Selected {
    pub(crate) fn id(&self) -> KeyId {
        match self {
            Self::Signing(key) => key.id,
            Self::Trusted(key) => KeyId::from(*key.id.as_uuid()),
        }
    }

    pub(crate) fn org_id(&self) -> OrgId {
        match self {
            Self::Signing(key) => key.org_id,
            Self::Trusted(key) => key.org_id,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Signing(key) => key.fingerprint,
            Self::Trusted(key) => key.fingerprint,
        }
    }

    pub(crate) fn name(&self) -> Option<&KeyName> {
        match self {
            Self::Signing(key) => Some(&key.name),
            Self::Trusted(key) => key.name.as_ref(),
        }
    }

    fn is_revoked(&self) -> bool {
        match self {
            Self::Signing(key) => key.revoked_at.is_some(),
            Self::Trusted(key) => key.revoked_at.is_some(),
        }
    }

    fn public_key(&self) -> SelectedPublicKey {
        let (fingerprint, name) = (self.fingerprint(), self.name().cloned());
        SelectedPublicKey { fingerprint, name, is_known: true }
    }
}
