//! A runner that has pinned the root of an organization's trust.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use signing_crypto::{PackagePatterns, TrustDocumentKind};
use signing_loader::{
    Online, PackageError, RootDigest, SignedTrustError, TrustBundle, TrustRoot, UntrustedReason,
    Verifier,
};
use signing_trust::store::{NewTrustDocument, OrganizationRef, Revocation};
use signing_trust::{DecisionError, Freshness, TrustError, TrustLimits, TrustReader};

use crate::support::{SignedTrust, assert_refused, digest, in_days, on_both_backends, untrusted};

on_both_backends! {
    what_rows_take_away_counts_at_once,
    rows_that_come_back_count_as_far_as_they_are_signed,
    grant_that_a_row_narrows_is_narrower_at_once,
    floor_of_rows_and_statement_is_the_higher_one,
    document_counts_as_soon_as_it_is_published,
    root_is_kept_when_freshness_is_set,
    root_is_pinned_by_its_digest,
    other_organizations_are_not_decided_about,
    deleted_organization_is_refused,
    moving_to_signed_trust_refuses_no_load,
    bundle_does_not_learn_of_rows_and_expires,
    store_without_documents_is_refused_with_a_pinned_root,
}

impl SignedTrust {
    fn root(&self) -> TrustRoot {
        TrustRoot::parse(self.acme.sign_root(&self.acme.root(1)).as_bytes()).unwrap()
    }

    async fn unrooted(&self) -> Verifier<Online> {
        let acme = OrganizationRef::Id(self.acme.org);
        Verifier::organization(&self.world.store, acme).await.unwrap()
    }

    async fn verifier(&self) -> Verifier<Online> {
        self.unrooted().await.rooted(self.root())
    }
}

async fn what_rows_take_away_counts_at_once(signed: SignedTrust) {
    let verifier = signed.verifier().await;
    let keys = &signed.world.keys;
    verifier.check(&signed.package).await.unwrap();
    let held = verifier.verify(&signed.package).await.unwrap();
    let granted = verifier.verify(&signed.granted).await.unwrap();

    let release = signed.acme.release.verifying_key().fingerprint();
    keys.deny_key(signed.acme.org, &release, None).await.unwrap();
    let (_, reason) = untrusted(verifier.check(&signed.package).await);
    assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
    let (_, reason) = untrusted(held.as_bytes().await);
    assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");

    // The sibling, until its grant ends.
    granted.as_bytes().await.unwrap();
    keys.revoke_trust(signed.acme.org, signed.vendor.org).await.unwrap();
    untrusted(granted.as_bytes().await);
    untrusted(verifier.check(&signed.granted).await);
}

async fn rows_that_come_back_count_as_far_as_they_are_signed(signed: SignedTrust) {
    let verifier = signed.verifier().await;
    let (keys, acme) = (&signed.world.keys, signed.acme.org);
    let row = keys.trust_public_key(acme, &signed.acme.release.verifying_key(), None, None).await;
    let row = row.unwrap().into_inner();
    keys.revoke_trusted_key(row.id, Revocation::retired()).await.unwrap();
    untrusted(verifier.check(&signed.package).await);
    keys.reinstate_trusted_key(row.id, &"a mistake".parse().unwrap()).await.unwrap();
    verifier.check(&signed.package).await.unwrap();

    // A key that only rows trust is told apart from one that nobody trusts.
    let (_, reason) = untrusted(verifier.check(&signed.hostile).await);
    assert_eq!(reason, UntrustedReason::NotSigned);
    signed.unrooted().await.check(&signed.hostile).await.unwrap();
}

async fn grant_that_a_row_narrows_is_narrower_at_once(signed: SignedTrust) {
    let verifier = signed.verifier().await;
    verifier.check(&signed.granted).await.unwrap();
    let narrow = async |pattern: &str| {
        let packages = Some(PackagePatterns::new(vec![pattern.into()]).unwrap());
        let scope = TrustLimits { packages, expires_at: None };
        let keys = &signed.world.keys;
        keys.grant_trust(signed.acme.org, signed.vendor.org, scope).await.unwrap();
    };
    narrow("etl-*").await;
    let (_, reason) = untrusted(verifier.check(&signed.granted).await);
    assert!(matches!(reason, UntrustedReason::OtherPackages { .. }), "{reason:?}");
    narrow("libgranted.*").await;
    verifier.check(&signed.granted).await.unwrap();

    // Nor is a row that is wider of use.
    let mut statement = signed.acme_statement(1);
    statement["version"] = 2.into();
    statement["grants"][0]["packages"] = json!(["etl-*"]);
    signed.plant(&signed.with_statement(&statement)).await;
    let (_, reason) = untrusted(verifier.check(&signed.granted).await);
    assert!(matches!(reason, UntrustedReason::OtherPackages { .. }), "{reason:?}");
}

