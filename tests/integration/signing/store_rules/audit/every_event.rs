//! Every type of event there is, each of which somebody can bring about.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chrono::{SubsecRound, TimeDelta, Utc};
use signing_crypto::{OrgId, SigningKey, TrustedKeyId, VerifyingKey, rfc3339};
use signing_loader::{
    LoadedPackages, MaxStaleness, SignatureSource, Standing, Verifier, package_statement,
    verify_and_load_package,
};
use signing_trust::store::{OrganizationRef, Revocation};
use signing_trust::{EventType, Resign, TrustLimits};
use zeroize::Zeroizing;

use super::forger::{forge, open_up};
use super::recorder::{Told, listen, told};
use crate::support::{SOON, World, hide, kek, on_both_backends, publish_first_documents, until};

on_both_backends! {
    every_type_of_event_is_told_and_none_tells_a_secret,
}

const SEED: [u8; 32] = [0x5c; 32];

fn key() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(SEED))
}

/// Does everything there is to do.
async fn whole_life(mut world: World) -> Vec<Told> {
    let keys = &world.keys;
    let [acme, child] = [world.org("acme").await, world.org("child").await];
    let id = keys.import_signing_key(acme, "ci".parse().unwrap(), &key()).await.unwrap().id;
    let public: VerifyingKey = keys.export_public_key(id).await.unwrap();
    let soon = (Utc::now() + TimeDelta::days(1)).trunc_subsecs(6);
    let row = keys.trust_public_key(acme, &public, None, Some(soon)).await.unwrap();
    let row = row.into_inner().id;

    let library = world.package("libworkflow.so");
    let statement = package_statement(&library).unwrap().with_expiry(soon.try_into().unwrap());
    let signature = keys.sign_statement(id, &statement).await.unwrap();
    keys.store_signature(acme, &signature).await.unwrap();
    world.load(&library, acme, SignatureSource::Database).await.unwrap();
    let kept = keys.find_signatures(acme, *statement.digest()).await.unwrap();
    follow(&world, acme, &library, row).await;
    keys.remove_signature(kept[0].id).await.unwrap();
    let text = world.file("text.so", acme.to_string().as_bytes());
    let source = || SignatureSource::Memory(signature.clone());
    world.load(&text, acme, source()).await.unwrap_err();
    let digest = *package_statement(&text).unwrap().digest();
    world.require_signatures = false;
    let unsigned = verify_and_load_package(&text, acme, &world.security(), keys, source()).await;
    unsigned.unwrap_err();
    let verifier = Verifier::organization(keys, OrganizationRef::Id(acme)).await.unwrap();
    verifier.danger_observe_until(soon).load(&text).await.unwrap_err();

    publish_first_documents(keys, acme, &key()).await;
    keys.grant_trust(acme, child, TrustLimits::default()).await.unwrap();
    keys.revoke_trust(acme, child).await.unwrap();
    keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    let note = "a mistake".parse().unwrap();
    keys.reinstate_trusted_key(row, &note).await.unwrap();
    let floor = Some("1.2.3".parse().unwrap());
    keys.set_version_floor(acme, &"a.so".parse().unwrap(), floor).await.unwrap();
    let stolen = SigningKey::generate().unwrap().fingerprint();
    keys.danger_declare_compromised(acme, &stolen, None).await.unwrap();
    keys.deny_key(child, &public.fingerprint(), None).await.unwrap();
    keys.rotate_signing_key(id, None, Resign::All).await.unwrap();
    keys.revoke_signing_key(id, Revocation::retired()).await.unwrap();
    keys.reinstate_signing_key(id, &note).await.unwrap();
    keys.delete_organization(child).await.unwrap();
    keys.rotate_kek(&kek(2)).await.unwrap();
    keys.sign_checkpoint(acme, &key(), &[]).await.unwrap();
    open_up(&world).await;
    forge(&world, "UPDATE audit_log SET details = '{}'").await;
    keys.verify_audit_log(acme, &[]).await.unwrap_err();
    // What was observed is told by its end alone.
    told(&[&acme, &child, &digest, &rfc3339(&soon)])
}

/// Loads a package, and has trust in it end and come back, and the store fall silent and answer.
async fn follow(world: &World, org: OrgId, library: &Path, row: TrustedKeyId) {
    let verifier = Verifier::organization(&world.keys, OrganizationRef::Id(org)).await.unwrap();
    let verifier = verifier.signature(SignatureSource::Database);
    let staleness = MaxStaleness::new(Duration::from_secs(1)).unwrap();
    let loaded = LoadedPackages::gate(&verifier, staleness).unwrap();
    let package = loaded.load(library).await.unwrap();
    let is = async |expected: fn(&Standing) -> bool| {
        until(SOON, "it is known", async || expected(&package.standing())).await;
    };
    world.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    is(|standing| matches!(standing, Standing::Refused(_))).await;
    world.keys.reinstate_trusted_key(row, &"a mistake".parse().unwrap()).await.unwrap();
    is(Standing::is_trusted).await;
    hide(world, true).await;
    is(|standing| matches!(standing, Standing::Unknown { .. })).await;
    hide(world, false).await;
    is(Standing::is_trusted).await;
}

/// Ways in which a secret could slip out.
pub(super) fn spellings(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        hex.to_uppercase(),
        hex,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        format!("{secret:?}"),
        format!("{secret:x?}"),
    ]
}

async fn every_type_of_event_is_told_and_none_tells_a_secret(world: World) {
    listen();
    let told = whole_life(world).await;
    let types: BTreeSet<_> = told.iter().map(|(_, fields)| fields["event_type"].as_str()).collect();
    let all: BTreeSet<_> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    assert_eq!(types, all);

    let told = format!("{told:?}");
    for secret in [SEED, [1; 32], [2; 32]] {
        for spelling in spellings(&secret) {
            assert!(!told.contains(&spelling), "{spelling} is in {told}");
        }
    }
    for line in key().to_pem().lines() {
        assert!(!told.contains(line), "{line} is in {told}");
    }
    // The same search finds what is there.
    let fingerprint = key().fingerprint();
    assert!(spellings(fingerprint.as_bytes()).iter().any(|text| told.contains(text)), "{told}");
}
