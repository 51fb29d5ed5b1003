//! Why a key that never enters the process cannot be used.

#[cfg(feature = "pkcs11")]
mod token;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use signing_crypto::{KeyError, PemError};
use signing_loader::ProtectionError;
use thiserror::Error;

use crate::lines::counted;

#[cfg(feature = "pkcs11")]
pub(crate) use token::TokenError;

/// A key of an ssh-agent that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum AgentError {
    #[error("there is no ssh-agent: SSH_AUTH_SOCK is not set")]
    NoAgent,
    #[error("the ssh-agent at {} does not answer", path.display())]
    Unreachable { path: PathBuf, source: io::Error },
    #[error("the ssh-agent at {} is another user's, whose id is {owner}", path.display())]
    OfAnotherUser { path: PathBuf, owner: u32 },
    #[error("the ssh-agent did not answer within {seconds} s")]
    TimedOut { seconds: u64 },
    #[error("the ssh-agent refused")]
    Refused,
    #[error("the ssh-agent's answer is malformed")]
    Malformed,
    #[error("the ssh-agent has no key {given:?}; it has {}", counted(*found as u64, "key"))]
    NoSuchKey { given: String, found: usize },
    #[error("the ssh-agent has several keys {given:?}")]
    SeveralKeys { given: String },
    #[error("the ssh-agent's key {given:?} is a key for {algorithm}, expected ssh-ed25519")]
    Algorithm { given: String, algorithm: String },
    #[error("the ssh-agent's key {given:?} is unfit")]
    UnfitKey { given: String, source: KeyError },
    #[error("the document has too many bytes for an ssh-agent: {found}, at most {limit}")]
    TooLarge { found: usize, limit: usize },
}

/// Why a program without a `/` in its path cannot be started.
pub(crate) const NOT_IN_PATH: &str = "no executable file of this name is in PATH";

/// A program that did not sign.
#[derive(Debug, Error)]
pub(crate) enum ProgramError {
    #[error(transparent)]
    Unprotected(#[from] ProtectionError),
    #[error("the program {} cannot be started", path.display())]
    Start { path: PathBuf, source: io::Error },
    #[error("the output of the program {} cannot be read", path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("the program {} did not end within {seconds} s", path.display())]
    TimedOut { path: PathBuf, seconds: u64 },
    #[error("the program {} failed: {status}", path.display())]
    Failed { path: PathBuf, status: ExitStatus },
    #[error("the program {} printed more than {limit} bytes", path.display())]
    TooLong { path: PathBuf, limit: usize },
    #[error("the program {} printed {}, expected a signature of 64", path.display(), counted(*found as u64, "byte"))]
    TooShort { path: PathBuf, found: usize },
    #[error("the program {} printed no public key", path.display())]
    PublicKey { path: PathBuf, source: PemError },
}
