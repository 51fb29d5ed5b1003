use std::fs::File;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use signing_crypto::SignatureEnvelope;
use signing_trust::acceptance::VerificationConfig;
use signing_trust::{EventType, TrustedKey};

use crate::elf::{AllowedDependencies, DependencyName};
use crate::error::PackageError;
use crate::install::{Downgrade, InstallDirectory, InstallError, Installed};
use crate::load::LoadedPackage;
use crate::report::{VerificationReport, Verified};
use crate::sealed::SealedPackage;
#[cfg(feature = "store")]
use crate::trust_source::Online;
use crate::trust_source::{Offline, TrustSource, at_once};

mod load;
mod providers;
mod reader;
mod soname;

use self::reader::read;

#[cfg(feature = "store")]
pub(crate) use providers::{questions, require_providers};
pub use reader::PackageReader;

/// A verified package and its verified bytes, as a private, sealed copy.
/// What happens to the file that it was read from no longer matters.
///
/// Every method that hands out bytes or loads them asks trust once more: a package that was
/// verified before a revocation, before its signature expired or before a higher version was
/// required is not used after it.
///
/// # Errors
///
/// What keeps a package from being verified also keeps it from being used:
/// [`UntrustedSigner`](crate::VerificationError::UntrustedSigner) if no signer is trusted any
/// more, [`NotEnoughSigners`](crate::VerificationError::NotEnoughSigners) if too few are,
/// [`Expired`](crate::VerificationError::Expired),
/// [`VersionBelowFloor`](crate::VerificationError::VersionBelowFloor), or that trust could not
/// be asked.
#[derive(Debug)]
#[must_use = "a verified package is not used yet"]
pub struct VerifiedPackage<T> {
    sealed: SealedPackage,
    /// The bytes in this process' memory, if they were asked for.
    bytes: OnceLock<Vec<u8>>,
    report: VerificationReport,
    envelope: SignatureEnvelope,
    /// Asked again at each use.
    config: VerificationConfig,
    trust: T,
    allowed_dependencies: AllowedDependencies,
}

impl<T> VerifiedPackage<T> {
    pub(crate) fn new(
        verified: Verified<SealedPackage>,
        config: VerificationConfig,
        trust: T,
        allowed_dependencies: AllowedDependencies,
    ) -> Self {
        let Verified { report, envelope, kept: sealed, .. } = verified;
        let bytes = OnceLock::new();
        Self { sealed, bytes, report, envelope, config, trust, allowed_dependencies }
    }

    /// Allows this package to link against a library of the system: see
    /// [`Verifier::allow_dependency`](crate::Verifier::allow_dependency).
    pub fn allow_dependency(mut self, name: DependencyName) -> Self {
        self.allowed_dependencies.insert(name);
        self
    }

    /// What the verification found.
    pub fn report(&self) -> &VerificationReport {
        &self.report
    }

    /// The signatures by which it was accepted.
    pub fn signature(&self) -> &SignatureEnvelope {
        &self.envelope
    }

    fn tell_refusal(&self, error: &PackageError) {
        self.report.event(EventType::LoadFailure).failure(error).emit();
    }

    fn new_reader(&self) -> PackageReader<'_> {
        PackageReader::new(self.sealed.file(), self.report.size())
    }
}

/// What [`Offline`] packages do at once, and [`Online`](crate::Online) ones after a while.
#[expect(private_bounds, reason = "the methods are for this crate")]
impl<T: TrustSource> VerifiedPackage<T> {
    /// The signers that are trusted now.
    async fn ask_again(&self) -> Result<Vec<TrustedKey>, PackageError> {
        let signers = self.report.claims();
        let decision = self.trust.decide(&signers, self.report.name(), &self.config).await;
        let accepted = self.report.accepted_again(decision, &self.config);
        accepted.inspect_err(|error| self.tell_refusal(error))
    }

    async fn bytes(&self) -> Result<&[u8], PackageError> {
        let read = self.read_once().await;
        self.ask_again().await?;
        read?;
        Ok(self.bytes.get().map_or(&[], Vec::as_slice))
    }

