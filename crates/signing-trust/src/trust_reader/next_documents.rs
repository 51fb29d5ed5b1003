//! The documents that an organization publishes next, before anybody has signed them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::SubsecRound;
use signing_crypto::{
    DeniedKey, DocumentHeader, DocumentVersion, DraftDocuments, Fingerprint,
    MalformedTrustDocument, OrgId, OrgName, Revocations, Role, RoleKeys, RootDigest, RootDocument,
    SignedDocument, StatementTime, TrustDocument, TrustDocumentKind, TrustStatement, VerifyingKey,
};
use signing_store::OrganizationRecord;

use super::TrustReader;
use crate::clock::clock_time;
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::signed::{
    StatementChange, StatementContent, StoredDocuments, TrustAnchor, VerifiedDocuments,
};

/// Which documents an organization publishes next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DocumentPlan {
    /// Its first: a root document, revocations that deny no key, and a statement of what its
    /// rows trust.
    First {
        /// Whose signatures count.
        root: NextRoot,
        /// The organizations that it grants trust to, with roots that are not in the store.
        child_roots: BTreeMap<OrgId, RootDigest>,
        /// When the statement and the revocations expire.
        expires: DocumentExpiries,
    },
    /// A statement of what its rows trust now, revocations, or both.
    Next {
        /// As for the first.
        child_roots: BTreeMap<OrgId, RootDigest>,
        /// When the statement expires, if there is to be one.
        statement_expires_at: Option<StatementTime>,
        /// When the revocations expire, if there are to be any.
        revocations_expire_at: Option<StatementTime>,
        /// The keys that the revocations deny in addition to those before.
        deny: BTreeSet<Fingerprint>,
    },
    /// A root document. Statement and revocations are published again, with the same content,
    /// if other keys sign them from now on, or if they have expired and the keys suffice: those of
    /// `signers`, or those that sign the root document. A statement that has expired is published
    /// again without the trust that rows have taken away.
    RotateRoot {
        /// Whose signatures count.
        root: NextRoot,
        /// The keys that sign at once.
        signers: BTreeSet<Fingerprint>,
        /// When the statement and the revocations expire.
        expires: DocumentExpiries,
    },
}

/// When the documents expire that a new root document needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentExpiries {
    /// When the statement does.
    pub statement: StatementTime,
    /// When the revocations do.
    pub revocations: StatementTime,
}

/// What the next root document says.
#[derive(Clone, Debug)]
pub struct NextRoot {
    /// The keys that have a role.
    pub keys: Vec<VerifyingKey>,
    /// The keys of each role and how many must sign, in the order of [`Role::ALL`].
    pub roles: [RoleKeys; 3],
    /// When it expires.
    pub expires_at: StatementTime,
}

/// The documents that an organization publishes next, and what they change.
#[derive(Clone, Debug)]
pub struct NextDocuments {
    /// The documents.
    pub documents: DraftDocuments,
    /// What was published before.
    pub published: Option<VerifiedDocuments>,
    /// How the statement differs from the one before.
    pub changes: Vec<StatementChange>,
    /// The organizations that rows grant trust to and that the statement cannot name, because
    /// their root has not been named.
    pub unrooted: BTreeMap<OrgId, OrgName>,
}

impl TrustReader {
    /// Makes the documents that `org` publishes next, for its keys to sign. Those that it has
    /// published are verified from `anchor`, which its first ones do not need.
    ///
    /// # Errors
    ///
    /// [`TrustError::SignedTrustExists`] if there are documents already,
    /// [`SignedTrustError::Missing`] if there is no document to follow, and
    /// [`TrustError::ExpiryPast`].
    pub async fn draft_documents(
        &self,
        org: &OrganizationRecord,
        anchor: Option<&TrustAnchor>,
        plan: DocumentPlan,
    ) -> Result<NextDocuments, TrustError> {
        let stored = self.stored_documents(org.id).await?;
        match plan {
            DocumentPlan::First { .. } if stored.texts.contains_key(&org.id) => {
                Err(TrustError::SignedTrustExists { org: org.name.clone() })
            }
            DocumentPlan::First { root, child_roots, expires } => {
                self.first_documents(org, root, &child_roots, expires).await
            }
            DocumentPlan::Next {
                child_roots,
                statement_expires_at,
                revocations_expire_at,
                deny,
            } => {
                let before = Before::of(org.id, stored, anchor)?;
                let revocations = match revocations_expire_at {
                    Some(at) => {
                        let root = before.published.root().document().header().version;
                        Some(self.next_revocations(org, &before, root, deny, at).await?)
                    }
                    None => None,
                };
                self.next_documents(org, before, &child_roots, statement_expires_at, revocations)
                    .await
            }
            DocumentPlan::RotateRoot { root, signers, expires } => {
                let before = Before::of(org.id, stored, anchor)?;
                self.rotated_documents(org, before, root, &signers, expires).await
            }
        }
    }

