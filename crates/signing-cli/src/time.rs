//! Times on the command line and in output. Each has one form.
//!
//! An option takes a moment in RFC 3339, a date, or a number of hours, days or weeks from
//! now. Output is RFC 3339 in UTC.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, SubsecRound, TimeDelta, Utc};
use serde::{Serialize, Serializer};
use signing_crypto::{StatementTime, rfc3339};
use thiserror::Error;

/// A time as it is given.
#[derive(Clone, Copy)]
enum GivenTime {
    Moment(DateTime<Utc>),
    Date(NaiveDate),
    Distance(TimeDelta),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "not a time: expected RFC 3339 such as 2027-01-01T12:00:00Z, a date such as 2027-01-01, or \
     hours, days or weeks such as 12h, 30d or 8w"
)]
pub(crate) struct TimeError;

/// When something expires: a date stands for its first moment in UTC, `30d` for 30 days
/// from now.
pub(crate) fn expiry(given: &str) -> Result<StatementTime, TimeError> {
    let time = match parse(given)? {
        GivenTime::Moment(time) => time,
        GivenTime::Date(date) => start(date),
        GivenTime::Distance(distance) => {
            Utc::now().trunc_subsecs(0).checked_add_signed(distance).ok_or(TimeError)?
        }
    };
    StatementTime::new(time).map_err(|_| TimeError)
}

/// Where a period begins: a date stands for its first moment in UTC, `30d` for 30 days ago.
pub(crate) fn since(given: &str) -> Result<DateTime<Utc>, TimeError> {
    past(given, Days::new(0))
}

/// Where a period ends: a date belongs to it, `30d` stands for 30 days ago.
pub(crate) fn until(given: &str) -> Result<DateTime<Utc>, TimeError> {
    past(given, Days::new(1))
}

fn past(given: &str, after_date: Days) -> Result<DateTime<Utc>, TimeError> {
    match parse(given)? {
        GivenTime::Moment(time) => Ok(time),
        GivenTime::Date(date) => date.checked_add_days(after_date).map(start).ok_or(TimeError),
        GivenTime::Distance(distance) => {
            let time = Utc::now().checked_sub_signed(distance).ok_or(TimeError)?;
            // A database has fewer years than this type.
            StatementTime::new(time).map(StatementTime::to_utc).map_err(|_| TimeError)
        }
    }
}

fn parse(given: &str) -> Result<GivenTime, TimeError> {
    if let Ok(time) = given.parse::<StatementTime>() {
        let time = time.to_utc();
        // A database keeps the second 60 as the first of the next minute.
        let is_leap_second = time.timestamp_subsec_nanos() >= 1_000_000_000;
        return if is_leap_second { Err(TimeError) } else { Ok(GivenTime::Moment(time)) };
    }
    if let Ok(time) = format!("{given}T00:00:00Z").parse::<StatementTime>() {
        return Ok(GivenTime::Date(time.to_utc().date_naive()));
    }
    distance(given).map(GivenTime::Distance).ok_or(TimeError)
}

/// Minutes and months are left out, because `m` could be either.
fn distance(given: &str) -> Option<TimeDelta> {
    let hours = match given.chars().last()? {
        'h' => 1,
        'd' => 24,
        'w' => 7 * 24,
        _ => return None,
    };
    let number = &given[..given.len() - 1];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    TimeDelta::try_hours(number.parse::<i64>().ok()?.checked_mul(hours)?)
}

fn start(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

/// A time as output shows it: RFC 3339 in UTC, to the second.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&rfc3339(&self.0))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        StatementTime::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment_in_utc_and_until_includes_it() {
        for (given, first, after) in [
            ("2027-01-01", "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2027-01-01T02:00:00+02:00", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(expiry(given).unwrap().to_string(), first, "{given}");
            assert_eq!(Time(since(given).unwrap()).to_string(), first, "{given}");
            assert_eq!(Time(until(given).unwrap()).to_string(), after, "{given}");
        }
        assert_eq!(expiry("9999-12-31").unwrap().to_string(), "9999-12-31T00:00:00Z");
        assert_eq!(
            Time(since("2027-01-01T00:00:00.5Z").unwrap()).to_string(),
            "2027-01-01T00:00:00Z"
        );
    }

    #[test]
    fn a_distance_is_ahead_for_an_expiry_and_back_for_a_period() {
        for (given, hours) in [("0h", 0), ("12h", 12), ("30d", 720), ("2w", 336)] {
            let distance = TimeDelta::hours(hours);
            let before = Utc::now().trunc_subsecs(0);
            let (end, [begin, until]) =
                (expiry(given).unwrap(), [since, until].map(|time| time(given).unwrap()));
            let after = Utc::now();
            assert!((before..=after).contains(&(end.to_utc() - distance)), "{given}");
            assert!((before..=after).contains(&(begin + distance)), "{given}");
            assert!((before..=after).contains(&(until + distance)), "{given}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_rejected() {
        for given in [
            "",
            "tomorrow",
            "2027",
            "2027-1-1",
            "2027-02-29",
            "2027-01-01T00:00:00",
            "2027-01-01 ",
            "01/01/2027",
            "1798761600",
            "+12027-01-01",
            "9999-12-31T23:59:59-00:01",
            "d",
            "-1d",
            "+1d",
            "1.5d",
            "30 d",
            "30D",
            "30m",
            "30é",
            "99999999999999999999d",
            "99999999h",
            "9999999999999h",
        ] {
            for time in [since, until, |given: &str| expiry(given).map(StatementTime::to_utc)] {
                assert_eq!(time(given), Err(TimeError), "{given}");
            }
        }
    }
}
