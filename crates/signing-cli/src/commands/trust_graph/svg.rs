//! A picture: organizations from top to bottom, each with what it says about keys and with
//! its grants, the keys to the right, and grants as lines to the left.
//!
//! A statement is a line of text in its organization's box, so that no text lies on another or
//! on a line, however many there are.

use signing_trust::{
    GrantStanding, GraphGrant, GraphKey, GraphOrganization, KeyStanding, TrustGraph,
};

use super::{Nodes, grant_label, key_label, org_label, row_label, text};
use crate::lines::{Layout, Lines};
use crate::svg::{Area, COLUMN, Drawing, Ink, LINE, Label, MARGIN, Stroke};

/// How wide the text in a box becomes. An organization's name may have 255 characters.
const MAX_COLUMNS: usize = 72;
/// How many of an organization's grants and keys a screen reader is told about.
const MAX_DESCRIPTION: usize = 4000;
/// Between an organization's box and the keys.
const BETWEEN: usize = 120;
/// Between two lines of grants.
const LANE: usize = 10;
/// What a line's arrow needs beside the box.
const ARROW: usize = 14;
/// Between two boxes.
const GAP: usize = 20;
const RADIUS: usize = 4;

pub(super) fn draw(graph: &TrustGraph) -> Lines {
    let nodes = Nodes::of(graph);
    let cards = cards(&nodes);
    let grants = grants(&nodes, &cards);
    let left = MARGIN + grants.iter().map(|grant| grant.lane + 1).max().unwrap_or(0) * LANE + ARROW;
    let columns = cards.iter().flat_map(Card::labels).map(Label::columns).max().unwrap_or(0);
    let columns = columns.min(MAX_COLUMNS);
    let width = (columns + 2) * COLUMN;
    let right = left + width;
    let keys = keys(&nodes, &cards);

    let mut drawing = Drawing::new("Who accepts whose keys", &description(graph));
    for grant in &grants {
        let x = left - ARROW - (grant.lane + 1) * LANE;
        let Grant { from, to, ink, stroke, .. } = *grant;
        drawing.line(&format!("M{left} {from} H{x} V{to} H{left}"), ink, stroke);
        drawing.arrow_head((left, to), ink);
    }
    for (place, card) in cards.iter().enumerate() {
        for (row, key) in card.rows(&nodes.orgs[place]) {
            let to = keys[nodes.key(key)].middle();
            let (x, middle) = (right + BETWEEN, right + BETWEEN / 2);
            let (ink, stroke) = key_style(key);
            drawing.line(
                &format!("M{right} {row} C{middle} {row} {middle} {to} {x} {to}"),
                ink,
                stroke,
            );
            match key.standing {
                KeyStanding::Trusted | KeyStanding::Expired { .. } => {
                    drawing.arrow_head((x, to), ink);
                }
                // Beside the arrows of those who trust the key.
                _ => drawing.cross((x - 14, to), ink),
            }
        }
        card.draw(&mut drawing, (left, width), columns);
    }
    for (key, node) in nodes.keys.iter().zip(&keys) {
        node.draw(&mut drawing, right + BETWEEN, key);
    }
    let widest = keys.iter().map(KeyNode::width).max();
    let width = widest.map_or(right, |widest| right + BETWEEN + widest) + MARGIN;
    let bottom = keys.iter().map(KeyNode::bottom).chain(cards.iter().map(Card::bottom));
    drawing.finish((width, bottom.max().unwrap_or(MARGIN) + MARGIN))
}

/// The same as text, as far as anybody would listen to it.
fn description(graph: &TrustGraph) -> String {
    let text = text(graph).to_text(Layout::Fitted);
    let lines: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let text = lines.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("; ");
    crate::lines::cut(&text, MAX_DESCRIPTION)
}

/// An organization's box.
pub(super) struct Card {
    y: usize,
    ink: Ink,
    head: Vec<Label>,
    keys: Vec<Label>,
    grants: Vec<Label>,
}

pub(super) fn cards(nodes: &Nodes<'_>) -> Vec<Card> {
    let mut y = MARGIN;
    let mut cards = Vec::new();
    for org in nodes.orgs {
        let ink = if org.deleted_at.is_some() { Ink::Faint } else { Ink::Plain };
        let head = org_label(org).into_iter().map(|line| Label::new(line, ink).bold()).collect();
        let keys =
            org.keys.iter().map(|key| Label::new(row_label(key).join(", "), key_style(key).0));
        let grants =
            org.grants.iter().map(|grant| Label::new(grant_text(grant), grant_style(grant).0));
        let card = Card { y, ink, head, keys: keys.collect(), grants: grants.collect() };
        y = card.bottom() + GAP;
        cards.push(card);
    }
    cards
}

impl Card {
    fn labels(&self) -> impl Iterator<Item = &Label> {
        self.head.iter().chain(&self.keys).chain(&self.grants)
    }

    fn height(&self) -> usize {
        self.labels().count() * LINE + LINE / 2
    }

    fn bottom(&self) -> usize {
        self.y + self.height()
    }

    /// The middle of a line of the box.
    fn line(&self, number: usize) -> usize {
        self.y + LINE * 3 / 4 + number * LINE
    }

