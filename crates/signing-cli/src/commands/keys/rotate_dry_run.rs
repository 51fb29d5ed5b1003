use serde::Serialize;
use signing_crypto::{Fingerprint, KeyId, KeyName, OrgId, OrgName};
use signing_trust::{OrganizationKeys, PlannedSuccessor, RotationImpact};

use super::resigned::{ResignedView, Stage};
use crate::commands::impact::SignaturesImpactView;
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
    #[serde(flatten)]
    impact: SignaturesImpactView<'a>,
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
            impact: SignaturesImpactView::of(trust),
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
        text.append(self.impact.text());
        text
    }
}
