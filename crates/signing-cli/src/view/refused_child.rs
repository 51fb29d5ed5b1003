use serde::Serialize;
use signing_crypto::{OrgId, OrgName, error_with_sources};
use signing_trust::{RefusedChild, SignedTrustError};

use crate::error::CliError;

/// An organization that is granted trust, and whose documents do not count. None of its keys is
/// accepted.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RefusedChildView {
    org_id: OrgId,
    org: OrgName,
    code: &'static str,
    message: String,
}

impl RefusedChildView {
    pub(crate) fn of(org_id: OrgId, org: OrgName, fault: &SignedTrustError) -> Self {
        Self { org_id, org, code: fault.code(), message: error_with_sources(fault) }
    }

    pub(crate) fn all(refused: &[RefusedChild]) -> Vec<Self> {
        refused.iter().map(|child| Self::of(child.id, child.name.clone(), &child.fault)).collect()
    }

    pub(crate) fn text(&self) -> String {
        format!("the keys of {} do not count: {}", self.org, self.message)
    }
}

/// The same as an error of the organization that grants the trust.
pub(crate) fn refused_child(org: &OrgName, child: &RefusedChild) -> CliError {
    let (org, source) = (org.clone(), child.fault.clone());
    CliError::ChildRefused { org, child: child.name.clone(), source }
}
