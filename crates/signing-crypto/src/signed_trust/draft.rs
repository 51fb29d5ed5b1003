use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::document::max_envelope;
#[cfg(feature = "private-keys")]
use super::error::DraftSignatureError;
use super::error::{MalformedDraft, ThresholdNotMet};
use super::{
    DocumentVersion, Revocations, Role, RootDocument, SignedDocument, TrustDocument,
    TrustDocumentKind, TrustStatement, VerifiedRoot,
};
#[cfg(feature = "private-keys")]
use crate::dsse::AddSignatureError;
use crate::dsse::{Object, present};
use crate::key::Fingerprint;
#[cfg(feature = "private-keys")]
use crate::key::{Signer, VerifyingKey};
use crate::names::OrgId;

/// The `type` of a draft.
pub(super) const DRAFT_TYPE: &str = "urn:cloacina:trust-draft:v1";

/// The most bytes that a draft may have: those of its documents, and some more.
pub const MAX_DRAFT_SIZE: usize = 2 * max_envelope::<RootDocument>()
    + max_envelope::<TrustStatement>()
    + max_envelope::<Revocations>()
    + 1024;

/// Signatures that a document of a draft still needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSignatures {
    /// Which document, which role, and how many keys have signed.
    pub threshold: ThresholdNotMet,
    /// Whether the role is one of the current root document, and not of the new one.
    pub by_current_root: bool,
}

/// Documents that are to be published together, and that go round until enough keys have
/// signed them.
///
/// ```json
/// {"type":"urn:cloacina:trust-draft:v1","organization":"<uuid>",
///  "currentRoot":{…},"root":{…},"statement":{…},"revocations":{…}}
/// ```
///
/// Each `{…}` is a DSSE envelope, which may have no signature yet. What is not to be published
/// is absent, and so is the current root document of an organization that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftDocuments {
    org: OrgId,
    current_root: Option<SignedDocument<RootDocument>>,
    root: Option<SignedDocument<RootDocument>>,
    statement: Option<SignedDocument<TrustStatement>>,
    revocations: Option<SignedDocument<Revocations>>,
}

impl DraftDocuments {
    /// Puts the first documents of an organization together.
    ///
    /// # Errors
    ///
    /// That they do not belong together, or are no first ones.
    pub fn first(
        org: OrgId,
        root: SignedDocument<RootDocument>,
        statement: Option<SignedDocument<TrustStatement>>,
        revocations: Option<SignedDocument<Revocations>>,
    ) -> Result<Self, MalformedDraft> {
        Self::new(org, None, Some(root), statement, revocations)
    }

    /// Puts documents together that come after `current_root`.
    ///
    /// # Errors
    ///
    /// That they do not belong together, or that there is nothing to publish.
    pub fn following(
        org: OrgId,
        current_root: SignedDocument<RootDocument>,
        root: Option<SignedDocument<RootDocument>>,
        statement: Option<SignedDocument<TrustStatement>>,
        revocations: Option<SignedDocument<Revocations>>,
    ) -> Result<Self, MalformedDraft> {
        Self::new(org, Some(current_root), root, statement, revocations)
    }

    fn new(
        org: OrgId,
        current_root: Option<SignedDocument<RootDocument>>,
        root: Option<SignedDocument<RootDocument>>,
        statement: Option<SignedDocument<TrustStatement>>,
        revocations: Option<SignedDocument<Revocations>>,
    ) -> Result<Self, MalformedDraft> {
        let draft = Self { org, current_root, root, statement, revocations };
        require_org(org, draft.current_root.as_ref())?;
        require_org(org, draft.root.as_ref())?;
        require_org(org, draft.statement.as_ref())?;
        require_org(org, draft.revocations.as_ref())?;
        let first = Some(DocumentVersion::FIRST);
        match &draft.current_root {
            Some(current) => {
                let current = VerifiedRoot::pinned(current).map_err(MalformedDraft::CurrentRoot)?;
                require_version(current.document().header().version.next(), draft.root.as_ref())?;
            }
            None if draft.root.is_none() => return Err(MalformedDraft::NoRoot),
            // A later statement would also count beside the organization's own root documents.
            None => {
                require_version(first, draft.root.as_ref())?;
                require_version(first, draft.statement.as_ref())?;
                require_version(first, draft.revocations.as_ref())?;
            }
        }
        match (&draft.root, &draft.statement, &draft.revocations) {
            (None, None, None) => Err(MalformedDraft::Empty),
            _ => Ok(draft),
        }
    }

