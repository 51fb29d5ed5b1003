//! What the documentation says of each event is so.

use std::collections::{BTreeMap, BTreeSet};

use signing_trust::EventType;

use super::events::ACTOR_FIELDS;
use super::recorder::Recorder;
use super::whole_life::whole_life;
use crate::support::{World, on_both_backends};

on_both_backends! {
    events_and_entries_are_as_the_page_says,
}

const PAGE: &str = include_str!("../../../../../docs/content/reference/audit-events.md");

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

async fn events_and_entries_are_as_the_page_says(world: World) {
    let (events, _recording) = Recorder::of_this_thread();
    let life = whole_life(world).await;
    let rows = rows();
    let mut changes = Vec::new();
    for (level, mut fields) in events.heard() {
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
    let mut logged = life.logged;
    logged.sort();
    changes.sort();
    assert_eq!(changes, logged, "each change is an event and an entry with the same fields");

    let logged: BTreeSet<_> = logged.iter().map(|entry| &entry["event_type"]).collect();
    let said: BTreeSet<_> =
        rows.iter().filter(|(_, row)| row.is_logged).map(|(event, _)| event).collect();
    assert_eq!(logged, said, "what is said to be logged, is");
}
