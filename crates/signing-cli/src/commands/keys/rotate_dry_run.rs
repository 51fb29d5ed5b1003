use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, OrgId, OrgName};
use signing_trust::{OrganizationKeys, PlannedSuccessor, RotationImpact, SearchExtent};

use super::resigned::{ResignedView, Stage};
use crate::commands::impact::SignaturesView;
use crate::lines::Lines;
use crate::view::{LimitsView, TrustPathView, View};

/// What a rotation would do. Nothing of it was done.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RotationImpactView<'a> {
    dry_run: bool,
    old: KeyView<'a>,
    successor: KeyView<'a>,
    signatures: ResignedView<'a>,
    /// The organizations that would accept the successor and do not now, once for each path.
    accepted: Vec<AcceptedView<'a>>,
    gains: Vec<SignaturesView<'a>>,
    losses: Vec<SignaturesView<'a>>,
    /// Whether all signatures in the store were compared, or only those until a time limit.
    compared_all: bool,
    #[serde(skip)]
    owner: &'a OrgName,
}

/// A signing key. One that is yet to be made has only a name.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeyView<'a> {
    id: Option<KeyId>,
    name: &'a KeyName,
    fingerprint: Option<Fingerprint>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AcceptedView<'a> {
    org_id: OrgId,
    org: &'a OrgName,
    via: TrustPathView<'a>,
    #[serde(flatten)]
    limits: LimitsView<'a>,
}

impl<'a> RotationImpactView<'a> {
    pub(super) fn of(impact: &'a RotationImpact, owner: &'a OrgName) -> Self {
        let RotationImpact { old, successor, signatures, packages, trust, .. } = impact;
        let known = |id, name, fingerprint| KeyView { id, name, fingerprint };
        let accepted = trust.accepted.iter().chain(&trust.accepted_otherwise);
        let accepted = accepted.flat_map(|OrganizationKeys { org, keys, .. }| {
            keys.iter().map(|key| AcceptedView {
                org_id: org.id,
                org: &org.name,
                via: TrustPathView::of(&key.via),
                limits: LimitsView::of(&key.limits),
            })
        });
        Self {
            dry_run: true,
            old: known(Some(old.id), &old.name, Some(old.fingerprint)),
            successor: match successor {
                PlannedSuccessor::Made(key) => {
                    known(Some(key.id), &key.name, Some(key.fingerprint))
                }
                PlannedSuccessor::ToBeMade(name) => known(None, name, None),
            },
            signatures: ResignedView::of(signatures, packages, Stage::Planned),
            accepted: accepted.collect(),
            gains: trust.gains.iter().map(SignaturesView::of).collect(),
            losses: trust.losses.iter().map(SignaturesView::of).collect(),
            compared_all: trust.extent == SearchExtent::All,
            owner,
        }
    }
}

impl View for RotationImpactView<'_> {
    fn text(&self) -> Lines {
        let Self { old, successor, owner, .. } = self;
        let mut text = Lines::from(format!(
            "nothing was changed; rotating {owner}/{} would have this effect:",
            old.name
        ));
        text.push(match successor.id {
            None => format!("  a new key {} would replace it", successor.name),
            Some(_) => format!("  {} already replaces it", successor.name),
        });
        text.push(format!("  {}", self.signatures.text()));
        text.append(self.signatures.table());
        for AcceptedView { org, via, limits, .. } in &self.accepted {
            text.push(format!(
                "  {org} would accept {}: {}{}",
                successor.name,
                via.text(),
                limits.text()
            ));
        }
        if self.accepted.is_empty() {
            text.push(format!("  no organization would accept {} more than now", successor.name));
        }
        text.append(SignaturesView::text(&self.gains, &self.losses));
        if !self.compared_all {
            text.push("  not all stored signatures were looked at: there are too many");
        }
        text
    }
}
