//! Keys that sign, wherever their private halves are.

mod agent;
mod deadline;
mod program;

use signing_crypto::Signer;

use crate::cli::{KeyAccess, KeySource};
use crate::error::CliError;
use crate::key_files;

use agent::AgentSigner;
use program::ProgramSigner;

pub(crate) use agent::AgentError;
pub(crate) use program::ProgramError;

/// Finds the key, and does whatever it needs before it can sign.
pub(crate) fn open(source: &KeySource, access: &KeyAccess) -> Result<Box<dyn Signer>, CliError> {
    Ok(match source {
        KeySource::File(path) => Box::new(key_files::read_signing_key(path, &access.passphrase)?),
        KeySource::Agent(identity) => Box::new(AgentSigner::open(identity, access.timeout)?),
        KeySource::Program(path) => Box::new(ProgramSigner::open(path, access.timeout)?),
    })
}
