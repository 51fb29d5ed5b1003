use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};

use signing_crypto::{Fingerprint, PackageName, ParseError};
use signing_trust::DecisionError;
#[cfg(feature = "store")]
use signing_trust::TrustError;
use signing_trust::acceptance::VerificationError;
use thiserror::Error;

use crate::directory::DirectoryError;
use crate::elf::{DependencyName, LibraryError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A package was not verified, or not loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The package is refused.
    #[error(transparent)]
    Verification(#[from] VerificationError),
    /// The package could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file could not be read. Whether the package is good is not known.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The clock shows a time that no statement can name, so nothing was signed.
    #[error("the clock shows a time that cannot be signed")]
    Clock(#[source] ParseError),
    /// Signed trust does not count, or leaves too many keys to try. Whether the package is good
    /// is not known.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The runtime shut down before there was an answer. Whether the package is good is not
    /// known.
    #[cfg(feature = "store")]
    #[error("the work on the package was cancelled: the program's runtime is shutting down")]
    Cancelled,
    /// Trust could not be asked. Whether the package is good is not known.
    #[cfg(feature = "store")]
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl PackageError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Verification(error) => error.code(),
            Self::Load(error) => error.code(),
            Self::Io { .. } => "UnreadableFile",
            Self::Clock(_) => "UnusableClock",
            Self::Decision(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Cancelled => "Cancelled",
            #[cfg(feature = "store")]
            Self::Trust(error) => error.code(),
        }
    }

    pub(crate) fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { path: path.as_ref().into(), source }
    }

    /// The key that is to blame, if it is one key.
    pub(crate) fn signer(&self) -> Option<Fingerprint> {
        match self {
            Self::Verification(VerificationError::UntrustedSigner { fingerprint, .. }) => {
                *fingerprint
            }
            Self::Verification(VerificationError::InvalidSignature { fingerprint }) => {
                Some(*fingerprint)
            }
            Self::Load(LoadError::Dependency { source, .. } | LoadError::Soname { source, .. }) => {
                source.signer()
            }
            _ => None,
        }
    }
}

/// Why a package could not be loaded, or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is not a library that may be loaded. The dynamic linker has not seen it.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It needs a loaded package that its own verifier does not trust now. The dynamic linker
    /// has not seen it.
    #[error("the package needs {name}, which the loaded package {provider} provides")]
    Dependency {
        /// The SONAME that it needs, or that a package needs which it needs.
        name: DependencyName,
        /// The package that has it, as it was signed.
        provider: PackageName,
        /// Why that package is not trusted.
        source: Box<PackageError>,
    },
    /// Its signers are not trusted for a package of the name that it takes as its SONAME. The
    /// dynamic linker has not seen it.
    #[error("the package is not accepted under its SONAME, {name}")]
    Soname {
        /// The SONAME.
        name: DependencyName,
        /// Why it is not accepted under that name.
        source: Box<PackageError>,
    },
    /// The dynamic linker refused it.
    #[error("the dynamic linker refused the package")]
    Linker(#[source] Source),
    /// The dynamic linker gave another library than the one that was asked for.
    #[error("the dynamic linker did not map the package that was verified")]
    AnotherLibrary,
    /// The sealed copy could not be handed to the dynamic linker.
    #[error("the package's private copy cannot be used")]
    Io(#[source] io::Error),
    /// Without `/proc`, the dynamic linker has to be given a path, and others could replace
    /// what is in the directory for temporary files.
    #[error("the package's private copy would not be safe in the directory for temporary files")]
    TemporaryDirectory(#[source] DirectoryError),
    /// There is no thread on which it could be loaded. None of its code has run.
    #[cfg(feature = "store")]
    #[error("cannot start a thread to load the package")]
    Thread(#[source] io::Error),
    /// No such symbol.
    #[error("the package has no usable symbol {name:?}")]
    Symbol {
        /// The symbol.
        name: CString,
        /// The dynamic linker's words.
        source: Source,
    },
    /// A symbol without an address.
    #[error("the package's symbol {name:?} has no address")]
    NullSymbol {
        /// The symbol.
        name: CString,
    },
}

impl LoadError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Library(error) => error.code(),
            Self::Dependency { .. } => "UntrustedDependency",
            Self::Soname { .. } => "UntrustedSoname",
            Self::Linker(_) => "LinkerRefused",
            Self::TemporaryDirectory(error) => error.code(),
            #[cfg(feature = "store")]
            Self::Thread(_) => "NoThread",
            Self::AnotherLibrary | Self::Io(_) | Self::Symbol { .. } | Self::NullSymbol { .. } => {
                "LoadFailed"
            }
        }
    }
}
