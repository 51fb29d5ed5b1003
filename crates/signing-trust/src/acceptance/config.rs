use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use thiserror::Error;

use super::RequiredSigners;

/// What is asked of a package beyond that a trusted key has signed it.
///
/// No value of it turns verification off. Fields may be added: construct it with
/// `..Default::default()`.
#[derive(Clone, Debug)]
pub struct VerificationConfig {
    /// The most bytes that a package may have, 4 GiB by default. They are copied into
    /// memory when it is loaded.
    pub max_package_size: u64,
    /// Who must have signed. One trusted key by default.
    pub required_signers: RequiredSigners,
    /// How far the clock may be ahead: a signature, and trust in a key, count for this
    /// long after they expired. None by default.
    pub clock_skew_allowance: ClockSkewAllowance,
    /// How long before they expire a signature that is accepted, and the trust by which
    /// it is, are reported with the audit events `signature.expiring` and
    /// `trust.expiring`. 30 days by default.
    pub warn_before_expiry: Duration,
}

impl Default for VerificationConfig {
    fn default() -> Self {
        Self {
            max_package_size: 4 * 1024 * 1024 * 1024,
            required_signers: RequiredSigners::default(),
            clock_skew_allowance: ClockSkewAllowance::NONE,
            warn_before_expiry: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// How far a clock may be ahead: five minutes at most, as Kerberos has it. With more, an
/// expiry would no longer be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClockSkewAllowance(Duration);

impl ClockSkewAllowance {
    /// The clock is right.
    pub const NONE: Self = Self(Duration::ZERO);
    /// The most that can be allowed: five minutes.
    pub const MAX: Self = Self(Duration::from_secs(5 * 60));

    /// An allowance.
    ///
    /// # Errors
    ///
    /// [`ClockSkewAllowanceError`] above [`MAX`](Self::MAX).
    pub fn new(allowance: Duration) -> Result<Self, ClockSkewAllowanceError> {
        match Self(allowance) {
            allowance if allowance <= Self::MAX => Ok(allowance),
            _ => Err(ClockSkewAllowanceError { limit: Self::MAX.0 }),
        }
    }

    /// The allowance as a duration.
    pub fn as_duration(self) -> Duration {
        self.0
    }

    /// The allowance, to reckon times with.
    pub(crate) fn as_delta(self) -> TimeDelta {
        TimeDelta::from_std(self.0).expect("an allowance is five minutes at most")
    }
}

/// Reads a number of seconds.
impl FromStr for ClockSkewAllowance {
    type Err = ClockSkewAllowanceError;

    fn from_str(text: &str) -> Result<Self, ClockSkewAllowanceError> {
        let seconds = text.parse().map_err(|_| ClockSkewAllowanceError { limit: Self::MAX.0 })?;
        Self::new(Duration::from_secs(seconds))
    }
}

/// Not an allowance for a clock that is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a number of seconds from 0 to {}", limit.as_secs())]
#[non_exhaustive]
pub struct ClockSkewAllowanceError {
    /// The most that can be allowed.
    pub limit: Duration,
}

impl ClockSkewAllowanceError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidArgument"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_five_minutes_is_no_allowance() {
        for seconds in ["0", "30", "300"] {
            let allowance: ClockSkewAllowance = seconds.parse().unwrap();
            assert_eq!(allowance.as_duration().as_secs().to_string(), seconds);
        }
        for text in ["301", "10000000000", "-1", "30s", "1.5", "", "forever"] {
            let refused = text.parse::<ClockSkewAllowance>().unwrap_err();
            assert_eq!(refused.to_string(), "expected a number of seconds from 0 to 300", "{text}");
        }
        assert!(ClockSkewAllowance::new(Duration::MAX).is_err());
    }
}
