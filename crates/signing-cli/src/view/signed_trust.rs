//! Documents of signed trust, and how they differ.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;
use signing_crypto::{
    DeniedKey, DocumentHeader, Fingerprint, KeyName, OrgId, OrgName, PackageName, PackagePatterns,
    PackageVersion, Revocations, Role, RootDigest, RootDocument, StatedGrant, StatedKey,
    TrustDocument, TrustDocumentKind, TrustStatement,
};
use signing_trust::StatementChange;

use crate::lines::{Lines, counted, quoted};
use crate::time::Time;

/// What expires within this many days is marked.
const SOON: i64 = 30;

/// A document, without what only its kind says.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DocumentView {
    pub(crate) kind: &'static str,
    version: u32,
    issued_at: Time,
    expires_at: Time,
    expiry: Expiry,
    /// The lowest versions of other documents with which this one counts.
    counts_with: Option<CountsWithView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CountsWithView {
    root: u32,
    revocations: Option<u32>,
}

#[derive(Clone, Copy, Serialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Expiry {
    Later,
    Soon,
    Past,
}

impl DocumentView {
    pub(crate) fn of_root(root: &RootDocument) -> Self {
        Self::of(TrustDocumentKind::Root, root.header())
    }

    pub(crate) fn of_statement(statement: &TrustStatement) -> Self {
        let TrustStatement { header, root_version, revocations_version, .. } = statement;
        let (root, revocations) = (root_version.get(), Some(revocations_version.get()));
        let counts_with = Some(CountsWithView { root, revocations });
        Self { counts_with, ..Self::of(TrustDocumentKind::Statement, header) }
    }

    pub(crate) fn of_revocations(revocations: &Revocations) -> Self {
        let Revocations { header, root_version, .. } = revocations;
        let counts_with = Some(CountsWithView { root: root_version.get(), revocations: None });
        Self { counts_with, ..Self::of(TrustDocumentKind::Revocations, header) }
    }

    pub(crate) fn of(kind: TrustDocumentKind, header: &DocumentHeader) -> Self {
        let (now, expires_at) = (Utc::now(), header.expires_at.to_utc());
        let life = expires_at - header.issued_at.to_utc();
        Self {
            kind: kind.as_str(),
            version: header.version.get(),
            issued_at: Time(header.issued_at.to_utc()),
            expires_at: Time(expires_at),
            expiry: match expires_at - now {
                left if left <= TimeDelta::zero() => Expiry::Past,
                // A document that lives for a month is not marked for all of it.
                left if left <= TimeDelta::days(SOON).min(life / 3) => Expiry::Soon,
                _ => Expiry::Later,
            },
            counts_with: None,
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self { kind, version, expires_at, expiry, .. } = self;
        let mark = match expiry {
            Expiry::Later => "",
            Expiry::Soon => "  (soon)",
            Expiry::Past => "  EXPIRED",
        };
        format!("{kind:<11}  version {version}  expires {expires_at}{mark}")
    }

    /// With which other documents each of these counts: what keeps older ones from being put beside
    /// them.
    pub(crate) fn conditions(documents: &[Self]) -> impl Iterator<Item = String> {
        documents.iter().filter_map(|Self { kind, counts_with, .. }| {
            let CountsWithView { root, revocations } = counts_with.as_ref()?;
            let others = match revocations {
                Some(revocations) => format!("root {root} and revocations {revocations}, or later"),
                None => format!("root {root} or later"),
            };
            Some(format!("  the {kind} document counts with {others}"))
        })
    }
}

/// The keys of a role.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RoleView {
    pub(crate) role: &'static str,
    pub(crate) threshold: usize,
    keys: Vec<RoleKeyView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RoleKeyView {
    fingerprint: Fingerprint,
    name: Option<KeyName>,
}

pub(crate) type KeyNames = BTreeMap<Fingerprint, KeyName>;

impl RoleView {
    pub(crate) fn all(root: &RootDocument, names: &KeyNames) -> Vec<Self> {
        let view = |role: Role| Self {
            role: role.as_str(),
            threshold: root.role(role).threshold().get(),
            keys: root
                .role(role)
                .keys()
                .iter()
                .map(|key| RoleKeyView { fingerprint: *key, name: names.get(key).cloned() })
                .collect(),
        };
        Role::ALL.map(view).into()
    }

