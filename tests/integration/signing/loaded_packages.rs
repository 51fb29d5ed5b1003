//! Packages that a program has loaded, and what becomes of them when trust changes.

mod constructors;
mod dependencies;
mod forked;
mod host;
mod network;
mod racing;
mod rooted;
mod silent_store;
mod threads;

use std::fs;
use std::sync::{Arc, Mutex};

use chrono::{TimeDelta, Utc};
use signing_crypto::{PackagePatterns, StatementTime};
use signing_loader::{
    LoadedPackages, RequiredSigners, SignerCount, Standing, TrustChange, TrustPath,
    UntrustedReason, package_statement,
};
use signing_trust::TrustLimits;
use signing_trust::store::Revocation;

use self::host::{
    Host, LIMIT, is_open, refusal, refuses_to_load, sign_beside, untrusted_reason, verifier,
};
use crate::support::{SOON, World, add_signature, call, on_both_backends, until};

on_both_backends! {
    revoked_key_closes_the_gate_of_its_packages_only,
    reinstated_key_opens_the_gate_again,
    revoked_grant_closes_the_gate_and_a_new_one_opens_it,
    grant_that_is_narrowed_closes_the_gate_of_other_packages,
    raised_floor_closes_the_gate_until_it_is_lowered,
    deleted_organization_closes_the_gate,
    signature_that_expires_closes_the_gate,
    trust_that_expires_closes_the_gate,
    quorum_that_is_no_longer_met_closes_the_gate,
    call_in_flight_ends_as_it_likes_and_is_waited_for,
    package_that_is_refused_is_not_loaded_and_not_followed,
    package_that_is_loaded_again_is_followed_once,
    list_says_by_whom_and_by_which_grant_each_package_was_signed,
    without_a_gate_it_is_only_reported,
    function_is_called_for_each_change_and_no_other,
}

async fn revoked_key_closes_the_gate_of_its_packages_only(world: World) {
    let host = Host::gate(&world).await;
    let other = world.key(host.vendor.org, "other").await;
    let trusted = world.trust(host.vendor.org, &other).await;
    let kept = host.load_signed_by(&world, "libkept.so", &host.vendor.key).await;
    let revoked = host.load_signed_by(&world, "librevoked.so", &other).await;
    assert!(is_open(&kept) && is_open(&revoked));

    world.keys.revoke_trusted_key(trusted.id, Revocation::retired()).await.unwrap();

    until(SOON, "the gate closes", async || !is_open(&revoked)).await;
    let reason = untrusted_reason(&revoked);
    assert!(matches!(reason, UntrustedReason::Revoked { .. }), "{reason:?}");
    assert_eq!(refusal(&revoked).code(), "UntrustedSigner");
    for _ in 0..1000 {
        assert!(!is_open(&revoked) && is_open(&kept));
    }
    assert_eq!(call(&kept.enter().unwrap(), b"abc"), b"ABC");
}

async fn reinstated_key_opens_the_gate_again(world: World) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    let row = host.vendor.trusted.id;
    for _ in 0..3 {
        world.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
        until(SOON, "the gate closes", async || !is_open(&package)).await;
        world.keys.reinstate_trusted_key(row, &"a mistake".parse().unwrap()).await.unwrap();
        until(SOON, "the gate opens", async || is_open(&package)).await;
    }
}

async fn revoked_grant_closes_the_gate_and_a_new_one_opens_it(world: World) {
    let (vendor, operator) = (world.vendor("vendor").await, world.org("operator").await);
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let own = world.key(operator, "own").await;
    world.trust(operator, &own).await;
    let loaded = LoadedPackages::gate(&verifier(&world, operator).await, *LIMIT).unwrap();
    let granted = sign_beside(&world, "libgranted.so", &vendor.key).await;
    let granted = loaded.load(granted).await.unwrap();
    let direct = loaded.load(sign_beside(&world, "libown.so", &own).await).await.unwrap();

    world.keys.revoke_trust(operator, vendor.org).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&granted)).await;
    assert_eq!(untrusted_reason(&granted), UntrustedReason::Unknown);
    assert!(is_open(&direct));

    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    until(SOON, "the gate opens", async || is_open(&granted)).await;
}

async fn grant_that_is_narrowed_closes_the_gate_of_other_packages(world: World) {
    let (vendor, operator) = (world.vendor("vendor").await, world.org("operator").await);
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let loaded = LoadedPackages::gate(&verifier(&world, operator).await, *LIMIT).unwrap();
    let [inside, outside] = ["libetl-a.so", "libother.so"];
    let inside = loaded.load(sign_beside(&world, inside, &vendor.key).await).await.unwrap();
    let outside = loaded.load(sign_beside(&world, outside, &vendor.key).await).await.unwrap();

    let packages = PackagePatterns::new(vec!["libetl-*".into()]).unwrap();
    let scope = TrustLimits { packages: Some(packages), expires_at: None };
    world.keys.grant_trust(operator, vendor.org, scope).await.unwrap();

    until(SOON, "the gate closes", async || !is_open(&outside)).await;
    let reason = untrusted_reason(&outside);
    assert!(matches!(reason, UntrustedReason::OtherPackages { .. }), "{reason:?}");
    assert!(is_open(&inside));
}

