use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::document::max_envelope;
use super::document::sealed::Payload;
use super::error::{DocumentFault, RootChainError, ThresholdNotMet};
use super::header::{WireHeader, WireOrganization, field};
use super::{
    DocumentHeader, Role, RoleKeys, RootDigest, SignedDocument, TrustDocument, TrustDocumentKind,
    VerifiedDocument,
};
use crate::dsse::{Object, SignerCount};
use crate::key::{Fingerprint, UncheckedKey, VerifyingKey};
use crate::names::OrgId;

/// The most bytes that a root document may have, with the signatures.
pub const MAX_ROOT_SIZE: usize = max_envelope::<RootDocument>();

/// The most keys that a root document may have: sixteen for each role.
pub(super) const MAX_ROOT_KEYS: usize = 48;

/// Whose signatures count for an organization's trust, and how many: the root of all of it.
///
/// ```json
/// {"organization":{"id":"<uuid>","name":"acme"},"version":1,
///  "issuedAt":"2026-01-28T12:00:00Z","expiresAt":"2027-01-28T12:00:00Z",
///  "keys":["<base64 of 32 bytes>"],
///  "roles":{"root":{"keyids":["<fingerprint>"],"threshold":1},
///           "trust":{"keyids":["<fingerprint>"],"threshold":1},
///           "revocation":{"keyids":["<fingerprint>"],"threshold":1}}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootDocument {
    header: DocumentHeader,
    keys: BTreeMap<Fingerprint, VerifyingKey>,
    roles: [RoleKeys; 3],
}

impl RootDocument {
    /// States whose signatures count. `keys` must contain every key of the roles, which come
    /// in the order of [`Role::ALL`]; it may contain no other.
    pub fn new(
        header: DocumentHeader,
        keys: impl IntoIterator<Item = VerifyingKey>,
        roles: [RoleKeys; 3],
    ) -> Result<Self, DocumentFault> {
        let keys = keys.into_iter().map(|key| (key.fingerprint(), key)).collect();
        let root = Self { header, keys, roles };
        for role in Role::ALL {
            let unknown = root.role(role).keys().iter().find(|key| !root.keys.contains_key(key));
            if let Some(&fingerprint) = unknown {
                return Err(DocumentFault::UnknownKey { role, fingerprint });
            }
        }
        let named: BTreeSet<_> = root.roles.iter().flat_map(RoleKeys::keys).collect();
        match root.keys.keys().all(|key| named.contains(key)) {
            true => Ok(root),
            false => Err(DocumentFault::Field { field: "keys" }),
        }
    }

    /// The organization whose root it is.
    pub fn org(&self) -> OrgId {
        self.header.org
    }

    /// The keys that have a role.
    pub fn keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.values()
    }

    /// The keys of a role, and how many of them must sign.
    pub fn role(&self, role: Role) -> &RoleKeys {
        match role {
            Role::Root => &self.roles[0],
            Role::Trust => &self.roles[1],
            Role::Revocation => &self.roles[2],
        }
    }

    /// The public keys of a role.
    pub fn keys_of(&self, role: Role) -> impl Iterator<Item = &VerifyingKey> {
        self.role(role).keys().iter().map(|key| &self.keys[key])
    }

    /// Checks that enough distinct keys of the document's role have signed it.
    ///
    /// # Errors
    ///
    /// [`ThresholdNotMet`] says how many have.
    pub(super) fn require_signed<D: TrustDocument>(
        &self,
        signed: &SignedDocument<D>,
    ) -> Result<VerifiedDocument<D>, ThresholdNotMet> {
        self.require_signed_with(signed, &BTreeSet::new())?;
        Ok(VerifiedDocument::of(signed))
    }

    /// Checks that enough distinct keys of the document's role have signed it, or would have
    /// once `signers` have.
    ///
    /// # Errors
    ///
    /// [`ThresholdNotMet`] says how many would have.
    pub(super) fn require_signed_with<D: TrustDocument>(
        &self,
        signed: &SignedDocument<D>,
        signers: &BTreeSet<Fingerprint>,
    ) -> Result<(), ThresholdNotMet> {
        let role = self.role(D::ROLE);
        let mut found = signed.signers_among(self.keys_of(D::ROLE));
        found.extend(role.keys().intersection(signers));
        let (required, found) = (role.threshold().get(), found.len());
        match found >= required {
            true => Ok(()),
            false => Err(ThresholdNotMet {
                kind: D::KIND,
                version: signed.unverified().header().version,
                role: D::ROLE,
                required,
                found,
            }),
        }
    }
}

/// A root document that is believed: it was pinned, or follows one that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRoot {
    document: RootDocument,
    digest: RootDigest,
}

impl VerifiedRoot {
    /// Believes a root document that the caller has pinned. Its own keys must have signed it,
    /// so that nothing is pinned that they do not stand behind.
    pub fn pinned(root: &SignedDocument<RootDocument>) -> Result<Self, ThresholdNotMet> {
        let document = root.unverified().require_signed(root)?.into_document();
        Ok(Self { document, digest: root.digest() })
    }

