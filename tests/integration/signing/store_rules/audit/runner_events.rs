//! What a runner does is told to `tracing` only: it may do it a thousand times a second,
//! and has no right to write the log.

use std::fmt::Display;
use std::{fs, slice};

use chrono::{SubsecRound, TimeDelta, Utc};
use signing_crypto::{SigningKey, error_with_sources, rfc3339};
use signing_loader::{
    SignatureSource, Verifier, package_statement, sign_package, verify_and_load_package,
};
use signing_trust::TrustLimits;
use signing_trust::store::OrganizationRef;
use tracing::Level;

use super::forger::{log, verified};
use super::recorder::{Told, event, listen, told};
use crate::support::{World, on_both_backends, untrusted};

on_both_backends! {
    verifying_and_loading_are_told_and_not_logged,
    failure_reason_has_each_cause_once,
    loading_without_verification_is_told_before_any_code_runs,
    loading_what_would_be_refused_is_told_with_the_reason_and_summed_up,
    signature_that_expires_soon_is_told_of_beside_the_verification,
    trust_that_expires_soon_is_told_of_beside_the_verification,
}

async fn verifying_and_loading_are_told_and_not_logged(world: World) {
    listen();
    let acme = world.vendor("acme").await;
    let library = world.package("libworkflow.so");
    let digest = *package_statement(&library).unwrap().digest();
    let signature = world.sign(&library, &acme.key).await;
    let stranger = SigningKey::generate().unwrap();
    let by_stranger = sign_package(&library, &stranger).unwrap();
    let not_a_library = acme.memory();
    told(&[&acme.org]);
    let before = log(&world, acme.org).await;
    let (good, bad) = (SignatureSource::Memory(signature), SignatureSource::Memory(by_stranger));
    let about = |event_type: &'static str| {
        event(
            Level::INFO,
            &[
                ("event_type", &event_type),
                ("org_id", &acme.org),
                ("key_fingerprint", &acme.key.fingerprint),
                ("package_name", &"libworkflow.so"),
                ("package_hash", &digest),
            ],
        )
    };
    let refused = event(
        Level::WARN,
        &[
            ("event_type", &"verification.failure"),
            ("org_id", &acme.org),
            ("key_fingerprint", &stranger.fingerprint()),
            ("package_name", &"libworkflow.so"),
            (
                "failure_reason",
                &format!(
                    "the signer {} is not trusted: it is neither trusted directly nor through a \
                     grant",
                    stranger.fingerprint()
                ),
            ),
        ],
    );

    let held = world.verify(&library, acme.org, good.clone()).await.unwrap();
    assert_eq!(told(&[&acme.org]), [about("verification.success")]);
    // To hold it is not to load it.
    drop(held);
    assert_eq!(told(&[&acme.org]), []);

    untrusted(world.verify(&library, acme.org, bad.clone()).await);
    assert_eq!(told(&[&acme.org]), slice::from_ref(&refused));

    world.load(&library, acme.org, good).await.unwrap();
    let loaded = [about("verification.success"), about("package.load.success")];
    assert_eq!(told(&[&acme.org]), loaded);

    untrusted(world.load(&library, acme.org, bad).await);
    assert_eq!(told(&[&acme.org]), [refused]);

    let error = world.load(&acme.package, acme.org, not_a_library).await.unwrap_err();
    let digest = *package_statement(&acme.package).unwrap().digest();
    let fields: [(&'static str, &dyn Display); 4] = [
        ("org_id", &acme.org),
        ("key_fingerprint", &acme.key.fingerprint),
        ("package_name", &"acme.so"),
        ("package_hash", &digest),
    ];
    let event_type = |name| [("event_type", name as &dyn Display)];
    let success = [&event_type(&"verification.success")[..], &fields].concat();
    let why = error_with_sources(&error);
    let failed: [(&'static str, &dyn Display); 1] = [("failure_reason", &why)];
    let failure = [&event_type(&"package.load.failure")[..], &fields, &failed].concat();
    assert_eq!(told(&[&acme.org]), [event(Level::INFO, &success), event(Level::WARN, &failure)]);

    assert_eq!(log(&world, acme.org).await, before);
    verified(&world, acme.org).await;
}

async fn failure_reason_has_each_cause_once(world: World) {
    listen();
    let acme = world.vendor("acme").await;
    let verifier =
        Verifier::organization(&world.keys, OrganizationRef::Id(acme.org)).await.unwrap();
    fs::write(acme.package.with_extension("so.sig"), "").unwrap();
    told(&[&acme.org]);

    verifier.check(&acme.package).await.unwrap_err();
    let [(_, fields)] = &told(&[&acme.org])[..] else { panic!("one event was expected") };
    assert_eq!(fields["event_type"], "verification.failure");
    assert_eq!(fields["failure_reason"], "the signature is malformed: it is empty");
}

async fn loading_without_verification_is_told_before_any_code_runs(mut world: World) {
    listen();
    let org = world.org("acme").await;
    world.require_signatures = false;
    // Bytes that no other test loads.
    let path = world.file("libunsigned.so", org.to_string().as_bytes());
    let digest = *package_statement(&path).unwrap().digest();
    told(&[&org]);

    let source = SignatureSource::Auto;
    let loaded = verify_and_load_package(&path, org, &world.security(), &world.keys, source).await;
    let error = loaded.unwrap_err();

    let unsigned =
        event(Level::WARN, &[("event_type", &"package.load.unsigned"), ("package_hash", &digest)]);
    let failure = event(
        Level::WARN,
        &[
            ("event_type", &"package.load.failure"),
            ("package_hash", &digest),
            ("failure_reason", &error_with_sources(&error)),
        ],
    );
    assert_eq!(told(&[&org, &digest]), [unsigned, failure]);
}

async fn loading_what_would_be_refused_is_told_with_the_reason_and_summed_up(world: World) {
    listen();
    let org = world.org("acme").await;
    // Bytes that no other test loads.
    let path = world.file("libunsigned.so", format!("observed {org}").as_bytes());
    let digest = *package_statement(&path).unwrap().digest();
    let end = (Utc::now() + TimeDelta::days(1)).trunc_subsecs(6);
    let verifier = Verifier::organization(&world.keys, OrganizationRef::Id(org)).await.unwrap();
    let refusal = error_with_sources(&verifier.check(&path).await.unwrap_err());
    let observer = verifier.danger_observe_until(end);
    let about = [&org as &dyn Display, &digest, &rfc3339(&end)];
    told(&about);

    observer.load(&path).await.unwrap_err();

    let event_types = |told: Vec<Told>| -> Vec<_> {
        told.into_iter().map(|(_, fields)| fields["event_type"].clone()).collect()
    };
    let mut events = told(&about);
    let would_refuse = event(
        Level::WARN,
        &[
            ("event_type", &"package.load.would_refuse"),
            ("org_id", &org),
            ("package_name", &"libunsigned.so"),
            ("package_hash", &digest),
            ("failure_reason", &refusal),
        ],
    );
    assert_eq!(events.remove(1), would_refuse);
    let others = ["verification.failure", "package.load.unsigned", "package.load.failure"];
    assert_eq!(event_types(events), others);
    let clone = observer.clone();
    drop(observer);
    assert_eq!(told(&about), []);
    drop(clone);
    let summary = event(
        Level::WARN,
        &[
            ("event_type", &"enforcement.observed"),
            ("expires_at", &rfc3339(&end)),
            ("summary", &"0 accepted, 1 would be refused: 1 SignatureNotFound"),
        ],
    );
    assert_eq!(told(&about), [summary]);
}

async fn signature_that_expires_soon_is_told_of_beside_the_verification(world: World) {
    listen();
    let acme = world.vendor("acme").await;
    let digest = *package_statement(&acme.package).unwrap().digest();
    let check = async |days: i64| {
        let expiry = (Utc::now() + TimeDelta::days(days)).trunc_subsecs(6);
        let statement = package_statement(&acme.package).unwrap();
        let statement = statement.with_expiry(expiry.try_into().unwrap());
        let signed = world.keys.sign_statement(acme.key.id, &statement).await.unwrap();
        told(&[&acme.org]);
        let source = SignatureSource::Memory(signed);
        world.signer(&acme.package, acme.org, source).await;
        (expiry, told(&[&acme.org]))
    };
    let fields: [(&'static str, &dyn Display); 4] = [
        ("org_id", &acme.org),
        ("key_fingerprint", &acme.key.fingerprint),
        ("package_name", &"acme.so"),
        ("package_hash", &digest),
    ];
    let success: [(&'static str, &dyn Display); 1] = [("event_type", &"verification.success")];
    let success = event(Level::INFO, &[&success[..], &fields].concat());

    let (expiry, heard) = check(29).await;
    let expires_at = rfc3339(&expiry);
    let expiring: [(&'static str, &dyn Display); 2] =
        [("event_type", &"signature.expiring"), ("expires_at", &expires_at)];
    let expiring = event(Level::WARN, &[&expiring[..], &fields].concat());
    assert_eq!(heard, [success.clone(), expiring]);

    assert_eq!(check(31).await.1, [success]);
}

async fn trust_that_expires_soon_is_told_of_beside_the_verification(world: World) {
    listen();
    let acme = world.vendor("acme").await;
    let parent = world.org("parent").await;
    let digest = *package_statement(&acme.package).unwrap().digest();
    let in_days = |days: i64| (Utc::now() + TimeDelta::days(days)).trunc_subsecs(6);
    let trust = async |until| {
        let (keys, key) = (&world.keys, &acme.key.public_key);
        keys.trust_public_key(acme.org, key, None, Some(until)).await.unwrap();
    };
    let grant = async |until| {
        let scope = TrustLimits { packages: None, expires_at: Some(until) };
        world.keys.grant_trust(parent, acme.org, scope).await.unwrap();
    };
    // What verifying tells beside that it was done.
    let told_for = async |org| {
        told(&[&org]);
        world.signer(&acme.package, org, acme.memory()).await;
        let mut heard = told(&[&org]);
        assert_eq!(heard.remove(0).1["event_type"], "verification.success");
        heard
    };
    let expiring = |more: &[(&'static str, &dyn Display)]| {
        let fields: [(&'static str, &dyn Display); 5] = [
            ("event_type", &"trust.expiring"),
            ("key_id", &acme.trusted.id),
            ("key_fingerprint", &acme.key.fingerprint),
            ("package_name", &"acme.so"),
            ("package_hash", &digest),
        ];
        event(Level::WARN, &[&fields[..], more].concat())
    };
    let (far, soon, sooner) = (in_days(31), in_days(29), in_days(28));

    grant(far).await;
    assert_eq!(told_for(acme.org).await, []);
    assert_eq!(told_for(parent).await, []);

    grant(soon).await;
    let expires_at = rfc3339(&soon);
    let by_grant: [(&'static str, &dyn Display); 3] =
        [("org_id", &parent), ("child_org_id", &acme.org), ("expires_at", &expires_at)];
    assert_eq!(told_for(acme.org).await, []);
    assert_eq!(told_for(parent).await, [expiring(&by_grant)]);

    trust(sooner).await;
    let expires_at = rfc3339(&sooner);
    let direct: [(&'static str, &dyn Display); 2] =
        [("org_id", &acme.org), ("expires_at", &expires_at)];
    assert_eq!(told_for(acme.org).await, [expiring(&direct)]);
    let by_grant: [(&'static str, &dyn Display); 3] =
        [("org_id", &parent), ("child_org_id", &acme.org), ("expires_at", &expires_at)];
    assert_eq!(told_for(parent).await, [expiring(&by_grant)]);

    trust(far).await;
    assert_eq!(told_for(acme.org).await, []);
}