    /// Reads a draft, strictly and in bounded space.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedDraft> {
        if bytes.len() > MAX_DRAFT_SIZE {
            return Err(MalformedDraft::TooLarge { limit: MAX_DRAFT_SIZE });
        }
        let wire: WireDraft = Object::parse(bytes).map_err(MalformedDraft::Json)?;
        if wire.draft_type != DRAFT_TYPE {
            return Err(MalformedDraft::Type { found: wire.draft_type });
        }
        let malformed = |_| MalformedDraft::Field { field: "organization" };
        Self::new(
            wire.organization.parse().map_err(malformed)?,
            read(wire.current_root)?,
            read(wire.root)?,
            read(wire.statement)?,
            read(wire.revocations)?,
        )
    }

    /// Whose documents they are.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The root document that is to be followed, if there is one. Its own keys have signed it;
    /// whether it is the organization's has to be known from elsewhere.
    pub fn current_root(&self) -> Option<&SignedDocument<RootDocument>> {
        self.current_root.as_ref()
    }

    /// The next root document.
    pub fn root(&self) -> Option<&SignedDocument<RootDocument>> {
        self.root.as_ref()
    }

    /// The next trust statement.
    pub fn statement(&self) -> Option<&SignedDocument<TrustStatement>> {
        self.statement.as_ref()
    }

    /// The next revocations.
    pub fn revocations(&self) -> Option<&SignedDocument<Revocations>> {
        self.revocations.as_ref()
    }

    /// The root document whose roles count once the documents are published.
    fn acting_root(&self) -> &RootDocument {
        let acting = self.root.as_ref().or(self.current_root.as_ref());
        acting.expect("a draft has a root document").unverified()
    }

    /// Signs each document for which `signer` has a role and which it has not signed, and says
    /// which those were.
    ///
    /// # Errors
    ///
    /// Nothing is signed if the key has no role or has signed already, or if `signer` does not
    /// sign all of them.
    #[cfg(feature = "private-keys")]
    pub fn sign(
        &mut self,
        signer: &dyn Signer,
    ) -> Result<Vec<TrustDocumentKind>, DraftSignatureError> {
        let public = signer.verifying_key();
        let fingerprint = public.fingerprint();
        let needed = self.needed_from(&fingerprint);
        if needed.is_empty() {
            return Err(DraftSignatureError::NoRole { fingerprint });
        }
        let mut signed = Vec::new();
        let mut next = self.clone();
        for kind in needed {
            let added = match kind {
                TrustDocumentKind::Root => add(next.root.as_mut(), &public, signer),
                TrustDocumentKind::Statement => add(next.statement.as_mut(), &public, signer),
                TrustDocumentKind::Revocations => add(next.revocations.as_mut(), &public, signer),
            };
            let failed = |error| match error {
                AddSignatureError::Signer(error) => DraftSignatureError::Signer(error),
                source => DraftSignatureError::Document { kind, fingerprint, source },
            };
            if added.map_err(failed)? == Added::Now {
                signed.push(kind);
            }
        }
        if signed.is_empty() {
            return Err(DraftSignatureError::AlreadySigned { fingerprint });
        }
        *self = next;
        Ok(signed)
    }

    /// The documents for which a key has a role.
    pub fn needed_from(&self, key: &Fingerprint) -> Vec<TrustDocumentKind> {
        let has = |root: &RootDocument, role| root.role(role).keys().contains(key);
        let acting = self.acting_root();
        let current = self.current_root.as_ref().map(SignedDocument::unverified);
        let signs_root =
            has(acting, Role::Root) || current.is_some_and(|root| has(root, Role::Root));
        let mut needed = Vec::new();
        if self.root.is_some() && signs_root {
            needed.push(TrustDocumentKind::Root);
        }
        if self.statement.is_some() && has(acting, Role::Trust) {
            needed.push(TrustDocumentKind::Statement);
        }
        if self.revocations.is_some() && has(acting, Role::Revocation) {
            needed.push(TrustDocumentKind::Revocations);
        }
        needed
    }

    /// The documents that too few keys have signed so far. A root document is there twice if
    /// the keys of both the current root document and the new one must sign it.
    pub fn missing(&self) -> Vec<MissingSignatures> {
        self.missing_with(&BTreeSet::new())
    }

    /// The documents that too few keys would have signed if these keys signed, too.
    pub fn missing_with(&self, signers: &BTreeSet<Fingerprint>) -> Vec<MissingSignatures> {
        let acting = self.acting_root();
        let mut missing = Vec::new();
        if let Some(root) = &self.root {
            let current = self.current_root.as_ref().map(SignedDocument::unverified);
            let current = current.map(|current| current.require_signed_with(root, signers));
            let current = current.and_then(Result::err);
            missing.extend(
                current.map(|threshold| MissingSignatures { threshold, by_current_root: true }),
            );
        }
        let root = self.root.as_ref().map(|next| acting.require_signed_with(next, signers));
        let statement = self.statement.as_ref();
        let statement = statement.map(|next| acting.require_signed_with(next, signers));
        let revocations = self.revocations.as_ref();
        let revocations = revocations.map(|next| acting.require_signed_with(next, signers));
        let by_acting = [root, statement, revocations].into_iter().flatten();
        let by_current_root = self.root.is_none();
        let missing_by_acting = |threshold| MissingSignatures { threshold, by_current_root };
        missing.extend(by_acting.filter_map(Result::err).map(missing_by_acting));
        missing
    }

    /// The draft as compact JSON.
    pub fn to_json(&self) -> String {
        let wire = WireDraft {
            draft_type: DRAFT_TYPE.into(),
            organization: self.org.to_string(),
            current_root: write(self.current_root.as_ref()),
            root: write(self.root.as_ref()),
            statement: write(self.statement.as_ref()),
            revocations: write(self.revocations.as_ref()),
        };
        serde_json::to_string(&wire).expect("strings and JSON serialize")
    }
}

