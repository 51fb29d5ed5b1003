use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{TimeDelta, Utc};
use signing_crypto::{RoleKeys, SignerCount, SigningKey, StatementTime};
use signing_store::{DatabaseUrl, Store};

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

#[tokio::test]
async fn memory_that_never_asks_is_an_error_before_and_after_publication() {
    let directory = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::sqlite(directory.path().join("store.db"));
    let (store, _) = Store::migrate(&url).await.unwrap();
    let keys = KeyManager::new(store, None);
    let org = keys.create_organization("acme".parse().unwrap()).await.unwrap();
    let key = SigningKey::generate().unwrap();
    let next_year = StatementTime::new(Utc::now() + TimeDelta::days(365)).unwrap();
    let role = || RoleKeys::new([key.fingerprint()], SignerCount::ONE).unwrap();
    let root = NextRoot {
        keys: vec![key.verifying_key()],
        roles: [role(), role(), role()],
        expires_at: next_year,
    };
    let plan = DocumentPlan::First {
        root,
        child_roots: BTreeMap::new(),
        expires: DocumentExpiries { statement: next_year, revocations: next_year },
    };
    let mut documents = keys.draft_documents(&org, None, plan).await.unwrap().documents;
    documents.sign(&key).unwrap();
    let root = TrustRoot::from(documents.root().unwrap().digest());

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
