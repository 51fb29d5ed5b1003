use chrono::{DateTime, Utc};
use signing_crypto::{
    Fingerprint, HashedContent, OrgId, PackageDigest, PackageName, PackageVersion,
    SignatureEnvelope, StatementTime,
};
use signing_trust::acceptance::{Accepted, Validity, VerificationConfig, accept_again};
use signing_trust::{AuditEvent, EventType, Signers, TrustDecision, TrustPath, TrustedKey};

use crate::error::PackageError;

/// What a verification found: that trusted keys have signed these bytes under
/// this name. It cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationReport {
    pub(crate) name: PackageName,
    pub(crate) content: HashedContent,
    /// At least one.
    pub(crate) signers: Vec<TrustedKey>,
    pub(crate) signed_at: DateTime<Utc>,
    pub(crate) version: Option<PackageVersion>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) org: Option<OrgId>,
}

impl VerificationReport {
    /// The name that was signed and expected.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// SHA-256 of the bytes that were signed and found.
    pub fn digest(&self) -> &PackageDigest {
        &self.content.digest
    }

    /// How many bytes those are.
    pub fn size(&self) -> u64 {
        self.content.size
    }

    /// The first trusted key that signed.
    pub fn signer(&self) -> Fingerprint {
        self.signers[0].key.fingerprint()
    }

    /// By which path that key is trusted.
    pub fn via(&self) -> &TrustPath {
        &self.signers[0].via
    }

    /// Every trusted key that signed, at least one, each once.
    pub fn signers(&self) -> &[TrustedKey] {
        &self.signers
    }

    /// When the signer says that it signed. Nothing depends on it.
    pub fn signed_at(&self) -> DateTime<Utc> {
        self.signed_at
    }

    /// The package's version, if the signers say one.
    pub fn version(&self) -> Option<&PackageVersion> {
        self.version.as_ref()
    }

    /// From when on the signature is void, if ever.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// The organization whose trust was asked; `None` for an offline verification.
    pub fn org(&self) -> Option<OrgId> {
        self.org
    }

    /// The signers that are trusted now, or why the report no longer holds.
    pub(crate) fn accepted_again(
        &self,
        decision: Result<TrustDecision, PackageError>,
        config: &VerificationConfig,
    ) -> Result<Vec<TrustedKey>, PackageError> {
        let version = self.version.as_ref();
        Ok(accept_again(&self.signers, self.expires_at, version, &decision?, config)?)
    }

    /// Notes the signers that are trusted now, or says why the report no longer holds, to the
    /// audit log as well.
    pub(crate) fn decided_again(
        &mut self,
        decision: Result<TrustDecision, PackageError>,
        config: &VerificationConfig,
    ) -> Result<(), PackageError> {
        match self.accepted_again(decision, config) {
            Ok(signers) => {
                self.signers = signers;
                Ok(())
            }
            Err(error) => {
                let outcome: Result<Verified<()>, _> = Err(error);
                announce(Some(self.name.clone()), self.org, &outcome);
                outcome.map(drop)
            }
        }
    }

    /// An event about the package, its first signer and the organization that decided.
    pub(crate) fn event(&self, event_type: EventType) -> AuditEvent {
        AuditEvent::new(event_type)
            .org(self.org)
            .fingerprint(self.signer())
            .package(&self.name)
            .digest(self.content.digest)
    }

    /// Those who signed, as those to ask about.
    pub(crate) fn claims(&self) -> Signers {
        let named = self.signers.iter().map(|signer| signer.key.fingerprint()).collect();
        Signers { named, unnamed: false }
    }
}

/// What all checks have let through: the report, and what was kept of the bytes.
pub(crate) struct Verified<T> {
    pub(crate) report: VerificationReport,
    validity: Validity,
    expiring: Vec<TrustedKey>,
    /// The signatures by which it was accepted.
    pub(crate) envelope: SignatureEnvelope,
    pub(crate) kept: T,
}

impl<T> Verified<T> {
    pub(crate) fn new(
        (accepted, envelope): (Accepted, SignatureEnvelope),
        content: HashedContent,
        kept: T,
        org: Option<OrgId>,
    ) -> Self {
        let Accepted { verified, signers, validity, expiring, .. } = accepted;
        let said = verified.statement();
        let report = VerificationReport {
            name: said.name().clone(),
            content,
            signed_at: said.signed_at().to_utc(),
            version: said.version().cloned(),
            expires_at: said.expires_at().map(StatementTime::to_utc),
            signers,
            org,
        };
        Self { report, validity, expiring, envelope, kept }
    }
}

/// Tells the audit log the result of a verification.
pub(crate) fn announce<T>(
    name: Option<PackageName>,
    org: Option<OrgId>,
    outcome: &Result<Verified<T>, PackageError>,
) {
    match outcome {
        Ok(Verified { report, validity, expiring, .. }) => {
            report.event(EventType::VerificationSuccess).emit();
            if let Validity::EndsSoon { expires_at } = *validity {
                report.event(EventType::SignatureExpiring).expires_at(Some(expires_at)).emit();
            }
            for signer in expiring {
                let event = report
                    .event(EventType::TrustExpiring)
                    .fingerprint(signer.key.fingerprint())
                    .expires_at(signer.limits.expires_at);
                let (row, child) = match &signer.via {
                    TrustPath::Direct { trusted_key } => (*trusted_key, None),
                    TrustPath::Granted { child, trusted_key, .. } => (*trusted_key, Some(*child)),
                    _ => (None, None),
                };
                event.key_id(row).child_org(child).emit();
            }
        }
        Err(error) => {
            let event = AuditEvent::new(EventType::VerificationFailure)
                .org(org)
                .fingerprint(error.signer())
                .failure(error);
            match name {
                Some(name) => event.package(&name).emit(),
                None => event.emit(),
            }
        }
    }
}
