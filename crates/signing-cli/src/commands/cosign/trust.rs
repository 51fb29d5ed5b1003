use signing_crypto::SignatureEnvelope;
use signing_loader::{
    ActualContent, ExpectedContent, Explanation, Offline, PackageError, PackagePath,
    SignatureSource, VerificationError, Verifier, package_statement,
};
use signing_trust::KeyManager;

use crate::advice::refused_key;
use crate::cli::CosignPackages;
use crate::commands::trusted_by::{self, StoredTrust};
use crate::context::Context;
use crate::error::CliError;
use crate::view::Verdict;

/// Whose signature must be there already.
pub(super) enum Trust {
    Offline(Verifier<Offline>),
    Store(StoredTrust),
    /// A store's, which also has the signatures that are added to.
    StoredSignatures(KeyManager, StoredTrust),
    /// Anybody's.
    DangerNotAsked,
}

impl Trust {
    pub(super) async fn open(
        context: &Context,
        command: &CosignPackages,
    ) -> Result<Self, CliError> {
        if command.danger_cosign_unverified {
            return Ok(Self::DangerNotAsked);
        }
        if let Some(verifier) = trusted_by::offline(&command.trust)? {
            return Ok(Self::Offline(verifier));
        }
        if command.store {
            let keys = context.open_to_keep_signatures().await?;
            let stored = trusted_by::store_of(context, (&keys).into(), &command.trust).await?;
            return Ok(Self::StoredSignatures(keys, stored));
        }
        Ok(Self::Store(trusted_by::store(context, &command.trust).await?))
    }

    /// Checks the package by this envelope, and says which of the signatures count.
    pub(super) async fn verify(
        &self,
        package: &PackagePath,
        envelope: &SignatureEnvelope,
    ) -> Result<Option<Vec<Verdict>>, CliError> {
        let source = SignatureSource::Memory(envelope.clone());
        let Explanation { outcome, envelopes, .. } = match self {
            Self::Offline(verifier) => verifier.clone().signature(source).explain(package),
            Self::Store(trust) | Self::StoredSignatures(_, trust) => {
                trust.verifier.clone().signature(source).explain(package).await
            }
            Self::DangerNotAsked => {
                require_same_bytes(package, envelope)?;
                return Ok(None);
            }
        };
        if let Err(error) = outcome {
            return Err(match self {
                Self::Store(trust) | Self::StoredSignatures(_, trust) => {
                    refused_key::of_package(&trust.keys, &trust.org, error).await
                }
                _ => error.into(),
            });
        }
        let looked_at = envelopes.into_iter().filter_map(|found| found.content.ok());
        Ok(Some(looked_at.flat_map(|found| found.inspection.signatures).collect()))
    }
}

/// Checks all that needs no trusted key: name, bytes and expiry.
fn require_same_bytes(package: &PackagePath, envelope: &SignatureEnvelope) -> Result<(), CliError> {
    let stated = envelope.unverified_statement().map_err(VerificationError::from);
    let stated = stated.map_err(PackageError::from)?;
    let actual = package_statement(package)?;
    let refused = |error: VerificationError| Err(PackageError::from(error).into());
    if stated.name() != actual.name() {
        let (expected, signed) = (actual.name().clone(), stated.name().clone());
        return refused(VerificationError::WrongName { expected, signed });
    }
    let expected = ExpectedContent { digest: *stated.digest(), size: stated.size() };
    if stated.size() != actual.size() {
        let actual = ActualContent::Size(actual.size());
        return refused(VerificationError::TamperedPackage { expected, actual });
    }
    if stated.digest() != actual.digest() {
        let actual = ActualContent::Digest(*actual.digest());
        return refused(VerificationError::TamperedPackage { expected, actual });
    }
    Ok(())
}
