use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::PackageVersion;

use super::{ClockSkewAllowance, VerificationConfig, VerificationError};
use crate::decision::TrustDecision;

/// How long a signature, or trust in a key, remains valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// Long enough that no warning is needed.
    Ample,
    /// It ends soon, or has ended within the allowance.
    EndsSoon {
        /// When it does.
        expires_at: DateTime<Utc>,
    },
}

impl VerificationConfig {
    /// Whether a statement with this expiry and version holds at the moment, and for
    /// the floor, that were decided about.
    pub(super) fn require_valid(
        &self,
        expires_at: Option<DateTime<Utc>>,
        version: Option<&PackageVersion>,
        decision: &TrustDecision,
    ) -> Result<Validity, VerificationError> {
        let now = decision.now();
        require_unexpired(expires_at, now, self.clock_skew_allowance)?;
        require_floor(version, decision.floor())?;
        Ok(self.validity(expires_at, now))
    }

    /// How long what ends then, and has not ended, will go on to hold.
    pub(super) fn validity(
        &self,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Validity {
        match expires_at {
            Some(expires_at)
                if expires_at.signed_duration_since(now) <= delta(self.warn_before_expiry) =>
            {
                Validity::EndsSoon { expires_at }
            }
            _ => Validity::Ample,
        }
    }
}

pub(crate) fn require_unexpired(
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    allowance: ClockSkewAllowance,
) -> Result<(), VerificationError> {
    match expires_at {
        Some(expired_at)
            if expired_at.signed_duration_since(now) + allowance.as_delta()
                <= TimeDelta::zero() =>
        {
            Err(VerificationError::Expired { expired_at, now })
        }
        _ => Ok(()),
    }
}

pub(crate) fn require_floor(
    version: Option<&PackageVersion>,
    floor: Option<&PackageVersion>,
) -> Result<(), VerificationError> {
    match floor {
        Some(floor) if version.is_none_or(|version| version.cmp_precedence(floor).is_lt()) => {
            let (floor, found) = (floor.clone(), version.cloned());
            Err(VerificationError::VersionBelowFloor { floor, found })
        }
        _ => Ok(()),
    }
}

/// A duration of more than 292 million years counts as the longest that can be written.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn is_expired(
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        allowance: ClockSkewAllowance,
    ) -> bool {
        match require_unexpired(expires_at, now, allowance) {
            Ok(()) => false,
            Err(VerificationError::Expired { .. }) => true,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_signature_is_void_from_its_expiry_on_to_the_microsecond() {
        let strict = ClockSkewAllowance::NONE;
        let at = |now| is_expired(Some(time("2027-01-01T00:00:00Z")), now, strict);
        assert!(!at(time("2026-12-31T23:59:59.999999Z")));
        assert!(at(time("2027-01-01T00:00:00Z")));
        assert!(at(time("2027-01-01T00:00:00.000001Z")));
        assert!(at(DateTime::<Utc>::MAX_UTC));
        assert!(!is_expired(None, DateTime::<Utc>::MAX_UTC, strict));
    }

    #[test]
    fn the_allowance_is_taken_off_the_clock_and_no_more() {
        let lenient = ClockSkewAllowance::MAX;
        let at = |now| is_expired(Some(time("2027-01-01T00:00:00Z")), now, lenient);
        assert!(!at(time("2027-01-01T00:04:59.999999Z")));
        assert!(at(time("2027-01-01T00:05:00Z")));
    }

    #[test]
    fn what_ends_within_the_warning_is_told_and_nothing_earlier() {
        let warning = VerificationConfig { warn_before_expiry: HOUR, ..Default::default() };
        let expires_at = time("2027-01-01T00:00:00Z");
        let at = |now| warning.validity(Some(expires_at), time(now));
        assert_eq!(at("2026-12-31T22:59:59.999999Z"), Validity::Ample);
        for now in ["2026-12-31T23:00:00Z", "2027-01-01T00:04:30Z"] {
            assert_eq!(at(now), Validity::EndsSoon { expires_at }, "{now}");
        }
        assert_eq!(warning.validity(None, DateTime::<Utc>::MAX_UTC), Validity::Ample);
    }

    #[test]
    fn a_lower_version_or_none_is_below_the_floor() {
        let version = |text: &str| text.parse::<PackageVersion>().unwrap();
        let floor = version("1.4.0");
        for good in ["1.4.0", "1.4.0+build", "1.4.1-rc.1", "2.0.0"] {
            assert!(require_floor(Some(&version(good)), Some(&floor)).is_ok(), "{good}");
        }
        for bad in ["1.3.9", "1.4.0-rc.1", "0.99.0"] {
            assert!(matches!(
                require_floor(Some(&version(bad)), Some(&floor)),
                Err(VerificationError::VersionBelowFloor { found: Some(found), .. })
                    if found.as_str() == bad
            ));
        }
        assert!(matches!(
            require_floor(None, Some(&floor)),
            Err(VerificationError::VersionBelowFloor { found: None, .. })
        ));
        assert!(require_floor(None, None).is_ok());
        assert!(require_floor(Some(&version("0.0.1")), None).is_ok());
    }
}
