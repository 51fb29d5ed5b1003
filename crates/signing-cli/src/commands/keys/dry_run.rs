//! What a revocation or a denial would end. Nothing is changed.

use serde::Serialize;
use signing_crypto::{Fingerprint, OrgId, OrgName};
use signing_trust::store::{OrganizationRecord, Revocation, RevocationReason};
use signing_trust::{RevocationImpact, TrustReader};

use crate::commands::impact::SignaturesView;
use crate::error::CliError;
use crate::lines::Lines;
use crate::output::Report;
#[cfg(test)]
use crate::schemas::Document;
use crate::select::Selected;
use crate::view::View;

pub(super) async fn revocation(
    keys: &TrustReader,
    owner: &OrgName,
    key: Selected,
    revocation: &Revocation,
) -> Result<Report, CliError> {
    let reason = revocation.reason;
    let name = key.name().map_or_else(|| format!("of {owner}"), |name| format!("{owner}/{name}"));
    let (kind, id, fingerprint, impact) = match key {
        Selected::Signing(key) => {
            let impact = keys.signing_key_impact(key.id, reason).await?;
            ("signing", key.id.to_string(), key.fingerprint, impact)
        }
        Selected::Trusted(key) => {
            let impact = keys.trusted_key_impact(key.id).await?;
            ("trusted", key.id.to_string(), key.fingerprint, impact)
        }
    };
    Ok(Report::requested(&RevocationView {
        impact: KeyImpactView::of(fingerprint, &impact),
        kind,
        id,
        reason: reason.as_str(),
        name,
        only_signing_ends: kind == "signing" && reason == RevocationReason::Retired,
    }))
}

pub(super) async fn denial(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
    everywhere: bool,
) -> Result<Report, CliError> {
    let impact = match everywhere {
        true => keys.compromise_impact(org.id, fingerprint).await?,
        false => keys.denial_impact(org.id, fingerprint).await?,
    };
    Ok(Report::requested(&DenialView {
        impact: KeyImpactView::of(*fingerprint, &impact),
        org_id: org.id,
        org: &org.name,
        everywhere,
    }))
}

#[cfg(test)]
pub(super) const DOCUMENTS: &[Document] = &[
    Document::of::<RevocationView<'static>>("keys revoke"),
    Document::of::<DenialView<'static>>("keys deny"),
];

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RevocationView<'a> {
    #[serde(flatten)]
    impact: KeyImpactView<'a>,
    kind: &'static str,
    id: String,
    reason: &'static str,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    only_signing_ends: bool,
}

impl View for RevocationView<'_> {
    fn text(&self) -> Lines {
        let Self { kind, name, reason, .. } = self;
        let mut text = heading(&format!("revoking the {kind} key {name} as {reason}"));
        text.push(format!("  fingerprint  {}", self.impact.fingerprint));
        match self.only_signing_ends {
            true => {
                text.push("  it could no longer sign; its existing signatures would stay accepted");
            }
            false => text.append(self.impact.text()),
        }
        text
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DenialView<'a> {
    #[serde(flatten)]
    impact: KeyImpactView<'a>,
    org_id: OrgId,
    #[serde(skip)]
    org: &'a OrgName,
    everywhere: bool,
}

impl View for DenialView<'_> {
    fn text(&self) -> Lines {
        let fingerprint = self.impact.fingerprint;
        let mut text = heading(&match self.everywhere {
            true => format!("declaring {fingerprint} compromised for every organization"),
            false => format!("denying {fingerprint} for {}", self.org),
        });
        text.append(self.impact.text());
        text
    }
}

fn heading(what: &str) -> Lines {
    Lines::from(format!("nothing was changed; {what} would have this effect:"))
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeyImpactView<'a> {
    dry_run: bool,
    fingerprint: Fingerprint,
    refusing: Vec<&'a OrgName>,
    losses: Vec<SignaturesView<'a>>,
}

impl<'a> KeyImpactView<'a> {
    fn of(fingerprint: Fingerprint, impact: &'a RevocationImpact) -> Self {
        Self {
            dry_run: true,
            fingerprint,
            refusing: impact.refusing.iter().map(|org| &org.name).collect(),
            losses: impact.losses.iter().map(SignaturesView::of).collect(),
        }
    }

    fn text(&self) -> Lines {
        let mut text = Lines::new();
        for org in &self.refusing {
            text.push(format!("  {org} would refuse every signature by the key"));
        }
        if self.refusing.is_empty() {
            text.push("  no organization would accept the key less than now");
        }
        text.append(SignaturesView::text(&[], &self.losses));
        text
    }
}