    async fn read_once(&self) -> Result<(), PackageError> {
        if self.bytes.get().is_none() {
            let (file, size) = (self.file()?, self.report.size());
            let name = self.report.name.clone();
            let bytes = T::work(move || {
                read(&file, size).map_err(|source| PackageError::io(name.as_str(), source))
            });
            let _ = self.bytes.set(bytes.await?);
        }
        Ok(())
    }

    async fn install_in(
        &self,
        to: &InstallDirectory,
        downgrade: Downgrade,
    ) -> Result<Installed, InstallError> {
        let (to, name) = (to.clone(), self.report.name().clone());
        let to = T::work(move || to.lock_for(&name)).await?;
        self.ask_again().await?;
        let file = self.file()?;
        let (report, envelope) = (self.report.clone(), self.envelope.clone());
        T::work(move || {
            let reader = PackageReader::new(&file, report.size());
            to.install(&report, &envelope, reader, downgrade)
        })
        .await
    }

    fn file(&self) -> Result<File, PackageError> {
        let file = self.sealed.file().try_clone();
        file.map_err(|source| PackageError::io(self.report.name.as_str(), source))
    }
}

impl VerifiedPackage<Offline> {
    /// The bytes. The first call reads them into memory.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`]; or that there is no memory.
    pub fn as_bytes(&self) -> Result<&[u8], PackageError> {
        at_once(self.bytes())
    }

    /// Reads the bytes, from the first on. They stay in the sealed copy.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`].
    pub fn reader(&self) -> Result<PackageReader<'_>, PackageError> {
        at_once(self.ask_again())?;
        Ok(self.new_reader())
    }

    /// The descriptor of the sealed copy, for `mmap`, `/proc/self/fd` or a child process. It
    /// is closed with this value, and by `exec`. Only Linux can seal a copy.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`].
    #[cfg(target_os = "linux")]
    pub fn as_fd(&self) -> Result<BorrowedFd<'_>, PackageError> {
        at_once(self.ask_again())?;
        Ok(self.sealed.file().as_fd())
    }

    /// Installs the package and its signature where runners find them.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`]; or [`InstallError`], and what was installed before stays.
    pub fn install(
        &self,
        to: &InstallDirectory,
        downgrade: Downgrade,
    ) -> Result<Installed, InstallError> {
        at_once(self.install_in(to, downgrade))
    }

    /// Loads the package as a native library.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`]; or [`PackageError::Load`], with
    /// [`LoadError::Library`](crate::LoadError::Library) if the package is not a library that
    /// may be loaded, [`LoadError::Soname`](crate::LoadError::Soname) if its signers are not
    /// trusted for the name that it takes as its SONAME, or
    /// [`LoadError::Dependency`](crate::LoadError::Dependency) if it needs a loaded package that
    /// this package's verifier does not trust now. Unless the dynamic linker was reached, none of
    /// the package's code has run.
    pub fn load(self) -> Result<LoadedPackage, PackageError> {
        at_once(self.load_for(|package, _, _| package))
    }
}

#[cfg(feature = "store")]
impl VerifiedPackage<Online> {
    /// The bytes. The first call reads them into memory.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`]; or that there is no memory.
    pub async fn as_bytes(&self) -> Result<&[u8], PackageError> {
        self.bytes().await
    }

    /// Reads the bytes, from the first on. They stay in the sealed copy.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`].
    pub async fn reader(&self) -> Result<PackageReader<'_>, PackageError> {
        self.ask_again().await?;
        Ok(self.new_reader())
    }

    /// The descriptor of the sealed copy, for `mmap`, `/proc/self/fd` or a child process. It
    /// is closed with this value, and by `exec`. Only Linux can seal a copy.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`].
    #[cfg(target_os = "linux")]
    pub async fn as_fd(&self) -> Result<BorrowedFd<'_>, PackageError> {
        self.ask_again().await?;
        Ok(self.sealed.file().as_fd())
    }

    /// Installs the package and its signature where runners find them.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`]; or [`InstallError`], and what was installed before stays.
    pub async fn install(
        &self,
        to: &InstallDirectory,
        downgrade: Downgrade,
    ) -> Result<Installed, InstallError> {
        self.install_in(to, downgrade).await
    }

    /// Loads the package as a native library.
    ///
    /// The package's constructors run on a thread where waiting does not block the runtime. If
    /// this future is dropped meanwhile, the package is loaded nevertheless.
    ///
    /// # Errors
    ///
    /// See [`VerifiedPackage`]; or [`PackageError::Load`], with
    /// [`LoadError::Library`](crate::LoadError::Library) if the package is not a library that
    /// may be loaded, [`LoadError::Soname`](crate::LoadError::Soname) if its signers are not
    /// trusted for the name that it takes as its SONAME, or
    /// [`LoadError::Dependency`](crate::LoadError::Dependency) if it needs a loaded package that
    /// this package's verifier does not trust now. Unless the dynamic linker was reached, none of
    /// the package's code has run.
    pub async fn load(self) -> Result<LoadedPackage, PackageError> {
        self.load_for(|package, _, _| package).await
    }
}

