//! Everything that can be done to organizations, keys and packages, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{SubsecRound, TimeDelta, Utc};
use signing_crypto::{OrgId, SigningKey, TrustedKeyId, WrapError, rfc3339};
use signing_loader::{
    LoadedPackages, MaxStaleness, SignatureSource, Standing, Verifier, package_statement,
    verify_and_load_package,
};
use signing_trust::store::{OrganizationRef, Revocation, StoreError};
use signing_trust::{Resign, TrustError, TrustLimits};
use zeroize::Zeroizing;

use super::forger::{forge, open_up};
use super::recorder::{Told, listen, told};
use crate::support::{SOON, World, assert_refused, hide, kek, publish_first_documents, until};

pub(super) const SEED: [u8; 32] = [0x5c; 32];

/// What was told, by all threads, and what was logged.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) told: Vec<Told>,
    /// By name, as in an event.
    pub(super) logged: Vec<BTreeMap<String, String>>,
    /// The private key as the store keeps it.
    pub(super) wrapped: Vec<u8>,
}

pub(super) fn key() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(SEED))
}

pub(super) async fn whole_life(mut world: World) -> Life {
    listen();
    let keys = &world.keys;
    let [acme, child] = [world.org("acme").await, world.org("child").await];
    let id = keys.import_signing_key(acme, "ci".parse().unwrap(), &key()).await.unwrap().id;
    let public = keys.export_public_key(id).await.unwrap();
    // What is observed is told by its end alone: no other test may have the same.
    let ahead = TimeDelta::seconds(i64::from(acme.as_uuid().as_fields().0 % 1_000_000));
    let soon = (Utc::now() + TimeDelta::days(1) + ahead).trunc_subsecs(6);
    let name = Some("ci".parse().unwrap());
    let row = keys.trust_public_key(acme, &public, name, Some(soon)).await.unwrap();
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
    let leaked = Some("leaked".parse().unwrap());
    keys.deny_key(child, &public.fingerprint(), leaked).await.unwrap();
    let stranger = keys.clone().with_kek(kek(3));
    assert_refused!(
        stranger.get_signing_key(id).await,
        TrustError::Wrap(WrapError::OtherKek { .. })
    );
    assert_refused!(
        stranger.create_signing_key(acme, "x".parse().unwrap()).await,
        TrustError::Store(StoreError::OtherKek { .. })
    );
    keys.rotate_signing_key(id, None, Resign::All).await.unwrap();
    keys.revoke_signing_key(id, Revocation::retired()).await.unwrap();
    keys.reinstate_signing_key(id, &note).await.unwrap();
    keys.delete_organization(child).await.unwrap();
    keys.rotate_kek(&kek(2)).await.unwrap();
    keys.sign_checkpoint(acme, &key(), &[]).await.unwrap();

    let (_, wrapped) = keys.store().wrapped_signing_key(id).await.unwrap();
    let wrapped = wrapped.as_bytes().to_vec();
    let logged = [logged(&world, acme).await, logged(&world, child).await].concat();
    open_up(&world).await;
    forge(&world, "UPDATE audit_log SET details = '{}'").await;
    assert_refused!(keys.verify_audit_log(acme, &[]).await, TrustError::AuditLogBroken(_));
    // What was observed is told by its end alone.
    let told = told(&[&acme, &child, &digest, &rfc3339(&soon)]);
    Life { told, logged, wrapped }
}

/// An organization's log, with the fields that an event has.
async fn logged(world: &World, org: OrgId) -> Vec<BTreeMap<String, String>> {
    let log = world.store.audit_log(org).await.unwrap().into_iter();
    log.map(|record| {
        let mut entry: BTreeMap<_, _> = serde_json::from_str(&record.details).unwrap();
        entry.insert("event_type".to_owned(), record.event_type);
        entry.insert("org_id".to_owned(), record.org_id.to_string());
        entry
    })
    .collect()
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
