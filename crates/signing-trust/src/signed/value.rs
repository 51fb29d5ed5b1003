//! How the value is made of documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use signing_crypto::{
    DeniedKey, Fingerprint, OrgId, RevocationReason, Revocations, StatedKey, StatementTime,
    TrustLimits, TrustStatement,
};

use super::VerifiedDocuments;
use crate::document_error::{DocumentOwner, SignedTrustError};
#[cfg(feature = "store")]
use crate::rules::{DecisionContext, fault_of_documents};
use crate::snapshot::{
    DocumentsOfChild, Expiry, KeyEntry, KeyStatus, Organization, OrganizationTrust, StatedBy,
    TrustGrant,
};

/// An organization's documents and those of the organizations that it grants trust to.
#[derive(Clone, Debug)]
pub(crate) struct SignedTrust {
    pub(super) org: OrgId,
    pub(super) own: VerifiedDocuments,
    pub(super) children: Children,
}

impl SignedTrust {
    /// The organization's own documents.
    #[cfg(feature = "store")]
    pub(crate) fn into_own(self) -> VerifiedDocuments {
        self.own
    }

    /// The organization, and those that its statement grants trust to.
    #[cfg(feature = "store")]
    pub(crate) fn organizations(&self) -> impl Iterator<Item = OrgId> {
        std::iter::once(self.org).chain(self.children.keys().copied())
    }

    /// Whether the documents of one of them count.
    #[cfg(feature = "store")]
    pub(crate) fn counts(&self, org: OrgId) -> bool {
        org == self.org || self.children.get(&org).is_some_and(Result::is_ok)
    }

    /// The organizations to which a grant that has not ended gives trust in vain, and why.
    #[cfg(feature = "store")]
    pub(crate) fn refused_children(&self, context: DecisionContext) -> Vec<RefusedChild> {
        let refused = |grant: &TrustGrant| {
            let fault = fault_of_documents(grant, context)?;
            let is_over = grant.limits.expires_at.is_some_and(|at| at <= context.now);
            let child = || RefusedChild { id: grant.child, name: grant.child_name.clone(), fault };
            (!is_over).then(child)
        };
        self.value().grants.iter().filter_map(refused).collect()
    }

    /// What the documents say, as a value: about all keys, and read nowhere.
    pub(crate) fn value(&self) -> OrganizationTrust {
        let own = Stated {
            statement: self.own.statement(),
            revocations: self.own.revocations(),
            until: self.own.until(),
        };
        value_of(self.org, own, &self.children)
    }
}

/// What an organization has published, all of it verified.
#[cfg(feature = "store")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PublishedTrust {
    /// Its own documents.
    pub own: VerifiedDocuments,
    /// Those of the organizations that its statement grants trust to, verified from the root that
    /// the statement names. What does not verify is left out.
    pub children: BTreeMap<OrgId, VerifiedDocuments>,
}

#[cfg(feature = "store")]
impl From<SignedTrust> for PublishedTrust {
    fn from(SignedTrust { own, children, .. }: SignedTrust) -> Self {
        let verified = |(child, documents): (_, Result<_, _>)| Some((child, documents.ok()?));
        Self { own, children: children.into_iter().filter_map(verified).collect() }
    }
}

/// An organization to which a statement grants trust, and whose own documents do not count: none
/// of its keys is accepted.
#[cfg(feature = "store")]
#[derive(Clone, Debug)]
pub struct RefusedChild {
    /// The organization.
    pub id: OrgId,
    /// What the statement calls it.
    pub name: signing_crypto::OrgName,
    /// Why its documents do not count.
    pub fault: Arc<SignedTrustError>,
}

/// What one organization says. Signatures are not checked here.
pub(crate) struct Stated<'a> {
    pub(crate) statement: &'a TrustStatement,
    pub(crate) revocations: &'a Revocations,
    /// When the first of its documents expires.
    pub(crate) until: Expiry,
}

/// The documents of the organizations that a statement grants trust to, all of them.
pub(crate) type Children = BTreeMap<OrgId, Result<VerifiedDocuments, Arc<SignedTrustError>>>;

/// The value that documents come to.
pub(crate) fn value_of(org: OrgId, own: Stated<'_>, children: &Children) -> OrganizationTrust {
    let mut trust = OrganizationTrust {
        organization: Some(Organization { id: org, deleted_at: None }),
        floors: own.statement.floors.clone(),
        documents: Some(own.until),
        ..OrganizationTrust::default()
    };
    for (&child, grant) in &own.statement.grants {
        let documents = match &children[&child] {
            Ok(documents) => {
                // As the organization itself calls it, whatever the child's documents say.
                let org = DocumentOwner { id: child, name: grant.child_name.clone() };
                DocumentsOfChild::UntilExpiry(Expiry { org: Arc::new(org), ..documents.until() })
            }
            Err(error) => DocumentsOfChild::Refused(error.clone()),
        };
        trust.grants.push(TrustGrant {
            id: None,
            child,
            child_name: grant.child_name.clone(),
            child_deleted_at: None,
            limits: TrustLimits {
                packages: grant.packages.clone(),
                expires_at: grant.expires_at.map(StatementTime::to_utc),
            },
            narrowed_to: None,
            documents,
        });
    }
    trust.sort_grants();
    state(&mut trust, own.statement, own.revocations, StatedBy::Organization(None));
    let granted: Vec<_> = trust.grants.iter().map(|grant| grant.child).collect();
    for (place, child) in granted.iter().enumerate() {
        if let Ok(documents) = &children[child] {
            let by = StatedBy::Child(place, None);
            state(&mut trust, documents.statement(), documents.revocations(), by);
        }
    }
    trust
}

/// Adds what one organization says about keys. Its denials win over its trust.
fn state(
    trust: &mut OrganizationTrust,
    statement: &TrustStatement,
    revocations: &Revocations,
    by: StatedBy,
) {
    let mut says: BTreeMap<Fingerprint, KeyStatus> =
        statement.keys.iter().map(|(&key, stated)| (key, trusted(stated))).collect();
    for (&key, denied) in statement.denied.iter().chain(&revocations.denied) {
        says.entry(key).or_default().revoked.get_or_insert(revoked(denied));
    }
    for (key, status) in says {
        let entries = &mut trust.keys.entry(key).or_default().entries;
        entries.push(KeyEntry { by, status });
    }
}

fn trusted(stated: &StatedKey) -> KeyStatus {
    KeyStatus {
        public_key: Some(stated.public_key.clone()),
        name: stated.name.clone(),
        revoked: None,
        expires_at: stated.expires_at.map(StatementTime::to_utc),
    }
}

fn revoked(denied: &DeniedKey) -> (chrono::DateTime<chrono::Utc>, RevocationReason) {
    (denied.at.to_utc(), RevocationReason::Retired)
}
