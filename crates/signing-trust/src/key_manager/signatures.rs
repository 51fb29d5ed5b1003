use signing_crypto::{
    KeyId, MalformedEnvelope, OrgId, PackageDigest, PackageStatement, SignatureEnvelope,
    SignatureId, SigningKey,
};
use signing_store::{Change, NewPackageSignature};

use super::KeyManager;
use crate::{AuditEvent, EventType, TrustError};

/// A signature from the store.
#[derive(Debug)]
pub struct StoredSignature {
    /// Its id.
    pub id: SignatureId,
    /// The organisation that keeps it.
    pub org: OrgId,
    /// The envelope, or why the stored text is none.
    pub envelope: Result<SignatureEnvelope, MalformedEnvelope>,
}

impl KeyManager {
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
        let (org, key) = self.signing_key_of(key_id).await?;
        let envelope = SignatureEnvelope::sign(statement, &key);
        announce(org, key_id, &key, statement);
        Ok(envelope)
    }

    /// Adds a stored key's signature to an envelope, over the statement that is there.
    /// Whether that is true, and worth signing, is for the caller to have checked.
    ///
    /// # Errors
    ///
    /// As [`get_signing_key`](Self::get_signing_key), and [`TrustError::Envelope`] as
    /// [`SignatureEnvelope::add_signature`] has it.
    pub async fn add_signature(
        &self,
        key_id: KeyId,
        envelope: &mut SignatureEnvelope,
    ) -> Result<(), TrustError> {
        let (org, key) = self.signing_key_of(key_id).await?;
        let statement = envelope.unverified_statement()?;
        envelope.add_signature(&key)?;
        announce(org, key_id, &key, &statement);
        Ok(())
    }

    /// Keeps a signature for `org`, where verifying finds it by the package's
    /// digest. Keeping it is not trusting it.
    pub async fn store_signature(
        &self,
        org: OrgId,
        envelope: &SignatureEnvelope,
    ) -> Result<Change<SignatureId>, TrustError> {
        let statement = envelope.unverified_statement()?;
        let package_digest = *statement.digest();
        let new = NewPackageSignature { org_id: org, package_digest, envelope: envelope.clone() };
        let change = self.store.insert_package_signature(new).await?;
        if let Change::Made(_) = &change {
            AuditEvent::new(EventType::SignatureStored)
                .org(org)
                .package(statement.name())
                .digest(package_digest)
                .emit();
        }
        Ok(change)
    }

    /// The signatures about a package that `org` keeps, then those that the
    /// organisations keep which it granted trust; see
    /// [`SIGNATURES_PER_ORG`](signing_store::SIGNATURES_PER_ORG).
    pub async fn find_signatures(
        &self,
        org: OrgId,
        digest: PackageDigest,
    ) -> Result<Vec<StoredSignature>, TrustError> {
        let records = self.store.package_signatures(org, digest).await?;
        let parse = |text: &str| SignatureEnvelope::parse(text.as_bytes());
        Ok(records
            .into_iter()
            .map(|record| StoredSignature {
                id: record.id,
                org: record.org_id,
                envelope: parse(&record.envelope),
            })
            .collect())
    }
}

pub(super) fn announce(org: OrgId, key_id: KeyId, key: &SigningKey, statement: &PackageStatement) {
    AuditEvent::new(EventType::PackageSigned)
        .org(org)
        .key_id(key_id)
        .fingerprint(key.fingerprint())
        .package(statement.name())
        .digest(*statement.digest())
        .emit();
}
