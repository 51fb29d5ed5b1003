//! A picture: time from left to right, a key below the other, and for each two bars: when it
//! can sign, and when the organization trusts it.

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::KeyName;

use super::{Counts, LaneView, Period, TimelineView};
use crate::lines::{Lines, cut};
use crate::svg::{Area, COLUMN, Drawing, Ink, LINE, Label, MARGIN, Stroke};

/// For the name of a key. It may have 255 characters.
const NAME: usize = 24;
/// From the first event to the right end.
const WIDTH: usize = 600;
/// What a screen reader is told at most.
const MAX_DESCRIPTION: usize = 4000;
const BAR: usize = 12;
/// For the state of a bar, beside it.
const STATE: usize = 9;

pub(super) fn draw(view: &TimelineView<'_>) -> Lines {
    let lanes = view.keys.iter().map(|lane| format!("{}: {}", name(lane), periods(lane)));
    let description = cut(&lanes.collect::<Vec<_>>().join("; "), MAX_DESCRIPTION);
    let mut drawing = Drawing::new("Which key counts from when to when", &description);
    let axis = Axis::new(view);
    let height = MARGIN * 2 + LINE * 2 + view.keys.iter().map(lane_height).sum::<usize>();
    for (x, label) in axis.ticks() {
        drawing.line(
            &format!("M{x} {} V{}", MARGIN + LINE, height - LINE),
            Ink::Faint,
            Stroke::Dashed,
        );
        drawing.text((x, MARGIN + LINE / 2), label.len(), &Label::new(label, Ink::Faint));
    }
    let mut y = MARGIN + LINE * 2;
    for lane in &view.keys {
        drawing.text((MARGIN, y), NAME, &Label::new(name(lane), Ink::Plain).bold());
        for (row, counts) in rows(lane).into_iter().enumerate() {
            let y = y + row * LINE;
            let x = MARGIN + (NAME + 1) * COLUMN;
            drawing.text((x, y), STATE, &Label::new(counts.as_str(), counts.ink()));
            for period in lane.periods.iter().filter(|period| period.what == counts) {
                axis.draw(&mut drawing, y, period);
            }
        }
        y += lane_height(lane);
    }
    let now = axis.place(view.as_of.0);
    drawing.line(
        &format!("M{now} {} V{}", MARGIN + LINE, height - LINE),
        Ink::Plain,
        Stroke::Solid,
    );
    drawing.text((now, height - LINE / 4), 3, &Label::new("now", Ink::Plain));
    drawing.finish((axis.left + WIDTH + 14 * COLUMN, height + MARGIN / 2))
}

fn name(lane: &LaneView<'_>) -> String {
    match lane.name {
        Some(name) => KeyName::as_str(name).to_owned(),
        None => format!("{:.16}…", lane.fingerprint.to_string()),
    }
}

fn periods(lane: &LaneView<'_>) -> String {
    lane.periods.iter().map(Period::text).collect::<Vec<_>>().join(", ")
}

/// The bars of a key, from top to bottom. A refusal follows trust, in a line of its own.
fn rows(lane: &LaneView<'_>) -> Vec<Counts> {
    let all = [Counts::Signs, Counts::Trusted, Counts::Refused];
    let has = |counts: &Counts| lane.periods.iter().any(|period| period.what == *counts);
    all.into_iter().filter(has).collect()
}

fn lane_height(lane: &LaneView<'_>) -> usize {
    rows(lane).len() * LINE + LINE / 2
}

impl Counts {
    fn ink(self) -> Ink {
        match self {
            Self::Signs => Ink::Plain,
            Self::Trusted => Ink::Good,
            Self::Refused => Ink::Bad,
        }
    }
}

/// From the first event to a fourth of that time from now. What ends later has no end in the
/// picture: an expiry in a hundred years would leave no room for anything else.
struct Axis {
    left: usize,
    first: DateTime<Utc>,
    span: TimeDelta,
}

impl Axis {
    fn new(view: &TimelineView<'_>) -> Self {
        let first = view.keys.iter().filter_map(LaneView::begin).min().unwrap_or(view.as_of.0);
        let past = (view.as_of.0 - first).max(TimeDelta::seconds(4));
        let left = MARGIN + (NAME + STATE + 2) * COLUMN;
        Self { left, first, span: past + past / 4 }
    }

    fn last(&self) -> DateTime<Utc> {
        self.first.checked_add_signed(self.span).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn place(&self, at: DateTime<Utc>) -> usize {
        let since = (at.clamp(self.first, self.last()) - self.first).num_seconds();
        let span = self.span.num_seconds().max(1);
        let offset = i128::from(since) * WIDTH as i128 / i128::from(span);
        self.left + usize::try_from(offset).unwrap_or_default()
    }

    fn draw(&self, drawing: &mut Drawing, y: usize, period: &Period) {
        let ink = period.what.ink();
        let from = self.place(period.from.0);
        let until = period.until.map(|until| until.0).filter(|until| *until <= self.last());
        let end = self.place(until.unwrap_or_else(|| self.last())).max(from + 2);
        let area = Area { x: from, y: y - BAR + 2, width: end - from, height: BAR };
        drawing.bar(area, ink, &period.text());
        if until.is_none() {
            drawing.arrow_head((end + 7, y - BAR / 2 + 2), ink);
        }
        // An end that the picture does not reach.
        if let Some(until) = period.until.filter(|_| until.is_none()) {
            let day = until.0.format("%Y-%m-%d").to_string();
            drawing.text((end + 12, y), 12, &Label::new(day, ink));
        }
    }

    /// Five moments, to the day or to the minute.
    fn ticks(&self) -> Vec<(usize, String)> {
        let form = match self.span > TimeDelta::days(10) {
            true => "%Y-%m-%d",
            false => "%m-%d %H:%M",
        };
        let at = |fifth: i32| self.first.checked_add_signed(self.span / 5 * fifth);
        let ticks = (0..5).filter_map(at);
        ticks.map(|at| (self.place(at), at.format(form).to_string())).collect()
    }
}
