//! A thief of the revocation key leaves no room for another revocation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signing_crypto::{
    DraftDocuments, Fingerprint, RoleKeys, SignedDocument, SignerCount, StatementTime,
};
use signing_trust::store::{OrganizationRecord, OrganizationRef};
use signing_trust::{
    DecisionError, DocumentExpiries, DocumentPlan, NextDocuments, NextRoot, SignedTrustError,
    TrustAnchor, TrustError, TrustRoot,
};

use crate::support::{Documents, Medium, RawKey, SignedTrust, in_days, with_signed_trust};

with_signed_trust! {
    revocations_have_room_again_once_the_role_has_another_key,
    role_that_keeps_a_key_keeps_all_denials,
    denial_of_a_key_that_something_names_stays,
    child_whose_documents_are_hidden_keeps_all_denials,
}

/// As many as have room.
const FULL: usize = 37_784;
/// More than are kept in any case.
const MANY: usize = 4_000;

/// The key that the role gets.
fn online() -> RawKey {
    RawKey::of_seed(200)
}

fn of_nothing(number: usize) -> String {
    Sha256::digest(number.to_le_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The documents once the thief has published revocations: they deny these keys and so many others.
fn filled(signed: &SignedTrust, denied: &[RawKey], others: usize) -> Documents {
    let mut trusting = signed.acme_statement(1);
    trusting["keys"] = json!([
        { "publicKey": signed.acme.release.base64() },
        { "publicKey": signed.attacker.base64() },
    ]);
    let mut documents = signed.with_statement(&trusting);
    let mut revocations = signed.acme.revocations(2, denied);
    let at = in_days(-1);
    let junk = (0..others).map(|n| json!({ "fingerprint": of_nothing(n), "at": at }));
    revocations["denied"].as_array_mut().unwrap().extend(junk);
    documents.get_mut(&signed.acme.org).unwrap().revocations =
        Some(signed.acme.sign_revocations(&revocations));
    documents
}

/// What an administrator's commands do, with the root that hosts have pinned.
struct Administrator<'a> {
    signed: &'a SignedTrust,
    org: OrganizationRecord,
    anchor: TrustAnchor,
}

impl<'a> Administrator<'a> {
    async fn of(signed: &'a SignedTrust) -> Self {
        let org = OrganizationRef::Id(signed.acme.org);
        let org = signed.world.keys.store().organization(org).await.unwrap();
        let root = TrustRoot::parse(&fs::read(signed.root_file()).unwrap()).unwrap();
        Self { signed, org, anchor: root.into() }
    }

    /// The next root document, in which these keys have the revocation role.
    async fn rotate(&self, revocation: &[RawKey]) -> Result<NextDocuments, TrustError> {
        let acme = &self.signed.acme;
        let keys = [&acme.root_keys[..], &acme.trust_keys, revocation].concat();
        let two = SignerCount::new(2).unwrap();
        let role = |keys: &[RawKey], threshold| {
            let keys = keys.iter().map(|key| key.verifying_key().fingerprint());
            RoleKeys::new(keys, threshold).unwrap()
        };
        let root = NextRoot {
            keys: keys.iter().map(|key| key.verifying_key()).collect(),
            roles: [
                role(&acme.root_keys, two),
                role(&acme.trust_keys, two),
                role(revocation, SignerCount::ONE),
            ],
            expires_at: next_year(),
        };
        let expires = DocumentExpiries { statement: next_year(), revocations: next_year() };
        let plan = DocumentPlan::RotateRoot { root, signers: BTreeSet::new(), expires };
        self.signed.world.keys.draft_documents(&self.org, Some(&self.anchor), plan).await
    }

    async fn deny(&self, key: RawKey) -> Result<NextDocuments, TrustError> {
        let plan = DocumentPlan::Next {
            child_roots: BTreeMap::new(),
            statement_expires_at: None,
            revocations_expire_at: Some(next_year()),
            deny: [key.verifying_key().fingerprint()].into(),
        };
        self.signed.world.keys.draft_documents(&self.org, Some(&self.anchor), plan).await
    }

    async fn publish(&self, documents: &DraftDocuments) -> Result<(), TrustError> {
        let mut documents = documents.clone();
        let root_keys = self.signed.acme.root_keys;
        let keys = [&root_keys[..], &[online(), self.signed.acme.revocation_key]].concat();
        for key in keys {
            if !documents.needed_from(&key.verifying_key().fingerprint()).is_empty() {
                documents.sign(&key.signing_key()).unwrap();
            }
        }
        self.signed.world.keys.publish_documents(&documents, &self.anchor).await?;
        if self.signed.medium == Medium::Bundle {
            let bundle = self.signed.world.keys.export_trust(self.org.id, &self.anchor).await?;
            fs::write(self.signed.bundle_file(), bundle.to_json().unwrap()).unwrap();
        }
        Ok(())
    }
}

fn next_year() -> StatementTime {
    StatementTime::new(Utc::now() + TimeDelta::days(365)).unwrap()
}

fn denied(next: &NextDocuments) -> BTreeSet<Fingerprint> {
    next.documents.revocations().unwrap().unverified().denied.keys().copied().collect()
}

fn fingerprints(keys: &[RawKey]) -> BTreeSet<Fingerprint> {
    keys.iter().map(|key| key.verifying_key().fingerprint()).collect()
}

async fn revocations_have_room_again_once_the_role_has_another_key(signed: SignedTrust) {
    let named = [signed.attacker, signed.vendor.release];
    signed.plant(&filled(&signed, &named, FULL - named.len())).await;
    // The host remembers all these denials.
    signed.accepts(&signed.package);
    signed.refuses(&signed.hostile, "revoked its trust in it");

    let by = Administrator::of(&signed).await;
    let full = by.deny(signed.acme.release).await.unwrap_err();
    assert!(matches!(&full, TrustError::DocumentFull { cause: None, .. }), "{full:?}");

    let next = by.rotate(&[online()]).await.unwrap();
    assert_eq!(denied(&next), fingerprints(&named));
    by.publish(&next.documents).await.unwrap();
    signed.accepts(&signed.package);
    signed.refuses(&signed.hostile, "revoked its trust in it");
    signed.refuses(&signed.granted, "denied it");

    let next = by.deny(signed.acme.release).await.unwrap();
    by.publish(&next.documents).await.unwrap();
    signed.refuses(&signed.package, "revoked its trust in it");
}

/// What the keys before have signed still counts, so that hosts refuse revocations without it.
async fn role_that_keeps_a_key_keeps_all_denials(signed: SignedTrust) {
    signed.plant(&filled(&signed, &[signed.attacker], MANY)).await;
    let by = Administrator::of(&signed).await;
    let kept = by.rotate(&[signed.acme.revocation_key, online()]).await.unwrap();
    assert_eq!(denied(&kept).len(), MANY + 1);
    // The sibling.
    assert_eq!(denied(&by.rotate(&[online()]).await.unwrap()), fingerprints(&[signed.attacker]));
}

/// In the statement, as trusted or denied; in the child's; and in a row. A draft without it is not
/// published.
async fn denial_of_a_key_that_something_names_stays(signed: SignedTrust) {
    let [trusted, stated, row] = [60, 61, 62].map(RawKey::of_seed);
    // Rows trust the attacker's key.
    let named = [signed.attacker, signed.vendor.release, trusted, stated, row];
    let mut documents = filled(&signed, &named, MANY);
    let mut statement: Value = signed.acme_statement(1);
    statement["keys"] = json!([{ "publicKey": trusted.base64() }]);
    statement["denied"] = json!([{ "fingerprint": stated.fingerprint(), "at": in_days(-1) }]);
    documents.get_mut(&signed.acme.org).unwrap().statement =
        Some(signed.acme.sign_statement(&statement));
    signed.plant(&documents).await;
    let row_key = row.verifying_key().fingerprint();
    signed.world.keys.deny_key(signed.acme.org, &row_key, None).await.unwrap();

    let by = Administrator::of(&signed).await;
    let next = by.rotate(&[online()]).await.unwrap();
    assert_eq!(denied(&next), fingerprints(&named));
    for key in named {
        let mut revocations = next.documents.revocations().unwrap().unverified().clone();
        let fingerprint = key.verifying_key().fingerprint();
        revocations.denied.remove(&fingerprint).unwrap();
        let less = DraftDocuments::following(
            signed.acme.org,
            next.documents.current_root().unwrap().clone(),
            next.documents.root().cloned(),
            None,
            Some(SignedDocument::unsigned(&revocations).unwrap()),
        );
        let refused = by.publish(&less.unwrap()).await.unwrap_err();
        let taken_back = matches!(
            &refused,
            TrustError::Decision(DecisionError::SignedTrust(
                SignedTrustError::RevocationTakenBack { fingerprint: found, .. }
            )) if *found == fingerprint
        );
        assert!(taken_back, "{refused:?}");
    }
    by.publish(&next.documents).await.unwrap();
}

/// Nobody knows which keys it trusts.
async fn child_whose_documents_are_hidden_keeps_all_denials(signed: SignedTrust) {
    let documents = filled(&signed, &[signed.vendor.release], MANY);
    let mut hidden = documents.clone();
    hidden.remove(&signed.vendor.org);
    signed.plant(&hidden).await;
    let by = Administrator::of(&signed).await;
    let next = by.rotate(&[online()]).await.unwrap();
    assert_eq!(denied(&next).len(), MANY + 1);
    assert_eq!(next.unknown, ["vendor".parse().unwrap()]);

    // A draft that was made while they were there is not published while they are hidden.
    signed.plant(&documents).await;
    let next = by.rotate(&[online()]).await.unwrap();
    assert_eq!((denied(&next), next.unknown.len()), (fingerprints(&[signed.vendor.release]), 0));
    signed.plant(&hidden).await;
    by.publish(&next.documents).await.unwrap_err();
    signed.plant(&documents).await;
    by.publish(&next.documents).await.unwrap();
    signed.refuses(&signed.granted, "denied it");
}
