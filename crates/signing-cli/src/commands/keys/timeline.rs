//! Which key counts from when to when, as the rows of the store state it now.

mod svg;

use chrono::{DateTime, Utc};
use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, OrgName};
use signing_trust::store::{OrganizationRef, SigningKeyRecord, TrustedKeyRecord};
use signing_trust::{GraphKey, KeyStanding};

use crate::cli::{self, TimelinePicture};
use crate::context::Context;
use crate::error::CliError;
use crate::lines::{Cell, Lines, ShortIds, Table};
use crate::output::Report;
use crate::select;
use crate::time::Time;
use crate::view::json_documents;

pub(super) async fn timeline(
    context: &Context,
    command: cli::Timeline,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let (org, named) = match &command.key {
        Some(named) => {
            let id = select::signing_key(context, &keys, command.org.as_ref(), named).await?;
            let org = OrganizationRef::Id(keys.store().signing_key(id).await?.org_id);
            (keys.store().organization(org).await?, Some(id))
        }
        None => {
            (select::organization_or_default(context, &keys, command.org.as_ref()).await?, None)
        }
    };
    let signing = keys.store().signing_keys(org.id).await?;
    let trusted = keys.store().own_trusted_keys(org.id).await?;
    let graph = keys.trust_graph(Some(org.id)).await?;
    let standings = graph.organization(org.id).map(|org| &*org.keys).unwrap_or_default();
    let compromised = keys.store().compromised_keys().await?;
    let compromised_at = |fingerprint: &Fingerprint| {
        let mut declared = compromised.iter().map(|(key, _)| key);
        declared.find(|key| key.fingerprint == *fingerprint).map(|key| key.declared_at)
    };
    let facts = Facts {
        scope: Scope::All,
        signing: signing.iter().map(SigningFact::of).collect(),
        trusted: &trusted,
        standings,
    };
    let lanes = match named {
        Some(id) => facts.of_rotation(id).lanes(compromised_at),
        None => facts.lanes(compromised_at),
    };
    let view = TimelineView { org: &org.name, as_of: Time(graph.as_of), keys: lanes };
    let drawing = match command.format {
        TimelinePicture::Text => view.text(),
        TimelinePicture::Svg => svg::draw(&view),
    };
    Ok(Report::requested_as(drawing, &view))
}

/// What the store states about an organization's keys.
struct Facts<'a> {
    scope: Scope,
    signing: Vec<SigningFact<'a>>,
    trusted: &'a [TrustedKeyRecord],
    standings: &'a [GraphKey],
}

/// Which of the trusted keys are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    /// Those that are among the signing keys.
    SigningKeys,
}

/// What its row states about a signing key.
#[derive(Clone, Copy)]
struct SigningFact<'a> {
    id: KeyId,
    name: &'a KeyName,
    fingerprint: Fingerprint,
    created_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
    predecessor: Option<KeyId>,
}

impl<'a> SigningFact<'a> {
    fn of(key: &'a SigningKeyRecord) -> Self {
        Self {
            id: key.id,
            name: &key.name,
            fingerprint: key.fingerprint,
            created_at: key.created_at,
            revoked_at: key.revoked_at,
            predecessor: key.predecessor_id,
        }
    }
}

impl<'a> Facts<'a> {
    /// Only about this key, those that it has replaced one after the other, and those that
    /// replaced it.
    fn of_rotation(mut self, id: KeyId) -> Self {
        let mut found = vec![id];
        let mut looked_at = 0;
        while let Some(&id) = found.get(looked_at) {
            looked_at += 1;
            let neighbors = self.signing.iter().filter_map(|key| match key.predecessor {
                Some(predecessor) if key.id == id => Some(predecessor),
                Some(predecessor) if predecessor == id => Some(key.id),
                _ => None,
            });
            for neighbor in neighbors {
                if !found.contains(&neighbor) {
                    found.push(neighbor);
                }
            }
        }
        self.signing.retain(|key| found.contains(&key.id));
        self.scope = Scope::SigningKeys;
        self
    }

