//! Documents that have expired are renewed one after another, by those who have the keys.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{SubsecRound, TimeDelta, Utc};
use serde_json::Value;
use signing_crypto::{
    DraftDocuments, Fingerprint, Role, StatementTime, TrustDocument, TrustDocumentKind,
};
use signing_loader::{PackageError, SignedTrustError, TrustRoot, Verifier};
use signing_trust::store::OrganizationRef;
use signing_trust::{
    DecisionError, DocumentExpiries, DocumentPlan, NextRoot, TrustAnchor, TrustError,
    VerifiedDocuments,
};

use crate::support::{RawKey, SignedTrust, assert_refused, in_days, on_both_backends};

on_both_backends! {
    expired_documents_are_renewed_in_any_order_and_refused_until_the_last_is,
    next_root_renews_expired_documents_of_the_roles_whose_keys_are_given,
    next_root_leaves_documents_alone_that_have_not_expired,
    document_of_a_draft_that_has_expired_is_not_published,
}

fn ended(mut document: Value) -> Value {
    document["issuedAt"] = in_days(-2).into();
    document["expiresAt"] = in_days(-1).into();
    document
}

fn next_month() -> StatementTime {
    StatementTime::new((Utc::now() + TimeDelta::days(30)).trunc_subsecs(0)).unwrap()
}

/// Every choice of documents, but none.
fn choices() -> impl Iterator<Item = Vec<TrustDocumentKind>> {
    (1..8).map(|choice: usize| {
        let kinds = TrustDocumentKind::ALL.into_iter().enumerate();
        kinds.filter(|(place, _)| choice & (1 << place) != 0).map(|(_, kind)| kind).collect()
    })
}

impl SignedTrust {
    fn anchor(&self) -> TrustAnchor {
        let root = self.acme.sign_root(&self.acme.root(1));
        TrustRoot::parse(root.as_bytes()).unwrap().into()
    }

    /// The pinned root document is followed by another one, and these documents have expired.
    async fn expire(&self, kinds: &[TrustDocumentKind]) {
        let acme = &self.acme;
        let of_kind = |kind, document: Value| match kinds.contains(&kind) {
            true => ended(document),
            false => document,
        };
        let statement = of_kind(TrustDocumentKind::Statement, self.acme_statement(1));
        let mut documents = self.with_statement(&statement);
        let own = documents.get_mut(&acme.org).unwrap();
        own.roots.push(acme.sign_root(&of_kind(TrustDocumentKind::Root, acme.root(2))));
        let revocations = of_kind(TrustDocumentKind::Revocations, acme.revocations(1, &[]));
        own.revocations = Some(acme.sign_revocations(&revocations));
        self.plant(&documents).await;
    }

    async fn draft(&self, plan: DocumentPlan, anchor: &TrustAnchor) -> DraftDocuments {
        let org = OrganizationRef::Id(self.acme.org);
        let org = self.world.keys.store().organization(org).await.unwrap();
        let next = self.world.keys.draft_documents(&org, Some(anchor), plan).await.unwrap();
        next.documents
    }

    /// A root document with the same keys, which these sign.
    async fn rotation(&self, anchor: &TrustAnchor, signers: &[RawKey]) -> DraftDocuments {
        let published = self.published(anchor).await;
        let root = published.root().document();
        let root = NextRoot {
            keys: root.keys().copied().collect(),
            roles: Role::ALL.map(|role| root.role(role).clone()),
            expires_at: next_month(),
        };
        let fingerprint = |key: &RawKey| -> Fingerprint { key.verifying_key().fingerprint() };
        let plan = DocumentPlan::RotateRoot {
            root,
            signers: signers.iter().map(fingerprint).collect(),
            expires: DocumentExpiries { statement: next_month(), revocations: next_month() },
        };
        self.signed(self.draft(plan, anchor).await, signers)
    }

    fn signed(&self, mut draft: DraftDocuments, signers: &[RawKey]) -> DraftDocuments {
        for key in signers {
            if !draft.needed_from(&key.verifying_key().fingerprint()).is_empty() {
                draft.sign(&key.signing_key()).unwrap();
            }
        }
        draft
    }

    async fn renewal(&self, kind: TrustDocumentKind, anchor: &TrustAnchor) -> DraftDocuments {
        let acme = &self.acme;
        let next = |statement, revocations| DocumentPlan::Next {
            child_roots: BTreeMap::new(),
            statement_expires_at: statement,
            revocations_expire_at: revocations,
            deny: BTreeSet::new(),
        };
        match kind {
            TrustDocumentKind::Root => self.rotation(anchor, &acme.root_keys).await,
            TrustDocumentKind::Statement => {
                let draft = self.draft(next(Some(next_month()), None), anchor).await;
                self.signed(draft, &acme.trust_keys)
            }
            _ => {
                let draft = self.draft(next(None, Some(next_month())), anchor).await;
                self.signed(draft, &[acme.revocation_key])
            }
        }
    }

    async fn published(&self, anchor: &TrustAnchor) -> VerifiedDocuments {
        let published = self.world.keys.published_trust(self.acme.org, anchor).await;
        published.unwrap().unwrap()
    }

