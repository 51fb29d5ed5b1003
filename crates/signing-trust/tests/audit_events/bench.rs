//! A store, and a `tracing` layer that hears what is told about it.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use signing_crypto::{KeyEncryptionKey, KeyId, OrgId, PackageDigest, PackageStatement, SigningKey};
use signing_trust::store::{DatabaseUrl, Store};
use signing_trust::{AUDIT_TARGET, KeyManager};
use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use zeroize::Zeroizing;

pub(crate) const KEK: [u8; 32] = [0xa7; 32];
pub(crate) const SEED: [u8; 32] = [0x5c; 32];

/// The fields of an event, as they are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Keeps the audit events of this thread.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<(Level, Fields)>>>);

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == AUDIT_TARGET {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().unwrap().push((*event.metadata().level(), fields));
        }
    }
}

/// A store with an organisation in it, and whatever is told from then on.
pub(crate) struct Bench {
    pub(crate) keys: KeyManager,
    pub(crate) org: OrgId,
    events: Recorder,
    directory: TempDir,
    _recording: DefaultGuard,
}

/// An event's level and fields.
pub(crate) type Told<'a> = (Level, &'a [(&'static str, &'a dyn Display)]);

impl Bench {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(directory.path().join("store.db"));
        let (store, _) = Store::migrate(&url).await.unwrap();
        let keys = KeyManager::new(store, Some(kek(KEK)));
        let org = keys.create_organization("acme".parse().unwrap()).await.unwrap().id;
        let events = Recorder::default();
        let subscriber = tracing_subscriber::registry().with(events.clone());
        let recording = tracing::subscriber::set_default(subscriber);
        Self { keys, org, events, directory, _recording: recording }
    }

    /// The database.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    /// Exactly one event was told since the last time, of this level and fields.
    #[track_caller]
    pub(crate) fn told(&self, level: Level, fields: &[(&'static str, &dyn Display)]) {
        self.told_in_order(&[(level, fields)]);
    }

    /// Exactly these events were told since the last time.
    #[track_caller]
    pub(crate) fn told_in_order(&self, events: &[Told<'_>]) {
        let told = |(level, fields): &(Level, &[(&'static str, &dyn Display)])| {
            let fields = fields.iter().map(|(name, value)| (*name, value.to_string())).collect();
            (*level, Fields(fields))
        };
        let expected: Vec<_> = events.iter().map(told).collect();
        assert_eq!(self.heard(), expected);
    }

    /// What was told since the last time.
    pub(crate) fn heard(&self) -> Vec<(Level, Fields)> {
        std::mem::take(&mut *self.events.0.lock().unwrap())
    }

    #[track_caller]
    pub(crate) fn told_nothing(&self) {
        assert_eq!(self.heard(), []);
    }

    /// The rows of an organisation's log, which must be a whole chain.
    pub(crate) async fn log(&self, org: OrgId) -> Vec<String> {
        let mut previous = vec![0; 32];
        let mut types = Vec::new();
        for (number, record) in (1..).zip(self.keys.store().audit_log(org).await.unwrap()) {
            assert_eq!((record.org_id, record.sequence), (org, number));
            assert_eq!(record.previous_hash, previous);
            assert_eq!(record.computed_hash().as_slice(), record.entry_hash);
            previous.clone_from(&record.entry_hash);
            types.push(record.event_type);
        }
        types
    }

    /// The log holds the organisation's creation and then these.
    pub(crate) async fn logged(&self, types: &[&str]) {
        let expected = [&["organization.created"], types].concat();
        assert_eq!(self.log(self.org).await, expected);
    }

    pub(crate) async fn signing_key(&self) -> KeyId {
        let name = "release".parse().unwrap();
        let id = self.keys.create_signing_key(self.org, name).await.unwrap().id;
        self.heard();
        id
    }

    pub(crate) async fn child(&self) -> OrgId {
        let id = self.keys.create_organization("child".parse().unwrap()).await.unwrap().id;
        self.heard();
        id
    }
}

pub(crate) fn kek(bytes: [u8; 32]) -> KeyEncryptionKey {
    KeyEncryptionKey::from_bytes(Zeroizing::new(bytes))
}

pub(crate) fn seed_key() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(SEED))
}

pub(crate) fn statement() -> PackageStatement {
    let digest = PackageDigest::from_bytes([7; 32]);
    PackageStatement::new(
        "a.so".parse().unwrap(),
        digest,
        1,
        "2026-01-28T12:00:00Z".parse().unwrap(),
    )
}
