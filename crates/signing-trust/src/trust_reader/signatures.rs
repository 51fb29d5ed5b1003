use signing_crypto::{
    KeyId, MalformedEnvelope, OrgId, PackageDigest, PackageStatement, SignatureEnvelope,
    SignatureId, VerifyingKey,
};
use signing_store::PackageSignatureRecord;

use super::{ProvenKey, TrustReader};
use crate::audit::{AuditEvent, EventType};
use crate::error::TrustError;

/// A signature from the store.
#[derive(Debug)]
#[non_exhaustive]
pub struct StoredSignature {
    /// Its id.
    pub id: SignatureId,
    /// The organization that keeps it.
    pub org: OrgId,
    /// The envelope, or why the stored text is malformed.
    pub envelope: Result<SignatureEnvelope, MalformedEnvelope>,
}

impl StoredSignature {
    fn of(record: &PackageSignatureRecord) -> Self {
        let envelope = SignatureEnvelope::parse(record.envelope.as_bytes());
        if let Err(error) = &envelope {
            tracing::warn!(
                signature_id = %record.id,
                org_id = %record.org_id,
                %error,
                "a stored signature cannot be read, and does not count"
            );
        }
        Self { id: record.id, org: record.org_id, envelope }
    }
}

/// What an organization itself keeps about a package, as of one moment: the newest
/// [`SIGNATURES_PER_ORG`](signing_store::SIGNATURES_PER_ORG).
#[derive(Clone, Debug)]
pub struct StoredSignatures {
    pub(crate) org: OrgId,
    pub(crate) records: Vec<PackageSignatureRecord>,
}

impl StoredSignatures {
    /// The signatures, newest first.
    pub fn signatures(&self) -> impl Iterator<Item = StoredSignature> {
        self.records.iter().map(StoredSignature::of)
    }
}

impl TrustReader {
    /// Signs a statement with a stored key.
    ///
    /// # Errors
    ///
    /// As [`get_signing_key`](Self::get_signing_key).
    pub async fn sign_statement(
        &self,
        key_id: KeyId,
        statement: &PackageStatement,
    ) -> Result<SignatureEnvelope, TrustError> {
        let proven = self.proven_key(key_id).await?;
        let envelope = SignatureEnvelope::sign(statement, self.require_usable(&proven).await?);
        announce(&proven, statement);
        Ok(envelope)
    }

    /// Adds a stored key's signature to an envelope, over the statement that is there.
    /// Whether that is true, and worth signing, is for the caller to have checked.
    ///
    /// # Errors
    ///
    /// As [`get_signing_key`](Self::get_signing_key), and [`TrustError::AddSignature`] as
    /// [`SignatureEnvelope::add_signature`] has it.
    pub async fn add_signature(
        &self,
        key_id: KeyId,
        envelope: &mut SignatureEnvelope,
    ) -> Result<(), TrustError> {
        let proven = self.proven_key(key_id).await?;
        let key = self.require_usable(&proven).await?;
        let statement = envelope.unverified_statement()?;
        envelope.add_signature(key)?;
        announce(&proven, &statement);
        Ok(())
    }

    /// What `org` itself keeps about a package, to add to it.
    pub async fn stored_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<StoredSignatures, TrustError> {
        let records = self.store.own_package_signatures(org, digest).await?;
        Ok(StoredSignatures { org, records })
    }

    /// The signatures about a package that `org` keeps, then those that the
    /// organizations keep which it granted trust; see
    /// [`SIGNATURES_PER_ORG`](signing_store::SIGNATURES_PER_ORG) and
    /// [`SIGNATURES_IN_ALL`](signing_store::SIGNATURES_IN_ALL). One that cannot be read is
    /// among them, and hides none of the others.
    pub async fn find_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<StoredSignature>, TrustError> {
        let records = self.store.package_signatures(org, digest).await?;
        Ok(records.iter().map(StoredSignature::of).collect())
    }
}

/// The envelope, if the key really made one of its signatures.
pub(crate) fn signed_by(
    kept: &PackageSignatureRecord,
    key: &VerifyingKey,
) -> Option<SignatureEnvelope> {
    let envelope = SignatureEnvelope::parse(kept.envelope.as_bytes()).ok()?;
    envelope.verify(key).is_ok().then_some(envelope)
}

pub(crate) fn announce(key: &ProvenKey, statement: &PackageStatement) {
    AuditEvent::new(EventType::PackageSigned)
        .org(key.org())
        .key_id(Some(key.id()))
        .fingerprint(key.fingerprint())
        .package(statement.name())
        .digest(*statement.digest())
        .emit();
}
