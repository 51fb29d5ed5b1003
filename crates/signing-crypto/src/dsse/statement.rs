use serde::{Deserialize, Serialize};

use crate::digest::PackageDigest;
use crate::dsse::MalformedEnvelope;
use crate::dsse::in_toto::Statement;
use crate::dsse::strict_json::present;
use crate::names::{PackageName, PackageVersion, StatementTime};

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
        let predicate = Predicate {
            signed_at: self.signed_at.to_string(),
            size: self.size,
            version: self.version.as_ref().map(ToString::to_string),
            expires_at: self.expires_at.as_ref().map(ToString::to_string),
        };
        let (name, sha256) = (self.name.to_string(), self.digest.to_string());
        Statement { name, sha256, predicate }.into_json(PREDICATE_TYPE)
    }

    pub(crate) fn parse(payload: &[u8]) -> Result<Self, MalformedEnvelope> {
        let Statement { name, sha256, predicate } = Statement::parse(payload, PREDICATE_TYPE)?;
        let Predicate { signed_at, size, version, expires_at } = predicate;
        Ok(Self {
            name: PackageName::new(name).map_err(MalformedEnvelope::SubjectName)?,
            digest: sha256.parse().map_err(MalformedEnvelope::SubjectDigest)?,
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

fn parse_expiry(found: String) -> Result<StatementTime, MalformedEnvelope> {
    StatementTime::parse_utc(&found).map_err(|_| MalformedEnvelope::ExpiresAt { found })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_statement_says_is_read_again() {
        let name: PackageName = "libworkflow.so".parse().unwrap();
        let (digest, time) = (PackageDigest::from_bytes([7; 32]), "2026-01-02T03:04:05Z");
        let statement = PackageStatement::new(name.clone(), digest, 9, time.parse().unwrap());
        let whole = statement
            .clone()
            .with_version("1.2.3".parse().unwrap())
            .with_expiry("2027-01-02T03:04:05Z".parse().unwrap());
        for statement in [statement, whole.clone()] {
            let read = PackageStatement::parse(statement.to_json().as_bytes()).unwrap();
            assert_eq!(read, statement);
            assert_eq!((read.name(), read.digest(), read.size()), (&name, &digest, 9));
            assert_eq!(read.signed_at().to_string(), time);
            let is_whole = statement == whole;
            assert_eq!(read.version().is_some(), is_whole);
            assert_eq!(read.expires_at().is_some(), is_whole);
        }
        assert_eq!(whole.version().unwrap().to_string(), "1.2.3");
        assert_eq!(whole.expires_at().unwrap().to_string(), "2027-01-02T03:04:05Z");
    }
}