    pub(crate) fn text(&self) -> Lines {
        let Self { role, threshold, keys } = self;
        let count = counted(keys.len() as u64, "key");
        let mut text = Lines::from(format!("role {role}: {threshold} of {count} must sign"));
        for RoleKeyView { fingerprint, name } in keys {
            text.push(format!("  {fingerprint}{}", name_text(name.as_ref())));
        }
        text
    }
}

/// All that a statement says.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ContentView {
    keys: Vec<StatedKeyView>,
    denied: Vec<DeniedView>,
    grants: Vec<StatedGrantView>,
    floors: Vec<FloorView>,
}

#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatedKeyView {
    fingerprint: Fingerprint,
    name: Option<KeyName>,
    expires_at: Option<Time>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DeniedView {
    fingerprint: Fingerprint,
    at: Time,
}

#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatedGrantView {
    org_id: OrgId,
    org: OrgName,
    root: RootDigest,
    packages: Option<Vec<String>>,
    expires_at: Option<Time>,
}

#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FloorView {
    package: PackageName,
    version: PackageVersion,
}

impl ContentView {
    pub(crate) fn of(statement: &TrustStatement) -> Self {
        let floor = |(package, version): (&PackageName, &PackageVersion)| FloorView {
            package: package.clone(),
            version: version.clone(),
        };
        Self {
            keys: statement.keys.iter().map(StatedKeyView::of).collect(),
            denied: DeniedView::all(&statement.denied),
            grants: statement.grants.iter().map(StatedGrantView::of).collect(),
            floors: statement.floors.iter().map(floor).collect(),
        }
    }

    pub(crate) fn text(&self) -> Lines {
        let mut text = Lines::from("the statement trusts");
        text.extend(self.keys.iter().map(|key| format!("  {}", key.text())));
        text.extend(self.grants.iter().map(|grant| format!("  {}", grant.text())));
        if self.keys.is_empty() && self.grants.is_empty() {
            text.push("  no key");
        }
        text.append(DeniedView::text("the statement denies", &self.denied));
        for FloorView { package, version } in &self.floors {
            text.push(format!("  {} from version {version} on", quoted(package.as_str())));
        }
        text
    }
}

impl StatedKeyView {
    fn of((fingerprint, key): (&Fingerprint, &StatedKey)) -> Self {
        Self {
            fingerprint: *fingerprint,
            name: key.name.clone(),
            expires_at: key.expires_at.map(|at| Time(at.to_utc())),
        }
    }

    fn text(&self) -> String {
        let until = self.expires_at.map(|at| format!("  until {at}")).unwrap_or_default();
        format!("{}{}{until}", self.fingerprint, name_text(self.name.as_ref()))
    }
}

impl DeniedView {
    pub(crate) fn all(denied: &BTreeMap<Fingerprint, DeniedKey>) -> Vec<Self> {
        let view = |(fingerprint, denied): (&Fingerprint, &DeniedKey)| Self {
            fingerprint: *fingerprint,
            at: Time(denied.at.to_utc()),
        };
        denied.iter().map(view).collect()
    }

    /// The keys under a title, or nothing if there are none.
    pub(crate) fn text(title: &str, denied: &[Self]) -> Lines {
        let mut text = Lines::new();
        if !denied.is_empty() {
            text.push(title);
        }
        let line = |Self { fingerprint, at }: &Self| format!("  {fingerprint}  since {at}");
        text.extend(denied.iter().map(line));
        text
    }
}

