use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::document::sealed::Payload;
use super::error::DocumentFault;
use super::header::{WireHeader, WireOrganization, field, time};
use super::root::public_key;
use super::{
    DocumentHeader, DocumentVersion, MAX_STATED_KEYS, MAX_TRUST_STATEMENT_SIZE, Role, RootDigest,
    TrustDocument, TrustDocumentKind,
};
use crate::dsse::{Object, present};
use crate::key::{Fingerprint, UncheckedKey};
use crate::names::{
    KeyName, OrgId, OrgName, PackageName, PackagePatterns, PackageVersion, StatementTime,
};

/// All that an organization trusts: the whole of it, and not a change of it.
///
/// ```json
/// {"organization":{"id":"<uuid>","name":"acme"},"version":7,
///  "issuedAt":"2026-01-28T12:00:00Z","expiresAt":"2026-03-28T12:00:00Z",
///  "rootVersion":1,"revocationsVersion":3,
///  "keys":[{"publicKey":"<base64 of 32 bytes>","name":"release",
///           "expiresAt":"2027-01-28T12:00:00Z"}],
///  "denied":[{"fingerprint":"<fingerprint>","at":"2026-01-01T00:00:00Z"}],
///  "grants":[{"organization":{"id":"<uuid>","name":"vendor"},"root":"<digest>",
///             "packages":["etl-*"],"expiresAt":"2026-12-31T00:00:00Z"}],
///  "floors":[{"package":"libworkflow.so","version":"1.4.0"}]}
/// ```
///
/// A key's `name` and `expiresAt`, and a grant's `packages` and `expiresAt`, may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustStatement {
    /// What every document says.
    pub header: DocumentHeader,
    /// The root document's lowest number with which the statement counts.
    pub root_version: DocumentVersion,
    /// The lowest number of the revocations with which the statement counts.
    pub revocations_version: DocumentVersion,
    /// The keys that the organization trusts itself.
    pub keys: BTreeMap<Fingerprint, StatedKey>,
    /// The keys that it does not accept from anybody.
    pub denied: BTreeMap<Fingerprint, DeniedKey>,
    /// The organizations whose own trust it accepts.
    pub grants: BTreeMap<OrgId, StatedGrant>,
    /// The lowest versions that it accepts.
    pub floors: BTreeMap<PackageName, PackageVersion>,
}

/// A key that a statement trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedKey {
    /// The key.
    pub public_key: UncheckedKey,
    /// What the organization calls it.
    pub name: Option<KeyName>,
    /// From when on it is not trusted any more.
    pub expires_at: Option<StatementTime>,
}

/// A key that a statement, or revocations, deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeniedKey {
    /// Since when. It informs and never decides: the key is denied at any time.
    pub at: StatementTime,
}

/// A grant that a statement makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedGrant {
    /// What the other organization was called. It informs and never decides.
    pub child_name: OrgName,
    /// The root document from which the other organization's documents are verified.
    pub root: RootDigest,
    /// The packages that it is limited to.
    pub packages: Option<PackagePatterns>,
    /// From when on it does not count any more.
    pub expires_at: Option<StatementTime>,
}

impl TrustDocument for TrustStatement {
    const KIND: TrustDocumentKind = TrustDocumentKind::Statement;
    const ROLE: Role = Role::Trust;
    const PAYLOAD_TYPE: &'static str = "application/vnd.cloacina.trust-statement+json";
    const MAX_PAYLOAD: usize = MAX_TRUST_STATEMENT_SIZE;

    fn header(&self) -> &DocumentHeader {
        &self.header
    }

    fn to_json(&self) -> String {
        let WireHeader { organization, version, issued_at, expires_at } = (&self.header).into();
        let text = |time: &Option<StatementTime>| time.as_ref().map(ToString::to_string);
        let key = |key: &StatedKey| {
            Object(WireKey {
                public_key: STANDARD.encode(key.public_key.as_bytes()),
                name: key.name.as_ref().map(ToString::to_string),
                expires_at: text(&key.expires_at),
            })
        };
        let grant = |(child, grant): (&OrgId, &StatedGrant)| {
            Object(WireGrant {
                organization: Object(WireOrganization::new(child, &grant.child_name)),
                root: grant.root.to_string(),
                packages: grant.packages.as_ref().map(|packages| packages.patterns().to_vec()),
                expires_at: text(&grant.expires_at),
            })
        };
        let floor = |(package, version): (&PackageName, &PackageVersion)| {
            Object(WireFloor { package: package.to_string(), version: version.to_string() })
        };
        let wire = WireStatement {
            organization,
            version,
            issued_at,
            expires_at,
            root_version: self.root_version.get(),
            revocations_version: self.revocations_version.get(),
            keys: self.keys.values().map(key).collect(),
            denied: write_denied(&self.denied),
            grants: self.grants.iter().map(grant).collect(),
            floors: self.floors.iter().map(floor).collect(),
        };
        serde_json::to_string(&wire).expect("strings and integers serialize")
    }
}

