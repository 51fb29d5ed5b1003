use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{TimeDelta, Utc};
use signing_crypto::{RoleKeys, SignerCount, SigningKey, StatementTime, TrustDocumentKind};
use signing_store::{DatabaseUrl, OrganizationRecord, Store};
use tempfile::TempDir;

use super::*;
use crate::decision::DecisionError;
use crate::document_error::VersionMemoryError;
use crate::signed::{TrustRoot, VersionMemory};
use crate::trust_reader::{DocumentExpiries, DocumentPlan, NextRoot};

/// A memory that asks so many times, and never after that.
#[derive(Debug)]
struct Lazy(AtomicUsize);

impl VersionMemory for Lazy {
    fn update(&self, admit: &mut dyn FnMut(&mut SeenDocuments)) -> Result<(), VersionMemoryError> {
        let left = |left: usize| left.checked_sub(1);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
            admit(&mut SeenDocuments::default());
        }
        Ok(())
    }
}

/// An organization whose first documents are signed, and not published.
struct Acme {
    _directory: TempDir,
    keys: KeyManager,
    org: OrganizationRecord,
    key: SigningKey,
    documents: DraftDocuments,
    root: TrustRoot,
}

impl Acme {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(directory.path().join("store.db"));
        let (store, _) = Store::migrate(&url).await.unwrap();
        let keys = KeyManager::new(store, None);
        let org = keys.create_organization("acme".parse().unwrap()).await.unwrap();
        let key = SigningKey::generate().unwrap();
        let role = || RoleKeys::new([key.fingerprint()], SignerCount::ONE).unwrap();
        let root = NextRoot {
            keys: vec![key.verifying_key()],
            roles: [role(), role(), role()],
            expires_at: next_year(),
        };
        let plan = DocumentPlan::First {
            root,
            child_roots: BTreeMap::new(),
            expires: DocumentExpiries { statement: next_year(), revocations: next_year() },
        };
        let mut documents = keys.draft_documents(&org, None, plan).await.unwrap().documents;
        documents.sign(&key).unwrap();
        let root = TrustRoot::from(documents.root().unwrap().digest());
        Self { _directory: directory, keys, org, key, documents, root }
    }
}

fn next_year() -> StatementTime {
    StatementTime::new(Utc::now() + TimeDelta::days(365)).unwrap()
}

#[tokio::test]
async fn memory_that_never_asks_is_an_error_before_and_after_publication() {
    let Acme { _directory, keys, org, documents, root, .. } = Acme::new().await;
    // It is asked once before documents are published, and once after.
    for (times, is_published) in [(0, false), (1, true)] {
        let memory = Arc::new(Lazy(AtomicUsize::new(times)));
        let anchor = TrustAnchor::new(root.clone(), memory);
        let refused = keys.publish_documents(&documents, &anchor).await.unwrap_err();
        let unasked = SignedTrustError::Memory(VersionMemoryError::Unasked);
        assert!(
            matches!(
                &refused,
                TrustError::Decision(DecisionError::SignedTrust(error)) if *error == unasked
            ),
            "{refused:?}"
        );
        let published = keys.unverified_documents(org.id).await.unwrap();
        assert_eq!(published.is_some(), is_published, "asked {times} times");
    }
}

/// A memory from which somebody removes everything each time.
#[derive(Debug)]
struct Robbed;

impl VersionMemory for Robbed {
    fn update(&self, admit: &mut dyn FnMut(&mut SeenDocuments)) -> Result<(), VersionMemoryError> {
        admit(&mut SeenDocuments::default());
        Ok(())
    }
}

#[tokio::test]
async fn memory_that_was_lost_takes_nothing_from_a_running_process() {
    let Acme { _directory, keys, org, key, documents, root } = Acme::new().await;
    let anchor = TrustAnchor::new(root.clone(), Arc::new(Robbed));
    let first = keys.publish_documents(&documents, &anchor).await.unwrap();
    let plan = DocumentPlan::Next {
        child_roots: BTreeMap::new(),
        statement_expires_at: Some(next_year()),
        revocations_expire_at: None,
        deny: BTreeSet::new(),
    };
    let mut next = keys.draft_documents(&org, Some(&anchor), plan).await.unwrap().documents;
    next.sign(&key).unwrap();
    keys.publish_documents(&next, &anchor).await.unwrap();

    let again = require_admissible(&first, &anchor).unwrap_err();
    assert!(matches!(again, SignedTrustError::RolledBack { .. }), "{again:?}");
    // The sibling: a process that has not seen the newer one.
    require_admissible(&first, &TrustAnchor::new(root, Arc::new(Robbed))).unwrap();
}

/// Which clock is wrong cannot be known: what is published must count by both.
#[tokio::test]
async fn documents_are_published_by_the_stores_clock_and_expire_by_the_later_one() {
    let Acme { _directory, keys, documents, root, .. } = Acme::new().await;
    let published = keys.publish_documents(&documents, &root.into()).await.unwrap();
    let kinds = BTreeSet::from([TrustDocumentKind::Statement]);
    let now = Utc::now();
    let at = |days| now + TimeDelta::days(days);
    let fault = |local, store| {
        let checked = published.require_current_of(&kinds, at(local), store);
        checked.err().map(|error| error.code())
    };
    assert_eq!(fault(0, None), None);
    assert_eq!(fault(0, Some(at(0))), None);
    assert_eq!(fault(0, Some(at(300))), None);
    assert_eq!(fault(0, Some(at(-2))), Some("TrustDocumentIssuedLater"));
    assert_eq!(fault(-2, None), Some("TrustDocumentIssuedLater"));
    assert_eq!(fault(0, Some(at(400))), Some("TrustDocumentExpired"));
    assert_eq!(fault(400, Some(at(0))), Some("TrustDocumentExpired"));
}