async fn raised_floor_closes_the_gate_until_it_is_lowered(world: World) {
    let host = Host::gate(&world).await;
    let path = world.package("libworkflow.so");
    let statement = package_statement(&path).unwrap().with_version("1.2.0".parse().unwrap());
    let signature = world.keys.sign_statement(host.vendor.key.id, &statement).await.unwrap();
    fs::write(path.with_extension("so.sig"), signature.to_json()).unwrap();
    let package = host.loaded.load(path).await.unwrap();
    let floor = async |floor: Option<&str>| {
        let (name, floor) = (package.report().name(), floor.map(|floor| floor.parse().unwrap()));
        world.keys.set_version_floor(host.vendor.org, name, floor).await.unwrap();
    };

    floor(Some("1.2.1")).await;
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    let refused = refusal(&package);
    assert_eq!(refused.code(), "VersionBelowFloor", "{refused:?}");
    floor(Some("1.2.0")).await;
    until(SOON, "the gate opens", async || is_open(&package)).await;
}

async fn deleted_organization_closes_the_gate(world: World) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    world.keys.delete_organization(host.vendor.org).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    let reason = untrusted_reason(&package);
    assert!(matches!(reason, UntrustedReason::OrganizationDeleted { .. }), "{reason:?}");
}

async fn signature_that_expires_closes_the_gate(world: World) {
    let host = Host::gate(&world).await;
    let expiry = Utc::now() + TimeDelta::seconds(3);
    let path = world.package("libexpires.so");
    let expiry = StatementTime::try_from(expiry).unwrap();
    let statement = package_statement(&path).unwrap().with_expiry(expiry);
    let signature = world.keys.sign_statement(host.vendor.key.id, &statement).await.unwrap();
    fs::write(path.with_extension("so.sig"), signature.to_json()).unwrap();
    let package = host.loaded.load(path).await.unwrap();
    let lasts = host.load(&world, "liblasts.so").await;

    until(SOON, "the gate closes", async || !is_open(&package)).await;
    let late = Utc::now() - expiry.to_utc();
    assert!(TimeDelta::zero() <= late && late < TimeDelta::seconds(3), "{late}");
    assert_eq!(refusal(&package).code(), "Expired");
    assert!(is_open(&lasts));
}

async fn trust_that_expires_closes_the_gate(world: World) {
    let host = Host::gate(&world).await;
    let key = world.key(host.vendor.org, "short").await;
    let expiry = Utc::now() + TimeDelta::seconds(3);
    let (org, public) = (host.vendor.org, &key.public_key);
    world.keys.trust_public_key(org, public, None, Some(expiry)).await.unwrap();
    let package = host.load_signed_by(&world, "libexpires.so", &key).await;
    let lasts = host.load(&world, "liblasts.so").await;

    until(SOON, "the gate closes", async || !is_open(&package)).await;
    assert!(Utc::now() >= expiry);
    let reason = untrusted_reason(&package);
    assert!(matches!(reason, UntrustedReason::Expired { .. }), "{reason:?}");
    assert!(is_open(&lasts));
}

async fn quorum_that_is_no_longer_met_closes_the_gate(mut world: World) {
    let vendor = world.vendor("acme").await;
    let second = world.key(vendor.org, "second").await;
    let trusted = world.trust(vendor.org, &second).await;
    let two = SignerCount::new(2).unwrap();
    world.config.required_signers = RequiredSigners::Keys(two);
    let path = world.package("libquorum.so");
    let one = world.sign(&path, &vendor.key).await;
    let both = add_signature(&one, &world.keys.get_signing_key(second.id).await.unwrap());
    fs::write(path.with_extension("so.sig"), both.to_json()).unwrap();
    let loaded = LoadedPackages::gate(&verifier(&world, vendor.org).await, *LIMIT).unwrap();
    let package = loaded.load(path).await.unwrap();
    assert_eq!(package.report().signers().len(), 2);

    world.keys.revoke_trusted_key(trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&package)).await;
    assert_eq!(refusal(&package).code(), "NotEnoughSigners");
}

async fn call_in_flight_ends_as_it_likes_and_is_waited_for(world: World) {
    let host = Host::gate(&world).await;
    let package = host.load(&world, "libworkflow.so").await;
    let in_flight = package.enter().unwrap();
    let second = package.clone();
    let drained = tokio::spawn(async move { second.drained().await });

    world.keys.revoke_trusted_key(host.vendor.trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&package)).await;

    assert_eq!(call(&in_flight, b"in flight"), b"IN FLIGHT");
    assert_eq!(package.calls_in_flight(), 1);
    assert!(!drained.is_finished());
    drop(in_flight);
    tokio::time::timeout(SOON, drained).await.unwrap().unwrap();
    assert_eq!(package.calls_in_flight(), 0);
}

