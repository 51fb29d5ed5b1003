use std::fs::File;
use std::io::{self, Read};

use signing_crypto::{
    HashedContent, MalformedEnvelope, OrgId, PackageDigest, PackageName, SignatureEnvelope,
    StatementTime,
};
use signing_trust::{AuditEvent, EventType, PinnedKeys, TrustPath, TrustSourceKind, TrustedKey};

use signing_trust::acceptance::{Accepted, Validity, accept};

use crate::open::open_regular;
use crate::sealed::SealedPackage;
use crate::signers::SignerDecision;
use crate::source::{EnvelopeSource, Found};
use crate::{
    ActualContent, PackageError, PackagePath, SignatureLocation, SignatureSource,
    VerificationConfig, VerificationError, VerificationReport, VerifiedPackage,
};

#[cfg(feature = "store")]
mod with_store;

#[cfg(feature = "store")]
pub(crate) use with_store::{blocking, check};
#[cfg(feature = "store")]
pub use with_store::{check_package, verify_package};

/// Verifies a package with pinned keys: no store, no network, no runtime.
///
/// # Errors
///
/// [`PackageError::Verification`] says why the package is refused; anything else
/// that it could not be decided, which is to be treated alike.
pub fn verify_package_offline(
    path: impl Into<PackagePath>,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<VerifiedPackage, PackageError> {
    let package = path.into();
    let outcome = offline(&package, config, pinned, source, seal, &mut ());
    announce(&package, None, &outcome);
    outcome.map(|outcome| outcome.into_package(config, TrustSourceKind::Pinned))
}

/// Verifies a package with pinned keys, as [`verify_package_offline`] does,
/// without keeping its bytes: it is hashed as it is read, and cannot be loaded.
///
/// # Errors
///
/// As [`verify_package_offline`].
pub fn check_package_offline(
    path: impl Into<PackagePath>,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<VerificationReport, PackageError> {
    check_offline(&path.into(), config, pinned, source, &mut ())
}

pub(crate) fn check_offline(
    package: &PackagePath,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
    witness: &mut impl Witness,
) -> Result<VerificationReport, PackageError> {
    let outcome = offline(package, config, pinned, source, hash, witness);
    announce(package, None, &outcome);
    outcome.map(|outcome| outcome.report)
}

/// Somebody who is shown what a verification looks at, and has no say in it.
pub(crate) trait Witness {
    /// An envelope, with what was decided about its signers for a package of this name.
    fn saw(
        &mut self,
        source: &EnvelopeSource,
        envelope: &SignatureEnvelope,
        decided: &SignerDecision,
        name: &PackageName,
    );

    /// Something that is no envelope.
    fn could_not_read(&mut self, source: &EnvelopeSource, reason: &MalformedEnvelope);
}

/// Nobody wants to know.
impl Witness for () {
    fn saw(
        &mut self,
        _: &EnvelopeSource,
        _: &SignatureEnvelope,
        _: &SignerDecision,
        _: &PackageName,
    ) {
    }

    fn could_not_read(&mut self, _: &EnvelopeSource, _: &MalformedEnvelope) {}
}

fn offline<T>(
    package: &PackagePath,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
    measure: Measure<T>,
    witness: &mut impl Witness,
) -> Result<Verified<T>, PackageError> {
    let opened = OpenedPackage::open(package, config)?;
    let (source, envelope) = match source.look(package)? {
        Found::Envelope(source, envelope) => (source, *envelope),
        Found::Malformed(source, reason) => {
            witness.could_not_read(&source, &reason);
            return Err(VerificationError::from(reason).into());
        }
        Found::NothingYet(location) => {
            // There is no store to ask.
            let location = match location {
                SignatureLocation::FileOrStore(path) => SignatureLocation::File(path),
                other => other,
            };
            return Err(VerificationError::SignatureNotFound { location }.into());
        }
    };
    let decided = SignerDecision::by_pinned_keys(pinned, &envelope);
    witness.saw(&source, &envelope, &decided, &opened.name);
    let accepted = accept(&envelope, &decided.decision, config, &opened.name)?;
    let measured = opened.measure_up_to(&accepted, measure)?;
    Verified::new(accepted, measured, None)
}

/// What all checks have let through: the report, and what was kept of the bytes.
struct Verified<T> {
    report: VerificationReport,
    validity: Validity,
    expiring: Vec<TrustedKey>,
    kept: T,
}

impl<T> Verified<T> {
    /// The last check is done here.
    fn new(
        accepted: Accepted,
        (content, kept): (HashedContent, T),
        org: Option<OrgId>,
    ) -> Result<Self, PackageError> {
        accepted.require_content(&content)?;
        let Accepted { statement, signers, validity, expiring, .. } = accepted;
        let said = statement.statement();
        let report = VerificationReport {
            name: said.name().clone(),
            content,
            fingerprint: statement.signer().fingerprint(),
            signed_at: said.signed_at().to_utc(),
            version: said.version().cloned(),
            expires_at: said.expires_at().map(StatementTime::to_utc),
            signers,
            org,
        };
        Ok(Self { report, validity, expiring, kept })
    }
}

impl Verified<SealedPackage> {
    fn into_package(
        self,
        config: &VerificationConfig,
        verified_by: TrustSourceKind,
    ) -> VerifiedPackage {
        let Self { report, kept: sealed, .. } = self;
        VerifiedPackage { sealed, report, config: config.clone(), verified_by }
    }
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
    fn open(package: &PackagePath, config: &VerificationConfig) -> Result<Self, PackageError> {
        let name = package.name()?;
        let (file, size) = open_regular(package.path())?;
        if size > config.max_package_size {
            let limit = config.max_package_size;
            return Err(VerificationError::PackageTooLarge { size, limit }.into());
        }
        Ok(Self { package: package.clone(), name, file, size })
    }

    /// Reads the package, unless its size already tells that it is another one.
    fn measure_up_to<T>(
        self,
        accepted: &Accepted,
        measure: Measure<T>,
    ) -> Result<(HashedContent, T), PackageError> {
        let expected = accepted.statement().size();
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

/// Tells the audit log what came of a verification.
fn announce<T>(
    package: &PackagePath,
    org: Option<OrgId>,
    outcome: &Result<Verified<T>, PackageError>,
) {
    match outcome {
        Ok(Verified { report, validity, expiring, .. }) => {
            let event = |event_type| {
                AuditEvent::new(event_type)
                    .org(org)
                    .fingerprint(report.fingerprint)
                    .package(&report.name)
                    .digest(report.content.digest)
            };
            event(EventType::VerificationSuccess).emit();
            if let Validity::EndsSoon { expires_at } = *validity {
                event(EventType::SignatureExpiring).expires_at(Some(expires_at)).emit();
            }
            for signer in expiring {
                let event = event(EventType::TrustExpiring)
                    .fingerprint(signer.key.fingerprint())
                    .expires_at(signer.limits.expires_at);
                let event = match &signer.via {
                    TrustPath::Direct { trusted_key } => event.key_id(trusted_key),
                    TrustPath::Granted { child, trusted_key, .. } => {
                        event.key_id(trusted_key).child_org(*child)
                    }
                    _ => event,
                };
                event.emit();
            }
        }
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use signing_crypto::{SignatureEnvelope, SigningKey};
    use signing_trust::Signers;

    use super::*;
    use crate::package_statement;

    /// One byte too many tells that it is not what was signed; the rest is not read.
    #[test]
    fn a_package_that_grows_after_it_was_opened_is_read_one_byte_too_far_at_most() {
        fn size_of<T>(measure: Measure<T>) -> u64 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("libworkflow.so");
            std::fs::write(&path, "package").unwrap();
            let key = SigningKey::generate().unwrap();
            let envelope = SignatureEnvelope::sign(&package_statement(&path).unwrap(), &key);
            let (package, config) = (PackagePath::new(&path), VerificationConfig::default());

            let opened = OpenedPackage::open(&package, &config).unwrap();
            let mut file = File::options().append(true).open(&path).unwrap();
            file.write_all(&[0; 1 << 20]).unwrap();

            let decision = PinnedKeys::from(key.verifying_key()).decide(&Signers::of(&envelope));
            let name = package.name().unwrap();
            let accepted = accept(&envelope, &decision, &config, &name).unwrap();
            let (content, _) = opened.measure_up_to(&accepted, measure).unwrap();
            let refused = accepted.require_content(&content).unwrap_err();
            assert!(
                matches!(
                    refused,
                    VerificationError::TamperedPackage { actual: ActualContent::Size(8), .. }
                ),
                "{refused:?}"
            );
            content.size
        }
        assert_eq!(size_of(hash), 8);
        assert_eq!(size_of(seal), 8);
    }
}