fn require_org<D: TrustDocument>(
    expected: OrgId,
    signed: Option<&SignedDocument<D>>,
) -> Result<(), MalformedDraft> {
    match signed.map(|signed| signed.unverified().header().org) {
        Some(found) if found != expected => {
            Err(MalformedDraft::Organization { kind: D::KIND, expected, found })
        }
        _ => Ok(()),
    }
}

fn require_version<D: TrustDocument>(
    expected: Option<DocumentVersion>,
    signed: Option<&SignedDocument<D>>,
) -> Result<(), MalformedDraft> {
    match (expected, signed.map(|signed| signed.unverified().header().version)) {
        (Some(expected), Some(found)) if found != expected => {
            Err(MalformedDraft::Version { kind: D::KIND, expected, found })
        }
        _ => Ok(()),
    }
}

/// Whether a signature was added.
#[cfg(feature = "private-keys")]
#[derive(PartialEq, Eq)]
enum Added {
    Now,
    Before,
}

#[cfg(feature = "private-keys")]
fn add<D: TrustDocument>(
    signed: Option<&mut SignedDocument<D>>,
    public: &VerifyingKey,
    signer: &dyn Signer,
) -> Result<Added, AddSignatureError> {
    let Some(signed) = signed else { return Ok(Added::Before) };
    if !signed.signers_among([public]).is_empty() {
        return Ok(Added::Before);
    }
    signed.add_signature(signer).map(|()| Added::Now)
}

fn read<D: TrustDocument>(
    envelope: Option<Box<RawValue>>,
) -> Result<Option<SignedDocument<D>>, MalformedDraft> {
    let parsed = envelope.map(|text| SignedDocument::parse_unsigned(text.get().as_bytes()));
    Ok(parsed.transpose()?)
}

fn write<D: TrustDocument>(signed: Option<&SignedDocument<D>>) -> Option<Box<RawValue>> {
    let raw = |text| RawValue::from_string(text).expect("an envelope is JSON");
    signed.map(|signed| raw(signed.to_json()))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireDraft {
    #[serde(rename = "type")]
    draft_type: String,
    organization: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    current_root: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    root: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    statement: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    revocations: Option<Box<RawValue>>,
}

#[cfg(test)]
#[cfg(feature = "private-keys")]
mod tests;
