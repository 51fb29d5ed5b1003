use serde::{Deserialize, Serialize};

use crate::digest::sha256_of;
use crate::dsse::in_toto::Statement;
use crate::dsse::{
    CheckpointError, MalformedCheckpoint, MalformedEnvelope, PAYLOAD_TYPE, SignatureEnvelope,
};
use crate::key::VerifyingKey;
#[cfg(feature = "private-keys")]
use crate::key::{Signer, SignerError};
use crate::names::{OrgId, OrgName, StatementTime, StoreId};

/// The `predicateType` that makes a statement one about an audit log: never one
/// about a package.
pub(crate) const CHECKPOINT_TYPE: &str = "urn:cloacina:audit-checkpoint:v1";

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
        let predicate = Predicate {
            store_id: self.store.to_string(),
            organization: self.org_name.to_string(),
            sequence: self.sequence,
            created_at: self.created_at.to_string(),
        };
        let (name, sha256) = (self.org.to_string(), self.entry_hash.to_string());
        Statement { name, sha256, predicate }.into_json(CHECKPOINT_TYPE)
    }

    fn parse(payload: &[u8]) -> Result<Self, MalformedCheckpoint> {
        let statement = Statement::<Predicate>::parse(payload, CHECKPOINT_TYPE)?;
        let Statement { name, sha256, predicate } = statement;
        let malformed = |field| MalformedCheckpoint::Field { field };
        if predicate.sequence == 0 {
            return Err(malformed("sequence"));
        }
        Ok(Self {
            store: predicate.store_id.parse().map_err(|_| malformed("storeId"))?,
            org: name.parse().map_err(|_| malformed("name"))?,
            org_name: predicate.organization.parse().map_err(|_| malformed("organization"))?,
            sequence: predicate.sequence,
            entry_hash: sha256.parse().map_err(|_| malformed("sha256"))?,
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
        Ok(VerifiedCheckpoint { checkpoint: self.unverified_checkpoint()?, signer: *key })
    }

    /// What this says. Whether anybody signed it is not checked.
    pub fn unverified_checkpoint(&self) -> Result<AuditCheckpoint, MalformedCheckpoint> {
        AuditCheckpoint::parse(self.0.unverified_payload_of_type(PAYLOAD_TYPE)?)
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