async fn floor_of_rows_and_statement_is_the_higher_one(signed: SignedTrust) {
    let name = "libworkflow.so".parse().unwrap();
    let floor = async |verifier: &Verifier<Online>| {
        verifier.check(&signed.package).await.map(drop).map_err(|error| error.to_string())
    };
    let mut statement = signed.acme_statement(1);
    statement["floors"] = json!([{ "package": "libworkflow.so", "version": "2.0.0" }]);
    signed.plant(&signed.with_statement(&statement)).await;
    let refused = floor(&signed.verifier().await).await.unwrap_err();
    assert!(refused.contains("2.0.0"), "{refused}");
    for (rows, expected) in [("1.0.0", "2.0.0"), ("3.0.0", "3.0.0")] {
        let version = Some(rows.parse().unwrap());
        signed.world.keys.set_version_floor(signed.acme.org, &name, version).await.unwrap();
        let refused = floor(&signed.verifier().await).await.unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
    signed.world.keys.set_version_floor(signed.acme.org, &name, None).await.unwrap();
    signed.plant(&signed.documents()).await;
    floor(&signed.verifier().await).await.unwrap();
}

async fn document_counts_as_soon_as_it_is_published(signed: SignedTrust) {
    let verifier = signed.verifier().await;
    for _ in 0..2 {
        untrusted(verifier.check(&signed.hostile).await);
        verifier.check(&signed.package).await.unwrap();
    }
    let publish = async |kind, version: u32, envelope| {
        let version = signing_crypto::DocumentVersion::new(version).unwrap();
        let document = NewTrustDocument { kind, version, envelope };
        let entry = signing_trust::store::AuditEntry::new("trust.published");
        let store = &signed.world.store;
        store.add_trust_documents(signed.acme.org, vec![document], entry).await.unwrap();
    };
    let mut statement = signed.acme_statement(2);
    statement["keys"] = json!([{ "publicKey": signed.attacker.base64() }]);
    publish(TrustDocumentKind::Statement, 2, signed.acme.sign_statement(&statement)).await;
    verifier.check(&signed.hostile).await.unwrap();
    untrusted(verifier.check(&signed.package).await);

    let revocations = signed.acme.revocations(2, &[signed.attacker]);
    publish(TrustDocumentKind::Revocations, 2, signed.acme.sign_revocations(&revocations)).await;
    let (_, reason) = untrusted(verifier.check(&signed.hostile).await);
    assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
}

async fn root_is_kept_when_freshness_is_set(signed: SignedTrust) {
    let bound = Freshness::Bounded(std::time::Duration::from_secs(60));
    let acme = OrganizationRef::Id(signed.acme.org);
    let keys = TrustReader::from(&signed.world.keys);
    for keys in [
        keys.clone().rooted(signed.acme.org, signed.root().into()).with_freshness(bound),
        keys.with_freshness(bound).rooted(signed.acme.org, signed.root().into()),
    ] {
        let verifier = Verifier::organization(&keys, acme.clone()).await.unwrap();
        verifier.check(&signed.package).await.unwrap();
        let (_, reason) = untrusted(verifier.check(&signed.hostile).await);
        assert_eq!(reason, UntrustedReason::NotSigned);
    }
}

async fn root_is_pinned_by_its_digest(signed: SignedTrust) {
    let pin = |root: &serde_json::Value| -> TrustRoot {
        digest(root).parse::<RootDigest>().unwrap().into()
    };
    let ours = signed.unrooted().await.rooted(pin(&signed.acme.root(1)));
    ours.check(&signed.package).await.unwrap();
    let theirs = signed.unrooted().await.rooted(pin(&signed.vendor.root(1)));
    assert_refused!(
        theirs.check(&signed.package).await,
        PackageError::Trust(TrustError::Decision(DecisionError::SignedTrust(
            SignedTrustError::PinnedRootMissing { .. }
        )))
    );
}

async fn other_organizations_are_not_decided_about(signed: SignedTrust) {
    let vendor = OrganizationRef::Id(signed.vendor.org);
    let verifier = Verifier::organization(&signed.world.store, vendor).await.unwrap();
    verifier.check(&signed.granted).await.unwrap();
    assert_refused!(
        verifier.rooted(signed.root()).check(&signed.granted).await,
        PackageError::Trust(TrustError::Decision(DecisionError::SignedTrust(
            SignedTrustError::RootOfAnotherOrganization { .. }
        )))
    );
}

async fn deleted_organization_is_refused(signed: SignedTrust) {
    let verifier = signed.verifier().await;
    verifier.check(&signed.granted).await.unwrap();
    signed.world.keys.delete_organization(signed.vendor.org).await.unwrap();
    untrusted(verifier.check(&signed.granted).await);
    verifier.check(&signed.package).await.unwrap();

    signed.world.keys.delete_organization(signed.acme.org).await.unwrap();
    let (_, reason) = untrusted(verifier.check(&signed.package).await);
    assert!(matches!(reason, UntrustedReason::OrganizationDeleted { .. }), "{reason:?}");
}

/// A runner verifies all the time, by rows at first, and by what is signed in the end.
async fn moving_to_signed_trust_refuses_no_load(signed: SignedTrust) {
    signed.plant(&crate::support::Documents::new()).await;
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let runner = |verifier: Verifier<Online>| {
        let (package, granted) = (signed.package.clone(), signed.granted.clone());
        let (stop, rounds) = (stop.clone(), rounds.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                verifier.check(&package).await.unwrap();
                verifier.check(&granted).await.unwrap();
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let some_rounds = async || {
        let before = rounds.load(Ordering::Relaxed);
        while rounds.load(Ordering::Relaxed) < before + 5 {
            tokio::task::yield_now().await;
        }
    };
    let by_rows = runner(signed.unrooted().await);
    some_rounds().await;
    signed.plant(&signed.documents()).await;
    some_rounds().await;
    let by_documents = runner(signed.verifier().await);
    some_rounds().await;
    signed.replace(&signed.with_statement(&signed.acme_statement(2))).await;
    some_rounds().await;
    stop.store(true, Ordering::Relaxed);
    by_rows.await.unwrap();
    by_documents.await.unwrap();

    // And then the attack, which the first runner does not withstand.
    signed.unrooted().await.check(&signed.hostile).await.unwrap();
    untrusted(signed.verifier().await.check(&signed.hostile).await);
}

async fn bundle_does_not_learn_of_rows_and_expires(signed: SignedTrust) {
    let bundle =
        |documents| TrustBundle::parse(signed.bundle(documents).to_string().as_bytes()).unwrap();
    let documents = signed.documents();
    let verifier = Verifier::bundle(&bundle(&documents), signed.root()).unwrap();
    assert_eq!(verifier.check(&signed.package).unwrap().org(), Some(signed.acme.org));
    let release = signed.acme.release.verifying_key().fingerprint();
    signed.world.keys.deny_key(signed.acme.org, &release, None).await.unwrap();
    verifier.check(&signed.package).unwrap();
    verifier.check(&signed.granted).unwrap();
    untrusted(verifier.check(&signed.hostile));

    let mut statement = signed.acme_statement(1);
    statement["issuedAt"] = in_days(-2).into();
    statement["expiresAt"] = in_days(-1).into();
    let expired = bundle(&signed.with_statement(&statement));
    assert_refused!(
        Verifier::bundle(&expired, signed.root()),
        SignedTrustError::Expired { kind: TrustDocumentKind::Statement, .. }
    );
}

async fn store_without_documents_is_refused_with_a_pinned_root(signed: SignedTrust) {
    signed.plant(&crate::support::Documents::new()).await;
    signed.unrooted().await.check(&signed.package).await.unwrap();
    let root = digest(&signed.acme.root(1)).parse::<RootDigest>().unwrap();
    for root in [signed.root(), root.into()] {
        let verifier = signed.unrooted().await.rooted(root);
        let refused = verifier.check(&signed.package).await.unwrap_err();
        assert!(
            matches!(
                &refused,
                PackageError::Trust(TrustError::Decision(DecisionError::SignedTrust(
                    SignedTrustError::NoDocuments { org }
                )))
                    if *org == signed.acme.org
            ),
            "{refused:?}"
        );
    }
}
