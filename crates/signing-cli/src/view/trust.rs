//! Keys and grants as trust sees them.

use serde::Serialize;
use serde_json::json;
use signing_crypto::{
    Fingerprint, GrantId, KeyName, Note, OrgId, OrgName, PackagePatterns, TrustedKeyId,
};
use signing_trust::store::OrganizationRecord;
use signing_trust::{
    GrantStanding, GraphGrant, GraphKey, KeyStanding, TrustLimits, TrustPath, TrustedKey,
};

use crate::time::Time;

/// For which packages trust counts, and until when.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LimitsView<'a> {
    pub(crate) packages: Option<&'a [String]>,
    pub(crate) expires_at: Option<Time>,
}

impl<'a> LimitsView<'a> {
    pub(crate) fn of(limits: &'a TrustLimits) -> Self {
        Self {
            packages: limits.packages.as_ref().map(PackagePatterns::patterns),
            expires_at: limits.expires_at.map(Time),
        }
    }

    /// To follow what is limited.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.packages.is_some() {
            text += &format!(" for packages {}", self.packages_text());
        }
        if let Some(at) = &self.expires_at {
            text += &format!(" until {at}");
        }
        text
    }

    /// The patterns, quoted: they may hold whatever a file name may.
    pub(crate) fn packages_text(&self) -> String {
        let patterns = self.packages.into_iter().flatten();
        let quoted: Vec<_> = patterns.map(|pattern| json!(pattern).to_string()).collect();
        quoted.join(", ")
    }

    pub(crate) fn until_text(&self) -> String {
        self.expires_at.as_ref().map(Time::to_string).unwrap_or_default()
    }
}

/// A key whose signatures count.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TrustedKeyView<'a> {
    #[serde(flatten)]
    pub(crate) limits: LimitsView<'a>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: Option<&'a KeyName>,
    pub(crate) via: TrustPathView<'a>,
}

impl<'a> TrustedKeyView<'a> {
    pub(crate) fn of(key: &'a TrustedKey) -> Self {
        Self {
            limits: LimitsView::of(&key.limits),
            fingerprint: key.key.fingerprint(),
            name: key.name.as_ref(),
            via: TrustPathView::of(&key.via),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "path", rename_all = "snake_case")]
pub(crate) enum TrustPathView<'a> {
    Pinned,
    Direct { trusted_key_id: Option<TrustedKeyId> },
    // The other organization's row about the key is left out: only it can change that row.
    Granted { grant_id: Option<GrantId>, org_id: OrgId, org: &'a OrgName },
    Other,
}

impl<'a> TrustPathView<'a> {
    pub(crate) fn of(path: &'a TrustPath) -> Self {
        match path {
            TrustPath::Pinned => Self::Pinned,
            TrustPath::Direct { trusted_key } => Self::Direct { trusted_key_id: *trusted_key },
            TrustPath::Granted { grant, child, child_name, .. } => {
                Self::Granted { grant_id: *grant, org_id: *child, org: child_name }
            }
            _ => Self::Other,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Pinned => "pinned".into(),
            Self::Direct { .. } => "direct".into(),
            Self::Granted { org, .. } => format!("granted to {org}"),
            Self::Other => "other".into(),
        }
    }
}

/// What an organization states about a key.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct GraphKeyView<'a> {
    /// `None` in the graph of another organization: only its owner can change the row.
    pub(crate) id: Option<TrustedKeyId>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) name: Option<&'a KeyName>,
    expires_at: Option<Time>,
    standing: KeyStandingView,
    since: Option<Time>,
    reason: Option<&'static str>,
    note: Option<&'a Note>,
}

#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum KeyStandingView {
    Trusted,
    Expired,
    Revoked,
    Denied,
    Compromised,
    Mismatched,
}