    async fn decide(&self, anchor: &TrustAnchor) -> Result<(), PackageError> {
        let acme = OrganizationRef::Id(self.acme.org);
        let verifier = Verifier::organization(&self.world.store, acme).await.unwrap();
        verifier.rooted(anchor.clone()).check(&self.package).await.map(drop)
    }
}

fn kinds_of(expired: &VerifiedDocuments) -> Vec<TrustDocumentKind> {
    expired.expired(Utc::now()).into_iter().map(|(kind, _)| kind).collect()
}

#[track_caller]
fn assert_expired(decided: Result<(), PackageError>) {
    assert_refused!(
        decided,
        PackageError::Trust(TrustError::Decision(DecisionError::SignedTrust(
            SignedTrustError::Expired { .. }
        )))
    );
}

async fn expired_documents_are_renewed_in_any_order_and_refused_until_the_last_is(
    signed: SignedTrust,
) {
    // What somebody has added by a row would be in the next statement.
    let hostile = signed.attacker.verifying_key().fingerprint();
    signed.world.keys.deny_key(signed.acme.org, &hostile, None).await.unwrap();
    for kinds in choices() {
        for is_reversed in [false, true] {
            signed.expire(&kinds).await;
            let anchor = signed.anchor();
            let mut left = kinds.clone();
            if is_reversed {
                left.reverse();
            }
            while let Some(kind) = left.pop() {
                assert_expired(signed.decide(&anchor).await);
                let draft = signed.renewal(kind, &anchor).await;
                let published = signed.world.keys.publish_documents(&draft, &anchor).await.unwrap();
                let mut expected = left.clone();
                expected.sort();
                assert_eq!(kinds_of(&published), expected, "{kinds:?}");
            }
            signed.decide(&anchor).await.unwrap();
        }
    }
}

async fn next_root_renews_expired_documents_of_the_roles_whose_keys_are_given(signed: SignedTrust) {
    let acme = &signed.acme;
    let everybody = [&acme.root_keys[..], &acme.trust_keys, &[acme.revocation_key]].concat();
    let without_revocation = [&acme.root_keys[..], &acme.trust_keys].concat();
    let one_trust_key = [&acme.root_keys[..], &acme.trust_keys[..1]].concat();
    for (signers, left) in [
        (&everybody, &[][..]),
        (&without_revocation, &[TrustDocumentKind::Revocations]),
        (&one_trust_key, &[TrustDocumentKind::Statement, TrustDocumentKind::Revocations]),
    ] {
        signed.expire(&TrustDocumentKind::ALL).await;
        let anchor = signed.anchor();
        let draft = signed.rotation(&anchor, signers).await;
        assert_eq!(draft.missing(), []);
        let published = signed.world.keys.publish_documents(&draft, &anchor).await.unwrap();
        assert_eq!(kinds_of(&published), left);
        match left {
            [] => signed.decide(&anchor).await.unwrap(),
            _ => assert_expired(signed.decide(&anchor).await),
        }
    }
}

async fn next_root_leaves_documents_alone_that_have_not_expired(signed: SignedTrust) {
    let acme = &signed.acme;
    let everybody = [&acme.root_keys[..], &acme.trust_keys, &[acme.revocation_key]].concat();
    signed.expire(&[TrustDocumentKind::Revocations]).await;
    let draft = signed.rotation(&signed.anchor(), &everybody).await;
    assert_eq!((draft.statement().is_some(), draft.revocations().is_some()), (false, true));
    signed.expire(&[]).await;
    let draft = signed.rotation(&signed.anchor(), &everybody).await;
    assert_eq!((draft.statement().is_some(), draft.revocations().is_some()), (false, false));
}

async fn document_of_a_draft_that_has_expired_is_not_published(signed: SignedTrust) {
    let acme = &signed.acme;
    for (is_expired, version) in [(true, 2), (false, 2)] {
        signed.expire(&[TrustDocumentKind::Statement]).await;
        let anchor = signed.anchor();
        let current = acme.sign_root(&acme.root(2));
        let revocations = match is_expired {
            true => ended(acme.revocations(version, &[])),
            false => acme.revocations(version, &[]),
        };
        let envelope = acme.sign_revocations(&revocations);
        let draft = format!(
            "{{\"type\":\"urn:cloacina:trust-draft:v1\",\"organization\":\"{}\",\
             \"currentRoot\":{current},\"revocations\":{envelope}}}",
            acme.org
        );
        let draft = DraftDocuments::parse(draft.as_bytes()).unwrap();
        assert_eq!(draft.revocations().unwrap().unverified().header().version.get(), version);
        let published = signed.world.keys.publish_documents(&draft, &anchor).await;
        match is_expired {
            true => assert_refused!(
                published,
                TrustError::Decision(DecisionError::SignedTrust(SignedTrustError::Expired {
                    kind: TrustDocumentKind::Revocations,
                    ..
                }))
            ),
            // The statement's end is no reason.
            false => drop(published.unwrap()),
        }
    }
}
