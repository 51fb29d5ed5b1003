use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use crate::strict_json::Object;
use crate::{ContentLayer, MalformedEnvelope, PackageDigest, PackageName};

/// The `_type` of every statement: in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// The `predicateType` that makes a statement one about a package.
pub const PREDICATE_TYPE: &str = "urn:cloacina:package-signature:v1";

/// What a signature says: "this package has this name, these bytes and this
/// length", as an in-toto Statement v1 with exactly one subject.
///
/// ```json
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"libworkflow.so","digest":{"sha256":"<64 hex digits>"}}],
///  "predicateType":"urn:cloacina:package-signature:v1",
///  "predicate":{"signedAt":"2026-01-28T12:00:00Z","size":123456}}
/// ```
///
/// Everything in it is enforced by whoever verifies, except `signedAt`, which
/// informs and never decides. That is why a field that this version does not
/// know is malformed: it might be one that was meant to be enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageStatement {
    name: PackageName,
    digest: PackageDigest,
    size: u64,
    signed_at: DateTime<Utc>,
}

impl PackageStatement {
    /// States that the package `name` is `size` bytes with this `digest`.
    /// `signed_at` is kept to the microsecond.
    pub fn new(
        name: PackageName,
        digest: PackageDigest,
        size: u64,
        signed_at: DateTime<Utc>,
    ) -> Self {
        Self { name, digest, size, signed_at: signed_at.trunc_subsecs(6) }
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
    pub fn signed_at(&self) -> DateTime<Utc> {
        self.signed_at
    }

    /// The statement as compact JSON: the payload that is signed.
    pub fn to_json(&self) -> String {
        let format = match self.signed_at.timestamp_subsec_micros() {
            0 => SecondsFormat::Secs,
            _ => SecondsFormat::Micros,
        };
        let statement = Statement {
            statement_type: STATEMENT_TYPE.into(),
            subject: vec![Subject {
                name: self.name.to_string(),
                digest: DigestSet { sha256: self.digest.to_string() },
            }],
            predicate_type: PREDICATE_TYPE.into(),
            predicate: Predicate {
                signed_at: self.signed_at.to_rfc3339_opts(format, true),
                size: self.size,
            },
        };
        serde_json::to_string(&statement).expect("strings and integers serialise")
    }

    pub(crate) fn parse(payload: &[u8]) -> Result<Self, MalformedEnvelope> {
        let Object(statement): Object<Statement> = serde_json::from_slice(payload)
            .map_err(|source| MalformedEnvelope::Json { layer: ContentLayer::Statement, source })?;
        if statement.statement_type != STATEMENT_TYPE {
            return Err(MalformedEnvelope::StatementType { found: statement.statement_type });
        }
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(MalformedEnvelope::PredicateType { found: statement.predicate_type });
        }
        let subjects = statement.subject.len();
        let [subject] = <[Subject; 1]>::try_from(statement.subject)
            .map_err(|_| MalformedEnvelope::SubjectCount { found: subjects })?;
        let signed_at = DateTime::parse_from_rfc3339(&statement.predicate.signed_at)
            .map_err(|_| MalformedEnvelope::SignedAt { found: statement.predicate.signed_at })?;
        Ok(Self::new(
            PackageName::new(subject.name).map_err(MalformedEnvelope::SubjectName)?,
            subject.digest.sha256.parse().map_err(MalformedEnvelope::SubjectDigest)?,
            statement.predicate.size,
            signed_at.to_utc(),
        ))
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
