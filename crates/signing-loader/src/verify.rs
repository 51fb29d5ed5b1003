use std::fs::File;
use std::io::{self, Read};

use signing_crypto::{
    EnvelopeError, HashedContent, MalformedEnvelope, OrgId, PackageDigest, PackageName,
    SignatureEnvelope, VerifiedStatement,
};
use signing_trust::{
    AuditEvent, EventType, PinnedKeys, Signers, TrustDecision, TrustedKey, UntrustedReason,
};

use crate::open::open_regular;
use crate::sealed::SealedPackage;
use crate::source::Found;
use crate::{
    ActualContent, ExpectedContent, PackageError, PackagePath, SecurityConfig, SignatureSource,
    VerificationError, VerificationReport, VerifiedPackage,
};

#[cfg(feature = "store")]
mod with_store;

#[cfg(feature = "store")]
pub(crate) use with_store::blocking;
#[cfg(feature = "store")]
pub use with_store::{check_package, verify_package};

/// Verifies a package with pinned keys: no store, no network, no runtime. Always
/// verifies, whatever `config.require_signatures` says.
///
/// # Errors
///
/// [`PackageError::Verification`] says why the package is refused; anything else
/// that it could not be decided, which is to be treated alike.
pub fn verify_package_offline(
    path: impl Into<PackagePath>,
    config: &SecurityConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<VerifiedPackage, PackageError> {
    let package = path.into();
    let outcome = offline(&package, config, pinned, source, seal)
        .map(|(report, sealed)| VerifiedPackage { sealed, report });
    announce(&package, None, outcome.as_ref().map(VerifiedPackage::report));
    outcome
}

/// Verifies a package with pinned keys, as [`verify_package_offline`] does,
/// without keeping its bytes: it is hashed as it is read, and cannot be loaded.
///
/// # Errors
///
/// As [`verify_package_offline`].
pub fn check_package_offline(
    path: impl Into<PackagePath>,
    config: &SecurityConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<VerificationReport, PackageError> {
    let package = path.into();
    let outcome = offline(&package, config, pinned, source, hash).map(|(report, _)| report);
    announce(&package, None, outcome.as_ref());
    outcome
}

fn offline<T>(
    package: &PackagePath,
    config: &SecurityConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
    measure: Measure<T>,
) -> Result<(VerificationReport, T), PackageError> {
    let opened = OpenedPackage::open(package, config)?;
    let envelope = match source.look(package)? {
        Found::Envelope(envelope) => *envelope,
        Found::NothingYet(location) => {
            return Err(VerificationError::SignatureNotFound { location }.into());
        }
    };
    let decision = pinned.decide(&Signers::of(&envelope));
    let accepted = accept(&envelope, &decision)?;
    opened.require_signed_name(&accepted)?;
    let measured = opened.measure_up_to(&accepted, measure)?;
    accepted.into_report(measured, None)
}

/// A package file, opened and looked at from outside.
struct OpenedPackage {
    package: PackagePath,
    name: PackageName,
    file: File,
    size: u64,
}

/// How a package's bytes are read: sealed, to be loaded, or just hashed. At most
/// one byte more than the limit is looked at.
type Measure<T> = fn(File, u64, &PackageName) -> io::Result<(HashedContent, T)>;

fn seal(file: File, limit: u64, name: &PackageName) -> io::Result<(HashedContent, SealedPackage)> {
    let sealed = SealedPackage::copy(file, limit, name)?;
    Ok((sealed.content(), sealed))
}

fn hash(file: File, limit: u64, _: &PackageName) -> io::Result<(HashedContent, ())> {
    Ok((PackageDigest::of_reader(file.take(limit.saturating_add(1)))?, ()))
}

impl OpenedPackage {
    fn open(package: &PackagePath, config: &SecurityConfig) -> Result<Self, PackageError> {
        let name = package.name()?;
        let (file, size) = open_regular(package.path())?;
        if size > config.max_package_size {
            let limit = config.max_package_size;
            return Err(VerificationError::PackageTooLarge { size, limit }.into());
        }
        Ok(Self { package: package.clone(), name, file, size })
    }

    fn require_signed_name(&self, accepted: &Accepted) -> Result<(), VerificationError> {
        require_name(accepted, &self.name)
    }

    /// Reads the package, unless its size already tells that it is another one.
    fn measure_up_to<T>(
        self,
        accepted: &Accepted,
        measure: Measure<T>,
    ) -> Result<(HashedContent, T), PackageError> {
        let expected = accepted.statement.statement().size();
        if self.size != expected {
            return Err(accepted.tampered(ActualContent::Size(self.size)).into());
        }
        self.measure(expected, measure)
    }

    fn measure<T>(
        self,
        limit: u64,
        measure: Measure<T>,
    ) -> Result<(HashedContent, T), PackageError> {
        measure(self.file, limit, &self.name)
            .map_err(|source| PackageError::io(self.package.path(), source))
    }
}

/// A statement that a trusted key has signed. Nothing is said yet about the
/// package at hand.
struct Accepted {
    statement: VerifiedStatement,
    signer: TrustedKey,
}

impl Accepted {
    fn tampered(&self, actual: ActualContent) -> VerificationError {
        let statement = self.statement.statement();
        let expected = ExpectedContent { digest: *statement.digest(), size: statement.size() };
        VerificationError::TamperedPackage { expected, actual }
    }

    /// The last check: the bytes are those that were signed.
    fn into_report<T>(
        self,
        (content, kept): (HashedContent, T),
        org: Option<OrgId>,
    ) -> Result<(VerificationReport, T), PackageError> {
        let statement = self.statement.statement();
        if content.size != statement.size() {
            return Err(self.tampered(ActualContent::Size(content.size)).into());
        }
        if content.digest != *statement.digest() {
            return Err(self.tampered(ActualContent::Digest(content.digest)).into());
        }
        let report = VerificationReport {
            name: statement.name().clone(),
            content,
            fingerprint: self.signer.key.fingerprint(),
            signed_at: statement.signed_at().to_utc(),
            signer: self.signer,
            org,
        };
        Ok((report, kept))
    }
}

/// Finds a trusted key that signed the envelope. One suffices; signatures of
/// others, good or broken, do no harm.
fn accept(
    envelope: &SignatureEnvelope,
    decision: &TrustDecision,
) -> Result<Accepted, VerificationError> {
    let claimed = |key: &TrustedKey| {
        let fingerprint = Some(key.key.fingerprint());
        envelope.signatures().iter().any(|signature| signature.claimed_signer() == fingerprint)
    };
    let mut refusal = None;
    for signer in decision.trusted() {
        match envelope.verify(&signer.key) {
            Ok(statement) => return Ok(Accepted { statement, signer: signer.clone() }),
            Err(EnvelopeError::Malformed(reason)) => {
                refusal = Some(VerificationError::MalformedSignature { reason });
            }
            Err(_) if claimed(signer) => {
                let fingerprint = signer.key.fingerprint();
                refusal.get_or_insert(VerificationError::InvalidSignature { fingerprint });
            }
            Err(_) => {}
        }
    }
    Err(refusal.unwrap_or_else(|| untrusted(decision)))
}

fn untrusted(decision: &TrustDecision) -> VerificationError {
    let refused = decision
        .keys()
        .iter()
        .find_map(|key| key.verdict.as_ref().err().map(|reason| (key.fingerprint, reason.clone())));
    match refused {
        Some((fingerprint, reason)) => {
            VerificationError::UntrustedSigner { fingerprint: Some(fingerprint), reason }
        }
        None => {
            let reason = UntrustedReason::Unknown;
            VerificationError::UntrustedSigner { fingerprint: None, reason }
        }
    }
}

fn require_name(accepted: &Accepted, expected: &PackageName) -> Result<(), VerificationError> {
    let signed = accepted.statement.statement().name();
    match signed == expected {
        true => Ok(()),
        false => {
            Err(VerificationError::WrongName { expected: expected.clone(), signed: signed.clone() })
        }
    }
}

/// Tells the audit log what came of a verification.
fn announce(
    package: &PackagePath,
    org: Option<OrgId>,
    outcome: Result<&VerificationReport, &PackageError>,
) {
    match outcome {
        Ok(report) => AuditEvent::new(EventType::VerificationSuccess)
            .org(org)
            .fingerprint(report.fingerprint)
            .package(&report.name)
            .digest(report.content.digest)
            .emit(),
        Err(error) => {
            let mut event = AuditEvent::new(EventType::VerificationFailure)
                .org(org)
                .fingerprint(error.signer())
                .failure(error);
            if let Ok(name) = package.name() {
                event = event.package(&name);
            }
            event.emit();
        }
    }
}

impl From<MalformedEnvelope> for VerificationError {
    fn from(reason: MalformedEnvelope) -> Self {
        Self::MalformedSignature { reason }
    }
}
