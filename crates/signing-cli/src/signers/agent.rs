//! A client of ssh-agent: its messages are those of draft-ietf-sshm-ssh-agent.

mod identities;
mod protocol;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use signing_crypto::{Signer, SignerError, SigningInput, VerifyingKey};

use self::protocol::Agent;
use super::deadline::within;
use crate::key_source::AgentIdentity;
use crate::signer_error::AgentError;
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
