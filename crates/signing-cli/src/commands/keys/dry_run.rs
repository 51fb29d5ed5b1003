//! What a revocation or a denial would end. Nothing is changed.

use serde::Serialize;
use signing_crypto::{Fingerprint, OrgId, OrgName};
use signing_trust::TrustReader;
use signing_trust::store::{OrganizationRecord, Revocation, RevocationReason};

use crate::commands::impact::{About, ImpactView};
use crate::error::CliError;
use crate::output::Report;
use crate::select::Selected;
use crate::view::{View, json_documents};

pub(super) async fn revocation(
    keys: &TrustReader,
    owner: &OrgName,
    key: Selected,
    revocation: &Revocation,
) -> Result<Report, CliError> {
    let reason = revocation.reason;
    let name = key.name().map_or_else(|| format!("of {owner}"), |name| format!("{owner}/{name}"));
    let (id, fingerprint) = (key.id().to_string(), key.fingerprint());
    let (kind, is_about, impact) = match key {
        Selected::Signing(key) => {
            let is_about = match reason {
                RevocationReason::Retired => About::Signing,
                RevocationReason::Compromised => About::Keys,
            };
            ("signing", is_about, keys.signing_key_impact(key.id, reason).await?)
        }
        Selected::Trusted(key) => ("trusted", About::Keys, keys.trusted_key_impact(key.id).await?),
    };
    let what = format!("revoking the {kind} key {name} as {reason}");
    let impact = ImpactView::of(what, is_about, &impact).with_key(fingerprint);
    let (text, reason) = (impact.text(), reason.as_str());
    Ok(Report::requested_as(text, &RevocationView { impact, fingerprint, kind, id, reason }))
}

pub(super) async fn denial(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
    everywhere: bool,
) -> Result<Report, CliError> {
    let (what, impact) = match everywhere {
        true => (
            format!("declaring {fingerprint} compromised for every organization"),
            keys.compromise_impact(org.id, fingerprint).await?,
        ),
        false => (
            format!("denying {fingerprint} for {}", org.name),
            keys.denial_impact(org.id, fingerprint).await?,
        ),
    };
    let impact = ImpactView::of(what, About::Keys, &impact);
    let (fingerprint, org_id, text) = (*fingerprint, org.id, impact.text());
    Ok(Report::requested_as(text, &DenialView { impact, fingerprint, org_id, everywhere }))
}

json_documents! {
    "keys revoke": RevocationView<'static>,
    "keys deny": DenialView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RevocationView<'a> {
    #[serde(flatten)]
    impact: ImpactView<'a>,
    fingerprint: Fingerprint,
    kind: &'static str,
    id: String,
    reason: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DenialView<'a> {
    #[serde(flatten)]
    impact: ImpactView<'a>,
    fingerprint: Fingerprint,
    org_id: OrgId,
    everywhere: bool,
}
