//! What the documentation says of each event is so.

use std::collections::{BTreeMap, BTreeSet};

use signing_crypto::{SignatureEnvelope, SigningKey};
use signing_trust::store::Revocation;
use signing_trust::{EventType, Resign, TrustLimits};

use super::super::forger::{forge, open_up};
use super::super::recorder::Told;
use super::bench::{ACTOR_FIELDS, Bench, seed_key, statement};
use crate::support::{kek, on_both_backends, publish_first_documents};

on_both_backends! {
    events_and_entries_are_as_the_page_says,
}

const PAGE: &str = include_str!("../../../../../../docs/content/reference/audit-events.md");

/// What was told and what was logged in [`whole_life`].
#[derive(Debug)]
pub(super) struct Life {
    told: Vec<Told>,
    /// By name, as in an event.
    logged: Vec<BTreeMap<String, String>>,
}

/// Does everything there is to do.
pub(super) async fn whole_life(bench: &Bench) -> Life {
    let keys = &bench.keys;
    let child = keys.create_organization("child".parse().unwrap()).await.unwrap().id;
    let id = keys.import_signing_key(bench.org, "ci".parse().unwrap(), &seed_key()).await;
    let id = id.unwrap().id;
    keys.export_public_key(id).await.unwrap();
    let key = seed_key().verifying_key();
    let row = keys.trust_public_key(bench.org, &key, Some("ci".parse().unwrap()), None).await;
    keys.sign_statement(id, &statement()).await.unwrap();
    let envelope = SignatureEnvelope::sign(&statement(), &seed_key());
    let kept = keys.store_signature(bench.org, &envelope).await.unwrap().into_inner();
    keys.remove_signature(kept).await.unwrap();
    keys.grant_trust(bench.org, child, TrustLimits::default()).await.unwrap();
    keys.revoke_trust(bench.org, child).await.unwrap();
    let row = row.unwrap().into_inner().id;
    keys.revoke_trusted_key(row, Revocation::retired()).await.unwrap();
    keys.reinstate_trusted_key(row, &"a mistake".parse().unwrap()).await.unwrap();
    let floor = Some("1.2.3".parse().unwrap());
    keys.set_version_floor(bench.org, &"a.so".parse().unwrap(), floor).await.unwrap();
    publish_first_documents(keys, bench.org, &seed_key()).await;
    let stolen = SigningKey::generate().unwrap().fingerprint();
    keys.danger_declare_compromised(bench.org, &stolen, None).await.unwrap();
    keys.deny_key(child, &key.fingerprint(), Some("leaked".parse().unwrap())).await.unwrap();
    let stranger = keys.clone().with_kek(kek(3));
    assert!(stranger.get_signing_key(id).await.is_err());
    assert!(stranger.create_signing_key(bench.org, "x".parse().unwrap()).await.is_err());
    keys.revoke_signing_key(id, Revocation::retired()).await.unwrap();
    keys.reinstate_signing_key(id, &"a mistake".parse().unwrap()).await.unwrap();
    keys.delete_organization(child).await.unwrap();
    keys.rotate_signing_key(id, None, Resign::Leave).await.unwrap();
    keys.rotate_kek(&kek(2)).await.unwrap();
    keys.sign_checkpoint(bench.org, &seed_key(), &[]).await.unwrap();

    let mut logged = Vec::new();
    for org in [bench.org, child] {
        for record in keys.store().audit_log(org).await.unwrap() {
            let mut entry: BTreeMap<_, _> = serde_json::from_str(&record.details).unwrap();
            entry.insert("event_type".to_owned(), record.event_type);
            entry.insert("org_id".to_owned(), record.org_id.to_string());
            logged.push(entry);
        }
    }
    open_up(&bench.world).await;
    forge(&bench.world, "UPDATE audit_log SET details = '{}'").await;
    assert!(keys.verify_audit_log(bench.org, &[]).await.is_err());
    Life { told: bench.heard(), logged }
}

/// A row of the page.
#[derive(Debug)]
struct Row {
    level: String,
    fields: Names,
    is_logged: bool,
}

/// Names, of which those with a `?` may be absent.
#[derive(Debug)]
struct Names {
    always: BTreeSet<String>,
    all: BTreeSet<String>,
}

impl Names {
    fn parse(cell: &str) -> Self {
        let words = || cell.split(',').map(str::trim).filter(|word| word.starts_with('`'));
        let name = |word: &str| word.split('`').nth(1).unwrap().to_owned();
        Self {
            always: words().filter(|word| !word.ends_with('?')).map(name).collect(),
            all: words().map(name).collect(),
        }
    }

    #[track_caller]
    fn assert_describe(&self, found: &BTreeSet<String>, what: &str) {
        assert!(self.always.is_subset(found), "{what}: {found:?} lacks some of {self:?}");
        assert!(found.is_subset(&self.all), "{what}: {found:?} has more than {self:?}");
    }
}

/// The page's rows, by type of event.
fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [event, level, _, fields, logged] = cells[..] else { continue };
        let row = Row {
            level: level.to_owned(),
            fields: Names::parse(fields),
            is_logged: logged == "yes",
        };
        let name = event.trim_matches('`').to_owned();
        assert!(rows.insert(name, row).is_none(), "{event} is there twice");
    }
    rows
}

#[test]
fn page_has_every_type_of_event_with_its_level_and_no_other() {
    let rows = rows();
    for event in EventType::ALL {
        let row = rows.get(event.as_str());
        let row = row.unwrap_or_else(|| panic!("the page lacks {}", event.as_str()));
        assert_eq!(row.level, event.level().to_string(), "{}", event.as_str());
    }
    assert_eq!(rows.len(), EventType::ALL.len(), "{:?}", rows.keys());
}

#[test]
fn names_of_events_are_unique() {
    let names: BTreeSet<_> = EventType::ALL.iter().map(|event| event.as_str()).collect();
    assert_eq!(names.len(), EventType::ALL.len());
}

async fn events_and_entries_are_as_the_page_says(bench: Bench) {
    let life = whole_life(&bench).await;
    let rows = rows();
    let mut changes = Vec::new();
    for (level, mut fields) in life.told {
        let event = fields["event_type"].clone();
        let row = &rows[&event];
        assert_eq!(row.level, level.to_string(), "{event}");
        if row.is_logged {
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            changes.push(fields.collect::<BTreeMap<_, _>>());
        }
        fields.remove("event_type");
        fields.retain(|name, _| !(row.is_logged && ACTOR_FIELDS.contains(name)));
        let names = fields.into_keys().map(str::to_owned).collect();
        row.fields.assert_describe(&names, &event);
    }
    // The bench's own organization was made before anybody listened.
    let mut logged = life.logged;
    assert_eq!(logged.remove(0)["event_type"], "organization.created");
    logged.sort();
    changes.sort();
    assert_eq!(changes, logged, "each change is an event and an entry with the same fields");

    let logged: BTreeSet<_> = logged.iter().map(|entry| &entry["event_type"]).collect();
    let said: BTreeSet<_> =
        rows.iter().filter(|(_, row)| row.is_logged).map(|(event, _)| event).collect();
    assert_eq!(logged, said, "what is said to be logged, is");
}
