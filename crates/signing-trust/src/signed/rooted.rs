use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use signing_crypto::{
    DocumentHeader, DocumentTexts, DocumentVersion, OrgId, TrustDocumentKind, TrustStateId,
};
use signing_store::{NewTrustDocument, StoreError, StoreReader, TrustDocumentRecord};
use tokio::sync::Mutex;

use super::anchor::TrustAnchor;
use super::restrict::restricted_by_rows;
use super::value::SignedTrust;
use super::verify::{VerifiedDocuments, admit, verify};
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::snapshot::OrganizationTrust;

/// How long a decision waits while another one reads the documents.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// The signed trust of one organization, whose documents are in a store.
#[derive(Debug)]
pub(crate) struct RootedTrust {
    org: OrgId,
    anchor: TrustAnchor,
    /// Held while the documents are read, so that one task reads them for all, and that what
    /// is kept is never older than what was remembered.
    kept: Mutex<Option<VerifiedDocumentsOfState>>,
}

/// What was read and verified, and of which state of trust it is.
#[derive(Debug)]
struct VerifiedDocumentsOfState {
    state: TrustStateId,
    documents: StoredDocuments,
    signed: SignedTrust,
    value: Arc<OrganizationTrust>,
}

impl RootedTrust {
    pub(crate) fn new(org: OrgId, anchor: TrustAnchor) -> Self {
        Self { org, anchor, kept: Mutex::default() }
    }

    /// The same trust, of which nothing was read yet.
    pub(crate) fn unread(&self) -> Self {
        Self::new(self.org, self.anchor.clone())
    }

    /// Refuses another organization: the anchor says nothing about its trust.
    pub(crate) fn require_org(&self, found: OrgId) -> Result<(), SignedTrustError> {
        let expected = self.org;
        match found == expected {
            true => Ok(()),
            false => Err(SignedTrustError::RootOfAnotherOrganization { expected, found }),
        }
    }

    /// What the organization's documents and `rows`, which are its own, both trust.
    ///
    /// The documents are read after the rows. So what is kept as of the rows' state of trust
    /// holds documents of that state, or the state has changed and it is not used again.
    pub(crate) async fn restrict(
        &self,
        store: &StoreReader,
        rows: Arc<OrganizationTrust>,
    ) -> Result<Arc<OrganizationTrust>, TrustError> {
        let state = rows.as_of.map(|as_of| as_of.heartbeat.state);
        let signed = self.signed(store, state).await?;
        Ok(Arc::new(restricted_by_rows(&signed, Arc::unwrap_or_clone(rows))))
    }

    async fn signed(
        &self,
        store: &StoreReader,
        state: Option<TrustStateId>,
    ) -> Result<Arc<OrganizationTrust>, TrustError> {
        // A task waits for the one that reads, and not for all that wait before it.
        let kept = tokio::time::timeout(WAIT_LIMIT, self.kept.lock()).await;
        let mut kept = kept.map_err(|_| StoreError::TimedOut { after: WAIT_LIMIT })?;
        if let Some(kept) = kept.as_ref().filter(|kept| Some(kept.state) == state) {
            return Ok(kept.value.clone());
        }
        // Taken out, so that a task that is dropped from here on leaves nothing that is older
        // than what was remembered.
        let before = kept.take();
        let read = store.trust_documents(self.org).await?;
        let state = read.heartbeat.state;
        let documents = StoredDocuments::of(read.records);
        let (org, anchor) = (self.org, self.anchor.clone());
        let verified = tokio::task::spawn_blocking(move || {
            let unchanged = before.filter(|before| before.documents == documents);
            let signed = match unchanged {
                // Another process may have seen newer ones meanwhile.
                Some(VerifiedDocumentsOfState { mut signed, .. }) => {
                    admit(&mut signed, &anchor)?;
                    signed
                }
                None => documents.verify(org, &anchor)?,
            };
            let value = Arc::new(signed.value());
            let verified = VerifiedDocumentsOfState { state, documents, signed, value };
            Ok::<_, SignedTrustError>(verified)
        });
        let verified: VerifiedDocumentsOfState = match verified.await {
            Ok(verified) => verified?,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(TrustError::Cancelled),
            },
        };
        let value = verified.value.clone();
        *kept = Some(verified);
        Ok(value)
    }
}

/// The documents of a store, and the numbers of their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredDocuments {
    pub(crate) texts: BTreeMap<OrgId, DocumentTexts>,
    rows: BTreeMap<(OrgId, TrustDocumentKind), DocumentVersion>,
}

impl StoredDocuments {
    /// The documents of records that come in any order. Of statements and revocations the
    /// newest counts.
    pub(crate) fn of(mut records: Vec<TrustDocumentRecord>) -> Self {
        records.sort_by_key(|record| record.version);
        let mut documents = Self::default();
        for TrustDocumentRecord { org_id, kind, version, envelope, .. } in records {
            documents.add(org_id, vec![NewTrustDocument { kind, version, envelope }]);
        }
        documents
    }

    /// Adds new documents of `org`.
    pub(crate) fn add(&mut self, org: OrgId, new: Vec<NewTrustDocument>) {
        let texts = self.texts.entry(org).or_default();
        for NewTrustDocument { kind, version, envelope } in new {
            match kind {
                TrustDocumentKind::Root => texts.roots.push(envelope),
                TrustDocumentKind::Statement => texts.statement = Some(envelope),
                TrustDocumentKind::Revocations => texts.revocations = Some(envelope),
                _ => continue,
            }
            self.rows.insert((org, kind), version);
        }
    }

    /// Verifies the documents, which must be what their rows say that they are: else an old
    /// one could be put in under a new number.
    pub(crate) fn verify(
        &self,
        org: OrgId,
        anchor: &TrustAnchor,
    ) -> Result<SignedTrust, SignedTrustError> {
        let is_filed = |kind, header: &DocumentHeader| {
            let (org, found) = (header.into(), header.version);
            match self.rows.get(&(header.org, kind)) {
                Some(&row) if row != found => {
                    Err(SignedTrustError::Misfiled { org, kind, row, found })
                }
                _ => Ok(()),
            }
        };
        let check = |_, documents: &VerifiedDocuments| {
            is_filed(TrustDocumentKind::Statement, &documents.statement().header)?;
            is_filed(TrustDocumentKind::Revocations, &documents.revocations().header)
        };
        let mut signed = verify(org, &self.texts, anchor.root(), check)?;
        admit(&mut signed, anchor)?;
        Ok(signed)
    }
}
