use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use super::error::MalformedBundle;
use crate::dsse::{AtMost, Object, UnexpectedJson, present};
use crate::names::OrgId;

/// The `type` of a bundle.
pub(super) const BUNDLE_TYPE: &str = "urn:cloacina:trust-bundle:v1";

/// The most bytes that a bundle may have: 64 MiB.
pub const MAX_BUNDLE_SIZE: usize = 64 * 1024 * 1024;

/// The most root documents of one organization that a bundle may hold.
const MAX_ROOTS: usize = 1_000;

/// The most organizations: a statement has no room for as many grants.
const MAX_ORGANIZATIONS: usize = 30_000;

/// The fewest bytes of an envelope: the type and one signature take more. A bundle of shorter
/// ones would take many times its size in memory.
const MIN_ENVELOPE_SIZE: usize = 200;

/// The envelopes of one organization's documents, as text that has not been parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentTexts {
    /// The root documents. A bundle may hold them in any order.
    pub roots: Vec<String>,
    /// The newest trust statement.
    pub statement: Option<String>,
    /// The newest revocations.
    pub revocations: Option<String>,
}

impl DocumentTexts {
    /// How many bytes they take in a bundle.
    pub fn size(&self) -> usize {
        let texts = self.roots.iter().chain(&self.statement).chain(&self.revocations);
        texts.map(|text| text.len() + ",".len()).sum()
    }
}

/// An organization's documents and those of the organizations that it granted trust to, in
/// one file, for hosts that have no store.
///
/// ```json
/// {"type":"urn:cloacina:trust-bundle:v1","organization":"<uuid>",
///  "organizations":[{"id":"<uuid>","roots":[{…}],"statement":{…},"revocations":{…}}]}
/// ```
///
/// Each `{…}` is a DSSE envelope. `statement` and `revocations` may be absent. The bundle itself
/// is not signed: what is in it is.
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
        let wire: WireBundle = Object::parse(bytes).map_err(MalformedBundle::Json)?;
        if wire.bundle_type != BUNDLE_TYPE {
            return Err(MalformedBundle::Type { found: wire.bundle_type });
        }
        let id = |text: &str, field| text.parse().map_err(|_| MalformedBundle::Field { field });
        let org = id(&wire.organization, "organization")?;
        let mut documents = BTreeMap::new();
        for Object(one) in wire.organizations.0 {
            let text = |WireEnvelope(envelope)| String::from(Box::<str>::from(envelope));
            let texts = DocumentTexts {
                roots: one.roots.0.into_iter().map(text).collect(),
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

    /// The bundle as JSON, in which the envelopes stand as they are.
    ///
    /// # Errors
    ///
    /// That it could not be read again: an envelope is not a JSON object, or it is too large.
    pub fn to_json(&self) -> Result<String, MalformedBundle> {
        let json = |error: serde_json::Error| MalformedBundle::Json(UnexpectedJson::of(&error));
        let raw =
            |text: &String| RawValue::from_string(text.clone()).map(WireEnvelope).map_err(json);
        let mut organizations = Vec::new();
        for (org, texts) in &self.documents {
            organizations.push(Object(WireDocuments {
                id: org.to_string(),
                roots: AtMost(texts.roots.iter().map(raw).collect::<Result<_, _>>()?),
                statement: texts.statement.as_ref().map(raw).transpose()?,
                revocations: texts.revocations.as_ref().map(raw).transpose()?,
            }));
        }
        let wire = WireBundle {
            bundle_type: BUNDLE_TYPE.into(),
            organization: self.org.to_string(),
            organizations: AtMost(organizations),
        };
        let text = serde_json::to_string(&wire).map_err(json)?;
        Self::parse(text.as_bytes())?;
        Ok(text)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBundle {
    #[serde(rename = "type")]
    bundle_type: String,
    organization: String,
    organizations: AtMost<Object<WireDocuments>, MAX_ORGANIZATIONS>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDocuments {
    id: String,
    roots: AtMost<WireEnvelope, MAX_ROOTS>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    statement: Option<WireEnvelope>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    revocations: Option<WireEnvelope>,
}

/// The text of a JSON object that is read later.
#[derive(Serialize)]
#[serde(transparent)]
struct WireEnvelope(Box<RawValue>);

impl<'de> Deserialize<'de> for WireEnvelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match text.get().len() >= MIN_ENVELOPE_SIZE && text.get().starts_with('{') {
            true => Ok(Self(text)),
            false => Err(de::Error::custom("expected an envelope, which is a JSON object")),
        }
    }
}
