use chrono::{SubsecRound, Utc};
use signing_crypto::{
    PackageDigest, PackageStatement, SignatureEnvelope, SigningKey, StatementTime,
};
use signing_trust::{AuditEvent, EventType};

use crate::open::open_regular;
use crate::{PackageError, PackagePath, VerificationError};

/// Signs the package at `path`, under its expected name, as it is now.
///
/// # Errors
///
/// As [`package_statement`].
pub fn sign_package(
    path: impl Into<PackagePath>,
    key: &SigningKey,
) -> Result<SignatureEnvelope, PackageError> {
    let statement = package_statement(path)?;
    let envelope = SignatureEnvelope::sign(&statement, key);
    AuditEvent::new(EventType::PackageSigned)
        .fingerprint(key.fingerprint())
        .package(statement.name())
        .digest(*statement.digest())
        .emit();
    Ok(envelope)
}

/// What there is to sign about the package at `path`, for a key that is elsewhere.
/// Reads the file as a stream.
///
/// # Errors
///
/// [`VerificationError::NotARegularFile`], [`VerificationError::Empty`], a name
/// that cannot be signed, an I/O error, or [`PackageError::Clock`].
pub fn package_statement(path: impl Into<PackagePath>) -> Result<PackageStatement, PackageError> {
    let package = path.into();
    let name = package.name()?;
    let (file, _) = open_regular(package.path())?;
    let content = PackageDigest::of_reader(file)
        .map_err(|source| PackageError::io(package.path(), source))?;
    if content.size == 0 {
        return Err(VerificationError::Empty.into());
    }
    let signed_at = StatementTime::new(Utc::now().trunc_subsecs(0)).map_err(PackageError::Clock)?;
    Ok(PackageStatement::new(name, content.digest, content.size, signed_at))
}
