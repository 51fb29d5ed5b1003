//! Times on the command line, and in what is shown.

use chrono::{DateTime, Utc};
use signing_crypto::StatementTime;

pub(crate) use signing_crypto::rfc3339 as text;

use crate::error::CliError;

/// Reads a time in RFC 3339, or a date: it stands for its first moment in UTC.
pub(crate) fn parse(given: &str) -> Result<DateTime<Utc>, CliError> {
    let time: Result<StatementTime, _> =
        given.parse().or_else(|_| format!("{given}T00:00:00Z").parse());
    Ok(time.map_err(|_| CliError::InvalidTime { given: given.into() })?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        for (given, meant) in [
            ("2027-01-01", "2027-01-01T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2027-01-01T02:00:00+02:00", "2027-01-01T00:00:00Z"),
            ("2027-01-01T00:00:00.5Z", "2027-01-01T00:00:00Z"),
            ("9999-12-31", "9999-12-31T00:00:00Z"),
        ] {
            assert_eq!(text(&parse(given).unwrap()), meant, "{given}");
        }
    }

    #[test]
    fn what_is_no_time_is_rejected() {
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
        ] {
            assert!(matches!(parse(given), Err(CliError::InvalidTime { .. })), "{given}");
        }
    }
}
