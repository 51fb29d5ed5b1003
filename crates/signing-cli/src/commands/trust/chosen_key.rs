//! Which key a published revocation denies, which cannot be taken back. Anyone who can write the
//! store decides which row has which name, id and fingerprint, so no row says which key it is.

use std::collections::BTreeSet;
use std::iter;

use signing_crypto::{Fingerprint, OrgId, OrgName};
use signing_trust::store::OrganizationRecord;
use signing_trust::{ProvenKey, PublishedTrust, TrustReader, VerifiedDocuments};

use crate::cli::{GivenKey, KeyReference, NameOrPrefix, OrgReference, PublishKey};
use crate::error::{CliError, NotStated};
use crate::signed_trust;

/// With fewer digits, somebody else can make a key whose fingerprint begins in the same way.
const MIN_DIGITS: usize = 16;

/// A key whose revocation may be published: what was typed says which one it is, by itself or with
/// verified documents, or the private half does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) struct ChosenKey(Fingerprint);

/// What the store has under the name, the id or the fingerprint that was typed.
#[derive(Clone, Copy)]
pub(in crate::commands) enum InStore<'a> {
    /// A row, which says that it is of this key.
    Row(Fingerprint),
    Proven(&'a ProvenKey),
}

impl InStore<'_> {
    pub(in crate::commands) fn fingerprint(self) -> Fingerprint {
        match self {
            Self::Row(fingerprint) => fingerprint,
            Self::Proven(key) => key.fingerprint(),
        }
    }
}

impl ChosenKey {
    pub(in crate::commands) fn fingerprint(self) -> Fingerprint {
        self.0
    }

    /// The key that is refused for good if `publish` is given, asked before anything is changed:
    /// the one in the store must be the same.
    pub(in crate::commands) async fn to_publish<'p>(
        keys: &TrustReader,
        org: &OrganizationRecord,
        named: &KeyReference,
        in_store: InStore<'_>,
        publish: Option<&'p PublishKey>,
    ) -> Result<Option<(Self, &'p PublishKey)>, CliError> {
        let Some(publish) = publish else { return Ok(None) };
        let chosen = match (&named.key, in_store) {
            // The private half is wrapped for its id.
            (GivenKey::Id(id), InStore::Proven(key)) if *id == key.id() => Self(key.fingerprint()),
            _ => Self::read(keys, org, named, publish).await?,
        };
        let (expected, found) = (chosen.0, in_store.fingerprint());
        match found == expected {
            true => Ok(Some((chosen, publish))),
            false => {
                let (org, given) = (org.name.clone(), named.to_string());
                Err(CliError::OtherKeyInRow { org, given, expected, found })
            }
        }
    }

    /// A whole fingerprint needs no documents: a key is refused also while they do not count.
    async fn read(
        keys: &TrustReader,
        org: &OrganizationRecord,
        named: &KeyReference,
        PublishKey { anchor, .. }: &PublishKey,
    ) -> Result<Self, CliError> {
        if let GivenKey::Fingerprint(fingerprint) = named.key {
            return Ok(Self(fingerprint));
        }
        let anchor = signed_trust::anchor(anchor)?;
        let unread = |source| not_stated(&org.name, named, NotStated::Documents(Box::new(source)));
        let published = keys.published_trust_with_children(org.id, &anchor).await;
        let published = published.map_err(|error| unread(error.into()))?;
        let missing = || unread(CliError::NoTrustDocuments { org: org.name.clone() });
        Self::stated(&org.name, named, &published.ok_or_else(missing)?)
    }

    /// The key that published documents, and no rows, say is meant.
    pub(super) fn stated(
        org: &OrgName,
        named: &KeyReference,
        published: &PublishedTrust,
    ) -> Result<Self, CliError> {
        find(named, published).map(Self).map_err(|fault| not_stated(org, named, fault))
    }
}

/// How a key is named on a command line that publishes its revocation. `proven` is the key, if its
/// private half was asked.
pub(in crate::commands) fn name_to_publish(
    named: &KeyReference,
    proven: Option<&ProvenKey>,
) -> String {
    match (&named.key, proven) {
        (GivenKey::Id(_), Some(key)) => key.fingerprint().to_string(),
        (GivenKey::Id(_), None) => "<fingerprint>".to_owned(),
        _ => named.to_string(),
    }
}

fn not_stated(org: &OrgName, named: &KeyReference, source: NotStated) -> CliError {
    CliError::KeyNotStated { org: org.clone(), given: named.to_string(), source }
}

