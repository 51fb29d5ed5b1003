use serde::{Deserialize, Serialize};

use crate::digest::sha256_of;
use crate::dsse::strict_json::Object;
use crate::dsse::{
    CheckpointError, MalformedCheckpoint, MalformedEnvelope, PAYLOAD_TYPE, STATEMENT_TYPE,
    SignatureEnvelope,
};
use crate::key::VerifyingKey;
#[cfg(feature = "private-keys")]
use crate::key::{Signer, SignerError};
use crate::names::{OrgId, OrgName, StatementTime, StoreId};

/// The `predicateType` that makes a statement one about an audit log: never one
/// about a package.
pub const CHECKPOINT_TYPE: &str = "urn:cloacina:audit-checkpoint:v1";

sha256_of!(
    /// The hash of an entry of an audit log: SHA-256, written as 64 lower-case
    /// hexadecimal digits.
    EntryHash,
    Digest
);

/// What a checkpoint says: "in this store, this organization's audit log had this
/// many entries, and the last one this hash", as an in-toto Statement v1.
///
/// ```json
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"<organization's id>","digest":{"sha256":"<64 hex digits>"}}],
///  "predicateType":"urn:cloacina:audit-checkpoint:v1",
///  "predicate":{"storeId":"<id>","organization":"acme","sequence":42,
///               "createdAt":"2026-01-28T12:00:00Z"}}
/// ```
///
/// Since every entry's hash covers the one before, this holds the whole log up to
/// there. `organization` and `createdAt` inform and never decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// The store that the log is in.
    pub store: StoreId,
    /// Whose log it is.
    pub org: OrgId,
    /// What the organization was called.
    pub org_name: OrgName,
    /// The last entry's sequence, which is how many entries there were: at least 1.
    pub sequence: u64,
    /// The last entry's hash.
    pub entry_hash: EntryHash,
    /// When the checkpoint was made.
    pub created_at: StatementTime,
}

impl AuditCheckpoint {
    /// The statement as compact JSON: the payload that is signed.
    pub fn to_json(&self) -> String {
        let statement = Statement {
            statement_type: STATEMENT_TYPE.into(),
            subject: vec![Object(Subject {
                name: self.org.to_string(),
                digest: Object(DigestSet { sha256: self.entry_hash.to_string() }),
            })],
            predicate_type: CHECKPOINT_TYPE.into(),
            predicate: Object(Predicate {
                store_id: self.store.to_string(),
                organization: self.org_name.to_string(),
                sequence: self.sequence,
                created_at: self.created_at.to_string(),
            }),
        };
        serde_json::to_string(&statement).expect("strings and integers serialize")
    }

    fn parse(payload: &[u8]) -> Result<Self, MalformedCheckpoint> {
        // Types first: what is about something else has other fields.
        let kind: Kind = Object::parse(payload).map_err(MalformedCheckpoint::json)?;
        if kind.statement_type != STATEMENT_TYPE {
            return Err(MalformedCheckpoint::StatementType { found: kind.statement_type });
        }
        if kind.predicate_type != CHECKPOINT_TYPE {
            return Err(MalformedCheckpoint::PredicateType { found: kind.predicate_type });
        }
        let statement: Statement = Object::parse(payload).map_err(MalformedCheckpoint::json)?;
        let found = statement.subject.len();
        let [Object(subject)] = <[Object<Subject>; 1]>::try_from(statement.subject)
            .map_err(|_| MalformedCheckpoint::SubjectCount { found })?;
        let Object(predicate) = statement.predicate;
        let malformed = |field| MalformedCheckpoint::Field { field };
        if predicate.sequence == 0 {
            return Err(malformed("sequence"));
        }
        Ok(Self {
            store: predicate.store_id.parse().map_err(|_| malformed("storeId"))?,
            org: subject.name.parse().map_err(|_| malformed("name"))?,
            org_name: predicate.organization.parse().map_err(|_| malformed("organization"))?,
            sequence: predicate.sequence,
            entry_hash: subject.digest.0.sha256.parse().map_err(|_| malformed("sha256"))?,
            created_at: predicate.created_at.parse().map_err(|_| malformed("createdAt"))?,
        })
    }
}

/// A signed checkpoint: a DSSE v1 envelope around an [`AuditCheckpoint`].
///
/// It is never a package's signature, and a package's signature is never this:
/// both say within what is signed what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint(SignatureEnvelope);

impl SignedCheckpoint {
    /// Signs `checkpoint`.
    ///
    /// # Errors
    ///
    /// That `signer` did not sign it.
    #[cfg(feature = "private-keys")]
    pub fn sign(checkpoint: &AuditCheckpoint, signer: &dyn Signer) -> Result<Self, SignerError> {
        SignatureEnvelope::sign_statement(checkpoint.to_json(), signer).map(Self)
    }

    /// Reads an envelope as [`SignatureEnvelope::parse`] does. That proves nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedEnvelope> {
        SignatureEnvelope::parse(bytes).map(Self)
    }

    /// Checks that `key` signed this, and only then reads what it says.
    pub fn verify(&self, key: &VerifyingKey) -> Result<VerifiedCheckpoint, CheckpointError> {
        self.0.require_signed_by(key).map_err(CheckpointError::Signature)?;
        let payload =
            self.0.unverified_payload_of_type(PAYLOAD_TYPE).map_err(MalformedCheckpoint::from)?;
        Ok(VerifiedCheckpoint { checkpoint: AuditCheckpoint::parse(payload)?, signer: *key })
    }

    /// The envelope as compact JSON, on one line.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

/// A checkpoint whose signature was checked. Only [`SignedCheckpoint::verify`]
/// makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    checkpoint: AuditCheckpoint,
    signer: VerifyingKey,
}

impl VerifiedCheckpoint {
    /// What was signed.
    pub fn checkpoint(&self) -> &AuditCheckpoint {
        &self.checkpoint
    }

    /// The key that signed it.
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }
}

/// What every statement says of itself.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "_type")]
    statement_type: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<Object<Subject>>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Object<Predicate>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: Object<DigestSet>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestSet {
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Predicate {
    store_id: String,
    organization: String,
    sequence: u64,
    created_at: String,
}

#[cfg(test)]
mod tests;
