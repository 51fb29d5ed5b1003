use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use signing_crypto::{MAX_PASSPHRASE_SIZE, Passphrase, PassphraseError};
use signing_loader::Protection;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::files;
use crate::terminal::Terminal;

const VARIABLE: &str = "CLOACINA_KEY_PASSPHRASE";

/// The options of [`PassphraseArgs`].
pub(crate) const PASSPHRASE: [&str; 2] = ["passphrase_file", "passphrase_fd"];

/// Where a private key's passphrase is. No option takes the passphrase itself, because
/// every user of the machine can read the command line.
#[derive(Args)]
#[group(id = "passphrase", multiple = false)]
pub(crate) struct PassphraseArgs {
    /// Read the private key's passphrase from this file, without its final line ending; - for
    /// standard input [default: all of CLOACINA_KEY_PASSPHRASE, or a prompt on the terminal]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,

    /// Read the private key's passphrase from this open file descriptor
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<Descriptor>,
}

impl PassphraseArgs {
    /// The passphrase of a key that is read.
    pub(crate) fn source(&self) -> PassphraseSource {
        match (&self.passphrase_file, self.passphrase_fd) {
            (Some(path), _) if path == Path::new("-") => PassphraseSource::StandardInput,
            (Some(path), _) => PassphraseSource::File(path.clone()),
            (None, Some(Descriptor(0))) => PassphraseSource::StandardInput,
            (None, Some(descriptor)) => PassphraseSource::Descriptor(descriptor),
            (None, None) if env::var_os(VARIABLE).is_some() => PassphraseSource::Environment,
            (None, None) => PassphraseSource::Terminal,
        }
    }

    /// The passphrase of a key that is written, if one is given or `is_required`.
    pub(crate) fn source_for_new(self, is_required: bool) -> Option<PassphraseSource> {
        match self.source() {
            PassphraseSource::Terminal if !is_required => None,
            source => Some(source),
        }
    }
}

/// Where a passphrase comes from. A variable that is set but empty counts as set: a missing secret
/// is an error then, and not an unencrypted key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PassphraseSource {
    StandardInput,
    File(PathBuf),
    Descriptor(Descriptor),
    Environment,
    Terminal,
}

impl PassphraseSource {
    /// The passphrase, unless somebody must type it.
    pub(crate) fn given(&self) -> Result<Option<Passphrase>, CliError> {
        Ok(self.given_bytes()?.map(Passphrase::new).transpose()?)
    }

    /// The same for a secret of another kind, such as a PIN.
    pub(crate) fn given_bytes(&self) -> Result<Option<Zeroizing<Vec<u8>>>, CliError> {
        let (path, bytes) = match self {
            Self::StandardInput => ("-".into(), read_limited(io::stdin().lock())),
            Self::File(path) => {
                let file = files::open(path, Some(Protection::Secrecy))?;
                (path.clone(), read_limited(file))
            }
            Self::Descriptor(descriptor) => (descriptor.path(), descriptor.read()),
            Self::Environment => {
                // The variable's value is the passphrase, with a line end if it has one.
                let value = Zeroizing::new(env::var_os(VARIABLE).unwrap_or_default().into_vec());
                return require_some(value).map(Some);
            }
            Self::Terminal => return Ok(None),
        };
        let bytes = bytes.map_err(|source| CliError::Read { path, source })?;
        require_some(line(bytes)?).map(Some)
    }

    /// The passphrase of a new key. One that is typed is typed twice.
    pub(crate) fn new_passphrase(&self) -> Result<Passphrase, CliError> {
        if let Some(passphrase) = self.given()? {
            return Ok(passphrase);
        }
        let mut terminal = Terminal::open().ok_or(CliError::NoTerminal)?;
        let first = terminal.ask("New passphrase: ")?;
        let first = require_some(first)?;
        if *first != *terminal.ask("The same again: ")? {
            return Err(CliError::PassphrasesDiffer);
        }
        Ok(Passphrase::new(first)?)
    }
}

