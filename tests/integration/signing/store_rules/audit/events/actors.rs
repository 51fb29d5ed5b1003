//! Every change names who made it, in its entry and in its event.

use std::collections::BTreeMap;

use signing_crypto::ActorName;
use signing_trust::TrustError;
use signing_trust::store::AuditFaultKind;

use super::super::forger::{forge, log, open_up};
use super::bench::{ACTOR_FIELDS, Bench, seed_key};
use crate::support::on_both_backends;

on_both_backends! {
    a_change_names_the_user_and_the_host,
    a_named_actor_takes_the_place_of_both,
    what_is_no_change_names_nobody,
    another_actor_in_an_entry_is_found_out,
}

type Actor = BTreeMap<String, String>;

/// Who made the last change: the same in the event and in the entry.
async fn last_actor(bench: &Bench) -> Actor {
    let (_, event) = bench.heard().pop().unwrap();
    let event: BTreeMap<_, _> =
        event.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let entry = log(&bench.world, bench.org).await.pop().unwrap();
    let entry: BTreeMap<String, String> = serde_json::from_str(&entry.details).unwrap();
    let actor_in = |fields: BTreeMap<String, String>| -> Actor {
        fields.into_iter().filter(|(name, _)| ACTOR_FIELDS.contains(&&**name)).collect()
    };
    let (event, entry) = (actor_in(event), actor_in(entry));
    assert_eq!(event, entry);
    event
}

/// Takes the database role out, which only a server has.
async fn without_role(bench: &Bench, mut actor: Actor) -> Actor {
    let found = actor.remove("database_role");
    assert_eq!(found, expected_role(bench).await);
    actor
}

/// The role that the tests and the store log in with.
async fn expected_role(bench: &Bench) -> Option<String> {
    if bench.world.database.is_sqlite() {
        return None;
    }
    let client = bench.world.database.connect().await;
    Some(client.query_one("SELECT current_user::text", &[]).await.unwrap().get(0))
}

async fn a_change_names_the_user_and_the_host(bench: Bench) {
    let keys = bench.keys.clone().with_actor(None);
    keys.deny_key(bench.org, &seed_key().fingerprint(), None).await.unwrap();
    let actor = without_role(&bench, last_actor(&bench).await).await;
    let names: Vec<_> = actor.keys().collect();
    assert_eq!(names, ["host", "operating_system_user"]);
    assert!(actor.values().all(|value| !value.is_empty()), "{actor:?}");
}

async fn a_named_actor_takes_the_place_of_both(bench: Bench) {
    for name in ["deploy pipeline", "x\" actor=\"y"] {
        let keys = bench.keys.clone().with_actor(ActorName::new(name).unwrap());
        keys.create_signing_key(bench.org, format!("k{}", name.len()).parse().unwrap())
            .await
            .unwrap();
        let actor = without_role(&bench, last_actor(&bench).await).await;
        assert_eq!(actor, BTreeMap::from([("actor".to_owned(), name.to_owned())]));
    }
}

async fn what_is_no_change_names_nobody(bench: Bench) {
    let id = bench.signing_key().await;
    bench.keys.export_public_key(id).await.unwrap();
    let heard = bench.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].1.keys().all(|name| !ACTOR_FIELDS.contains(name)), "{heard:?}");
}

async fn another_actor_in_an_entry_is_found_out(bench: Bench) {
    bench.keys.deny_key(bench.org, &seed_key().fingerprint(), None).await.unwrap();
    bench.keys.verify_audit_log(bench.org, &[]).await.unwrap();
    open_up(&bench.world).await;
    let edit = "UPDATE audit_log SET details = replace(details, 'tester', 'somebody') \
                WHERE sequence = 2";
    forge(&bench.world, edit).await;
    let broken = bench.keys.verify_audit_log(bench.org, &[]).await.unwrap_err();
    let TrustError::AuditLogBroken(fault) = broken else { panic!("{broken}") };
    assert_eq!((fault.sequence, fault.kind), (2, AuditFaultKind::Edited));
}
