//! What this process tells `tracing`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::sync::{Mutex, Once};

use signing_trust::AUDIT_TARGET;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// An event: its level and its fields as they are shown.
pub(super) type Told = (Level, BTreeMap<&'static str, String>);

/// All that this process tells, of all tests.
static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());

/// Hears of everything from now on.
pub(super) fn listen() {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| tracing_subscriber::registry().with(Recorder).init());
}

/// What was told since the last time about one of these: an organisation, a digest.
pub(super) fn told(about: &[&dyn Display]) -> Vec<Told> {
    let about: Vec<_> = about.iter().map(ToString::to_string).collect();
    let mut all = TOLD.lock().unwrap();
    let is_about = |(_, fields): &Told| fields.values().any(|value| about.contains(value));
    let (mine, others) = all.drain(..).partition(is_about);
    *all = others;
    mine
}

pub(super) fn event(level: Level, fields: &[(&'static str, &dyn Display)]) -> Told {
    (level, fields.iter().map(|(name, value)| (*name, value.to_string())).collect())
}

/// An error with its sources, as the field `failure_reason` has it.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut reason = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        reason += &format!(": {source}");
        next = source.source();
    }
    reason
}

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