/// An empty secret has an error of its own.
fn require_some(secret: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, CliError> {
    match secret.is_empty() {
        true => Err(CliError::Passphrase(PassphraseError::Empty)),
        false => Ok(secret),
    }
}

/// Asks for a passphrase or a PIN, if there is a terminal to ask on.
pub(crate) fn ask(prompt: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CliError> {
    Terminal::open().map(|mut terminal| terminal.ask(prompt)).transpose()
}

/// An open file descriptor that input can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor(u32);

/// Not a descriptor that input can come from.
#[derive(Debug, Error)]
#[error("expected the number of an open file descriptor: 0, or 3 and above")]
pub(crate) struct DescriptorError;

impl Descriptor {
    fn path(self) -> PathBuf {
        format!("/dev/fd/{}", self.0).into()
    }

    /// Opens it once more by its name, which is the same pipe or file.
    fn read(self) -> io::Result<Zeroizing<Vec<u8>>> {
        let file = File::open(self.path())?;
        match file.is_terminal() {
            // It would show what is typed.
            true => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a terminal")),
            false => read_limited(file),
        }
    }
}

impl FromStr for Descriptor {
    type Err = DescriptorError;

    fn from_str(text: &str) -> Result<Self, DescriptorError> {
        // Output goes to 1 and 2. If that were a pipe, we would wait for ourselves.
        match text.parse() {
            Ok(number) if !matches!(number, 1 | 2) => Ok(Self(number)),
            _ => Err(DescriptorError),
        }
    }
}

/// A passphrase without the one line ending that editors and shells put after it.
fn line(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let ending = match &bytes[..] {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    };
    let length = bytes.len() - ending;
    bytes.truncate(length);
    match length > MAX_PASSPHRASE_SIZE {
        true => Err(PassphraseError::TooLong { limit: MAX_PASSPHRASE_SIZE }.into()),
        false => Ok(bytes),
    }
}

/// Reads to the end, or to what is too much in any case.
fn read_limited(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let limit = MAX_PASSPHRASE_SIZE + 2;
    // With room to spare it does not grow, which would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * limit));
    source.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_no_descriptor_to_read_from() {
        for text in ["1", "2", "-1", "x", "", "4294967296"] {
            assert!(text.parse::<Descriptor>().is_err(), "{text}");
        }
        assert_eq!("0".parse::<Descriptor>().unwrap(), Descriptor(0));
        assert_eq!("3".parse::<Descriptor>().unwrap().path(), Path::new("/dev/fd/3"));
    }

    #[test]
    fn standard_input_has_two_names_and_is_one_source() {
        let source = |file: Option<&str>, number| {
            let passphrase_fd = number;
            PassphraseArgs { passphrase_file: file.map(PathBuf::from), passphrase_fd }.source()
        };
        assert_eq!(source(Some("-"), None), PassphraseSource::StandardInput);
        assert_eq!(source(None, Some(Descriptor(0))), PassphraseSource::StandardInput);
        assert_eq!(source(Some("f"), None), PassphraseSource::File("f".into()));
        assert_eq!(source(None, Some(Descriptor(3))), PassphraseSource::Descriptor(Descriptor(3)));
    }

    #[test]
    fn more_than_the_limit_is_not_read_and_not_cut_off_unseen() {
        let endless = read_limited(io::repeat(b'x')).unwrap();
        assert_eq!(endless.len(), MAX_PASSPHRASE_SIZE + 2);
        assert!(matches!(line(endless), Err(CliError::Passphrase(_))));
        for (length, end, fits) in
            [(0, "", true), (0, "\n", true), (0, "\r\n", true), (1, "\n\n", false), (1, "", false)]
        {
            let text = "x".repeat(MAX_PASSPHRASE_SIZE + length) + end;
            let bytes = read_limited(text.as_bytes()).unwrap();
            assert_eq!(line(bytes).is_ok(), fits, "{length} {end:?}");
        }
    }
}
