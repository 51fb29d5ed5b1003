use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(target_os = "linux")]
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{Resource, Rlimit, setrlimit};

use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

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

/// Has a write beyond the limit on a file's size (`ulimit -f`) fail as one on a full disk does.
/// Without this the system would end the program, and nobody would say why.
pub(crate) fn survive_file_size_limit() -> Result<(), CliError> {
    let is_known_by_the_failed_write = Arc::new(AtomicBool::new(false));
    flag::register(SIGXFSZ, is_known_by_the_failed_write)
        .map(drop)
        .map_err(CliError::UnprotectedProcess)
}

fn unprotected(error: rustix::io::Errno) -> CliError {
    CliError::UnprotectedProcess(error.into())
}