    /// Each statement about a key, with the height of its line.
    fn rows<'a>(&self, org: &'a GraphOrganization) -> impl Iterator<Item = (usize, &'a GraphKey)> {
        let first = self.head.len();
        org.keys.iter().enumerate().map(move |(number, key)| (self.line(first + number), key))
    }

    fn draw(&self, drawing: &mut Drawing, (x, width): (usize, usize), columns: usize) {
        let stroke = if self.ink == Ink::Faint { Stroke::Dashed } else { Stroke::Solid };
        let area = Area { x, y: self.y, width, height: self.height() };
        drawing.outline(area, RADIUS, self.ink, stroke);
        for (number, label) in self.labels().enumerate() {
            // The base line of text is below its middle.
            drawing.text((x + COLUMN, self.line(number) + 5), columns, label);
        }
    }
}

/// A grant as a line from its own to the name of the other organization.
pub(super) struct Grant {
    from: usize,
    to: usize,
    /// How far to the left: no two that pass each other have the same.
    pub(super) lane: usize,
    ink: Ink,
    stroke: Stroke,
}

pub(super) fn grants(nodes: &Nodes<'_>, cards: &[Card]) -> Vec<Grant> {
    let mut grants = Vec::new();
    for (org, card) in nodes.orgs.iter().zip(cards) {
        let first = card.head.len() + card.keys.len();
        for (number, grant) in org.grants.iter().enumerate() {
            let Some(child) = nodes.child(grant) else { continue };
            let (ink, stroke) = grant_style(grant);
            let (from, to) = (card.line(first + number), cards[child].line(0));
            grants.push(Grant { from, to, lane: 0, ink, stroke });
        }
    }
    // The first lane whose last line has ended above, from the top down.
    grants.sort_by_key(Grant::span);
    let mut ends: Vec<usize> = Vec::new();
    for grant in &mut grants {
        let (top, bottom) = grant.span();
        grant.lane = ends.iter().position(|end| *end < top).unwrap_or(ends.len());
        match ends.get_mut(grant.lane) {
            Some(end) => *end = bottom,
            None => ends.push(bottom),
        }
    }
    grants
}

impl Grant {
    /// From its top to its bottom.
    pub(super) fn span(&self) -> (usize, usize) {
        (self.from.min(self.to), self.from.max(self.to))
    }
}

/// A key's box.
struct KeyNode {
    y: usize,
    labels: Vec<Label>,
}

/// In the order of [`Nodes::keys`], each as near as possible to the statements about it.
fn keys(nodes: &Nodes<'_>, cards: &[Card]) -> Vec<KeyNode> {
    let mut rows = vec![(0, 0); nodes.keys.len()];
    for (org, card) in nodes.orgs.iter().zip(cards) {
        for (row, key) in card.rows(org) {
            let (sum, count) = &mut rows[nodes.key(key)];
            *sum += row;
            *count += 1;
        }
    }
    let mut order: Vec<_> = (0..rows.len()).collect();
    let wanted = |place: usize| rows[place].0 / usize::max(rows[place].1, 1);
    order.sort_by_key(|&place| (wanted(place), place));
    let mut placed: Vec<_> = nodes
        .keys
        .iter()
        .map(|key| {
            let ink = match key.standing {
                KeyStanding::Compromised { .. } => Ink::Bad,
                _ => Ink::Plain,
            };
            let labels = key_label(key).into_iter().map(|line| Label::new(line, ink)).collect();
            KeyNode { y: 0, labels }
        })
        .collect();
    let mut free = MARGIN;
    for place in order {
        let node = &mut placed[place];
        node.y = wanted(place).saturating_sub(node.height() / 2).max(free);
        free = node.bottom() + GAP / 2;
    }
    placed
}

impl KeyNode {
    fn height(&self) -> usize {
        self.labels.len() * LINE + LINE / 2
    }

    fn middle(&self) -> usize {
        self.y + self.height() / 2
    }

    fn bottom(&self) -> usize {
        self.y + self.height()
    }

    fn width(&self) -> usize {
        (self.labels.iter().map(Label::columns).max().unwrap_or(0) + 4) * COLUMN
    }

    fn draw(&self, drawing: &mut Drawing, x: usize, key: &GraphKey) {
        let ink = match key.standing {
            KeyStanding::Compromised { .. } => Ink::Bad,
            _ => Ink::Plain,
        };
        let area = Area { x, y: self.y, width: self.width(), height: self.height() };
        drawing.outline(area, self.height() / 2, ink, Stroke::Solid);
        for (number, label) in self.labels.iter().enumerate() {
            let y = self.y + LINE * 3 / 4 + number * LINE + 5;
            drawing.text((x + 2 * COLUMN, y), label.columns(), label);
        }
    }
}

fn key_style(key: &GraphKey) -> (Ink, Stroke) {
    match key.standing {
        KeyStanding::Trusted => (Ink::Good, Stroke::Solid),
        KeyStanding::Expired { .. } => (Ink::Faint, Stroke::Dashed),
        _ => (Ink::Bad, Stroke::Dashed),
    }
}

fn grant_style(grant: &GraphGrant) -> (Ink, Stroke) {
    match grant.standing {
        GrantStanding::InForce => (Ink::Good, Stroke::Bold),
        _ => (Ink::Faint, Stroke::Dashed),
    }
}

/// As the label of the other pictures, with the name of the organization.
fn grant_text(grant: &GraphGrant) -> String {
    let mut words = grant_label(grant).into_iter();
    let verb = words.next().unwrap_or_default();
    let rest: String = words.map(|word| format!(" {word}")).collect();
    format!("{verb} {}{rest}", grant.child_name)
}