impl<'a> GraphKeyView<'a> {
    pub(crate) fn of(key: &'a GraphKey) -> Self {
        let (standing, since, reason) = match &key.standing {
            KeyStanding::Trusted => (KeyStandingView::Trusted, None, None),
            KeyStanding::Expired { at } => (KeyStandingView::Expired, Some(*at), None),
            KeyStanding::Revoked { at, reason } => {
                (KeyStandingView::Revoked, Some(*at), Some(reason.as_str()))
            }
            KeyStanding::Denied { at } => (KeyStandingView::Denied, Some(*at), None),
            KeyStanding::Compromised { at } => (KeyStandingView::Compromised, Some(*at), None),
            _ => (KeyStandingView::Mismatched, None, None),
        };
        Self {
            id: Some(key.id),
            fingerprint: key.fingerprint,
            name: key.name.as_ref(),
            expires_at: key.expires_at.map(Time),
            standing,
            since: since.map(Time),
            reason,
            note: key.note.as_ref(),
        }
    }
}

/// Since when a key counts or not, and why, to follow the key.
pub(crate) fn standing_text(key: &GraphKey) -> String {
    match (&key.standing, key.expires_at) {
        (KeyStanding::Trusted, Some(at)) => format!("  until {}", Time(at)),
        (KeyStanding::Trusted, None) => String::new(),
        (KeyStanding::Expired { at }, _) => format!("  expired at {}", Time(*at)),
        (KeyStanding::Revoked { at, reason }, _) => {
            format!("  revoked at {} as {reason}", Time(*at))
        }
        (KeyStanding::Denied { at }, _) => format!("  denied at {}", Time(*at)),
        (KeyStanding::Compromised { at }, _) => {
            format!("  compromised everywhere at {}", Time(*at))
        }
        _ => "  the row holds another key".into(),
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct GraphGrantView<'a> {
    #[serde(flatten)]
    limits: LimitsView<'a>,
    /// As the id of a [`GraphKeyView`].
    pub(crate) id: Option<GrantId>,
    org_id: OrgId,
    org: &'a OrgName,
    standing: GrantStandingView,
    #[serde(skip)]
    ended: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum GrantStandingView {
    InForce,
    Expired,
    ChildDeleted,
    Other,
}

impl<'a> GraphGrantView<'a> {
    pub(crate) fn of(grant: &'a GraphGrant) -> Self {
        let (standing, ended) = match &grant.standing {
            GrantStanding::InForce => (GrantStandingView::InForce, String::new()),
            GrantStanding::Expired { .. } => (GrantStandingView::Expired, "  expired".into()),
            GrantStanding::ChildDeleted { at } => {
                (GrantStandingView::ChildDeleted, format!("  deleted at {}", Time(*at)))
            }
            _ => (GrantStandingView::Other, String::new()),
        };
        Self {
            limits: LimitsView::of(&grant.limits),
            id: Some(grant.id),
            org_id: grant.child,
            org: &grant.child_name,
            standing,
            ended,
        }
    }

    /// The same grant as its child sees it: of the parent that made it.
    pub(crate) fn received(parent: &'a OrganizationRecord, grant: &'a GraphGrant) -> Self {
        Self { org_id: parent.id, org: &parent.name, ..Self::of(grant) }
    }

    pub(crate) fn is_in_force(&self) -> bool {
        self.standing == GrantStandingView::InForce
    }

    pub(crate) fn child(&self) -> &'a OrgName {
        self.org
    }

    /// The child and the limits, such as in `acme for packages "etl-*"`.
    pub(crate) fn child_text(&self) -> String {
        format!("{}{}", self.org, self.limits.text())
    }

    pub(crate) fn text(&self) -> String {
        let verb = if self.is_in_force() { "accepts" } else { "accepted" };
        format!("{verb}  {}{}", self.child_text(), self.ended)
    }

    /// Of a grant that was [received](Self::received).
    pub(crate) fn received_text(&self) -> String {
        let verb = if self.is_in_force() { "accepts" } else { "accepted" };
        format!("{} {verb} its keys{}{}", self.org, self.limits.text(), self.ended)
    }
}
