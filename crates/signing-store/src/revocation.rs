use std::fmt;
use std::str::FromStr;

use signing_crypto::{Note, ParseError};

/// Why a key was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// It is no longer used. May be taken back.
    #[default]
    Retired,
    /// Somebody else may have it. For good.
    Compromised,
}

impl RevocationReason {
    /// The reason's name: `retired` or `compromised`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Compromised => "compromised",
        }
    }
}

impl FromStr for RevocationReason {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "retired" => Ok(Self::Retired),
            "compromised" => Ok(Self::Compromised),
            _ => Err(ParseError::RevocationReason),
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A revocation to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// What somebody says about it.
    pub note: Option<Note>,
}

impl Revocation {
    /// The key is no longer used.
    pub fn retired() -> Self {
        Self::default()
    }

    /// Somebody else may have the key.
    pub fn compromised() -> Self {
        Self { reason: RevocationReason::Compromised, note: None }
    }

    /// Whether it says more than one that was made before.
    pub(crate) fn is_worse_than(&self, before: Option<RevocationReason>) -> bool {
        self.reason == RevocationReason::Compromised
            && before != Some(RevocationReason::Compromised)
    }

    /// Adds what somebody says about it.
    #[must_use]
    pub fn with_note(self, note: Option<Note>) -> Self {
        Self { note, ..self }
    }
}
