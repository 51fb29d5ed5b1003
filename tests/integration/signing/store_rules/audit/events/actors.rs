//! Every change names who made it, in its entry and in its event.

use std::collections::BTreeMap;

use signing_crypto::ActorName;
use signing_trust::TrustError;
use signing_trust::store::AuditFaultKind;

use super::super::forger::{forge, log, open_up};
use super::recorded_store::{ACTOR_FIELDS, RecordedStore, seed_key};
use crate::support::on_both_backends;

on_both_backends! {
    a_change_names_the_user_and_the_host,
    a_named_actor_takes_the_place_of_both,
    what_is_no_change_names_nobody,
    another_actor_in_an_entry_is_found_out,
}

type Actor = BTreeMap<String, String>;

/// Who made the last change: the same in the event and in the entry.
async fn last_actor(recorded: &RecordedStore) -> Actor {
    let (_, event) = recorded.heard().pop().unwrap();
    let event: BTreeMap<_, _> =
        event.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let entry = log(&recorded.world, recorded.org).await.pop().unwrap();
    let entry: BTreeMap<String, String> = serde_json::from_str(&entry.details).unwrap();
    let actor_in = |fields: BTreeMap<String, String>| -> Actor {
        fields.into_iter().filter(|(name, _)| ACTOR_FIELDS.contains(&&**name)).collect()
    };
    let (event, entry) = (actor_in(event), actor_in(entry));
    assert_eq!(event, entry);
    event
}

/// Takes the database role out, which only a server has.
async fn without_role(recorded: &RecordedStore, mut actor: Actor) -> Actor {
    let found = actor.remove("database_role");
    assert_eq!(found, expected_role(recorded).await);
    actor
}

/// The role that the tests and the store log in with.
async fn expected_role(recorded: &RecordedStore) -> Option<String> {
    if recorded.world.database.is_sqlite() {
        return None;
    }
    let client = recorded.world.database.connect().await;
    Some(client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0))
}

async fn a_change_names_the_user_and_the_host(recorded: RecordedStore) {
    let keys = recorded.keys.clone().with_actor(None);
    keys.deny_key(recorded.org, &seed_key().fingerprint(), None).await.unwrap();
    let actor = without_role(&recorded, last_actor(&recorded).await).await;
    let names: Vec<_> = actor.keys().collect();
    assert_eq!(names, ["host", "operating_system_user"]);
    assert!(actor.values().all(|value| !value.is_empty()), "{actor:?}");
}

async fn a_named_actor_takes_the_place_of_both(recorded: RecordedStore) {
    for name in ["deploy pipeline", "x\" actor=\"y"] {
        let keys = recorded.keys.clone().with_actor(ActorName::new(name).unwrap());
        keys.create_signing_key(recorded.org, format!("k{}", name.len()).parse().unwrap())
            .await
            .unwrap();
        let actor = without_role(&recorded, last_actor(&recorded).await).await;
        assert_eq!(actor, BTreeMap::from([("actor".to_owned(), name.to_owned())]));
    }
}

async fn what_is_no_change_names_nobody(recorded: RecordedStore) {
    let id = recorded.signing_key().await;
    recorded.keys.export_public_key(id).await.unwrap();
    let heard = recorded.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].1.keys().all(|name| !ACTOR_FIELDS.contains(name)), "{heard:?}");
}

async fn another_actor_in_an_entry_is_found_out(recorded: RecordedStore) {
    recorded.keys.deny_key(recorded.org, &seed_key().fingerprint(), None).await.unwrap();
    recorded.keys.verify_audit_log(recorded.org, &[]).await.unwrap();
    open_up(&recorded.world).await;
    let edit = "UPDATE audit_log SET details = replace(details, 'tester', 'somebody') \
                WHERE sequence = 2";
    forge(&recorded.world, edit).await;
    let broken = recorded.keys.verify_audit_log(recorded.org, &[]).await.unwrap_err();
    let TrustError::AuditLogBroken(fault) = broken else { panic!("{broken}") };
    assert_eq!((fault.sequence, fault.kind), (2, AuditFaultKind::Edited));
}
