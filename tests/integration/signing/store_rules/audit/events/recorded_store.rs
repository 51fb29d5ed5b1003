//! A store, and whatever is told about it in the test's own thread.

use std::fmt::Display;

use signing_crypto::{ActorName, KeyId, OrgId, PackageDigest, PackageStatement, SigningKey};
use signing_trust::KeyManager;
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use zeroize::Zeroizing;

use super::super::forger::log;
use super::super::recorder::{Recorder, Told, event};
use crate::store_rules::assert_unbroken;
use crate::support::{Database, Subject, World};

/// A field of an event, and its value as it is shown.
type Field<'a> = (&'static str, &'a dyn Display);

/// Who made a change.
pub(in super::super) const ACTOR_FIELDS: [&str; 4] =
    ["actor", "operating_system_user", "host", "database_role"];

/// A store with an organization in it, and whatever is told from then on.
pub(super) struct RecordedStore {
    pub(super) world: World,
    pub(super) keys: KeyManager,
    pub(super) org: OrgId,
    events: Recorder,
    _recording: DefaultGuard,
}

impl Subject for RecordedStore {
    async fn on(database: Database) -> Self {
        let world = World::on(database).await;
        let org = world.org("acme").await;
        let keys = world.keys.clone().with_actor(ActorName::new("tester").unwrap());
        let (events, recording) = Recorder::of_this_thread();
        Self { world, keys, org, events, _recording: recording }
    }
}

impl RecordedStore {
    /// Exactly one event was told since the last time, of this level and fields. Who acted is
    /// told beside them, and is not compared.
    #[track_caller]
    pub(super) fn told(&self, level: Level, fields: &[Field<'_>]) {
        self.told_in_order(&[(level, fields)]);
    }

    /// Exactly these events were told since the last time.
    #[track_caller]
    pub(super) fn told_in_order(&self, events: &[(Level, &[Field<'_>])]) {
        let expected: Vec<_> = events.iter().map(|(level, fields)| event(*level, fields)).collect();
        let mut heard = self.heard();
        for (_, fields) in &mut heard {
            fields.retain(|name, _| !ACTOR_FIELDS.contains(name));
        }
        assert_eq!(heard, expected);
    }

    /// What was told since the last time.
    pub(super) fn heard(&self) -> Vec<Told> {
        self.events.heard()
    }

    #[track_caller]
    pub(super) fn told_nothing(&self) {
        assert_eq!(self.heard(), []);
    }

    /// The types of an organization's log, which must be a whole chain.
    pub(super) async fn log(&self, org: OrgId) -> Vec<String> {
        let log = log(&self.world, org).await;
        assert_unbroken(&log);
        assert!(log.iter().all(|entry| entry.org_id == org));
        log.into_iter().map(|entry| entry.event_type).collect()
    }

    /// The log holds the organization's creation and then these.
    pub(super) async fn logged(&self, types: &[&str]) {
        let expected = [&["organization.created"], types].concat();
        assert_eq!(self.log(self.org).await, expected);
    }

    pub(super) async fn signing_key(&self) -> KeyId {
        let id = self.world.key(self.org, "release").await.id;
        self.heard();
        id
    }

    pub(super) async fn child(&self) -> OrgId {
        let id = self.world.org("child").await;
        self.heard();
        id
    }
}

pub(super) fn seed_key() -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([0x5c; 32]))
}

pub(super) fn statement() -> PackageStatement {
    let digest = PackageDigest::from_bytes([7; 32]);
    PackageStatement::new(
        "a.so".parse().unwrap(),
        digest,
        1,
        "2026-01-28T12:00:00Z".parse().unwrap(),
    )
}
