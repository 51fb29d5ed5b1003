use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, Utc};

use crate::names::ParseError;

/// A moment that a statement can name: in UTC, to the microsecond, and in the years
/// 0000 to 9999, as RFC 3339 has no others (section 1).
///
/// A time beyond them would be signed and could not be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementTime(DateTime<Utc>);

impl StatementTime {
    /// Checks the year, and cuts off what is below a microsecond.
    pub fn new(time: DateTime<Utc>) -> Result<Self, ParseError> {
        match time.year() {
            0..=9999 => Ok(Self(time.trunc_subsecs(6))),
            _ => Err(ParseError::Time),
        }
    }

    /// The moment that a statement can name and that is nearest to `time`.
    pub fn nearest(time: DateTime<Utc>) -> Self {
        let first = DateTime::from_timestamp(-62_167_219_200, 0).expect("the year 0000");
        let last = DateTime::from_timestamp(253_402_300_799, 0).expect("the year 9999");
        Self(time.clamp(first, last).trunc_subsecs(6))
    }

    /// Reads an RFC 3339 time in UTC, written with `T` and `Z`. The standard also allows offsets,
    /// small letters and a space, which other verifiers may read differently.
    pub(crate) fn parse_utc(text: &str) -> Result<Self, ParseError> {
        match text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T') {
            true => text.parse(),
            false => Err(ParseError::Time),
        }
    }

    /// The moment.
    pub fn to_utc(self) -> DateTime<Utc> {
        self.0
    }
}

impl FromStr for StatementTime {
    type Err = ParseError;

    /// Reads an RFC 3339 time with any offset.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| ParseError::Time)?;
        Self::new(time.to_utc())
    }
}

impl TryFrom<DateTime<Utc>> for StatementTime {
    type Error = ParseError;

    fn try_from(time: DateTime<Utc>) -> Result<Self, ParseError> {
        Self::new(time)
    }
}

impl fmt::Display for StatementTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.0.timestamp_subsec_micros() {
            0 => SecondsFormat::Secs,
            _ => SecondsFormat::Micros,
        };
        f.pad(&self.0.to_rfc3339_opts(format, true))
    }
}

/// How a moment is shown, wherever one is: in RFC 3339, in UTC, to the second.
pub fn rfc3339(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "0000-01-01T00:00:00Z",
            "2026-01-28T12:00:00.123456Z",
            "9999-12-31T23:59:59.999999Z",
            "2016-12-31T23:59:60.000000Z",
        ] {
            assert_eq!(text.parse::<StatementTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn times_beyond_those_years_have_a_nearest_one() {
        for (time, nearest) in [
            (DateTime::<Utc>::MAX_UTC, "9999-12-31T23:59:59Z"),
            (DateTime::<Utc>::MIN_UTC, "0000-01-01T00:00:00Z"),
            (DateTime::<Utc>::UNIX_EPOCH, "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(StatementTime::nearest(time).to_string(), nearest);
        }
    }

    #[test]
    fn years_that_rfc_3339_cannot_write_are_rejected() {
        for time in [
            DateTime::<Utc>::MAX_UTC,
            DateTime::<Utc>::MIN_UTC,
            DateTime::from_timestamp(253_402_300_800, 0).unwrap(),
            DateTime::from_timestamp(-62_167_219_201, 0).unwrap(),
        ] {
            assert_eq!(StatementTime::new(time), Err(ParseError::Time), "{time}");
        }
        for seconds in [253_402_300_799, -62_167_219_200] {
            assert!(StatementTime::new(DateTime::from_timestamp(seconds, 0).unwrap()).is_ok());
        }
        // Within the years by their own offset, beyond them in UTC.
        for text in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01"] {
            assert_eq!(text.parse::<StatementTime>(), Err(ParseError::Time), "{text}");
        }
    }
}
