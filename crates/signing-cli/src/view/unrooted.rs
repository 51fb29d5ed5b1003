use std::collections::BTreeMap;

use serde::Serialize;
use signing_crypto::{OrgId, OrgName, RootDigest};

/// An organization that rows grant trust to, and whose root no administrator has named.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct UnrootedView {
    org_id: OrgId,
    org: OrgName,
    /// The root that the store shows, which proves nothing.
    shown_root: Option<RootDigest>,
}

impl UnrootedView {
    pub(crate) fn all(
        unrooted: &BTreeMap<OrgId, OrgName>,
        shown: &BTreeMap<OrgId, RootDigest>,
    ) -> Vec<Self> {
        let view = |(org_id, org): (&OrgId, &OrgName)| Self {
            org_id: *org_id,
            org: org.clone(),
            shown_root: shown.get(org_id).copied(),
        };
        unrooted.iter().map(view).collect()
    }

    pub(crate) fn text(&self) -> String {
        let Self { org, shown_root, .. } = self;
        match shown_root {
            Some(root) => format!(
                "left out: the grant to {org}: compare its root with the one that {org} names, \
                 then give --child-root {org}=<digest> (the store shows {root})"
            ),
            None => format!(
                "left out: the grant to {org}: the store shows no root of {org}; ask {org} for its \
                 root (cloacina trust init makes it), then give --child-root {org}=<digest>"
            ),
        }
    }
}