fn find(named: &KeyReference, published: &PublishedTrust) -> Result<Fingerprint, NotStated> {
    let given = match &named.key {
        GivenKey::Id(_) => return Err(NotStated::Id),
        GivenKey::Fingerprint(fingerprint) => return Ok(*fingerprint),
        GivenKey::Name(given) => given,
    };
    let org = match &named.org {
        Some(org) => organization(org, published)?,
        None => &published.own,
    };
    match called(org, given)? {
        Some(fingerprint) => match other_owner(fingerprint, org, published) {
            // The names in a child's statement are the child's choice: they must not reach keys
            // that others trust.
            Some(owner) => Err(NotStated::KeyOfAnother { fingerprint, owner }),
            None => Ok(fingerprint),
        },
        None => begun(given, named.org.is_some().then_some(org), published),
    }
}

/// The key that an organization's statement calls so.
fn called(org: &VerifiedDocuments, given: &NameOrPrefix) -> Result<Option<Fingerprint>, NotStated> {
    let keys = org.statement().keys.iter();
    let has_name = |name: &signing_crypto::KeyName| name.as_str() == given.as_str();
    let matching = keys.filter(|(_, key)| key.name.as_ref().is_some_and(has_name));
    only(matching.map(|(&fingerprint, _)| fingerprint).collect())
}

/// Another organization whose statement trusts the key, if the name is not the owner's own.
fn other_owner(
    fingerprint: Fingerprint,
    org: &VerifiedDocuments,
    published: &PublishedTrust,
) -> Option<OrgName> {
    let (own, named_by) = (published.own.owner().id, org.owner().id);
    let mut others = all(published).filter(|other| other.owner().id != named_by);
    let trusts = |other: &&VerifiedDocuments| other.statement().keys.contains_key(&fingerprint);
    others.find(trusts).map(|other| other.owner().name).filter(|_| named_by != own)
}

/// The key whose fingerprint begins so, as that of no other key does which the documents of `org`
/// state, or, if none was typed, any of the documents.
fn begun(
    given: &NameOrPrefix,
    org: Option<&VerifiedDocuments>,
    published: &PublishedTrust,
) -> Result<Fingerprint, NotStated> {
    let prefix = given.prefix().ok_or(NotStated::Key)?;
    if prefix.digits().len() < MIN_DIGITS {
        return Err(NotStated::TooShort { digits: MIN_DIGITS });
    }
    let known = all(published).filter(|one| org.is_none_or(|org| one.owner() == org.owner()));
    let known = known.flat_map(|one| fingerprints(one, published));
    only(known.filter(|key| prefix.begins(key)).collect())?.ok_or(NotStated::Key)
}

fn only(found: BTreeSet<Fingerprint>) -> Result<Option<Fingerprint>, NotStated> {
    match found.len() {
        0 | 1 => Ok(found.first().copied()),
        _ => Err(NotStated::Several(found.into_iter().collect())),
    }
}

/// The organization that was typed: as the signed documents call it.
fn organization<'a>(
    given: &OrgReference,
    published: &'a PublishedTrust,
) -> Result<&'a VerifiedDocuments, NotStated> {
    let own = published.own.owner();
    let children = published.own.statement().grants.iter();
    let children = children.map(|(&id, grant)| (id, &grant.child_name));
    let known: Vec<(OrgId, &OrgName)> = iter::once((own.id, &own.name)).chain(children).collect();
    let whole = |&(id, name): &(OrgId, &OrgName)| match given {
        OrgReference::Id(given) => *given == id,
        OrgReference::Name(given) => given.as_str() == name.as_str(),
    };
    let begun = |(id, _): &(OrgId, &OrgName)| match given {
        OrgReference::Id(_) => false,
        OrgReference::Name(given) => given.prefix().is_some_and(|prefix| prefix.begins(id)),
    };
    let mut matching: Vec<_> = known.iter().copied().filter(whole).collect();
    if matching.is_empty() {
        matching = known.iter().copied().filter(begun).collect();
    }
    let documents = match matching[..] {
        [(id, _)] if id == own.id => Some(&published.own),
        [(id, _)] => published.children.get(&id),
        _ => None,
    };
    documents.ok_or_else(|| NotStated::Organization { given: given.to_string() })
}

fn all(published: &PublishedTrust) -> impl Iterator<Item = &VerifiedDocuments> {
    iter::once(&published.own).chain(published.children.values())
}

/// The keys that an organization's documents trust, and those that the own documents deny. What
/// others deny can be any digits.
fn fingerprints(
    documents: &VerifiedDocuments,
    published: &PublishedTrust,
) -> impl Iterator<Item = Fingerprint> {
    let statement = documents.statement();
    let denied = statement.denied.keys().chain(documents.revocations().denied.keys());
    let is_own = documents.owner() == published.own.owner();
    statement.keys.keys().chain(denied.filter(move |_| is_own)).copied()
}