    async fn first_documents(
        &self,
        org: &OrganizationRecord,
        root: NextRoot,
        child_roots: &BTreeMap<OrgId, RootDigest>,
        expires: DocumentExpiries,
    ) -> Result<NextDocuments, TrustError> {
        let first = DocumentVersion::FIRST;
        let root = self.root_document(org, first, root).await?;
        let header = self.header(org, first, expires.revocations).await?;
        let revocations = Revocations { header, root_version: first, denied: BTreeMap::new() };
        let content = self.statement_content(org.id, None, child_roots).await?;
        let (changes, unrooted) = (content.changes(None), content.unrooted.clone());
        let header = self.header(org, first, expires.statement).await?;
        let statement = content.statement(header, first, first);
        let documents = DraftDocuments::first(
            org.id,
            unsigned(org.id, &root)?,
            Some(unsigned(org.id, &statement)?),
            Some(unsigned(org.id, &revocations)?),
        )?;
        Ok(NextDocuments { documents, published: None, changes, unrooted })
    }

    async fn next_documents(
        &self,
        org: &OrganizationRecord,
        Before { current, published }: Before,
        child_roots: &BTreeMap<OrgId, RootDigest>,
        statement_expires_at: Option<StatementTime>,
        revocations: Option<Revocations>,
    ) -> Result<NextDocuments, TrustError> {
        let (mut changes, mut unrooted) = (Vec::new(), BTreeMap::new());
        let mut next_statement = None;
        if let Some(expires_at) = statement_expires_at {
            let old = published.statement();
            let version = next(org.id, TrustDocumentKind::Statement, old.header.version)?;
            let header = self.header(org, version, expires_at).await?;
            let content = self.statement_content(org.id, Some(old), child_roots).await?;
            (changes, unrooted) = (content.changes(Some(old)), content.unrooted.clone());
            let revocations = revocations.as_ref().unwrap_or(published.revocations());
            let root = published.root().document().header().version;
            next_statement = Some(content.statement(header, root, version_of(revocations)));
        }
        let statement = next_statement.map(|statement| unsigned(org.id, &statement));
        let revocations = revocations.map(|revocations| unsigned(org.id, &revocations));
        let documents = DraftDocuments::following(
            org.id,
            current,
            None,
            statement.transpose()?,
            revocations.transpose()?,
        )?;
        Ok(NextDocuments { documents, published: Some(published), changes, unrooted })
    }

    async fn rotated_documents(
        &self,
        org: &OrganizationRecord,
        before: Before,
        root: NextRoot,
        signers: &BTreeSet<Fingerprint>,
        expires: DocumentExpiries,
    ) -> Result<NextDocuments, TrustError> {
        let old = before.published.root().document();
        let version = next(org.id, TrustDocumentKind::Root, old.header().version)?;
        let root = self.root_document(org, version, root).await?;
        let expired = before.published.expired(self.now().await?);
        let has_expired = |document| expired.iter().any(|(kind, _)| *kind == document);
        let is_renewed = |document, role| has_expired(document) && suffice(signers, &root, role);
        let mut next_revocations = None;
        if old.role(Role::Revocation) != root.role(Role::Revocation)
            || is_renewed(TrustDocumentKind::Revocations, Role::Revocation)
        {
            let deny = BTreeSet::new();
            let at = expires.revocations;
            next_revocations = Some(self.next_revocations(org, &before, version, deny, at).await?);
        }
        let (mut next_statement, mut changes) = (None, Vec::new());
        if old.role(Role::Trust) != root.role(Role::Trust)
            || is_renewed(TrustDocumentKind::Statement, Role::Trust)
        {
            let published = before.published.statement();
            // If hosts refuse what was published, because something of it has expired, they must
            // not accept again what was revoked meanwhile.
            let same = match expired.is_empty() {
                true => published.clone(),
                false => self.without_what_rows_take_away(org.id, published).await?,
            };
            changes = StatementContent::from(&same).changes(Some(published));
            let number = next(org.id, TrustDocumentKind::Statement, same.header.version)?;
            next_statement = Some(TrustStatement {
                header: self.header(org, number, expires.statement).await?,
                root_version: version,
                revocations_version: next_revocations
                    .as_ref()
                    .map_or(same.revocations_version, version_of),
                ..same
            });
        }
        let statement = next_statement.map(|statement| unsigned(org.id, &statement));
        let revocations = next_revocations.map(|revocations| unsigned(org.id, &revocations));
        let documents = DraftDocuments::following(
            org.id,
            before.current,
            Some(unsigned(org.id, &root)?),
            statement.transpose()?,
            revocations.transpose()?,
        )?;
        let unrooted = BTreeMap::new();
        Ok(NextDocuments { documents, published: Some(before.published), changes, unrooted })
    }