    /// One for each key, from the oldest on.
    fn lanes(
        &self,
        compromised_at: impl Fn(&Fingerprint) -> Option<DateTime<Utc>>,
    ) -> Vec<LaneView<'a>> {
        let mut lanes: Vec<LaneView<'a>> = Vec::new();
        for key in &self.signing {
            let end = earlier(key.revoked_at, compromised_at(&key.fingerprint));
            let lane = lane_of(&mut lanes, key.fingerprint, Some(key.name));
            lane.periods.push(Period::new(Counts::Signs, key.created_at, end));
        }
        for row in self.trusted {
            let signs = self.signing.iter().any(|key| key.fingerprint == row.fingerprint);
            let standing = self.standings.iter().find(|key| key.id == row.id);
            let Some(standing) = standing.filter(|_| signs || self.scope == Scope::All) else {
                continue;
            };
            let refused_from = match standing.standing {
                KeyStanding::Trusted | KeyStanding::Expired { .. } => None,
                KeyStanding::Revoked { at, .. }
                | KeyStanding::Denied { at }
                | KeyStanding::Compromised { at } => Some(at),
                // Not at any time: the row holds another key.
                _ => Some(row.created_at),
            };
            let lane = lane_of(&mut lanes, row.fingerprint, row.name.as_ref());
            let end = earlier(refused_from, row.expires_at);
            if row.public_key.is_some() && end.is_none_or(|end| end > row.created_at) {
                lane.periods.push(Period::new(Counts::Trusted, row.created_at, end));
            }
            lane.periods.extend(refused_from.map(|at| Period::new(Counts::Refused, at, None)));
        }
        lanes.sort_by_key(|lane| (lane.begin(), lane.fingerprint));
        lanes
    }
}

fn earlier(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    [a, b].into_iter().flatten().min()
}

fn lane_of<'v, 'a>(
    lanes: &'v mut Vec<LaneView<'a>>,
    fingerprint: Fingerprint,
    name: Option<&'a KeyName>,
) -> &'v mut LaneView<'a> {
    let place = lanes.iter().position(|lane| lane.fingerprint == fingerprint);
    let place = place.unwrap_or_else(|| {
        lanes.push(LaneView { fingerprint, name, periods: Vec::new() });
        lanes.len() - 1
    });
    let lane = &mut lanes[place];
    lane.name = lane.name.or(name);
    lane
}

json_documents! { "keys timeline": TimelineView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TimelineView<'a> {
    #[serde(skip)]
    org: &'a OrgName,
    as_of: Time,
    keys: Vec<LaneView<'a>>,
}

/// A key, and when it counted or counts.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LaneView<'a> {
    fingerprint: Fingerprint,
    name: Option<&'a KeyName>,
    periods: Vec<Period>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Period {
    what: Counts,
    from: Time,
    /// `None` without an end.
    until: Option<Time>,
}

/// What a key can do, or what becomes of its signatures.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Counts {
    Signs,
    Trusted,
    Refused,
}

impl LaneView<'_> {
    fn begin(&self) -> Option<DateTime<Utc>> {
        self.periods.iter().map(|period| period.from.0).min()
    }
}

impl Period {
    fn new(what: Counts, from: DateTime<Utc>, until: Option<DateTime<Utc>>) -> Self {
        Self { what, from: Time(from), until: until.map(Time) }
    }

    fn text(&self) -> String {
        match self.until {
            Some(until) => format!("{} from {} to {until}", self.what.as_str(), self.from),
            None => format!("{} from {}", self.what.as_str(), self.from),
        }
    }
}

impl Counts {
    fn as_str(self) -> &'static str {
        match self {
            Self::Signs => "can sign",
            Self::Trusted => "trusted",
            Self::Refused => "refused",
        }
    }
}

impl TimelineView<'_> {
    fn text(&self) -> Lines {
        if self.keys.is_empty() {
            return Lines::from(format!("{} has no keys, and trusts none", self.org));
        }
        let names = self.keys.iter().filter_map(|lane| lane.name);
        let ids = ShortIds::new(self.keys.iter().map(|lane| lane.fingerprint), names);
        let mut table = Table::new(["NAME", "KEY", "STATE", "FROM", "TO"]);
        for lane in &self.keys {
            for period in &lane.periods {
                table.row([
                    Cell::or_dash(lane.name),
                    ids.cell(lane.fingerprint),
                    period.what.as_str().into(),
                    period.from.to_string().into(),
                    Cell::optional(period.until),
                ]);
            }
        }
        table.into()
    }
}

#[cfg(test)]
mod tests;
