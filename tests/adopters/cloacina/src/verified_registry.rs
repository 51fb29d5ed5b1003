use std::io;

use async_trait::async_trait;
use cloacina::registry::{
    LoadedWorkflow, RegistryError, WorkflowMetadata, WorkflowPackageId, WorkflowRegistry,
};
use signing_loader::{
    Online, PackageBytes, PackageError, PackageVersion, VerificationError, Verifier,
    error_with_sources, printable,
};
use thiserror::Error;

/// Hands out what a registry holds only if keys that the verifier's organization trusts, now,
/// have signed exactly these bytes, for this package and this version.
///
/// Signatures are in the verifier's store, which knows them by the digest of what they are over.
///
/// | what is loaded | its signed name | its signed version |
/// | --- | --- | --- |
/// | the archive of the source | `<package>.cloacina` | the package's |
/// | the library, also for another target | `<package>.so` | the package's |
/// | the archive of a constructor provider | `<provider>.provider` | any, also none |
pub struct VerifiedRegistry<R> {
    registry: R,
    verifier: Verifier<Online>,
}

/// Why something is not handed out: what cloacina's [`RegistryError::Io`] holds.
///
/// cloacina logs an error without its sources, so the message names the reason as well.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It was not verified.
    #[error("{} is refused: {}", printable(name), error_with_sources(source))]
    Unverified {
        /// The name that it should be signed under.
        name: String,
        /// Why.
        source: PackageError,
    },
    /// It was signed as another version of the package, or without one.
    #[error(
        "{} is refused: it was signed {}, not as version {}",
        printable(name),
        version(signed),
        printable(expected)
    )]
    WrongVersion {
        /// The name that it is signed under.
        name: String,
        /// The version that was asked for.
        expected: String,
        /// The version that was signed.
        signed: Option<PackageVersion>,
    },
}

impl<R> VerifiedRegistry<R> {
    /// Verifies what `registry` holds.
    pub fn new(registry: R, verifier: Verifier<Online>) -> Self {
        Self { registry, verifier }
    }

    async fn verified(
        &self,
        name: String,
        version: Option<&str>,
        bytes: Vec<u8>,
    ) -> Result<Vec<u8>, Refusal> {
        let unverified = |source| Refusal::Unverified { name: name.clone(), source };
        let package = match name.parse() {
            Ok(name) => self.verifier.verify(PackageBytes::new(name, bytes)).await,
            Err(error) => Err(VerificationError::InvalidName(error).into()),
        };
        let package = package.map_err(unverified)?;
        let signed = package.report().version();
        match version {
            Some(expected) if signed.map(PackageVersion::as_str) != Some(expected) => {
                let (expected, signed) = (expected.into(), signed.cloned());
                Err(Refusal::WrongVersion { name, expected, signed })
            }
            _ => Ok(package.as_bytes().await.map_err(unverified)?.to_vec()),
        }
    }
}

#[async_trait]
impl<R: WorkflowRegistry> WorkflowRegistry for VerifiedRegistry<R> {
    async fn get_workflow(
        &self,
        package: &str,
        version: &str,
    ) -> Result<Option<LoadedWorkflow>, RegistryError> {
        let Some(found) = self.registry.get_workflow(package, version).await? else {
            return Ok(None);
        };
        let LoadedWorkflow { metadata, package_data, compiled_data } = found;
        let archive = format!("{package}.cloacina");
        let package_data = self.verified(archive, Some(version), package_data).await?;
        let compiled_data = match compiled_data {
            Some(bytes) => Some(self.verified(library(package), Some(version), bytes).await?),
            None => None,
        };
        Ok(Some(LoadedWorkflow { metadata, package_data, compiled_data }))
    }

    async fn get_compiled_data_for_target(
        &self,
        package: &str,
        version: &str,
        target: &str,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.registry.get_compiled_data_for_target(package, version, target).await? {
            Some(bytes) => Ok(Some(self.verified(library(package), Some(version), bytes).await?)),
            None => Ok(None),
        }
    }

    async fn get_package_providers(
        &self,
        package: &str,
        version: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, RegistryError> {
        let mut verified = Vec::new();
        for (provider, bytes) in self.registry.get_package_providers(package, version).await? {
            let bytes = self.verified(format!("{provider}.provider"), None, bytes).await?;
            verified.push((provider, bytes));
        }
        Ok(verified)
    }

    // Nothing of the rest is loaded. It is all passed on, because the trait's own versions of
    // these functions do nothing.

    async fn register_workflow(
        &mut self,
        package_data: Vec<u8>,
    ) -> Result<WorkflowPackageId, RegistryError> {
        self.registry.register_workflow(package_data).await
    }

    async fn list_workflows(&self) -> Result<Vec<WorkflowMetadata>, RegistryError> {
        self.registry.list_workflows().await
    }

    async fn unregister_workflow(
        &mut self,
        package: &str,
        version: &str,
    ) -> Result<(), RegistryError> {
        self.registry.unregister_workflow(package, version).await
    }

    async fn find_signature(&self, package_hash: &str) -> Result<bool, RegistryError> {
        self.registry.find_signature(package_hash).await
    }

    async fn persist_task_graph(
        &self,
        package: WorkflowPackageId,
        tasks: Vec<(String, Vec<String>)>,
    ) -> Result<(), RegistryError> {
        self.registry.persist_task_graph(package, tasks).await
    }

    async fn request_recompile(&self, package: WorkflowPackageId) -> Result<bool, RegistryError> {
        self.registry.request_recompile(package).await
    }
}

fn version(signed: &Option<PackageVersion>) -> String {
    match signed {
        Some(version) => format!("as version {version}"),
        None => "without a version".into(),
    }
}

fn library(package: &str) -> String {
    format!("{package}.so")
}

/// Of the errors of a registry, only this one can hold another error.
impl From<Refusal> for RegistryError {
    fn from(refusal: Refusal) -> Self {
        Self::Io(io::Error::other(refusal))
    }
}
