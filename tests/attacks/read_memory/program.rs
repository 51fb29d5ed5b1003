//! Who runs as the same user reads a process's memory, or makes it leave a core file.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Scratch, ended, spawn};

/// Any user but root, to whom the kernel would show everything.
const NOBODY: u32 = 65534;

#[test]
fn a_process_gives_no_memory_away_before_it_has_a_passphrase() {
    let scratch = Scratch::new();
    let program = scratch.path("program");
    fs::copy(env!("CARGO_BIN_EXE_cloacina"), &program).unwrap();
    let generate =
        ["keys", "generate", "--name", "k", "--output", "k.pem", "--passphrase-file", "-"];
    let mut command = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(scratch.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
        let mut command = scratch.tool("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "./program"]);
        command
    } else {
        scratch.tool("./program")
    };
    command.args(generate).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(&mut command);
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let limit = Instant::now() + Duration::from_secs(20);
    // It waits for its passphrase, and may be as early as in the code that starts it.
    loop {
        let limits = fs::read_to_string(process.join("limits")).unwrap();
        let core: Vec<_> = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max core file size"))
            .unwrap()
            .split_whitespace()
            .collect();
        // What cannot be dumped belongs to root under /proc.
        let is_hidden = process.join("mem").metadata().unwrap().uid() == 0;
        if core[..2] == ["0", "0"] && is_hidden {
            break;
        }
        assert!(Instant::now() < limit, "core {core:?}, memory hidden: {is_hidden}");
    }
    child.stdin.take().unwrap().write_all(b"open sesame\n").unwrap();
    let status = ended(child, |mut child| child.wait().unwrap());
    assert!(status.success());
    assert!(scratch.exists("k.pem"));
}
