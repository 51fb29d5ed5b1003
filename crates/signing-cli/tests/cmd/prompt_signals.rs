//! A signal that ends the program while it waits for a passphrase.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support::{Scratch, ended, spawn, terminal};

#[test]
fn a_signal_ends_the_program_and_leaves_the_terminal_as_it_was() {
    let scratch = Scratch::new();
    let generate = ["keys", "generate", "--name", "dev", "--output", "dev.pem", "--encrypt"];
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let (mut person, end) = terminal();
        let before = tcgetattr(&person).unwrap().local_modes;
        assert!(before.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        let mut command = scratch.command(&generate);
        command.stdin(end.try_clone().unwrap()).stdout(Stdio::null());
        let child = spawn(command.stderr(end.try_clone().unwrap()));
        // The command still holds the terminal's other end, and reading would not end.
        command.stdin(Stdio::null()).stderr(Stdio::null());
        drop(end);
        let (during, after, status) = ended(child, move |mut child| {
            let mut shown = String::new();
            let mut buffer = [0; 4096];
            while !shown.contains("New passphrase: ") {
                let count = person.read(&mut buffer).unwrap();
                shown += &String::from_utf8_lossy(&buffer[..count]);
            }
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
