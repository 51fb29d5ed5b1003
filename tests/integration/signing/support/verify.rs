use signing_crypto::{OrgId, SignatureEnvelope};
use signing_loader::{
    Explanation, Online, PackageError, PackagePath, SignatureInspection, SignatureSource,
    VerificationConfig, VerificationReport, Verifier,
};
use signing_trust::store::OrganizationRef;
use signing_trust::{KeyManager, PinnedKeys};

async fn verifier(
    org: OrgId,
    config: &VerificationConfig,
    keys: &KeyManager,
) -> Result<Verifier<Online>, PackageError> {
    let verifier = Verifier::organization(keys, OrganizationRef::Id(org)).await?;
    Ok(verifier.config(config.clone()))
}

pub(crate) async fn check_package(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &VerificationConfig,
    keys: &KeyManager,
    source: SignatureSource,
) -> Result<VerificationReport, PackageError> {
    verifier(org, config, keys).await?.signature(source).check(path.into()).await
}

pub(crate) fn check_package_offline(
    path: impl Into<PackagePath>,
    config: &VerificationConfig,
    pinned: &PinnedKeys,
    source: SignatureSource,
) -> Result<VerificationReport, PackageError> {
    let verifier = Verifier::pinned(pinned.clone()).config(config.clone());
    verifier.signature(source).check(path.into())
}

pub(crate) async fn explain_package(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &VerificationConfig,
    keys: &KeyManager,
    source: SignatureSource,
) -> Explanation {
    let verifier = verifier(org, config, keys).await.unwrap();
    verifier.signature(source).explain(path.into()).await
}

pub(crate) async fn inspect_signature(
    envelope: &SignatureEnvelope,
    org: OrgId,
    config: &VerificationConfig,
    keys: &KeyManager,
) -> Result<SignatureInspection, PackageError> {
    verifier(org, config, keys).await?.inspect(envelope).await
}
