use std::collections::BTreeMap;

use signing_crypto::{
    DeniedKey, DocumentHeader, DocumentVersion, Fingerprint, OrgId, OrgName, PackageName,
    PackageVersion, RootDigest, StatedGrant, StatedKey, StatementTime, TrustStatement,
};

use crate::rules::{DecisionContext, GrantStanding, KeyStanding, grant_standing, key_standing};
use crate::snapshot::OrganizationTrust;

/// What a trust statement says, without its header and the versions that it names: of one that
/// was published, or of the next one that the rows of a store would make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementContent {
    /// The keys that the organization trusts itself.
    pub keys: BTreeMap<Fingerprint, StatedKey>,
    /// The keys that it does not accept from anybody.
    pub denied: BTreeMap<Fingerprint, DeniedKey>,
    /// The organizations whose own trust it accepts.
    pub grants: BTreeMap<OrgId, StatedGrant>,
    /// The lowest versions that it accepts.
    pub floors: BTreeMap<PackageName, PackageVersion>,
    /// The organizations that it grants trust to and whose root has not been named. A statement
    /// cannot grant them trust: the store is not asked for the root, because a writer of the store
    /// would decide.
    pub unrooted: BTreeMap<OrgId, OrgName>,
}

/// How one statement differs from another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementChange {
    /// A key is trusted that was not.
    Trusts(Fingerprint, StatedKey),
    /// A key is trusted under another name or until another time.
    ChangesKey(Fingerprint, StatedKey),
    /// A key is not trusted any more.
    Drops(Fingerprint),
    /// A key is denied that was not.
    Denies(Fingerprint),
    /// A key is not denied any more.
    TakesBackDenial(Fingerprint),
    /// An organization is granted trust that was not.
    Grants(OrgId, StatedGrant),
    /// A grant is for other packages, until another time, or from another root.
    ChangesGrant(OrgId, StatedGrant),
    /// An organization is not granted trust any more.
    Withdraws(OrgId, OrgName),
    /// A package has another lowest version.
    SetsFloor(PackageName, PackageVersion),
    /// A package has no lowest version any more.
    RemovesFloor(PackageName),
}

impl StatementContent {
    /// What `rows` trust. The roots of granted organizations are those that `roots` has, or
    /// else those that were published.
    pub(crate) fn of_rows(
        rows: &OrganizationTrust,
        published: Option<&TrustStatement>,
        roots: &BTreeMap<OrgId, RootDigest>,
    ) -> Self {
        let context = DecisionContext::at(rows.now());
        let mut content = Self { floors: rows.floors.clone(), ..Self::default() };
        for (&fingerprint, key) in &rows.keys {
            if let Some(at) = key.compromised_at {
                content.denied.insert(fingerprint, DeniedKey { at: StatementTime::nearest(at) });
                continue;
            }
            let Some(own) = key.own() else { continue };
            let status = &own.status;
            match key_standing(&fingerprint, status, key.compromised_at, context) {
                // What has expired stays until somebody takes it away, as in the rows.
                Some(KeyStanding::Trusted | KeyStanding::Expired { .. }) => {
                    // An expired row may hold another key than it names.
                    let Some(key) = status.key_named(&fingerprint) else { continue };
                    let public_key = key.into();
                    let expires_at = status.expires_at.map(StatementTime::nearest);
                    let key = StatedKey { public_key, name: status.name.clone(), expires_at };
                    content.keys.insert(fingerprint, key);
                }
                Some(
                    KeyStanding::Revoked { at, .. }
                    | KeyStanding::Denied { at }
                    | KeyStanding::Compromised { at },
                ) => {
                    content
                        .denied
                        .insert(fingerprint, DeniedKey { at: StatementTime::nearest(at) });
                }
                Some(KeyStanding::Mismatched) | None => {}
            }
        }
        for grant in &rows.grants {
            let standing = grant_standing(&grant.limits, grant.child_deleted_at, context);
            if let GrantStanding::ChildDeleted { .. } = standing {
                continue;
            }
            let before = published.and_then(|published| published.grants.get(&grant.child));
            let root = roots.get(&grant.child).copied().or(before.map(|before| before.root));
            let (child, child_name) = (grant.child, grant.child_name.clone());
            match root {
                None => drop(content.unrooted.insert(child, child_name)),
                Some(root) => {
                    let stated = StatedGrant {
                        child_name,
                        root,
                        packages: grant.limits.packages.clone(),
                        expires_at: grant.limits.expires_at.map(StatementTime::nearest),
                    };
                    content.grants.insert(child, stated);
                }
            }
        }
        content
    }

