//! What an envelope comes to, before anything is said about the package's bytes.

use signing_crypto::{
    EnvelopeError, EnvelopeSignature, Fingerprint, HashedContent, MalformedEnvelope, OrgId,
    PackageName, PackageStatement, SignatureEnvelope, StatementTime, VerifiedStatement,
};
use signing_trust::{TrustDecision, TrustedKey, UntrustedReason};

use crate::policy::Validity;
use crate::{
    ActualContent, ExpectedContent, RequiredSigners, VerificationConfig, VerificationError,
    VerificationReport,
};

/// A statement that trusted keys have signed and that holds now. Nothing is said yet
/// about the package at hand.
pub(crate) struct Accepted {
    statement: VerifiedStatement,
    /// All who signed it and are trusted; at least one.
    signers: Vec<TrustedKey>,
    pub(crate) validity: Validity,
    /// Those of them that are not trusted for long.
    pub(crate) expiring: Vec<TrustedKey>,
}

/// Checks all that can be checked without the package: that enough trusted keys have
/// signed the envelope, and that what they say is about `name` and holds now.
/// Signatures of others, good or broken, do no harm.
pub(crate) fn accept(
    envelope: &SignatureEnvelope,
    decision: &TrustDecision,
    config: &VerificationConfig,
    name: &PackageName,
) -> Result<Accepted, VerificationError> {
    let (statement, signers) = signed_by_trusted(envelope, decision, config.required_signers)?;
    let said = statement.statement();
    if said.name() != name {
        let (expected, signed) = (name.clone(), said.name().clone());
        return Err(VerificationError::WrongName { expected, signed });
    }
    let expires_at = said.expires_at().map(StatementTime::to_utc);
    let validity = config.require_valid(expires_at, said.version(), decision)?;
    let ends_soon = |signer: &&TrustedKey| {
        config.validity(signer.limits.expires_at, decision.now()) != Validity::Ample
    };
    let expiring = signers.iter().filter(ends_soon).cloned().collect();
    Ok(Accepted { statement, signers, validity, expiring })
}

impl Accepted {
    pub(crate) fn statement(&self) -> &PackageStatement {
        self.statement.statement()
    }

    pub(crate) fn tampered(&self, actual: ActualContent) -> VerificationError {
        let statement = self.statement();
        let expected = ExpectedContent { digest: *statement.digest(), size: statement.size() };
        VerificationError::TamperedPackage { expected, actual }
    }

    /// The last check: the bytes are those that were signed.
    pub(crate) fn require_content(&self, content: &HashedContent) -> Result<(), VerificationError> {
        let statement = self.statement();
        if content.size != statement.size() {
            return Err(self.tampered(ActualContent::Size(content.size)));
        }
        if content.digest != *statement.digest() {
            return Err(self.tampered(ActualContent::Digest(content.digest)));
        }
        Ok(())
    }

    /// What is said about a package once all checks are done.
    pub(crate) fn into_report(
        self,
        content: HashedContent,
        org: Option<OrgId>,
    ) -> VerificationReport {
        let statement = self.statement.statement();
        VerificationReport {
            name: statement.name().clone(),
            content,
            fingerprint: self.statement.signer().fingerprint(),
            signed_at: statement.signed_at().to_utc(),
            version: statement.version().cloned(),
            expires_at: statement.expires_at().map(StatementTime::to_utc),
            signers: self.signers,
            org,
        }
    }
}

/// The statement, and every trusted key that signed it, each once.
fn signed_by_trusted(
    envelope: &SignatureEnvelope,
    decision: &TrustDecision,
    required: RequiredSigners,
) -> Result<(VerifiedStatement, Vec<TrustedKey>), VerificationError> {
    let mut statement = None;
    let mut signers: Vec<TrustedKey> = Vec::new();
    let mut broken = None;
    for signer in decision.trusted() {
        if signers.iter().any(|other| other.key == signer.key) {
            continue;
        }
        match envelope.verify(&signer.key) {
            Ok(verified) => {
                statement.get_or_insert(verified);
                signers.push(signer.clone());
            }
            // All signatures are over the same statement.
            Err(EnvelopeError::Malformed(reason)) => return Err(reason.into()),
            Err(_) if claims(envelope).any(|claim| claim == signer.key.fingerprint()) => {
                let fingerprint = signer.key.fingerprint();
                broken.get_or_insert(VerificationError::InvalidSignature { fingerprint });
            }
            Err(_) => {}
        }
    }
    let refused = broken.or_else(|| untrusted(envelope, decision));
    let Some(statement) = statement else {
        let nobody = || {
            let reason = UntrustedReason::Unknown;
            VerificationError::UntrustedSigner { fingerprint: None, reason }
        };
        return Err(refused.unwrap_or_else(nobody));
    };
    match required.require(&signers) {
        Ok(()) => Ok((statement, signers)),
        Err(error) => Err(error.beside(refused)),
    }
}

/// The first that is said to have signed and is not trusted.
fn untrusted(envelope: &SignatureEnvelope, decision: &TrustDecision) -> Option<VerificationError> {
    claims(envelope).find_map(|fingerprint| {
        let reason = decision.about(&fingerprint).err()?;
        Some(VerificationError::UntrustedSigner { fingerprint: Some(fingerprint), reason })
    })
}

fn claims(envelope: &SignatureEnvelope) -> impl Iterator<Item = Fingerprint> {
    envelope.signatures().iter().filter_map(EnvelopeSignature::claimed_signer)
}

impl From<MalformedEnvelope> for VerificationError {
    fn from(reason: MalformedEnvelope) -> Self {
        Self::MalformedSignature { reason }
    }
}

#[cfg(test)]
mod tests {
    use signing_crypto::{AuditCheckpoint, EntryHash, SignedCheckpoint, SigningKey, StoreId};
    use signing_trust::{PinnedKeys, Signers};

    use super::*;

    #[test]
    fn a_malformed_statement_of_a_trusted_key_is_called_malformed() {
        let [trusted, other] = [(); 2].map(|()| SigningKey::generate().unwrap());
        // A trusted key signs other things than packages, too.
        let checkpoint = AuditCheckpoint {
            store: StoreId::random(),
            org: OrgId::random(),
            org_name: "acme".parse().unwrap(),
            sequence: 1,
            entry_hash: EntryHash::from_bytes([7; 32]),
            created_at: "2026-01-28T12:00:00Z".parse().unwrap(),
        };
        let signed = SignedCheckpoint::sign(&checkpoint, &trusted);
        let envelope = SignatureEnvelope::parse(signed.to_json().as_bytes()).unwrap();
        let accept_by = |key: &SigningKey| {
            let decision = PinnedKeys::from(key.verifying_key()).decide(&Signers::of(&envelope));
            let (config, name) = (VerificationConfig::default(), "a.so".parse().unwrap());
            accept(&envelope, &decision, &config, &name).map(drop).unwrap_err()
        };

        let refused = accept_by(&trusted);
        assert!(matches!(refused, VerificationError::MalformedSignature { .. }), "{refused:?}");
        let refused = accept_by(&other);
        assert!(
            matches!(
                refused,
                VerificationError::UntrustedSigner { reason: UntrustedReason::NotPinned, .. }
            ),
            "{refused:?}"
        );
    }
}
