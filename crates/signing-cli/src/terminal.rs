mod hidden;

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use signing_crypto::{MAX_PASSPHRASE_SIZE, printable};
use zeroize::Zeroizing;

use self::hidden::Hidden;
use crate::error::CliError;

/// The terminal that somebody sits at, showing nothing of what is typed until this
/// is dropped.
pub(crate) struct Terminal {
    file: File,
    _hidden: Hidden,
}

impl Terminal {
    /// The terminal of standard input or else standard error, if either is one. A
    /// program without both has nobody to wait for.
    pub(crate) fn open() -> Option<Self> {
        let file = open_to_ask().ok()??;
        let hidden = Hidden::on(&file)?;
        Some(Self { file, _hidden: hidden })
    }

    /// Asks, in one line whatever it quotes, and gives the line that is typed.
    pub(crate) fn ask(&mut self, prompt: &str) -> Result<Zeroizing<Vec<u8>>, CliError> {
        self.file.write_all(printable(prompt).as_bytes()).map_err(CliError::Terminal)?;
        let line = read_line(&mut self.file);
        self.file.write_all(b"\n").map_err(CliError::Terminal)?;
        line
    }
}

/// Whether somebody must agree before something is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    Needed,
    Given,
}

impl Confirmation {
    pub(crate) fn given_if(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Needed }
    }
}

/// Asks a question, and gives the line that is typed, which the terminal shows. `None` if nobody
/// is there to ask.
///
/// # Errors
///
/// [`CliError::InputEnded`] if there is no line.
pub(crate) fn ask_line(question: &str) -> Result<Option<String>, CliError> {
    let Some(mut terminal) = open_to_ask()? else { return Ok(None) };
    answer_to(&mut terminal, question).map(Some)
}

/// The terminal that somebody sits at, or `None` without a terminal.
pub(crate) fn open_to_ask() -> Result<Option<File>, CliError> {
    let path = match (io::stdin().is_terminal(), io::stderr().is_terminal()) {
        (true, _) => "/dev/fd/0",
        (_, true) => "/dev/fd/2",
        _ => return Ok(None),
    };
    // After `su` the terminal belongs to another user, and opens by its alias only.
    open(path).or_else(|_| open("/dev/tty")).map(Some).map_err(CliError::Terminal)
}

/// Asks a question on a terminal, and gives the line that is typed.
pub(crate) fn answer_to(terminal: &mut File, question: &str) -> Result<String, CliError> {
    terminal.write_all(printable(question).as_bytes()).map_err(CliError::Terminal)?;
    let mut line = Vec::new();
    let mut key = [0];
    // A line that is too long is another answer.
    while line.len() <= MAX_ANSWER && terminal.read(&mut key).map_err(CliError::Terminal)? == 1 {
        match key[0] {
            b'\n' | b'\r' => return Ok(String::from_utf8_lossy(&line).trim().to_owned()),
            byte => line.push(byte),
        }
    }
    Err(CliError::InputEnded)
}

/// More bytes than a name may have.
const MAX_ANSWER: usize = 1024;

fn open(path: &str) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOCTTY.bits() as i32;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// Reads a line, with the keys that edit one or give up.
fn read_line(keys: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, CliError> {
    // With room for all of it, it does not grow, which would leave a copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_PASSPHRASE_SIZE + 1));
    let mut key = Zeroizing::new([0]);
    loop {
        match keys.read(key.as_mut_slice()) {
            Ok(0) => return Err(CliError::InputEnded),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CliError::Terminal(error)),
        }
        match key[0] {
            b'\n' | b'\r' => return Ok(line),
            CTRL_C => return Err(CliError::Interrupted),
            CTRL_D if line.is_empty() => return Err(CliError::InputEnded),
            CTRL_D => {}
            CTRL_U => line.clear(),
            BACKSPACE | DELETE => {
                // One character, which in UTF-8 may be several bytes.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            // One byte too many tells that it is too long; more need not be kept.
            byte if line.len() <= MAX_PASSPHRASE_SIZE => line.push(byte),
            _ => {}
        }
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(mut keys: &[u8]) -> Result<Vec<u8>, CliError> {
        read_line(&mut keys).map(|line| line.to_vec())
    }

    #[test]
    fn keys_that_edit_a_line_edit_it() {
        for (keys, line) in [
            ("secret\n", "secret"),
            ("secret\r", "secret"),
            ("\n", ""),
            ("secrets\u{7f}\n", "secret"),
            ("größe\u{8}\u{8}\u{8}ss\n", "grss"),
            ("\u{7f}\u{7f}a\n", "a"),
            ("wrong\u{15}right\n", "right"),
            ("a\u{4}b\n", "ab"),
            (" a b \n", " a b "),
        ] {
            assert_eq!(typed(keys.as_bytes()).unwrap(), line.as_bytes(), "{keys:?}");
        }
    }

    #[test]
    fn giving_up_is_no_passphrase() {
        for keys in ["sec\u{3}ret\n", "\u{3}"] {
            assert!(matches!(typed(keys.as_bytes()), Err(CliError::Interrupted)), "{keys:?}");
        }
        for keys in ["\u{4}", "a\u{15}\u{4}", "", "half a line"] {
            assert!(matches!(typed(keys.as_bytes()), Err(CliError::InputEnded)), "{keys:?}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_stays_too_long() {
        let keys = "x".repeat(3 * MAX_PASSPHRASE_SIZE) + "\n";
        assert_eq!(typed(keys.as_bytes()).unwrap().len(), MAX_PASSPHRASE_SIZE + 1);
    }
}
