use chrono::{DateTime, Utc};

use super::PackagePatterns;

/// How far trust in a key, or a grant of trust, reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustLimits {
    /// For which packages: `None` for all.
    pub packages: Option<PackagePatterns>,
    /// Until when: `None` without an end.
    pub expires_at: Option<DateTime<Utc>>,
}
