use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signing_crypto::{DocumentTexts, OrgId, TrustDocumentKind, TrustStateId};
use signing_store::{StoreReader, TrustDocumentRecord};

use super::TrustRoot;
use super::restrict::restricted_by_rows;
use super::seen::MemoryOfVersions;
use super::verify::verify;
use crate::document_error::SignedTrustError;
use crate::error::TrustError;
use crate::snapshot::OrganizationTrust;

/// The signed trust of one organization, whose documents are in a store.
#[derive(Debug)]
pub(crate) struct RootedTrust {
    org: OrgId,
    root: TrustRoot,
    memory: Arc<dyn MemoryOfVersions>,
    kept: Mutex<Option<Kept>>,
}

/// What was read and verified, and of which state of trust it is.
#[derive(Clone, Debug)]
struct Kept {
    state: TrustStateId,
    texts: Arc<BTreeMap<OrgId, DocumentTexts>>,
    value: Arc<OrganizationTrust>,
}

impl RootedTrust {
    pub(crate) fn new(org: OrgId, root: TrustRoot, memory: Arc<dyn MemoryOfVersions>) -> Self {
        Self { org, root, memory, kept: Mutex::default() }
    }

    /// Nothing is known about another organization's signed trust.
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
        let state = rows.reading.map(|reading| reading.heartbeat.state);
        let kept = self.lock().clone();
        let signed = match kept.filter(|kept| Some(kept.state) == state) {
            Some(kept) => kept.value,
            None => self.read(store).await?,
        };
        Ok(Arc::new(restricted_by_rows(&signed, Arc::unwrap_or_clone(rows))))
    }

    /// Reads the documents, and verifies them if they are not those that were verified before.
    async fn read(&self, store: &StoreReader) -> Result<Arc<OrganizationTrust>, TrustError> {
        let read = store.trust_documents(self.org).await?;
        let state = read.heartbeat.state;
        let texts = by_organization(read.records);
        let kept = self.lock().clone();
        if let Some(kept) = kept.filter(|kept| *kept.texts == texts) {
            let value = kept.value.clone();
            self.keep(Kept { state, ..kept });
            return Ok(value);
        }
        let texts = Arc::new(texts);
        let (org, root, memory) = (self.org, self.root.clone(), self.memory.clone());
        let theirs = texts.clone();
        let verified =
            tokio::task::spawn_blocking(move || verify(org, &theirs, &root, &*memory)).await;
        let signed = match verified {
            Ok(verified) => verified?,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime shuts down, and nothing was decided.
                Err(_) => return Err(self.missing().into()),
            },
        };
        let value = Arc::new(signed.value());
        self.keep(Kept { state, texts, value: value.clone() });
        Ok(value)
    }

    fn missing(&self) -> SignedTrustError {
        SignedTrustError::Missing { org: self.org, kind: TrustDocumentKind::Statement }
    }

    fn keep(&self, kept: Kept) {
        *self.lock() = Some(kept);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        // After a panic in between, at worst what is kept is read again.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The texts of records that come in any order. Of statements and revocations the newest
/// counts.
pub(crate) fn by_organization(
    mut records: Vec<TrustDocumentRecord>,
) -> BTreeMap<OrgId, DocumentTexts> {
    records.sort_by_key(|record| record.version);
    let mut texts: BTreeMap<OrgId, DocumentTexts> = BTreeMap::new();
    for TrustDocumentRecord { org_id, kind, envelope, .. } in records {
        let of_organization = texts.entry(org_id).or_default();
        match kind {
            TrustDocumentKind::Root => of_organization.roots.push(envelope),
            TrustDocumentKind::Statement => of_organization.statement = Some(envelope),
            TrustDocumentKind::Revocations => of_organization.revocations = Some(envelope),
            _ => {}
        }
    }
    texts
}
