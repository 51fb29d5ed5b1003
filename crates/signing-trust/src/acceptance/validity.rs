use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use signing_crypto::PackageVersion;

use super::{VerificationConfig, VerificationError};
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
        let validity = self.require_unexpired(expires_at, decision.now())?;
        require_floor(version, decision.floor())?;
        Ok(validity)
    }

    fn require_unexpired(
        &self,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Validity, VerificationError> {
        let Some(expires_at) = expires_at else { return Ok(Validity::Ample) };
        let left = expires_at.signed_duration_since(now);
        if left + self.clock_skew_allowance.as_delta() <= TimeDelta::zero() {
            return Err(VerificationError::Expired { expired_at: expires_at, now });
        }
        Ok(self.validity(Some(expires_at), now))
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

fn require_floor(
    version: Option<&PackageVersion>,
    floor: Option<&PackageVersion>,
) -> Result<(), VerificationError> {
    match floor {
        Some(floor) if version.is_none_or(|version| version < floor) => {
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
    use crate::acceptance::ClockSkewAllowance;

    const HOUR: Duration = Duration::from_secs(3600);

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn policy(allowance: ClockSkewAllowance, warning: Duration) -> VerificationConfig {
        VerificationConfig {
            clock_skew_allowance: allowance,
            warn_before_expiry: warning,
            ..Default::default()
        }
    }

    fn is_expired(result: Result<Validity, VerificationError>) -> bool {
        match result {
            Ok(_) => false,
            Err(VerificationError::Expired { .. }) => true,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_signature_is_void_from_its_expiry_on_to_the_microsecond() {
        let strict = policy(ClockSkewAllowance::NONE, Duration::ZERO);
        let at =
            |now| is_expired(strict.require_unexpired(Some(time("2027-01-01T00:00:00Z")), now));
        assert!(!at(time("2026-12-31T23:59:59.999999Z")));
        assert!(at(time("2027-01-01T00:00:00Z")));
        assert!(at(time("2027-01-01T00:00:00.000001Z")));
        assert!(at(DateTime::<Utc>::MAX_UTC));
        assert!(!is_expired(strict.require_unexpired(None, DateTime::<Utc>::MAX_UTC)));
    }

    #[test]
    fn the_allowance_is_taken_off_the_clock_and_no_more() {
        let lenient = policy(ClockSkewAllowance::MAX, Duration::ZERO);
        let at =
            |now| is_expired(lenient.require_unexpired(Some(time("2027-01-01T00:00:00Z")), now));
        assert!(!at(time("2027-01-01T00:04:59.999999Z")));
        assert!(at(time("2027-01-01T00:05:00Z")));
    }

    #[test]
    fn what_ends_within_the_warning_is_told_and_nothing_earlier() {
        let warning = policy(ClockSkewAllowance::MAX, HOUR);
        let expires_at = time("2027-01-01T00:00:00Z");
        let at = |now| warning.require_unexpired(Some(expires_at), time(now)).unwrap();
        assert_eq!(at("2026-12-31T22:59:59.999999Z"), Validity::Ample);
        for now in ["2026-12-31T23:00:00Z", "2027-01-01T00:04:30Z"] {
            assert_eq!(at(now), Validity::EndsSoon { expires_at }, "{now}");
        }
        assert_eq!(
            warning.require_unexpired(None, DateTime::<Utc>::MAX_UTC).unwrap(),
            Validity::Ample
        );
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
