use chrono::{SubsecRound, Utc};
use signing_crypto::{PackageDigest, PackageStatement, StatementTime};
#[cfg(feature = "private-keys")]
use {
    signing_crypto::{EnvelopeError, SignatureEnvelope, SigningKey},
    signing_trust::{AuditEvent, EventType},
};

use crate::open::open_regular;
use crate::{PackageError, PackagePath, VerificationError};

/// Signs the package at `path`, under its expected name, as it is now.
///
/// # Errors
///
/// As [`package_statement`].
#[cfg(feature = "private-keys")]
pub fn sign_package(
    path: impl Into<PackagePath>,
    key: &SigningKey,
) -> Result<SignatureEnvelope, PackageError> {
    Ok(sign_statement(&package_statement(path)?, key))
}

/// Signs what is stated about a package, such as by [`package_statement`], which a
/// version and an expiry may have been added to.
#[cfg(feature = "private-keys")]
pub fn sign_statement(statement: &PackageStatement, key: &SigningKey) -> SignatureEnvelope {
    let envelope = SignatureEnvelope::sign(statement, key);
    announce(statement, key);
    envelope
}

/// Adds `key`'s signature to an envelope, over the statement that is there. Whether
/// that is true, and worth signing, is for the caller to have checked.
///
/// # Errors
///
/// As [`SignatureEnvelope::add_signature`].
#[cfg(feature = "private-keys")]
pub fn add_signature(
    envelope: &mut SignatureEnvelope,
    key: &SigningKey,
) -> Result<(), EnvelopeError> {
    let statement = envelope.unverified_statement()?;
    envelope.add_signature(key)?;
    announce(&statement, key);
    Ok(())
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

#[cfg(feature = "private-keys")]
fn announce(statement: &PackageStatement, key: &SigningKey) {
    AuditEvent::new(EventType::PackageSigned)
        .fingerprint(key.fingerprint())
        .package(statement.name())
        .digest(*statement.digest())
        .emit();
}
