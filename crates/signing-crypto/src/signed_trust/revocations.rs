use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::sealed::Payload;
use super::error::DocumentFault;
use super::header::{WireHeader, WireOrganization};
use super::statement::{WireDenied, read_denied, read_version, write_denied};
use super::{
    DeniedKey, DocumentHeader, DocumentVersion, MAX_TRUST_STATEMENT_SIZE, Role, TrustDocument,
    TrustDocumentKind,
};
use crate::dsse::Object;
use crate::key::Fingerprint;

/// The keys that an organization does not accept from anybody, whatever its statement says.
/// They accumulate: a later document contains those of the earlier ones.
///
/// ```json
/// {"organization":{"id":"<uuid>","name":"acme"},"version":3,
///  "issuedAt":"2026-01-28T12:00:00Z","expiresAt":"2026-02-04T12:00:00Z","rootVersion":1,
///  "denied":[{"fingerprint":"<fingerprint>","at":"2026-01-28T11:58:00Z"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocations {
    /// What every document says.
    pub header: DocumentHeader,
    /// The root document's lowest number with which they count.
    pub root_version: DocumentVersion,
    /// The keys.
    pub denied: BTreeMap<Fingerprint, DeniedKey>,
}

impl TrustDocument for Revocations {
    const KIND: TrustDocumentKind = TrustDocumentKind::Revocations;
    const ROLE: Role = Role::Revocation;
    const PAYLOAD_TYPE: &'static str = "application/vnd.cloacina.trust-revocations+json";
    const MAX_PAYLOAD: usize = MAX_TRUST_STATEMENT_SIZE;

    fn header(&self) -> &DocumentHeader {
        &self.header
    }

    fn to_json(&self) -> String {
        let WireHeader { organization, version, issued_at, expires_at } = (&self.header).into();
        let wire = WireRevocations {
            organization,
            version,
            issued_at,
            expires_at,
            root_version: self.root_version.get(),
            denied: write_denied(&self.denied),
        };
        serde_json::to_string(&wire).expect("strings and integers serialize")
    }
}

impl Payload for Revocations {
    fn from_payload(payload: &[u8]) -> Result<Self, DocumentFault> {
        let wire: WireRevocations = Object::parse(payload)?;
        let WireRevocations { organization, version, issued_at, expires_at, .. } = wire;
        let header = WireHeader { organization, version, issued_at, expires_at }.parse()?;
        let root_version = read_version("rootVersion", wire.root_version)?;
        Ok(Self { header, root_version, denied: read_denied(wire.denied)? })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireRevocations {
    organization: Object<WireOrganization>,
    version: u32,
    issued_at: String,
    expires_at: String,
    root_version: u32,
    denied: Vec<Object<WireDenied>>,
}