    async fn root_document(
        &self,
        org: &OrganizationRecord,
        version: DocumentVersion,
        NextRoot { keys, roles, expires_at }: NextRoot,
    ) -> Result<RootDocument, TrustError> {
        let header = self.header(org, version, expires_at).await?;
        let malformed = |fault| SignedTrustError::Malformed {
            org: org.id,
            source: MalformedTrustDocument { kind: TrustDocumentKind::Root, fault },
        };
        Ok(RootDocument::new(header, keys, roles).map_err(malformed)?)
    }

    async fn next_revocations(
        &self,
        org: &OrganizationRecord,
        Before { published, .. }: &Before,
        root_version: DocumentVersion,
        deny: BTreeSet<Fingerprint>,
        expires_at: StatementTime,
    ) -> Result<Revocations, TrustError> {
        let before = published.revocations();
        let version = next(org.id, TrustDocumentKind::Revocations, before.header.version)?;
        let header = self.header(org, version, expires_at).await?;
        let mut denied = before.denied.clone();
        for key in deny {
            denied.entry(key).or_insert(DeniedKey { at: header.issued_at });
        }
        Ok(Revocations { header, root_version, denied })
    }

    async fn header(
        &self,
        org: &OrganizationRecord,
        version: DocumentVersion,
        expires_at: StatementTime,
    ) -> Result<DocumentHeader, TrustError> {
        self.require_future(Some(expires_at.to_utc())).await?;
        // By a clock that is ahead, everybody else would refuse what it has issued.
        let (local, store) = (clock_time(), self.store.heartbeat().await?.as_of);
        let earlier = store.map_or(local, |store| store.min(local));
        let issued_at = StatementTime::new(earlier.trunc_subsecs(0));
        Ok(DocumentHeader {
            org: org.id,
            org_name: org.name.clone(),
            version,
            issued_at: issued_at.map_err(TrustError::Clock)?,
            expires_at,
        })
    }
}

/// What an organization has published.
struct Before {
    /// Its newest root document, with the signatures.
    current: SignedDocument<RootDocument>,
    published: VerifiedDocuments,
}

impl Before {
    /// Verifies it like what runners load by: a writer of the store must not decide what an
    /// administrator signs.
    fn of(
        org: OrgId,
        stored: StoredDocuments,
        anchor: Option<&TrustAnchor>,
    ) -> Result<Self, SignedTrustError> {
        let (Some(texts), Some(anchor)) = (stored.texts.get(&org), anchor) else {
            return Err(SignedTrustError::Missing { org, kind: TrustDocumentKind::Root });
        };
        let published = stored.verify(org, anchor)?.into_own();
        let digest = published.root().digest();
        let mut roots =
            texts.roots.iter().filter_map(|text| SignedDocument::parse(text.as_bytes()).ok());
        let current = roots.find(|root| root.digest() == digest);
        // The newest may be the pinned one, which the store need not have.
        let current = current.ok_or(SignedTrustError::PinnedRootMissing { org, digest })?;
        Ok(Self { current, published })
    }
}

/// Whether a document of a role has enough signatures once these keys have signed it, or else
/// whichever keys sign the root document itself.
fn suffice(signers: &BTreeSet<Fingerprint>, next: &RootDocument, role: Role) -> bool {
    let (role, root) = (next.role(role), next.role(Role::Root));
    let required = role.threshold().get();
    role.keys().intersection(signers).count() >= required
        || root.keys().is_subset(role.keys()) && root.threshold().get() >= required
}

fn unsigned<D: TrustDocument>(
    org: OrgId,
    document: &D,
) -> Result<SignedDocument<D>, SignedTrustError> {
    SignedDocument::unsigned(document).map_err(|source| SignedTrustError::Malformed { org, source })
}

fn next(
    org: OrgId,
    kind: TrustDocumentKind,
    version: DocumentVersion,
) -> Result<DocumentVersion, SignedTrustError> {
    version.next().ok_or(SignedTrustError::LastVersion { org, kind })
}

fn version_of(revocations: &Revocations) -> DocumentVersion {
    revocations.header.version
}
