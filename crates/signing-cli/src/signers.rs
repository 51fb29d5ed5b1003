//! Keys that sign, wherever their private halves are.

mod agent;
mod deadline;
mod program;
#[cfg(feature = "pkcs11")]
mod token;

use signing_crypto::Signer;

use crate::error::CliError;
use crate::key_files;
use crate::key_source::{KeyAccess, KeySource};

use agent::AgentSigner;
use program::ProgramSigner;

/// Finds the key, and does whatever it needs before it can sign.
pub(crate) fn open(source: &KeySource, access: &KeyAccess) -> Result<Box<dyn Signer>, CliError> {
    Ok(match source {
        KeySource::File(path) => Box::new(key_files::read_signing_key(path, &access.passphrase)?),
        KeySource::Agent(identity) => Box::new(AgentSigner::open(identity, access.timeout)?),
        KeySource::Program(path) => Box::new(ProgramSigner::open(path, access.timeout)?),
        #[cfg(feature = "pkcs11")]
        KeySource::Token(uri) => Box::new(token::TokenSigner::open(uri, access)?),
        #[cfg(feature = "pkcs11")]
        KeySource::PinInUri => return Err(CliError::PinOnCommandLine),
    })
}

/// As [`open`]; if the file is missing, the error also suggests a key of the store.
pub(crate) fn open_or_suggest_stored(
    source: &KeySource,
    access: &KeyAccess,
) -> Result<Box<dyn Signer>, CliError> {
    open(source, access)
        .map_err(|error| key_files::or_stored(error, |name| format!("--key-id {name}")))
}
