//! A signal that ends the program while it waits for a passphrase.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support::{Scratch, ended, spawn, terminal};

const GENERATE: [&str; 7] =
    ["keys", "generate", "--name", "dev", "--output", "dev.pem", "--encrypt"];

#[test]
fn a_signal_ends_the_program_and_leaves_the_terminal_as_it_was() {
    let scratch = Scratch::new();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let (mut person, end) = terminal();
        let before = tcgetattr(&person).unwrap().local_modes;
        assert!(before.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        // The tests may run where a signal is ignored, as under nohup.
        let mut command = scratch.tool("env");
        command.args(["--default-signal", env!("CARGO_BIN_EXE_cloacina")]).args(GENERATE);
        command.stdin(end.try_clone().unwrap()).stdout(Stdio::null());
        let child = spawn(command.stderr(end.try_clone().unwrap()));
        // The command still holds the terminal's other end, and reading would not end.
        command.stdin(Stdio::null()).stderr(Stdio::null());
        drop(end);
        let (during, after, status) = ended(child, move |mut child| {
            read_to_prompt(&mut person);
            let during = tcgetattr(&person).unwrap().local_modes;
            kill_process(Pid::from_child(&child), signal).unwrap();
            let status = child.wait().unwrap();
            (during, tcgetattr(&person).unwrap().local_modes, status)
        });
        assert!(!during.contains(LocalModes::ECHO), "{signal:?}");
        assert_eq!(after, before, "{signal:?}");
        // As without a prompt.
        assert_eq!(status.signal(), Some(signal.as_raw()), "{status:?}");
        assert!(!scratch.exists("dev.pem"));
    }
}

/// As `nohup` arranges for the one that tells of a terminal that is gone.
#[test]
fn a_signal_that_is_ignored_stays_ignored_at_a_prompt() {
    let scratch = Scratch::new();
    let (mut person, end) = terminal();
    let mut command = scratch.tool("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cloacina")]);
    command.args(GENERATE).stdin(end.try_clone().unwrap()).stdout(Stdio::null());
    let child = spawn(command.stderr(end.try_clone().unwrap()));
    command.stdin(Stdio::null()).stderr(Stdio::null());
    drop(end);
    let status = ended(child, move |mut child| {
        read_to_prompt(&mut person);
        for signal in [Signal::HUP, Signal::TERM] {
            kill_process(Pid::from_child(&child), signal).unwrap();
        }
        child.wait().unwrap()
    });
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()), "{status:?}");
}

fn read_to_prompt(person: &mut File) {
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    while !shown.contains("New passphrase: ") {
        let count = person.read(&mut buffer).unwrap();
        shown += &String::from_utf8_lossy(&buffer[..count]);
    }
}
