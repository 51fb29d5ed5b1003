use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// For how long a store that does not answer is taken to say what it last said about the
/// packages that are loaded. 30 seconds by default.
///
/// It is measured from when the last answer was asked for, by a clock that also runs while the
/// machine is suspended. The store is asked three times in that period, and once a second at
/// least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxStaleness {
    limit: Duration,
    keeps_open: bool,
}

impl MaxStaleness {
    /// The shortest period in which a store can be expected to answer three times.
    pub const MIN: Duration = Duration::from_millis(100);
    /// One day.
    pub const MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// A period.
    ///
    /// # Errors
    ///
    /// [`MaxStalenessError`] below [`MIN`](Self::MIN) and above [`MAX`](Self::MAX).
    pub fn new(limit: Duration) -> Result<Self, MaxStalenessError> {
        match (Self::MIN..=Self::MAX).contains(&limit) {
            true => Ok(Self { limit, keeps_open: false }),
            false => Err(MaxStalenessError { min: Self::MIN, max: Self::MAX }),
        }
    }

    /// Keeps gates as they are when the period has passed. Who keeps the store from answering
    /// can then put off every revocation for as long. It is still reported.
    #[must_use]
    pub fn danger_keep_open_when_stale(self) -> Self {
        Self { keeps_open: true, ..self }
    }

    /// The period.
    pub fn as_duration(self) -> Duration {
        self.limit
    }

    pub(super) fn keeps_open(self) -> bool {
        self.keeps_open
    }
}

impl Default for MaxStaleness {
    fn default() -> Self {
        Self { limit: Duration::from_secs(30), keeps_open: false }
    }
}

/// Reads a number of seconds.
impl FromStr for MaxStaleness {
    type Err = MaxStalenessError;

    fn from_str(text: &str) -> Result<Self, MaxStalenessError> {
        let invalid = |_| MaxStalenessError { min: Duration::from_secs(1), max: Self::MAX };
        Self::new(Duration::from_secs(text.parse().map_err(invalid)?))
            .map_err(|_| MaxStalenessError { min: Duration::from_secs(1), max: Self::MAX })
    }
}

/// Not a period for which a store may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a number of seconds from {} to {}", min.as_secs_f32(), max.as_secs())]
#[non_exhaustive]
pub struct MaxStalenessError {
    /// The shortest period.
    pub min: Duration,
    /// The longest period.
    pub max: Duration,
}

impl MaxStalenessError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidArgument"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_day_or_less_than_a_second_is_no_option() {
        for seconds in ["1", "30", "86400"] {
            let parsed: MaxStaleness = seconds.parse().unwrap();
            assert_eq!(parsed.as_duration().as_secs().to_string(), seconds);
            assert!(!parsed.keeps_open() && parsed.danger_keep_open_when_stale().keeps_open());
        }
        for text in ["0", "86401", "-1", "1s", "1.5", "", "never", "18446744073709551616"] {
            let refused = text.parse::<MaxStaleness>().unwrap_err();
            assert_eq!(refused.to_string(), "expected a number of seconds from 1 to 86400");
        }
        assert!(MaxStaleness::new(MaxStaleness::MIN).is_ok());
        let refused = MaxStaleness::new(MaxStaleness::MIN - Duration::from_nanos(1)).unwrap_err();
        assert_eq!(refused.to_string(), "expected a number of seconds from 0.1 to 86400");
        assert!(MaxStaleness::new(Duration::MAX).is_err());
    }
}