impl Payload for TrustStatement {
    fn from_payload(payload: &[u8]) -> Result<Self, DocumentFault> {
        let wire: WireStatement = Object::parse(payload)?;
        let WireStatement { organization, version, issued_at, expires_at, .. } = wire;
        let header = WireHeader { organization, version, issued_at, expires_at }.parse()?;
        let statement = Self {
            root_version: read_version("rootVersion", wire.root_version)?,
            revocations_version: read_version("revocationsVersion", wire.revocations_version)?,
            keys: read_keys(wire.keys)?,
            denied: read_denied(wire.denied)?,
            grants: read_grants(wire.grants)?,
            floors: read_floors(wire.floors)?,
            header,
        };
        if statement.grants.contains_key(&statement.header.org) {
            return Err(DocumentFault::SelfGrant);
        }
        match statement.keys.keys().find(|key| statement.denied.contains_key(key)) {
            Some(both) => Err(duplicate("denied", both)),
            None => Ok(statement),
        }
    }
}

pub(super) fn read_version(
    field: &'static str,
    version: u32,
) -> Result<DocumentVersion, DocumentFault> {
    DocumentVersion::new(version).ok_or(DocumentFault::Field { field })
}

fn read_keys(
    wire: Vec<Object<WireKey>>,
) -> Result<BTreeMap<Fingerprint, StatedKey>, DocumentFault> {
    limit("keys", wire.len())?;
    let mut keys = BTreeMap::new();
    for Object(WireKey { public_key: text, name, expires_at }) in wire {
        let key = StatedKey {
            public_key: public_key("keys.publicKey", &text)?,
            name: name.map(|name| field("keys.name", &name)).transpose()?,
            expires_at: expires_at.map(|at| time("keys.expiresAt", &at)).transpose()?,
        };
        let fingerprint = key.public_key.fingerprint();
        if keys.insert(fingerprint, key).is_some() {
            return Err(duplicate("keys", &fingerprint));
        }
    }
    Ok(keys)
}

pub(super) fn read_denied(
    wire: Vec<Object<WireDenied>>,
) -> Result<BTreeMap<Fingerprint, DeniedKey>, DocumentFault> {
    limit("denied", wire.len())?;
    let mut denied = BTreeMap::new();
    for Object(WireDenied { fingerprint, at }) in wire {
        let fingerprint = field("denied.fingerprint", &fingerprint)?;
        let at = time("denied.at", &at)?;
        if denied.insert(fingerprint, DeniedKey { at }).is_some() {
            return Err(duplicate("denied", &fingerprint));
        }
    }
    Ok(denied)
}

pub(super) fn write_denied(denied: &BTreeMap<Fingerprint, DeniedKey>) -> Vec<Object<WireDenied>> {
    let wire = |(fingerprint, denied): (&Fingerprint, &DeniedKey)| {
        Object(WireDenied { fingerprint: fingerprint.to_string(), at: denied.at.to_string() })
    };
    denied.iter().map(wire).collect()
}

fn read_grants(
    wire: Vec<Object<WireGrant>>,
) -> Result<BTreeMap<OrgId, StatedGrant>, DocumentFault> {
    let mut grants = BTreeMap::new();
    for Object(WireGrant { organization, root, packages, expires_at }) in wire {
        let (child, child_name) = organization.0.parse("grants.organization")?;
        let packages = packages.map(PackagePatterns::new).transpose();
        let grant = StatedGrant {
            child_name,
            root: field("grants.root", &root)?,
            packages: packages.map_err(|source| DocumentFault::Patterns { child, source })?,
            expires_at: expires_at.map(|at| time("grants.expiresAt", &at)).transpose()?,
        };
        if grants.insert(child, grant).is_some() {
            return Err(duplicate("grants", &child));
        }
    }
    Ok(grants)
}

fn read_floors(
    wire: Vec<Object<WireFloor>>,
) -> Result<BTreeMap<PackageName, PackageVersion>, DocumentFault> {
    let mut floors = BTreeMap::new();
    for Object(WireFloor { package, version }) in wire {
        let name: PackageName = field("floors.package", &package)?;
        if floors.insert(name, field("floors.version", &version)?).is_some() {
            return Err(duplicate("floors", &package));
        }
    }
    Ok(floors)
}

fn limit(name: &'static str, found: usize) -> Result<(), DocumentFault> {
    match found <= MAX_STATED_KEYS {
        true => Ok(()),
        false => Err(DocumentFault::TooManyKeys { field: name, found }),
    }
}

fn duplicate(field: &'static str, name: &impl ToString) -> DocumentFault {
    DocumentFault::Duplicate { field, name: name.to_string() }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireStatement {
    organization: Object<WireOrganization>,
    version: u32,
    issued_at: String,
    expires_at: String,
    root_version: u32,
    revocations_version: u32,
    keys: Vec<Object<WireKey>>,
    denied: Vec<Object<WireDenied>>,
    grants: Vec<Object<WireGrant>>,
    floors: Vec<Object<WireFloor>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireKey {
    public_key: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireDenied {
    fingerprint: String,
    at: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireGrant {
    organization: Object<WireOrganization>,
    root: String,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    packages: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFloor {
    package: String,
    version: String,
}
