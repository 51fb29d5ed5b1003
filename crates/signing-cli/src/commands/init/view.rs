use std::path::Path;

use serde::Serialize;
use signing_crypto::{OrgName, TrustDocumentKind};
use signing_trust::store::{DatabaseUrl, OrganizationRecord, SigningKeyRecord, TrustedKeyRecord};

use super::answers::Plan;
use crate::kek_place::KekPlace;
use crate::lines::Lines;
use crate::renewal::Renewal;
use crate::time::Time;
use crate::view::View;

/// Whether something was made.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Made {
    /// By this command.
    #[serde(rename = "made")]
    Now,
    /// It was there.
    #[serde(rename = "existed")]
    Before,
    /// It would be.
    #[serde(rename = "would_make")]
    Not,
}

/// Something that it takes to sign and verify.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Step {
    step: &'static str,
    outcome: Made,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// Of signed trust that was there, whether its root document verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
    /// Of signed trust that was there, its documents that have expired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expired: Vec<&'static str>,
    #[serde(skip)]
    renewals: Vec<Renewal>,
}

impl Step {
    fn new(step: &'static str, outcome: Made, what: String) -> Self {
        let (expired, renewals) = (Vec::new(), Vec::new());
        Self { step, outcome, what, id: None, fingerprint: None, verified: None, expired, renewals }
    }

    pub(super) fn kek(made: Made, place: &KekPlace) -> Self {
        Self::new("key encryption key", made, place.to_string())
    }

    pub(super) fn store(made: Made, url: &DatabaseUrl) -> Self {
        Self::new("store", made, url.to_string())
    }

    pub(super) fn organization(made: Made, plan: &Plan, org: Option<&OrganizationRecord>) -> Self {
        let id = org.map(|org| org.id.to_string());
        Self { id, ..Self::new("organization", made, plan.org.to_string()) }
    }

    pub(super) fn key(made: Made, plan: &Plan, key: Option<&SigningKeyRecord>) -> Self {
        Self {
            id: key.map(|key| key.id.to_string()),
            fingerprint: key.map(|key| key.fingerprint.to_string()),
            ..Self::new("signing key", made, format!("{}/{}", plan.org, plan.key))
        }
    }

    pub(super) fn trust(made: Made, plan: &Plan, row: Option<&TrustedKeyRecord>) -> Self {
        let until = row.and_then(|row| row.expires_at).map(|at| format!(" until {}", Time(at)));
        let what =
            format!("{} accepts signatures by {}{}", plan.org, plan.key, until.unwrap_or_default());
        Self {
            id: row.map(|row| row.id.to_string()),
            fingerprint: row.map(|row| row.fingerprint.to_string()),
            ..Self::new("trust", made, what)
        }
    }

    pub(super) fn root_key(made: Made, path: &Path) -> Self {
        Self::new("root key", made, path.display().to_string())
    }

    pub(super) fn signed_trust(made: Made, root: &Path) -> Self {
        Self::new("signed trust", made, root.display().to_string())
    }

    /// What has expired is there with the step that renews it.
    pub(super) fn verified_trust(root: &Path, renewals: Vec<(TrustDocumentKind, Renewal)>) -> Self {
        let (kinds, renewals): (Vec<_>, Vec<_>) = renewals.into_iter().unzip();
        let expired: Vec<_> = kinds.into_iter().map(TrustDocumentKind::as_str).collect();
        let mut what = format!("verified from {}", root.display());
        if !expired.is_empty() {
            what += &format!("; has expired: {}", expired.join(", "));
        }
        let step = Self::new("signed trust", Made::Before, what);
        Self { verified: Some(true), expired, renewals, ..step }
    }

    pub(super) fn unverified_trust(root: &Path) -> Self {
        let what = format!("not verified: its root document is not in {}", root.display());
        Self { verified: Some(false), ..Self::new("signed trust", Made::Before, what) }
    }

    fn was_made(&self, step: &str) -> bool {
        self.step == step && self.outcome == Made::Now
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct InitView<'a> {
    org: &'a OrgName,
    steps: Vec<Step>,
    /// What is to be done by hand.
    advice: Vec<String>,
    /// Lines to type.
    next: Vec<String>,
}

impl<'a> InitView<'a> {
    pub(super) fn new(org: &'a OrgName, steps: Vec<Step>, next: Vec<String>) -> Self {
        let mut advice = Vec::new();
        if steps.iter().any(|step| step.was_made("key encryption key")) {
            advice.push(
                "keep a copy of the key encryption key, apart from the store and its backups: \
                 without it, no key of the store can sign"
                    .to_owned(),
            );
        }
        if steps.iter().any(|step| step.was_made("root key")) {
            advice.push(
                "move the root key to where only its holder has it: it decides whom runners with \
                 the root document trust"
                    .to_owned(),
            );
        }
        if steps.iter().any(|step| step.verified == Some(false)) {
            advice.push(format!(
                "get the root document from the holder of the root key, and verify the signed \
                 trust: cloacina trust status --org {org} --trust-root <file>"
            ));
        }
        let renewals = steps.iter().flat_map(|step| &step.renewals);
        advice.extend(
            renewals.map(|renewal| format!("runners refuse every package until you {renewal}")),
        );
        Self { org, steps, advice, next }
    }
}

impl View for InitView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        let word = |outcome| match outcome {
            Made::Now => "made",
            Made::Before => "found",
            Made::Not => "would make",
        };
        let width = self.steps.iter().map(|step| word(step.outcome).len()).max().unwrap_or(0);
        // What is made now and what was found before stand in one column, whichever there are.
        let width = width.max("found".len());
        for Step { step, outcome, what, .. } in &self.steps {
            text.push(format!("{:<width$} {step:<18}  {what}", word(*outcome)));
        }
        let mut text = text.wrapped();
        self.advice.iter().for_each(|advice| text.advise(advice));
        text.extend(self.next.iter().map(|line| format!("next: {line}")));
        text
    }
}
