//! Why a host could not be judged.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::host::HostError;
use crate::words::TemplateError;

/// The kit could not run. No case that is not in the report was passed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KitError {
    /// A command is not a template.
    #[error("the command cannot be used")]
    Template(#[from] TemplateError),
    /// The host could not be asked.
    #[error("the host cannot be checked")]
    Host(#[from] HostError),
    /// The C compiler that makes the packages cannot be started.
    #[error("cannot start the C compiler {}: install one, or name it", compiler.display())]
    NoCompiler {
        /// The compiler.
        compiler: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The C compiler does not make a library of the kit's source and the entry point.
    #[error("the C compiler failed: {message}")]
    Compile {
        /// What it says.
        message: String,
    },
    /// A file of the kit cannot be made or changed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A loader that verifies nothing does not fall for an attack, so nothing can be learned.
    #[error("the attack of the case {case} does not work on this machine: {message}")]
    DeadAttack {
        /// The case.
        case: &'static str,
        /// What the loader says.
        message: String,
    },
    /// There is no case of this id.
    #[error("there is no case {0}")]
    UnknownCase(String),
}

impl KitError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Template(error) => error.code(),
            Self::Host(error) => error.code(),
            Self::NoCompiler { .. } => "NoCompiler",
            Self::Compile { .. } => "CannotCompile",
            Self::File { .. } => "FileError",
            Self::DeadAttack { .. } => "DeadAttack",
            Self::UnknownCase(_) => "UnknownCase",
        }
    }

    /// For `map_err`: what was to be done with which file.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.into(), source }
    }
}
