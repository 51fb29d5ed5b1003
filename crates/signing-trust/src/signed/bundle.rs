use std::sync::Arc;

use signing_crypto::{OrgId, PackageName, TrustBundle};

use super::value::SignedTrust;
use super::verify::{admit, verify};
use super::{TrustAnchor, VerifiedDocuments};
use crate::acceptance::ClockSkewAllowance;
use crate::candidates::decide_signers;
use crate::clock::clock_time;
use crate::decision::{DecisionError, Signers, TrustDecision};
use crate::document_error::SignedTrustError;
use crate::rules::{DecisionContext, Packages};
use crate::snapshot::OrganizationTrust;

/// An organization's signed trust, for hosts without a store: the documents of a bundle,
/// verified from a pinned root.
///
/// A bundle does not learn of revocations that were made since. How long it can be used is
/// bounded by when its documents expire.
#[derive(Clone, Debug)]
pub struct BundledTrust {
    signed: Arc<SignedTrust>,
    trust: Arc<OrganizationTrust>,
}

impl BundledTrust {
    /// Verifies a bundle, which must not be older than what was seen before.
    ///
    /// # Errors
    ///
    /// The bundle's documents are wrong or have expired, a child's are not listed, or another
    /// organization's are.
    pub fn verify(bundle: &TrustBundle, anchor: &TrustAnchor) -> Result<Self, SignedTrustError> {
        let (org, documents) = (bundle.org(), bundle.documents());
        let mut signed = verify(org, documents, anchor.root(), |_, _| Ok(()))?;
        let granted = &signed.own.statement().grants;
        if let Some(&child) = granted.keys().find(|child| !documents.contains_key(child)) {
            return Err(SignedTrustError::IncompleteBundle { org, child });
        }
        let is_known = |other: &OrgId| *other == org || granted.contains_key(other);
        if let Some(&other) = documents.keys().find(|other| !is_known(other)) {
            return Err(SignedTrustError::ExtraneousDocuments { org, other });
        }
        // Why they are not there is not in the bundle.
        for (&org, documents) in &mut signed.children {
            if documents
                .as_ref()
                .is_err_and(|error| **error == SignedTrustError::NoDocuments { org })
            {
                *documents = Err(Arc::new(SignedTrustError::NotBundled { org }));
            }
        }
        signed.value().require_current(DecisionContext::at(clock_time()))?;
        // What is refused is not remembered.
        admit(&mut signed, anchor)?;
        let trust = signed.value();
        Ok(Self { signed: Arc::new(signed), trust: Arc::new(trust) })
    }

    /// The organization.
    pub fn org(&self) -> OrgId {
        self.signed.org
    }

    /// The organization's own documents.
    pub fn documents(&self) -> &VerifiedDocuments {
        &self.signed.own
    }

    /// The documents of each organization that the statement grants trust to, or why they do
    /// not count.
    pub fn children(
        &self,
    ) -> impl Iterator<Item = (&OrgId, Result<&VerifiedDocuments, &SignedTrustError>)> {
        let children = self.signed.children.iter();
        children.map(|(child, documents)| (child, documents.as_ref().map_err(|error| &**error)))
    }

    /// Decides which of `signers` the organization accepts for the package `name`. What has
    /// expired still counts for as long as the clock may be ahead.
    ///
    /// # Errors
    ///
    /// [`DecisionError::SignedTrust`] if a document of the organization has expired since, and
    /// [`DecisionError::TooManyCandidates`].
    pub fn decide(
        &self,
        signers: &Signers,
        name: &PackageName,
        clock_skew_allowance: ClockSkewAllowance,
    ) -> Result<TrustDecision, DecisionError> {
        let context = DecisionContext::at(clock_time()).with_allowance(clock_skew_allowance);
        decide_signers(&self.trust, signers, Packages::Named(name), context)
    }
}