#[cfg(test)]
#[cfg(feature = "private-keys")]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, SeekFrom};
    use std::path::Path;

    use signing_crypto::{SignatureEnvelope, SigningKey, StatementTime};

    use super::*;
    use crate::elf::LibraryError;
    use crate::error::LoadError;
    use crate::sign::package_statement;
    use crate::source::SignatureSource;
    use crate::verifier::Verifier;
    use signing_trust::acceptance::VerificationError;

    const CONTENT: &[u8] = b"not a library";

    /// A package that is no library, so that trust does not refuse it, and loading does.
    fn verified(directory: &Path, key: &SigningKey) -> VerifiedPackage<Offline> {
        let path = directory.join("libworkflow.so");
        std::fs::write(&path, CONTENT).unwrap();
        let expiry: StatementTime = "9999-12-31T23:59:59Z".parse().unwrap();
        let statement = package_statement(&path).unwrap().with_expiry(expiry);
        let source = SignatureSource::Memory(SignatureEnvelope::sign(&statement, key));
        Verifier::pinned(key.verifying_key()).signature(source).verify(&path).unwrap()
    }

    /// Every way to a package's bytes.
    fn uses(package: VerifiedPackage<Offline>) -> Vec<Result<Vec<u8>, PackageError>> {
        vec![
            package.as_bytes().map(<[u8]>::to_vec),
            package.reader().map(|mut reader| {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).unwrap();
                bytes
            }),
            package.as_fd().map(|fd| {
                let file = File::from(fd.try_clone_to_owned().unwrap());
                read(&file, CONTENT.len() as u64).unwrap()
            }),
            match package.load() {
                Err(PackageError::Load(LoadError::Library(LibraryError::NotElf))) => {
                    Ok(CONTENT.to_vec())
                }
                other => other.map(|_| Vec::new()),
            },
        ]
    }

    #[test]
    fn a_signature_that_expired_after_verification_ends_every_use() {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        for used in uses(verified(directory.path(), &key)) {
            assert_eq!(used.unwrap(), CONTENT);
        }

        let mut package = verified(directory.path(), &key);
        let expiry = chrono::Utc::now();
        package.report.expires_at = Some(expiry);
        for used in uses(package) {
            assert!(
                matches!(
                    used,
                    Err(PackageError::Verification(VerificationError::Expired { expired_at, .. }))
                        if expired_at == expiry
                ),
                "{used:?}"
            );
        }
    }

    #[test]
    fn readers_have_positions_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let package = verified(directory.path(), &SigningKey::generate().unwrap());
        let [mut one, mut other] = [(); 2].map(|()| package.reader().unwrap());
        one.seek(SeekFrom::End(-7)).unwrap();
        let mut texts = [String::new(), String::new()];
        one.read_to_string(&mut texts[0]).unwrap();
        other.read_to_string(&mut texts[1]).unwrap();
        assert_eq!(texts, ["library", "not a library"]);
        assert!(one.seek(SeekFrom::Current(-100)).is_err());
    }

    #[test]
    fn what_happens_to_the_file_after_verification_does_not_matter() {
        let directory = tempfile::tempdir().unwrap();
        let package = verified(directory.path(), &SigningKey::generate().unwrap());
        std::fs::write(directory.path().join("libworkflow.so"), "hostile bytes").unwrap();
        assert_eq!(package.as_bytes().unwrap(), CONTENT);
    }
}
