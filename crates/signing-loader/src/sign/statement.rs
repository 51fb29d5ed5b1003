use std::fmt;

use chrono::SubsecRound;
use signing_crypto::{
    AddSignatureError, PackageDigest, PackageStatement, PackageVersion, SignatureEnvelope, Signer,
    SignerError, StatementTime,
};
use signing_trust::acceptance::VerificationError;
use signing_trust::{AuditEvent, DecisionError, EventType, usable_clock_time};

use crate::error::PackageError;
use crate::open::open_regular;
use crate::path::PackagePath;
use crate::sign::SignError;

/// Signs the package at `path`, under its expected name, as it is now.
///
/// # Errors
///
/// As [`package_statement`], and [`SignError::Signer`].
pub fn sign_package(
    path: impl Into<PackagePath>,
    signer: &dyn Signer,
) -> Result<SignatureEnvelope, SignError> {
    Ok(sign_statement(&package_statement(path)?, signer)?)
}

/// Signs what is stated about a package, such as by [`package_statement`], which a
/// version and an expiry may have been added to.
///
/// # Errors
///
/// That `signer` did not sign it.
pub fn sign_statement(
    statement: &PackageStatement,
    signer: &dyn Signer,
) -> Result<SignatureEnvelope, SignerError> {
    let envelope = SignatureEnvelope::sign_with(statement, signer)?;
    announce(statement, signer);
    Ok(envelope)
}

/// Adds `signer`'s signature to an envelope, over the statement that is there. Whether
/// that is true, and worth signing, is for the caller to have checked.
///
/// # Errors
///
/// As [`SignatureEnvelope::add_signature`].
pub fn add_signature(
    envelope: &mut SignatureEnvelope,
    signer: &dyn Signer,
) -> Result<(), AddSignatureError> {
    let statement = envelope.unverified_statement()?;
    envelope.add_signature(signer)?;
    announce(&statement, signer);
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
    // First, so that a directory is said to be one also where its path has no name.
    let (file, _) = open_regular(package.path())?;
    let name = package.name()?;
    let content = PackageDigest::of_reader(file)
        .map_err(|source| PackageError::io(package.path(), source))?;
    if content.size == 0 {
        return Err(VerificationError::Empty.into());
    }
    let now = usable_clock_time().map_err(DecisionError::from)?;
    let signed_at = StatementTime::new(now.trunc_subsecs(0)).map_err(PackageError::Clock)?;
    Ok(PackageStatement::new(name, content.digest, content.size, signed_at))
}

/// What a signature states beside what the package is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedTerms {
    /// The package's version.
    pub version: Option<PackageVersion>,
    /// From when on the signature is void.
    pub expires_at: Option<StatementTime>,
}

impl SignedTerms {
    /// The terms of a statement.
    pub fn of(statement: &PackageStatement) -> Self {
        Self { version: statement.version().cloned(), expires_at: statement.expires_at() }
    }

    /// The statement with these terms.
    #[must_use]
    pub fn apply(&self, mut statement: PackageStatement) -> PackageStatement {
        if let Some(version) = &self.version {
            statement = statement.with_version(version.clone());
        }
        match self.expires_at {
            Some(expires_at) => statement.with_expiry(expires_at),
            None => statement,
        }
    }

    pub(super) fn differences(&self, wanted: &Self) -> String {
        let pairs = self.in_words().into_iter().zip(wanted.in_words());
        let differing: Vec<_> = pairs
            .filter(|(found, wanted)| found != wanted)
            .map(|(found, wanted)| format!("they state {found}, but {wanted} was requested"))
            .collect();
        differing.join("; ")
    }

    fn in_words(&self) -> [String; 2] {
        fn words<T: fmt::Display>(what: &str, found: Option<&T>) -> String {
            match found {
                Some(found) => format!("{what} {found}"),
                None => format!("no {what}"),
            }
        }
        [words("version", self.version.as_ref()), words("expiry", self.expires_at.as_ref())]
    }
}

fn announce(statement: &PackageStatement, signer: &dyn Signer) {
    AuditEvent::new(EventType::PackageSigned)
        .fingerprint(signer.verifying_key().fingerprint())
        .package(statement.name())
        .digest(*statement.digest())
        .emit();
}
