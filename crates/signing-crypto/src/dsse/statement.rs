use serde::{Deserialize, Serialize};

use crate::digest::PackageDigest;
use crate::dsse::strict_json::Object;
use crate::dsse::{ContentLayer, MalformedEnvelope};
use crate::names::{PackageName, PackageVersion, StatementTime};

/// The `_type` of every statement: in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The `predicateType` that makes a statement one about a package.
pub const PREDICATE_TYPE: &str = "urn:cloacina:package-signature:v1";

/// What a signature says: "this package has this name, these bytes and this
/// length", and if the signer wants so, "it is this version" and "this holds until
/// then", as an in-toto Statement v1 with exactly one subject.
///
/// ```json
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"libworkflow.so","digest":{"sha256":"<64 hex digits>"}}],
///  "predicateType":"urn:cloacina:package-signature:v1",
///  "predicate":{"signedAt":"2026-01-28T12:00:00Z","size":123456,
///               "version":"1.4.0","expiresAt":"2027-01-28T12:00:00Z"}}
/// ```
///
/// `version` and `expiresAt` are absent from a statement that does not say them.
///
/// A verification enforces every field except `signedAt`, which
/// informs and never decides. That is why a field that this version does not
/// know is malformed: it might be one that was meant to be enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageStatement {
    name: PackageName,
    digest: PackageDigest,
    size: u64,
    signed_at: StatementTime,
    version: Option<PackageVersion>,
    expires_at: Option<StatementTime>,
}

impl PackageStatement {
    /// States that the package `name` is `size` bytes with this `digest`.
    pub fn new(
        name: PackageName,
        digest: PackageDigest,
        size: u64,
        signed_at: StatementTime,
    ) -> Self {
        Self { name, digest, size, signed_at, version: None, expires_at: None }
    }

    /// States as well that it is this version.
    #[must_use]
    pub fn with_version(self, version: PackageVersion) -> Self {
        Self { version: Some(version), ..self }
    }

    /// States as well that the statement is void from `expires_at` on.
    #[must_use]
    pub fn with_expiry(self, expires_at: StatementTime) -> Self {
        Self { expires_at: Some(expires_at), ..self }
    }

    /// The name that the package must be loaded under.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// SHA-256 of the package's bytes.
    pub fn digest(&self) -> &PackageDigest {
        &self.digest
    }

    /// The package's length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When the signer says that it signed.
    pub fn signed_at(&self) -> StatementTime {
        self.signed_at
    }

    /// The package's version, if the signer says one.
    pub fn version(&self) -> Option<&PackageVersion> {
        self.version.as_ref()
    }

    /// From when on the statement is void, if ever.
    pub fn expires_at(&self) -> Option<StatementTime> {
        self.expires_at
    }

    /// The statement as compact JSON: the payload that is signed.
    pub fn to_json(&self) -> String {
        let statement = Statement {
            statement_type: STATEMENT_TYPE.into(),
            subject: vec![Subject {
                name: self.name.to_string(),
                digest: DigestSet { sha256: self.digest.to_string() },
            }],
            predicate_type: PREDICATE_TYPE.into(),
            predicate: Predicate {
                signed_at: self.signed_at.to_string(),
                size: self.size,
                version: self.version.as_ref().map(ToString::to_string),
                expires_at: self.expires_at.as_ref().map(ToString::to_string),
            },
        };
        serde_json::to_string(&statement).expect("strings and integers serialize")
    }

    pub(crate) fn parse(payload: &[u8]) -> Result<Self, MalformedEnvelope> {
        let statement: Statement = Object::parse(payload)
            .map_err(|source| MalformedEnvelope::json(ContentLayer::Statement, source))?;
        if statement.statement_type != STATEMENT_TYPE {
            return Err(MalformedEnvelope::StatementType { found: statement.statement_type });
        }
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(MalformedEnvelope::PredicateType { found: statement.predicate_type });
        }
        let subjects = statement.subject.len();
        let [subject] = <[Subject; 1]>::try_from(statement.subject)
            .map_err(|_| MalformedEnvelope::SubjectCount { found: subjects })?;
        let Predicate { signed_at, size, version, expires_at } = statement.predicate;
        Ok(Self {
            name: PackageName::new(subject.name).map_err(MalformedEnvelope::SubjectName)?,
            digest: subject.digest.sha256.parse().map_err(MalformedEnvelope::SubjectDigest)?,
            size,
            signed_at: match signed_at.parse() {
                Ok(time) => time,
                Err(_) => return Err(MalformedEnvelope::SignedAt { found: signed_at }),
            },
            version: version.map(parse_version).transpose()?,
            expires_at: expires_at.map(parse_expiry).transpose()?,
        })
    }
}

fn parse_version(found: String) -> Result<PackageVersion, MalformedEnvelope> {
    found.parse().map_err(|_| MalformedEnvelope::Version { found })
}

/// In UTC only: a local offset is easy to misread.
fn parse_expiry(found: String) -> Result<StatementTime, MalformedEnvelope> {
    match found.parse() {
        Ok(time) if found.ends_with('Z') => Ok(time),
        _ => Err(MalformedEnvelope::ExpiresAt { found }),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    #[serde(deserialize_with = "objects")]
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(deserialize_with = "object")]
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    #[serde(deserialize_with = "object")]
    digest: DigestSet,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestSet {
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Predicate {
    signed_at: String,
    size: u64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// A field that is there has a value: `null` is not another way to leave it out.
fn present<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    String::deserialize(deserializer).map(Some)
}

fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

fn objects<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Vec::<Object<T>>::deserialize(deserializer)
        .map(|list| list.into_iter().map(|Object(value)| value).collect())
}
