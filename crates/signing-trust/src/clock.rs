use std::time::SystemTime;

#[cfg(feature = "store")]
use chrono::SubsecRound;
use chrono::{DateTime, Utc};
use thiserror::Error;

/// The clock shows a time before 1970: it was never set, and everything would seem to be current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the clock shows a time before 1970")]
pub struct UnusableClock;

impl UnusableClock {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "UnusableClock"
    }
}

/// The time that the clock of this machine shows, which may be one before 1970: `Utc::now` would
/// panic then.
pub fn clock_time() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// The same, if anything may be decided by it.
pub fn usable_clock_time() -> Result<DateTime<Utc>, UnusableClock> {
    let now = clock_time();
    require_usable(now).map(|()| now)
}

/// The time as stores keep it.
#[cfg(feature = "store")]
pub(crate) fn to_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

pub(crate) fn require_usable(now: DateTime<Utc>) -> Result<(), UnusableClock> {
    match now < DateTime::UNIX_EPOCH {
        true => Err(UnusableClock),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_time_before_1970_is_not_usable() {
        let first = DateTime::UNIX_EPOCH;
        assert_eq!(require_usable(first), Ok(()));
        assert_eq!(require_usable(first - TimeDelta::nanoseconds(1)), Err(UnusableClock));
    }
}
