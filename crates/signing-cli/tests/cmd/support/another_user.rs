//! A user of the same machine who is neither root nor the one who runs the tests.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::geteuid;

/// The number that every Unix reserves for the user `nobody`.
pub(crate) const NOBODY: u32 = 65534;

/// The same command, run by `nobody`.
pub(crate) fn as_nobody(command: &Command) -> Command {
    as_user(NOBODY, command)
}

/// The same command, run by root.
pub(crate) fn as_root(command: &Command) -> Command {
    as_user(0, command)
}

fn as_user(user: u32, command: &Command) -> Command {
    let mut other = match geteuid().is_root() {
        true => {
            let mut other = Command::new(command.get_program());
            other.env_clear().uid(user).gid(user);
            other.envs(variables(command));
            other
        }
        false => {
            assert_sudo();
            let mut other = Command::new("sudo");
            other.args(["-n", "-u", &format!("#{user}"), "env", "-i"]);
            for (name, value) in variables(command) {
                let mut pair = name.to_owned();
                pair.push("=");
                pair.push(value);
                other.arg(pair);
            }
            other.arg(command.get_program());
            other
        }
    };
    other.args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        other.current_dir(directory);
    }
    other
}

fn variables(command: &Command) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    command.get_envs().filter_map(|(name, value)| Some((name, value?)))
}

fn assert_sudo() {
    let allowed = Command::new("sudo").args(["-n", "true"]).output();
    assert!(
        allowed.is_ok_and(|output| output.status.success()),
        "this test acts as another user: run it as root, or as a user whom sudo asks no password"
    );
}
