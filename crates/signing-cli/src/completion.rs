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

use self::candidates::Files;
use crate::cli::{self, Shell};

/// What the scripts set to ask for candidates, to the name of the shell.
const VARIABLE: &str = "CLOACINA_COMPLETE";
const PROGRAM: &str = "cloacina";
/// What clap has for Bash takes the parts of `--database-url=…` for words.
const BASH: &str = include_str!("completion/cloacina.bash");

/// Answers a shell, if this was started to do so.
///
/// Only a shell begins with `--`: a variable alone must not make `cloacina verify` succeed.
pub(crate) fn answer() -> Option<ExitCode> {
    let mut words = env::args_os().skip(1);
    if words.next()? != "--" || words.next().is_none() {
        return None;
    }
    // The variable is gone by the time that the candidates are asked for.
    let files = files();
    let request = CompleteEnv::with_factory(|| candidates::of_the_store(cli::command(), files))
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

/// Bash puts candidates into the command line as they are, so it must find files itself: their
/// names may hold anything.
fn files() -> Files {
    match env::var_os(VARIABLE) {
        Some(shell) if shell == Bash.name() => Files::ByTheShell,
        _ => Files::ByThisProgram,
    }
}

/// A shell's name, and the script that has the shell ask this program.
pub(crate) fn script(shell: Shell) -> io::Result<(&'static str, String)> {
    let completer: &dyn EnvCompleter = match shell {
        Shell::Bash => return Ok((Bash.name(), BASH.to_owned())),
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    Ok((completer.name(), String::from_utf8_lossy(&script).into_owned()))
}