    /// The statement that says this.
    pub fn statement(
        self,
        header: DocumentHeader,
        root_version: DocumentVersion,
        revocations_version: DocumentVersion,
    ) -> TrustStatement {
        TrustStatement {
            header,
            root_version,
            revocations_version,
            keys: self.keys,
            denied: self.denied,
            grants: self.grants,
            floors: self.floors,
        }
    }

    /// How a statement that says this differs from `published`, or from one that says nothing.
    pub fn changes(&self, published: Option<&TrustStatement>) -> Vec<StatementChange> {
        let mut changes = Vec::new();
        let nothing = BTreeMap::new();
        let before = published.map_or(&nothing, |published| &published.keys);
        let added =
            |key: &Fingerprint, stated: &StatedKey| StatementChange::Trusts(*key, stated.clone());
        let changed = |key: &Fingerprint, stated: &StatedKey| {
            StatementChange::ChangesKey(*key, stated.clone())
        };
        let gone = |key: &Fingerprint, _: &StatedKey| StatementChange::Drops(*key);
        compare(before, &self.keys, &mut changes, added, changed, gone);
        let nothing = BTreeMap::new();
        let before = published.map_or(&nothing, |published| &published.denied);
        for key in self.denied.keys().filter(|key| !before.contains_key(key)) {
            changes.push(StatementChange::Denies(*key));
        }
        for key in before.keys().filter(|key| !self.denied.contains_key(key)) {
            changes.push(StatementChange::TakesBackDenial(*key));
        }
        let nothing = BTreeMap::new();
        let before = published.map_or(&nothing, |published| &published.grants);
        let added = |org: &OrgId, grant: &StatedGrant| StatementChange::Grants(*org, grant.clone());
        let changed =
            |org: &OrgId, grant: &StatedGrant| StatementChange::ChangesGrant(*org, grant.clone());
        let gone = |org: &OrgId, grant: &StatedGrant| {
            StatementChange::Withdraws(*org, grant.child_name.clone())
        };
        compare(before, &self.grants, &mut changes, added, changed, gone);
        let nothing = BTreeMap::new();
        let before = published.map_or(&nothing, |published| &published.floors);
        let set = |package: &PackageName, floor: &PackageVersion| {
            StatementChange::SetsFloor(package.clone(), floor.clone())
        };
        let gone = |package: &PackageName, _: &PackageVersion| {
            StatementChange::RemovesFloor(package.clone())
        };
        compare(before, &self.floors, &mut changes, set, set, gone);
        changes
    }
}

/// What a statement says, to compare it with another.
impl From<&TrustStatement> for StatementContent {
    fn from(statement: &TrustStatement) -> Self {
        Self {
            keys: statement.keys.clone(),
            denied: statement.denied.clone(),
            grants: statement.grants.clone(),
            floors: statement.floors.clone(),
            unrooted: BTreeMap::new(),
        }
    }
}

fn compare<K: Ord, V: PartialEq>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    changes: &mut Vec<StatementChange>,
    added: impl Fn(&K, &V) -> StatementChange,
    changed: impl Fn(&K, &V) -> StatementChange,
    gone: impl Fn(&K, &V) -> StatementChange,
) {
    for (key, value) in after {
        match before.get(key) {
            None => changes.push(added(key, value)),
            Some(old) if old != value => changes.push(changed(key, value)),
            Some(_) => {}
        }
    }
    let missing = before.iter().filter(|(key, _)| !after.contains_key(key));
    changes.extend(missing.map(|(key, value)| gone(key, value)));
}
