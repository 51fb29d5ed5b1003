#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::error::CliError;

/// Keeps other processes of the same user, and core files, from what this process will
/// hold: passphrases, private keys and the key encryption key.
///
/// It comes before any of them is read, and nothing is read where it fails.
pub(crate) fn protect_memory() -> Result<(), CliError> {
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, no_core).map_err(unprotected)?;
    #[cfg(target_os = "linux")]
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(unprotected)?;
    Ok(())
}

fn unprotected(error: rustix::io::Errno) -> CliError {
    CliError::UnprotectedProcess(error.into())
}
