//! What this process tells `tracing`.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, Once};

use signing_trust::AUDIT_TARGET;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// An event: its level and its fields as they are shown.
pub(super) type Told = (Level, BTreeMap<&'static str, String>);

/// All that this process tells, of all tests that listen to it.
static TOLD: LazyLock<Recorder> = LazyLock::new(Recorder::default);

/// Hears of everything from now on.
pub(super) fn listen() {
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| tracing_subscriber::registry().with(TOLD.clone()).init());
    // Another test may have told something for the first time in that moment, and been answered
    // that nobody listens.
    tracing::callsite::rebuild_interest_cache();
}

/// What was told since the last time about one of these: an organization, a digest.
pub(super) fn told(about: &[&dyn Display]) -> Vec<Told> {
    let about: Vec<_> = about.iter().map(ToString::to_string).collect();
    let mut all = TOLD.0.lock().unwrap();
    let is_about = |(_, fields): &Told| fields.values().any(|value| about.contains(value));
    let (mine, others) = all.drain(..).partition(is_about);
    *all = others;
    mine
}

pub(super) fn event(level: Level, fields: &[(&'static str, &dyn Display)]) -> Told {
    (level, fields.iter().map(|(name, value)| (*name, value.to_string())).collect())
}

/// Keeps the audit events that it hears.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<Told>>>);

impl Recorder {
    /// Hears of what this thread tells, and nobody else does, until the guard is dropped.
    pub(super) fn of_this_thread() -> (Self, DefaultGuard) {
        // An event that is first told where nobody listens counts as of no interest to
        // anybody, for a moment.
        listen();
        let recorder = Self::default();
        let subscriber = tracing_subscriber::registry().with(recorder.clone());
        (recorder, tracing::subscriber::set_default(subscriber))
    }

    /// What was told since the last time.
    pub(super) fn heard(&self) -> Vec<Told> {
        mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == AUDIT_TARGET {
            let mut fields = Fields(BTreeMap::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push((*event.metadata().level(), fields.0));
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
