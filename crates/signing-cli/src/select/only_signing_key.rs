//! The key that signs where none is named.

use std::collections::{BTreeSet, HashSet};

use signing_crypto::{KeyId, KeyName, OrgName};
use signing_trust::TrustReader;
use signing_trust::store::{RevocationReason, SigningKeyRecord};

use super::{organization_or_default, signing_key};
use crate::cli::{KeyReference, OrgReference};
use crate::context::Context;
use crate::error::CliError;

const USUAL_NAME: &str = "release";

/// What `init` calls a key.
pub(crate) fn usual_key_name() -> KeyName {
    USUAL_NAME.parse().expect("it is a name")
}

/// Finds the signing key that is named, or else the only one that can sign for the
/// organization.
pub(crate) async fn signing_key_or_only(
    context: &Context,
    keys: &TrustReader,
    org: Option<&OrgReference>,
    named: Option<&KeyReference>,
) -> Result<KeyId, CliError> {
    if let Some(named) = named {
        return signing_key(context, keys, org, named).await;
    }
    let org = organization_or_default(context, keys, org).await?;
    let all = keys.store().signing_keys(org.id).await?;
    let usable: Vec<_> = all.iter().filter(|key| key.revoked_at.is_none()).collect();
    match &usable[..] {
        [only] => return Ok(only.id),
        [] => return Err(no_signing_key(org.name, &all)),
        _ => {}
    }
    let all_replaced: HashSet<_> = usable.iter().flat_map(|key| replaced_by(key, &all)).collect();
    let in_use = usable.iter().filter(|key| !all_replaced.contains(&key.id));
    let newest = in_use.max_by_key(|key| key.created_at).or(usable.first());
    let newest = newest.map(|key| key.name.clone());
    let keys = usable.into_iter().map(|key| key.name.clone()).collect();
    Err(CliError::SigningKeyNeeded { org: org.name, keys, newest })
}

/// The keys that this one took the place of, one after the other. A row could say that a key
/// replaces itself.
pub(crate) fn replaced_by(key: &SigningKeyRecord, all: &[SigningKeyRecord]) -> HashSet<KeyId> {
    let mut replaced = HashSet::new();
    let mut next = key.predecessor_id;
    while let Some(id) = next.filter(|id| replaced.insert(*id)) {
        let before = all.iter().find(|other| other.id == id);
        next = before.and_then(|before| before.predecessor_id);
    }
    replaced
}

fn no_signing_key(org: OrgName, all: &[SigningKeyRecord]) -> CliError {
    let can_sign_again =
        |key: &&SigningKeyRecord| key.revocation_reason != Some(RevocationReason::Compromised);
    let mut revoked: Vec<_> = all.iter().filter(can_sign_again).collect();
    revoked.sort_by_key(|key| std::cmp::Reverse(key.revoked_at));
    let has_own_name =
        |key: &SigningKeyRecord| all.iter().filter(|other| other.name == key.name).count() == 1;
    let revoked = revoked.into_iter().map(|key| match has_own_name(key) {
        true => format!("{org}/{}", key.name),
        false => key.id.to_string(),
    });
    let revoked = revoked.collect();
    CliError::NoSigningKey { free_name: free_name(all), revoked, org }
}

/// A name that no key of the organization has or had: a revoked one could then not be reinstated.
pub(crate) fn free_name(all: &[SigningKeyRecord]) -> KeyName {
    let used: BTreeSet<_> = all.iter().map(|key| key.name.as_str()).collect();
    let numbered = (2_u64..).map(|number| format!("{USUAL_NAME}.{number}"));
    let names = std::iter::once(USUAL_NAME.to_owned()).chain(numbered);
    let mut free = names.filter(|name| !used.contains(name.as_str()));
    let free = free.next().and_then(|name| KeyName::new(name).ok());
    free.expect("there are fewer keys than numbers, and each of these is a name")
}
