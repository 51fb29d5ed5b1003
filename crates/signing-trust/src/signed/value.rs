//! How the value is made of documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use signing_crypto::{
    DeniedKey, Fingerprint, OrgId, RevocationReason, Revocations, StatedKey, StatementTime,
    TrustLimits, TrustStatement,
};

use super::VerifiedDocuments;
use crate::document_error::SignedTrustError;
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
            Ok(documents) => DocumentsOfChild::UntilExpiry(documents.until()),
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
