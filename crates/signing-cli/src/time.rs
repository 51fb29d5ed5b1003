//! Times on the command line, and in what is shown.

use chrono::{DateTime, SecondsFormat, Utc};
use signing_crypto::StatementTime;

use crate::error::CliError;

/// Reads a time in RFC 3339, or a date: it stands for its first moment in UTC.
pub(crate) fn parse(given: &str) -> Result<DateTime<Utc>, CliError> {
    let time: Result<StatementTime, _> =
        given.parse().or_else(|_| format!("{given}T00:00:00Z").parse());
    Ok(time.map_err(|_| CliError::InvalidTime { given: given.into() })?.to_utc())
}

/// A time as RFC 3339 has it, with no more digits than it needs.
pub(crate) fn text(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
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
            ("2027-01-01T00:00:00.5Z", "2027-01-01T00:00:00.500Z"),
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
