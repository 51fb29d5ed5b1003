use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use thiserror::Error;

/// How often each race is run: 6 to 10,000 times. Six is each moment once at which a package is
/// swapped; with fewer, a race could pass without having been tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds(u32);

/// Not a number of [`Rounds`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RoundsError {
    /// Too few, or too many.
    #[error("each race is run 6 to 10000 times, not {found}")]
    Range {
        /// How often it would be.
        found: u32,
    },
    /// Not a number at all.
    #[error("give a number of rounds")]
    Number(#[source] ParseIntError),
}

impl Rounds {
    /// Checks the number.
    ///
    /// # Errors
    ///
    /// [`RoundsError::Range`].
    pub fn new(rounds: u32) -> Result<Self, RoundsError> {
        match rounds {
            6..=10_000 => Ok(Self(rounds)),
            found => Err(RoundsError::Range { found }),
        }
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl RoundsError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidRounds"
    }
}

impl Default for Rounds {
    /// Each moment twice.
    fn default() -> Self {
        Self(12)
    }
}

impl FromStr for Rounds {
    type Err = RoundsError;

    fn from_str(text: &str) -> Result<Self, RoundsError> {
        Self::new(text.parse().map_err(RoundsError::Number)?)
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_race_is_tried_at_each_moment_and_ends() {
        for rounds in [6, 12, 10_000] {
            assert_eq!(Rounds::new(rounds).unwrap().get(), rounds);
            assert_eq!(rounds.to_string().parse(), Ok(Rounds(rounds)));
        }
        for found in [0, 5, 10_001, u32::MAX] {
            assert_eq!(Rounds::new(found), Err(RoundsError::Range { found }));
        }
        assert!(matches!("many".parse::<Rounds>(), Err(RoundsError::Number(_))));
    }
}