async fn package_that_is_refused_is_not_loaded_and_not_followed(world: World) {
    let host = Host::gate(&world).await;
    let stranger = world.key(host.vendor.org, "stranger").await;
    let refused = host.loaded.load(sign_beside(&world, "libhostile.so", &stranger).await).await;
    refuses_to_load(refused);
    assert!(host.loaded.packages().is_empty());

    // Nor is one loaded later whose trust was revoked.
    let package = host.load(&world, "libworkflow.so").await;
    world.keys.revoke_trusted_key(host.vendor.trusted.id, Revocation::retired()).await.unwrap();
    refuses_to_load(host.loaded.load(world.path("libworkflow.so")).await);
    assert_eq!(host.loaded.packages().len(), 1);
    until(SOON, "the gate closes", async || !is_open(&package)).await;
}

async fn package_that_is_loaded_again_is_followed_once(world: World) {
    let host = Host::gate(&world).await;
    let first = host.load(&world, "libworkflow.so").await;
    for _ in 0..10 {
        host.loaded.load(world.path("libworkflow.so")).await.unwrap();
    }
    assert_eq!(host.loaded.packages().len(), 1);
    // Another name, or another signer, is another claim about the same bytes.
    host.load(&world, "libother.so").await;
    let second = world.key(host.vendor.org, "second").await;
    let trusted = world.trust(host.vendor.org, &second).await;
    let resigned = host.load_signed_by(&world, "libworkflow.so", &second).await;
    assert_eq!(host.loaded.packages().len(), 3);

    world.keys.revoke_trusted_key(trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "the gate closes", async || !is_open(&resigned)).await;
    assert!(is_open(&first));
}

async fn list_says_by_whom_and_by_which_grant_each_package_was_signed(world: World) {
    let (vendor, operator) = (world.vendor("vendor").await, world.org("operator").await);
    world.keys.grant_trust(operator, vendor.org, TrustLimits::default()).await.unwrap();
    let loaded = LoadedPackages::gate(&verifier(&world, operator).await, *LIMIT).unwrap();
    loaded.load(sign_beside(&world, "libgranted.so", &vendor.key).await).await.unwrap();

    let packages = loaded.packages();
    let [package] = &packages[..] else { panic!("{packages:?}") };
    assert_eq!(package.report().name().as_str(), "libgranted.so");
    assert_eq!(package.report().signer(), vendor.key.fingerprint);
    let child_of = |via: &TrustPath| match via {
        TrustPath::Granted { child, .. } => Some(*child),
        _ => None,
    };
    assert_eq!(child_of(package.report().via()), Some(vendor.org));

    // Trusted directly as well, the package stands by what is so today.
    world.trust(operator, &vendor.key).await;
    until(SOON, "it is trusted directly", async || match package.standing() {
        Standing::Trusted { signers } => {
            assert_eq!(signers[0].limits, TrustLimits::default());
            matches!(signers[0].via, TrustPath::Direct { .. })
        }
        _ => false,
    })
    .await;
    assert_eq!(child_of(package.report().via()), Some(vendor.org));
}

async fn without_a_gate_it_is_only_reported(world: World) {
    let vendor = world.vendor("acme").await;
    let loaded = LoadedPackages::deny_new(&verifier(&world, vendor.org).await).unwrap();
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let package = loaded.load(&*path).await.unwrap();
    assert!(package.standing().is_trusted());

    world.keys.revoke_trusted_key(vendor.trusted.id, Revocation::retired()).await.unwrap();
    until(SOON, "it is reported", async || {
        matches!(loaded.packages()[0].standing(), Standing::Refused(_))
    })
    .await;
    assert!(is_open(&package));
    refuses_to_load(loaded.load(&*path).await);
    drop(loaded);
    assert!(matches!(package.standing(), Standing::NotFollowed));
    assert!(is_open(&package));
}

async fn function_is_called_for_each_change_and_no_other(world: World) {
    let vendor = world.vendor("acme").await;
    let changes: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = changes.clone();
    let hear = move |change: &TrustChange| {
        let name = change.package.report().name().as_str().to_owned();
        let standing = match &change.standing {
            Standing::Trusted { .. } => "trusted".into(),
            Standing::Refused(error) => error.code().to_owned(),
            other => format!("{other:?}"),
        };
        heard.lock().unwrap().push(format!("{name} {standing}"));
    };
    let verifier = verifier(&world, vendor.org).await;
    let loaded = LoadedPackages::call_back(&verifier, *LIMIT, hear).unwrap();
    let path = sign_beside(&world, "libworkflow.so", &vendor.key).await;
    let package = loaded.load(path).await.unwrap();
    let row = vendor.trusted.id;
    let count = || changes.lock().unwrap().len();

    world.keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    until(SOON, "it is told", async || count() == 1).await;
    assert!(is_open(&package));
    // A change of trust that does not affect this package.
    world.vendor("other").await;
    world.keys.reinstate_trusted_key(row, &"a mistake".parse().unwrap()).await.unwrap();
    until(SOON, "it is told", async || count() == 2).await;
    drop(loaded);
    let told = changes.lock().unwrap().clone();
    assert_eq!(told, ["libworkflow.so UntrustedSigner", "libworkflow.so trusted"]);
}
