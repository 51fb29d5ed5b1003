use std::fmt;
use std::path::{Path, PathBuf};

/// Where a key encryption key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KekPlace {
    /// In the file that this option names.
    Option { option: &'static str, path: PathBuf },
    /// In this environment variable.
    Variable(&'static str),
    /// In the file that this environment variable names.
    FileOfVariable { var: &'static str, path: PathBuf },
    /// Among the credentials that systemd gave the service.
    Credential(PathBuf),
    /// In the file that is read if nothing else is given.
    DefaultFile(PathBuf),
}

impl KekPlace {
    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Variable(_) => None,
            Self::Option { path, .. }
            | Self::FileOfVariable { path, .. }
            | Self::Credential(path)
            | Self::DefaultFile(path) => Some(path),
        }
    }
}

impl fmt::Display for KekPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { option, path } => write!(f, "{option} {}", path.display()),
            Self::Variable(var) => f.write_str(var),
            Self::FileOfVariable { var, path } => write!(f, "{} ({var})", path.display()),
            Self::Credential(path) => write!(f, "{} (CREDENTIALS_DIRECTORY)", path.display()),
            Self::DefaultFile(path) => path.display().fmt(f),
        }
    }
}
