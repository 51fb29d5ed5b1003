//! A process of a host, within limits.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How often a process is looked at.
const INTERVAL: Duration = Duration::from_millis(2);
/// How much of what a process prints is kept.
const MAX_PRINTED: u64 = 4096;

/// What a host may use for one attempt to load.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Until it counts as a hang.
    pub time: Duration,
    /// Memory of the process and its children, in bytes: what is resident, and memory files that
    /// are not. Those are counted by the descriptors of each process, so not for one that hides
    /// them from the kit's user (proc_pid_fd(5)).
    pub memory: u64,
}

impl Default for Limits {
    /// 10 seconds and 1 GiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), memory: 1 << 30 }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// It was killed, because it had not ended in time.
    TimedOut,
    /// It was killed, because it used too much memory.
    TooMuchMemory,
}

/// Runs a command within limits, and returns how it ended and the beginning of what it wrote to
/// standard error. The file `stderr` is overwritten.
///
/// The command is a process group of its own. What it leaves running in this group is killed.
///
/// # Errors
///
/// The command cannot be started, or not be waited for.
pub fn run_within(
    command: &mut Command,
    limits: &Limits,
    stderr: &Path,
) -> io::Result<(Ended, String)> {
    let printed = File::create(stderr)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(printed).process_group(0);
    let mut child = command.spawn()?;
    let stopped = wait(&child, limits);
    // Before the child is reaped, so that its number cannot be another group's yet.
    let killed = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = child.wait()?;
    killed?;
    let ended = match (stopped?, status.code()) {
        (Some(ended), _) => ended,
        (None, Some(code)) => Ended::Exited(code),
        (None, None) => Ended::Signaled(status.signal().unwrap_or_default()),
    };
    let mut text = Vec::new();
    File::open(stderr)?.take(MAX_PRINTED).read_to_end(&mut text)?;
    Ok((ended, String::from_utf8_lossy(&text).into_owned()))
}

/// Waits until the child has ended by itself (`None`) or has exceeded a limit.
fn wait(child: &Child, limits: &Limits) -> io::Result<Option<Ended>> {
    let deadline = Instant::now() + limits.time;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        if waitid(WaitId::Pid(Pid::from_child(child)), options)?.is_some() {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Ok(Some(Ended::TimedOut));
        }
        if used(child.id(), &mut BTreeSet::new()) > limits.memory {
            return Ok(Some(Ended::TooMuchMemory));
        }
        thread::sleep(INTERVAL);
    }
}

/// The memory of a process and its children. A process that has just ended uses none.
///
/// A memory file costs memory without being mapped. What of it is mapped is shared memory, so the
/// larger of the two counts. A file that several processes have open counts once.
fn used(pid: u32, counted: &mut BTreeSet<(u64, u64)>) -> u64 {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let status = read("status");
    let resident = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let size = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        size.unwrap_or_default() * 1024
    };
    let own = resident("RssAnon:") + resident("RssFile:");
    let shared = resident("RssShmem:").max(memory_files(pid, counted));
    let children = read(&format!("task/{pid}/children"));
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    own + shared + children.map(|pid| used(pid, counted)).sum::<u64>()
}

/// What the memory files take that a process has open.
fn memory_files(pid: u32, counted: &mut BTreeSet<(u64, u64)>) -> u64 {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let is_memory = |link: &Path| {
        fs::read_link(link).is_ok_and(|file| file.as_os_str().as_bytes().starts_with(b"/memfd:"))
    };
    let files = descriptors.map(|entry| entry.path()).filter(|link| is_memory(link));
    let files = files.filter_map(|link| fs::metadata(link).ok());
    // In units of 512 bytes (stat(2)). A hole takes none.
    files.filter(|file| counted.insert((file.dev(), file.ino()))).map(|it| it.blocks() * 512).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(script: &str, limits: Limits) -> (Ended, String) {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_within(&mut command, &limits, &directory.path().join("stderr")).unwrap()
    }

    #[test]
    fn the_end_of_a_process_is_told() {
        let limits = Limits::default();
        assert_eq!(ended("echo no >&2; exit 3", limits), (Ended::Exited(3), "no\n".into()));
        assert_eq!(ended("kill -s SEGV $$", limits).0, Ended::Signaled(11));
    }

    #[test]
    fn a_process_that_hangs_is_killed_with_its_children() {
        let limits = Limits { time: Duration::from_millis(200), ..Limits::default() };
        assert_eq!(ended("sleep 60 & wait", limits).0, Ended::TimedOut);
    }

    #[test]
    fn a_process_that_takes_too_much_memory_is_killed() {
        let limits = Limits { memory: 64 << 20, ..Limits::default() };
        let greedy = "exec head -c 1000000000000 /dev/zero | tail -c 1000000000000";
        assert_eq!(ended(greedy, limits).0, Ended::TooMuchMemory);
        assert_eq!(ended("head -c 1000 /dev/zero | tail -c 10", limits).0, Ended::Exited(0));
    }

    #[test]
    fn a_memory_file_counts_although_it_is_not_mapped() {
        let limits = Limits { memory: 128 << 20, ..Limits::default() };
        let write = |mib: u32| {
            format!(
                "exec python3 -c 'import os; file = os.memfd_create(\"x\"); part = bytes(1 << 20)\n\
                 for _ in range({mib}): os.write(file, part)\nos.truncate(file, 1 << 40)\n\
                 import time; time.sleep({})'",
                if mib > 100 { 60 } else { 0 }
            )
        };
        assert_eq!(ended(&write(200), limits).0, Ended::TooMuchMemory);
        // What it could hold does not count.
        assert_eq!(ended(&write(20), limits).0, Ended::Exited(0));
    }
}
