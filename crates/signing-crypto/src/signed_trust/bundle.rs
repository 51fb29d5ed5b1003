use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::MalformedBundle;
use crate::dsse::Object;
use crate::names::OrgId;

/// The `type` of a bundle.
pub(super) const BUNDLE_TYPE: &str = "urn:cloacina:trust-bundle:v1";

/// The most bytes that a bundle may have: 64 MiB.
pub const MAX_BUNDLE_SIZE: usize = 64 * 1024 * 1024;

/// The envelopes of one organization's documents, as text that nobody has read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentTexts {
    /// The root documents, in the order of their versions.
    pub roots: Vec<String>,
    /// The newest trust statement.
    pub statement: Option<String>,
    /// The newest revocations.
    pub revocations: Option<String>,
}

/// An organization's documents and those of the organizations that it granted trust to, in
/// one file, for hosts that have no store.
///
/// ```json
/// {"type":"urn:cloacina:trust-bundle:v1","organization":"<uuid>",
///  "organizations":[{"id":"<uuid>","roots":[{…}],"statement":{…},"revocations":{…}}]}
/// ```
///
/// Each `{…}` is a DSSE envelope. The bundle itself is not signed: what is in it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustBundle {
    org: OrgId,
    documents: BTreeMap<OrgId, DocumentTexts>,
}

impl TrustBundle {
    /// Puts documents together, unless those of `org` itself are missing.
    pub fn new(
        org: OrgId,
        documents: BTreeMap<OrgId, DocumentTexts>,
    ) -> Result<Self, MalformedBundle> {
        match documents.contains_key(&org) {
            true => Ok(Self { org, documents }),
            false => Err(MalformedBundle::Incomplete { org }),
        }
    }

    /// Reads a bundle, strictly and in bounded space, and leaves the envelopes in it as they
    /// are.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedBundle> {
        if bytes.len() > MAX_BUNDLE_SIZE {
            return Err(MalformedBundle::TooLarge { limit: MAX_BUNDLE_SIZE });
        }
        let json = |source| MalformedBundle::Json(std::sync::Arc::new(source));
        let Object(wire): Object<WireBundle> = serde_json::from_slice(bytes).map_err(json)?;
        if wire.bundle_type != BUNDLE_TYPE {
            return Err(MalformedBundle::Type { found: wire.bundle_type });
        }
        let id = |text: &str, field| text.parse().map_err(|_| MalformedBundle::Field { field });
        let org = id(&wire.organization, "organization")?;
        let mut documents = BTreeMap::new();
        for Object(one) in wire.organizations {
            let text = |envelope: Box<RawValue>| String::from(Box::<str>::from(envelope));
            let texts = DocumentTexts {
                roots: one.roots.into_iter().map(text).collect(),
                statement: one.statement.map(text),
                revocations: one.revocations.map(text),
            };
            let org = id(&one.id, "organizations.id")?;
            if documents.insert(org, texts).is_some() {
                return Err(MalformedBundle::Duplicate { org });
            }
        }
        Self::new(org, documents)
    }

    /// The organization that the bundle is of.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The documents in it, by organization.
    pub fn documents(&self) -> &BTreeMap<OrgId, DocumentTexts> {
        &self.documents
    }

    /// The bundle as compact JSON.
    ///
    /// # Errors
    ///
    /// [`MalformedBundle::Json`] if an envelope is not JSON.
    pub fn to_json(&self) -> Result<String, MalformedBundle> {
        let json = |source| MalformedBundle::Json(std::sync::Arc::new(source));
        let raw = |text: &String| RawValue::from_string(text.clone()).map_err(json);
        let mut organizations = Vec::new();
        for (org, texts) in &self.documents {
            organizations.push(Object(WireDocuments {
                id: org.to_string(),
                roots: texts.roots.iter().map(raw).collect::<Result<_, _>>()?,
                statement: texts.statement.as_ref().map(raw).transpose()?,
                revocations: texts.revocations.as_ref().map(raw).transpose()?,
            }));
        }
        let wire = WireBundle {
            bundle_type: BUNDLE_TYPE.into(),
            organization: self.org.to_string(),
            organizations,
        };
        serde_json::to_string(&wire).map_err(json)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBundle {
    #[serde(rename = "type")]
    bundle_type: String,
    organization: String,
    organizations: Vec<Object<WireDocuments>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDocuments {
    id: String,
    roots: Vec<Box<RawValue>>,
    statement: Option<Box<RawValue>>,
    revocations: Option<Box<RawValue>>,
}
