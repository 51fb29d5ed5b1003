use std::fmt;
use std::str::FromStr;

use crate::names::ParseError;

/// Why a key was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// It is no longer used. The revocation can be undone.
    #[default]
    Retired,
    /// Somebody else may have it. The revocation is permanent.
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
