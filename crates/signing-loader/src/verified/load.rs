//! The way from the sealed copy into the process.

use super::VerifiedPackage;
use crate::elf::SharedLibrary;
use crate::error::PackageError;
use crate::load::{LoadedPackage, Provider, TrustedProviders, load_verified, read_library};
use crate::report::VerificationReport;
use crate::trust_source::TrustSource;

#[expect(private_bounds, reason = "the methods are for this crate")]
impl<T: TrustSource> VerifiedPackage<T> {
    /// Loads the package, and gives it to `accept`, with what is found of it now and what it needs.
    /// Trust in the package's signers is asked last: between the answer and the package's code lies
    /// no queue.
    ///
    /// Both happen in one piece of work, which a caller that stops waiting does not end: what is
    /// loaded has been accepted.
    pub(crate) async fn load_for<R: Send + 'static>(
        self,
        accept: impl FnOnce(LoadedPackage, VerificationReport, Vec<Provider>) -> R + Send + 'static,
    ) -> Result<R, PackageError> {
        let needs = self.needs().await;
        let signers = self.ask_again().await?;
        let (library, trusted) = needs.inspect_err(|error| self.tell_refusal(error))?;
        let report = VerificationReport { signers, ..self.report };
        let (sealed, allowed) = (self.sealed, self.allowed_dependencies);
        T::work_now(move || {
            let library = library.as_ref();
            let package = load_verified(sealed, library, report.clone(), &allowed, &trusted)?;
            Ok(accept(package, report, trusted.into_providers()))
        })
        .await
    }

    /// What the package is as a library, and the loaded packages that it needs.
    async fn needs(&self) -> Result<(Option<SharedLibrary>, TrustedProviders), PackageError> {
        let library = self.library().await?;
        let trusted = match &library {
            Some(library) => {
                self.require_soname(library).await?;
                self.trusted_providers(library).await?
            }
            None => TrustedProviders::none(),
        };
        Ok((library, trusted))
    }

    async fn library(&self) -> Result<Option<SharedLibrary>, PackageError> {
        let file = self.file()?;
        T::work(move || Ok(read_library(&file)?)).await
    }
}
