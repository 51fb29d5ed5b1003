//! Keys behind a program of the user's: it prints its public key, and signs what it is given.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};
use signing_crypto::{MAX_PEM_SIZE, Signer, SignerError, SigningInput, VerifyingKey};
use signing_loader::Protection;

use super::deadline::within;
use crate::signer_error::{NOT_IN_PATH, ProgramError};

/// How the names of this program's own variables begin.
const OUR_VARIABLES: &[u8] = b"CLOACINA_";

/// Variables of others that hold a secret of this program, or lead to one.
const OTHER_SECRETS: [&str; 3] = ["PGPASSWORD", "PGPASSFILE", "CREDENTIALS_DIRECTORY"];

/// A program that signs.
#[derive(Debug)]
pub(super) struct ProgramSigner {
    path: PathBuf,
    key: VerifyingKey,
    limit: Duration,
}

impl ProgramSigner {
    /// Asks the program for its public key.
    pub(super) fn open(path: &Path, limit: Duration) -> Result<Self, ProgramError> {
        let printed = run(path, "public-key", Vec::new(), MAX_PEM_SIZE, limit)?;
        let key = VerifyingKey::from_pem(&printed)
            .map_err(|source| ProgramError::PublicKey { path: path.into(), source })?;
        Ok(Self { path: path.into(), key, limit })
    }
}

impl Signer for ProgramSigner {
    fn verifying_key(&self) -> VerifyingKey {
        self.key
    }

    fn sign(&self, input: &SigningInput) -> Result<[u8; 64], SignerError> {
        let signed = run(&self.path, "sign", input.as_bytes().to_owned(), 64, self.limit);
        let exact = signed.and_then(|bytes| {
            let found = bytes.len();
            bytes.try_into().map_err(|_| ProgramError::TooShort { path: self.path.clone(), found })
        });
        exact.map_err(|error| SignerError::Failed(Box::new(error)))
    }
}

/// What the program prints, if it then ends well and in time.
fn run(
    path: &Path,
    argument: &str,
    input: Vec<u8>,
    limit: usize,
    time: Duration,
) -> Result<Vec<u8>, ProgramError> {
    let end = Instant::now() + time;
    let timed_out = || ProgramError::TimedOut { path: path.into(), seconds: time.as_secs() };
    let mut program = start(path, argument)?;
    if let Some(mut stdin) = program.0.stdin.take() {
        // A program that does not read all of it is not at fault for that.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let Some(stdout) = program.0.stdout.take() else { return Err(timed_out()) };
    let read = within(time, move || {
        let mut printed = Vec::new();
        stdout.take(limit as u64 + 1).read_to_end(&mut printed).map(|_| printed)
    });
    let printed = read
        .ok_or_else(timed_out)?
        .map_err(|source| ProgramError::Output { path: path.into(), source })?;
    if printed.len() > limit {
        return Err(ProgramError::TooLong { path: path.into(), limit });
    }
    match program.wait_until(end) {
        None => Err(timed_out()),
        Some(status) if !status.success() => {
            Err(ProgramError::Failed { path: path.into(), status })
        }
        Some(_) => Ok(printed),
    }
}

/// Starts it without a shell, without this program's secrets, and with its standard error, where
/// it may ask for something. Others must not be able to change or replace it: it acts as this user.
fn start(path: &Path, argument: &str) -> Result<Running, ProgramError> {
    let failed = |source| ProgramError::Start { path: path.into(), source };
    let file = find(path).map_err(failed)?;
    // A program that may be executed need not be readable, so it is not opened.
    Protection::Integrity.require(&file, &file.metadata().map_err(failed)?)?;
    let mut command = Command::new(file);
    command.arg0(path).arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped());
    for (name, _) in env::vars_os().filter(|(name, _)| is_secret(name)) {
        command.env_remove(name);
    }
    command.spawn().map(Running).map_err(failed)
}

/// The program's file: a bare name is looked for in `PATH`.
fn find(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().as_encoded_bytes().contains(&b'/') {
        return Ok(path.into());
    }
    let directories = env::var_os("PATH").unwrap_or_default();
    // An empty directory is the current one.
    env::split_paths(&directories)
        .map(|directory| Path::new(".").join(directory).join(path))
        .find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, NOT_IN_PATH))
}

fn is_secret(variable: &OsStr) -> bool {
    variable.as_encoded_bytes().starts_with(OUR_VARIABLES)
        || OTHER_SECRETS.iter().any(|secret| variable == *secret)
}

/// A program that is killed if nobody waits for it any longer.
struct Running(Child);

impl Running {
    fn wait_until(&mut self, end: Instant) -> Option<ExitStatus> {
        let mut pause = Duration::from_millis(1);
        loop {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Some(status);
            }
            let left = end.checked_duration_since(Instant::now())?;
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is sent to a program that has ended. That it ends now is not waited for: a
        // device may hold it.
        let _ = self.0.kill();
        let _ = self.0.try_wait();
    }
}
