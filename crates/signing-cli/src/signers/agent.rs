//! A client of ssh-agent: its messages are those of draft-ietf-sshm-ssh-agent.

mod identities;
mod protocol;

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use signing_crypto::{KeyError, Signer, SignerError, SigningInput, VerifyingKey};
use thiserror::Error;

use self::protocol::Agent;
use super::deadline::within;
use crate::cli::AgentIdentity;
use crate::lines::counted;
use crate::ssh::PublicKeyBlob;

const SOCKET: &str = "SSH_AUTH_SOCK";

/// A key that an ssh-agent holds.
#[derive(Debug)]
pub(super) struct AgentSigner {
    agent: Agent,
    blob: PublicKeyBlob,
    key: VerifyingKey,
    limit: Duration,
}

impl AgentSigner {
    /// Finds the key in the agent of `SSH_AUTH_SOCK`.
    pub(super) fn open(identity: &AgentIdentity, limit: Duration) -> Result<Self, AgentError> {
        let socket = env::var_os(SOCKET).filter(|socket| !socket.is_empty());
        let agent = Agent::new(PathBuf::from(socket.ok_or(AgentError::NoAgent)?));
        let asked = agent.clone();
        let timed_out = AgentError::TimedOut { seconds: limit.as_secs() };
        let held = within(limit, move || asked.identities()).ok_or(timed_out)??;
        let (blob, key) = identities::choose(&held, identity)?;
        Ok(Self { agent, blob, key, limit })
    }
}

impl Signer for AgentSigner {
    fn verifying_key(&self) -> VerifyingKey {
        self.key
    }

    fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError> {
        let failed = |error: AgentError| SignerError::Failed(Box::new(error));
        let request = protocol::sign_request(&self.blob, input.as_bytes()).map_err(failed)?;
        let agent = self.agent.clone();
        let timed_out = AgentError::TimedOut { seconds: self.limit.as_secs() };
        let signed = within(self.limit, move || agent.sign(&request)).ok_or(timed_out);
        signed.flatten().map_err(failed)
    }
}

/// A key of an ssh-agent that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum AgentError {
    #[error("there is no ssh-agent: SSH_AUTH_SOCK is not set")]
    NoAgent,
    #[error("the ssh-agent at {} does not answer", path.display())]
    Unreachable { path: PathBuf, source: io::Error },
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
