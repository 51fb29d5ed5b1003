//! What the kit asks of a host.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;
use thiserror::Error;

use crate::process::{Ended, Limits};

/// A plugin host, with its own way of signing.
pub trait Host {
    /// The name in the report.
    fn name(&self) -> &str;

    /// What the host claims to do. The cases that need more are not applicable.
    fn capabilities(&self) -> &[Capability];

    /// Signs the package as its publisher would. Files that this adds to the package's directory
    /// are taken for its signature.
    ///
    /// # Errors
    ///
    /// The package was not signed. Then no case can be judged.
    fn sign(&self, package: &Path, signer: Signer) -> Result<(), HostError>;

    /// Loads the packages, in this order, in one new process of the host, within the limits, and
    /// calls the entry point of each, if it has one. The host trusts [`Signer::Trusted`] and
    /// requires a signature. It stops at the first package that it refuses.
    ///
    /// # Errors
    ///
    /// The host cannot be started. A refusal is an [`Outcome`].
    fn load(&self, packages: &[PathBuf], limits: &Limits) -> Result<Outcome, HostError>;
}

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The one that the host trusts.
    Trusted,
    /// Somebody that the host does not know.
    Stranger,
}

/// What a host claims to do beyond the verification of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Capability {
    /// A signature holds for the package's name
    Names,
    /// The host refuses what a package loads beside itself, and what weakens the process
    Dependencies,
    /// One process of the host loads several packages
    SeveralPackages,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Names, Self::Dependencies, Self::SeveralPackages];
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Names => "names",
            Self::Dependencies => "dependencies",
            Self::SeveralPackages => "several-packages",
        })
    }
}

/// How an attempt to load ended, as far as the host says it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The host says that it has loaded everything.
    Loaded,
    /// The host says that it has refused something.
    Refused {
        /// What it says.
        message: String,
    },
    /// The host ended by a signal.
    Crashed {
        /// Its number.
        signal: i32,
    },
    /// The host ended with 126 or 127. It has not refused: with these, shells say that a command could
    /// not be started, and the dynamic linker that it has ended the process.
    NoVerdict {
        /// The exit code.
        code: i32,
    },
    /// The host panicked.
    Panicked,
    /// The host had not ended in time.
    TimedOut,
    /// The host used too much memory.
    TooMuchMemory,
}

impl Outcome {
    /// What the end of a command means: 0 is loaded, 101 a panic in Rust, 126 and 127 no verdict,
    /// 128 + N the signal N as shells report it, anything else a refusal.
    pub fn of(ended: Ended, message: String) -> Self {
        match ended {
            Ended::Exited(0) => Self::Loaded,
            Ended::Exited(101) => Self::Panicked,
            Ended::Exited(code @ 126..=127) => Self::NoVerdict { code },
            Ended::Exited(code @ 129..=192) => Self::Crashed { signal: code - 128 },
            Ended::Exited(_) => Self::Refused { message },
            Ended::Signaled(signal) => Self::Crashed { signal },
            Ended::TimedOut => Self::TimedOut,
            Ended::TooMuchMemory => Self::TooMuchMemory,
        }
    }
}

/// A host that could not be asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// A command could not be run.
    #[error("cannot run {program}")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The host did not sign.
    #[error("signing failed: {message}")]
    Sign {
        /// What the host says.
        message: String,
    },
}

impl HostError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Run { .. } => "CannotRun",
            Self::Sign { .. } => "CannotSign",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_the_dynamic_linker_or_the_shell_is_no_refusal() {
        let outcome = |code| Outcome::of(Ended::Exited(code), "why".into());
        assert_eq!(outcome(0), Outcome::Loaded);
        for code in [126, 127] {
            assert_eq!(outcome(code), Outcome::NoVerdict { code });
        }
        for code in [1, 2, 100, 125, 128, 255] {
            assert_eq!(outcome(code), Outcome::Refused { message: "why".into() });
        }
        assert_eq!(outcome(139), Outcome::Crashed { signal: 11 });
        assert_eq!(outcome(101), Outcome::Panicked);
    }
}
