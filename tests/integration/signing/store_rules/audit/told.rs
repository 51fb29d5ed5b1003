//! What a runner does is told to `tracing` only: it may do it a thousand times a second,
//! and has no right to write the log.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::slice;
use std::sync::{Mutex, Once};

use signing_crypto::{OrgId, SigningKey};
use signing_loader::SignatureSource;
use signing_trust::AUDIT_TARGET;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::forger::{log, verified};
use crate::support::{World, on_both_backends};

on_both_backends! {
    verifying_and_loading_are_told_and_not_logged,
}

type Told = (Level, BTreeMap<&'static str, String>);

/// All that this process tells, of all tests.
static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());

struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == AUDIT_TARGET {
            let mut fields = Fields(BTreeMap::new());
            event.record(&mut fields);
            TOLD.lock().unwrap().push((*event.metadata().level(), fields.0));
        }
    }
}

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Levels, types and names of fields of what was told about an organisation since then.
fn told(org: OrgId) -> Vec<(Level, String, Vec<&'static str>)> {
    let mut all = TOLD.lock().unwrap();
    let org = org.to_string();
    let (mine, others) = all.drain(..).partition(|(_, fields)| fields.get("org_id") == Some(&org));
    *all = others;
    let told = |(level, mut fields): Told| {
        let event_type = fields.remove("event_type").unwrap();
        (level, event_type, fields.into_keys().collect())
    };
    Vec::into_iter(mine).map(told).collect()
}

async fn verifying_and_loading_are_told_and_not_logged(world: World) {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| tracing_subscriber::registry().with(Recorder).init());
    let acme = world.vendor("acme").await;
    let library = world.package("libworkflow.so");
    let signature = world.sign(&library, &acme.key).await;
    let stranger = SigningKey::generate().unwrap();
    let by_stranger = signing_loader::sign_package(&library, &stranger).unwrap();
    let not_a_library = acme.memory();
    told(acme.org);
    let before = log(&world, acme.org).await;
    let (good, bad) = (SignatureSource::Memory(signature), SignatureSource::Memory(by_stranger));
    let verified_fields = vec!["key_fingerprint", "org_id", "package_hash", "package_name"];
    let success = (Level::INFO, "verification.success".to_owned(), verified_fields.clone());

    let held = world.verify(&library, acme.org, good.clone()).await.unwrap();
    assert_eq!(told(acme.org), slice::from_ref(&success));
    // To hold it is not to load it.
    drop(held);
    assert_eq!(told(acme.org), []);

    world.verify(&library, acme.org, bad.clone()).await.unwrap_err();
    let failure_fields = vec!["failure_reason", "key_fingerprint", "org_id", "package_name"];
    let failure = (Level::WARN, "verification.failure".to_owned(), failure_fields);
    assert_eq!(told(acme.org), slice::from_ref(&failure));

    world.load(&library, acme.org, good).await.unwrap();
    let loaded = (Level::INFO, "package.load.success".to_owned(), verified_fields);
    assert_eq!(told(acme.org), [success.clone(), loaded]);

    world.load(&library, acme.org, bad).await.unwrap_err();
    assert_eq!(told(acme.org), [failure]);

    world.load(&acme.package, acme.org, not_a_library).await.unwrap_err();
    let fields = ["failure_reason", "key_fingerprint", "org_id", "package_hash", "package_name"];
    let not_loaded = (Level::WARN, "package.load.failure".to_owned(), fields.to_vec());
    assert_eq!(told(acme.org), [success, not_loaded]);

    assert_eq!(log(&world, acme.org).await, before);
    verified(&world, acme.org).await;
}