    /// Believes the next root document: as many keys as must sign of this one and of the next
    /// have signed it (TUF specification 1.0.33, section 5.3).
    pub fn followed_by(&self, next: &SignedDocument<RootDocument>) -> Result<Self, RootChainError> {
        let (ours, theirs) = (self.document.header(), next.unverified().header());
        if ours.org != theirs.org {
            return Err(RootChainError::Organization { expected: ours.org, found: theirs.org });
        }
        let expected = ours.version.next().ok_or(RootChainError::Last)?;
        if theirs.version != expected {
            return Err(RootChainError::Version { expected, found: theirs.version });
        }
        self.document.require_signed(next).map_err(RootChainError::Predecessor)?;
        Self::pinned(next).map_err(RootChainError::Own)
    }

    /// Checks that enough distinct keys of the document's role have signed it. It says
    /// nothing about organization, version or time.
    ///
    /// # Errors
    ///
    /// [`ThresholdNotMet`] says how many have.
    pub fn verify<D: TrustDocument>(
        &self,
        signed: &SignedDocument<D>,
    ) -> Result<VerifiedDocument<D>, ThresholdNotMet> {
        self.document.require_signed(signed)
    }

    /// What it says.
    pub fn document(&self) -> &RootDocument {
        &self.document
    }

    /// What names it.
    pub fn digest(&self) -> RootDigest {
        self.digest
    }
}

impl TrustDocument for RootDocument {
    const KIND: TrustDocumentKind = TrustDocumentKind::Root;
    const ROLE: Role = Role::Root;
    const PAYLOAD_TYPE: &'static str = "application/vnd.cloacina.trust-root+json";
    const MAX_PAYLOAD: usize = 64 * 1024;

    fn header(&self) -> &DocumentHeader {
        &self.header
    }

    fn to_json(&self) -> String {
        let WireHeader { organization, version, issued_at, expires_at } = (&self.header).into();
        let role = |role| {
            let keys = self.role(role);
            Object(WireRole {
                keyids: keys.keys().iter().map(ToString::to_string).collect(),
                threshold: keys.threshold().get(),
            })
        };
        let wire = WireRoot {
            organization,
            version,
            issued_at,
            expires_at,
            keys: self.keys.values().map(|key| STANDARD.encode(key.as_bytes())).collect(),
            roles: Object(WireRoles {
                root: role(Role::Root),
                trust: role(Role::Trust),
                revocation: role(Role::Revocation),
            }),
        };
        serde_json::to_string(&wire).expect("strings and integers serialize")
    }
}

impl Payload for RootDocument {
    fn from_payload(payload: &[u8]) -> Result<Self, DocumentFault> {
        let WireRoot { organization, version, issued_at, expires_at, keys, roles } =
            Object::parse(payload)?;
        let header = WireHeader { organization, version, issued_at, expires_at }.parse()?;
        if keys.len() > MAX_ROOT_KEYS {
            return Err(DocumentFault::TooManyRootKeys { found: keys.len() });
        }
        let mut distinct = BTreeMap::new();
        for text in &keys {
            let unchecked = public_key("keys", text)?;
            let fingerprint = unchecked.fingerprint();
            let key =
                unchecked.check().map_err(|source| DocumentFault::Key { fingerprint, source })?;
            if distinct.insert(fingerprint, key).is_some() {
                let name = fingerprint.to_string();
                return Err(DocumentFault::Duplicate { field: "keys", name });
            }
        }
        let Object(WireRoles { root, trust, revocation }) = roles;
        let roles = [
            role_keys(Role::Root, root)?,
            role_keys(Role::Trust, trust)?,
            role_keys(Role::Revocation, revocation)?,
        ];
        Self::new(header, distinct.into_values(), roles)
    }
}

/// Reads the base64 of the 32 bytes of a public key.
pub(super) fn public_key(name: &'static str, text: &str) -> Result<UncheckedKey, DocumentFault> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(UncheckedKey::from_bytes).ok_or(DocumentFault::Field { field: name })
}

fn role_keys(role: Role, wire: Object<WireRole>) -> Result<RoleKeys, DocumentFault> {
    let Object(WireRole { keyids, threshold }) = wire;
    let mut keys = BTreeSet::new();
    for text in &keyids {
        if !keys.insert(field("keyids", text)?) {
            return Err(DocumentFault::Duplicate { field: "keyids", name: text.clone() });
        }
    }
    let threshold = SignerCount::new(threshold).ok();
    threshold
        .and_then(|threshold| RoleKeys::new(keys, threshold))
        .ok_or(DocumentFault::Role { role })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireRoot {
    organization: Object<WireOrganization>,
    version: u32,
    issued_at: String,
    expires_at: String,
    keys: Vec<String>,
    roles: Object<WireRoles>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRoles {
    root: Object<WireRole>,
    trust: Object<WireRole>,
    revocation: Object<WireRole>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRole {
    keyids: Vec<String>,
    threshold: usize,
}
