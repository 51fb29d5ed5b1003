//! Completion of command lines: a shell asks this program, which knows its commands and asks the
//! store for names.
//!
//! The store is only read. Whatever goes wrong, there are no candidates and no message: the
//! person at the shell has asked for neither.

mod candidates;

use std::process::ExitCode;
use std::{env, io};

use clap_complete::CompleteEnv;
use clap_complete::env::{Bash, EnvCompleter, Fish, Shells, Zsh};

use crate::cli::{self, Shell};

/// What the scripts set to ask for candidates, to the name of the shell.
const VARIABLE: &str = "CLOACINA_COMPLETE";
const PROGRAM: &str = "cloacina";

/// Answers a shell, if this was started to do so.
///
/// Only a shell begins with `--`: a variable alone must not make `cloacina verify` succeed.
pub(crate) fn answer() -> Option<ExitCode> {
    let mut words = env::args_os().skip(1);
    if words.next()? != "--" || words.next().is_none() {
        return None;
    }
    let request = CompleteEnv::with_factory(|| candidates::of_the_store(cli::command()))
        .var(VARIABLE)
        .shells(Shells(&[&Bash, &Fish, &Zsh]));
    let directory = env::current_dir().ok();
    match request.try_complete(env::args_os(), directory.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        // Nothing can be completed there, or there is no script for this shell.
        Err(_) => Some(ExitCode::from(2)),
    }
}

/// A shell's name, and the script that has the shell ask this program.
pub(crate) fn script(shell: Shell) -> io::Result<(&'static str, String)> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok((completer.name(), String::from_utf8_lossy(&script).into_owned()))
}