impl StatedGrantView {
    fn of((org, grant): (&OrgId, &StatedGrant)) -> Self {
        Self {
            org_id: *org,
            org: grant.child_name.clone(),
            root: grant.root,
            packages: grant.packages.as_ref().map(PackagePatterns::patterns).map(<[_]>::to_vec),
            expires_at: grant.expires_at.map(|at| Time(at.to_utc())),
        }
    }

    fn text(&self) -> String {
        let quoted = |packages: &Vec<String>| {
            let quoted: Vec<_> =
                packages.iter().map(|pattern| json!(pattern).to_string()).collect();
            format!(" for packages {}", quoted.join(", "))
        };
        let packages = self.packages.as_ref().map(quoted).unwrap_or_default();
        let until = self.expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
        format!(
            "the keys that {} ({}) trusts{packages}{until}, by its root {}",
            self.org, self.org_id, self.root,
        )
    }
}

/// How a statement differs from the one before.
#[derive(Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum ChangeView {
    TrustsKey(StatedKeyView),
    ChangesKey(StatedKeyView),
    DropsKey { fingerprint: Fingerprint },
    DeniesKey { fingerprint: Fingerprint },
    TakesBackDenial { fingerprint: Fingerprint },
    GrantsTrust(StatedGrantView),
    ChangesGrant(StatedGrantView),
    WithdrawsGrant { org_id: OrgId, org: OrgName },
    SetsFloor(FloorView),
    RemovesFloor { package: PackageName },
    Other,
}

impl ChangeView {
    pub(crate) fn all(changes: &[StatementChange]) -> Vec<Self> {
        changes.iter().map(Self::of).collect()
    }

    fn of(change: &StatementChange) -> Self {
        match change.clone() {
            StatementChange::Trusts(fingerprint, key) => {
                Self::TrustsKey(StatedKeyView::of((&fingerprint, &key)))
            }
            StatementChange::ChangesKey(fingerprint, key) => {
                Self::ChangesKey(StatedKeyView::of((&fingerprint, &key)))
            }
            StatementChange::Drops(fingerprint) => Self::DropsKey { fingerprint },
            StatementChange::Denies(fingerprint) => Self::DeniesKey { fingerprint },
            StatementChange::TakesBackDenial(fingerprint) => Self::TakesBackDenial { fingerprint },
            StatementChange::Grants(org, grant) => {
                Self::GrantsTrust(StatedGrantView::of((&org, &grant)))
            }
            StatementChange::ChangesGrant(org, grant) => {
                Self::ChangesGrant(StatedGrantView::of((&org, &grant)))
            }
            StatementChange::Withdraws(org_id, org) => Self::WithdrawsGrant { org_id, org },
            StatementChange::SetsFloor(package, version) => {
                Self::SetsFloor(FloorView { package, version })
            }
            StatementChange::RemovesFloor(package) => Self::RemovesFloor { package },
            _ => Self::Other,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::TrustsKey(key) => format!("+ trust the key {}", key.text()),
            Self::ChangesKey(key) => format!("~ trust the key {}", key.text()),
            Self::DropsKey { fingerprint } => format!("- do not trust the key {fingerprint}"),
            Self::DeniesKey { fingerprint } => format!("- deny the key {fingerprint}"),
            Self::TakesBackDenial { fingerprint } => {
                format!("+ take back the denial of the key {fingerprint}")
            }
            Self::GrantsTrust(grant) => format!("+ accept {}", grant.text()),
            Self::ChangesGrant(grant) => format!("~ accept {}", grant.text()),
            Self::WithdrawsGrant { org_id, org } => {
                format!("- do not accept keys through {org} ({org_id})")
            }
            Self::SetsFloor(FloorView { package, version }) => {
                format!("~ accept {} from version {version} on", quoted(package.as_str()))
            }
            Self::RemovesFloor { package } => {
                format!("+ accept every version of {}", quoted(package.as_str()))
            }
            Self::Other => "? a change that this program does not know".into(),
        }
    }
}

fn name_text(name: Option<&KeyName>) -> String {
    name.map(|name| format!("  {name}")).unwrap_or_default()
}
