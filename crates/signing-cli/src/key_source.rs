//! How the command line names a key that signs, and what it takes to use it.

#[cfg(feature = "pkcs11")]
mod token_uri;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, TryMapValueParser, TypedValueParser, ValueParserFactory};
use thiserror::Error;

use crate::passphrase::{PassphraseArgs, PassphraseSource};

#[cfg(feature = "pkcs11")]
pub(crate) use token_uri::{Module, TokenName, TokenUri, TokenUriError};

/// Where a key that signs is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeySource {
    /// In a PEM file, or on standard input.
    File(PathBuf),
    /// In an ssh-agent.
    Agent(AgentIdentity),
    /// Behind this program.
    Program(PathBuf),
    /// In a token.
    #[cfg(feature = "pkcs11")]
    Token(Box<TokenUri>),
    /// In a token, by a URI that holds the PIN. It is refused later than a usage error is, which
    /// would print it.
    #[cfg(feature = "pkcs11")]
    PinInUri,
}

impl KeySource {
    /// Whatever has none of the prefixes is a path. A file with such a name is `./agent:…`.
    pub(crate) fn parse(given: OsString) -> Result<Self, KeySourceError> {
        let Some(text) = given.to_str() else { return Ok(Self::File(given.into())) };
        if let Some(identity) = text.strip_prefix("agent:") {
            return match identity.is_empty() {
                true => Err(KeySourceError::NoIdentity),
                false => Ok(Self::Agent(AgentIdentity(identity.to_owned()))),
            };
        }
        if let Some(path) = text.strip_prefix("exec:") {
            return match path.is_empty() {
                true => Err(KeySourceError::NoProgram),
                false => Ok(Self::Program(path.into())),
            };
        }
        if text.starts_with("pkcs11:") {
            #[cfg(not(feature = "pkcs11"))]
            return Err(KeySourceError::NoTokens);
            #[cfg(feature = "pkcs11")]
            return match TokenUri::holds_pin(text) {
                true => Ok(Self::PinInUri),
                false => Ok(Self::Token(Box::new(text.parse()?))),
            };
        }
        Ok(Self::File(given.into()))
    }
}

impl ValueParserFactory for KeySource {
    type Parser =
        TryMapValueParser<OsStringValueParser, fn(OsString) -> Result<Self, KeySourceError>>;

    fn value_parser() -> Self::Parser {
        OsStringValueParser::new().try_map(Self::parse)
    }
}

/// What names no key.
#[derive(Debug, Error)]
pub(crate) enum KeySourceError {
    #[error("expected agent: and the key's comment or fingerprint, as ssh-add -l shows them")]
    NoIdentity,
    #[error("expected exec: and the path of a program")]
    NoProgram,
    #[cfg(feature = "pkcs11")]
    #[error(transparent)]
    Token(#[from] TokenUriError),
    #[cfg(any(test, not(feature = "pkcs11")))]
    #[error("this program was built without PKCS#11 tokens (feature pkcs11)")]
    NoTokens,
}

/// What a key is called in an ssh-agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgentIdentity(String);

/// As many digits of a fingerprint as are not another key's by a slip.
const MIN_PREFIX_LENGTH: usize = 8;

impl AgentIdentity {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The beginning of a fingerprint, in lower case, if it can be one.
    pub(crate) fn as_fingerprint_prefix(&self) -> Option<String> {
        let is_prefix = self.0.len() >= MIN_PREFIX_LENGTH
            && self.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_prefix.then(|| self.0.to_ascii_lowercase())
    }
}

impl FromStr for AgentIdentity {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// What it takes to use a key that signs.
#[derive(Args)]
pub(crate) struct KeyAccessArgs {
    #[command(flatten)]
    passphrase: PassphraseArgs,

    /// For how many seconds to wait for an agent, a program or a token, 1 to 3600 [default: 60]
    #[arg(long, value_name = "SECONDS")]
    signer_timeout: Option<SignerTimeout>,
}

/// The options of [`KeyAccessArgs`].
pub(crate) const KEY_ACCESS: [&str; 3] = ["passphrase_file", "passphrase_fd", "signer_timeout"];

pub(crate) struct KeyAccess {
    pub(crate) passphrase: PassphraseSource,
    pub(crate) timeout: Duration,
}

impl KeyAccessArgs {
    pub(crate) fn access(&self) -> KeyAccess {
        let SignerTimeout(seconds) = self.signer_timeout.unwrap_or(SignerTimeout(60));
        KeyAccess {
            passphrase: self.passphrase.source(),
            timeout: Duration::from_secs(seconds.into()),
        }
    }
}

/// How many seconds a signer may take, which may be those that a person needs.
#[derive(Clone, Copy)]
pub(crate) struct SignerTimeout(u16);

#[derive(Debug, Error)]
#[error("expected a number of seconds, 1 to 3600")]
pub(crate) struct SignerTimeoutError;

impl FromStr for SignerTimeout {
    type Err = SignerTimeoutError;

    fn from_str(text: &str) -> Result<Self, SignerTimeoutError> {
        match text.parse() {
            Ok(seconds) if (1..=3600).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(SignerTimeoutError),
        }
    }
}
