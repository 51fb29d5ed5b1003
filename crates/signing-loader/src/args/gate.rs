use clap::Args;

#[cfg(feature = "store")]
use super::{PackageLoader, Trust};
#[cfg(feature = "store")]
use crate::loaded::{FollowError, LoadedPackages, MaxStaleness};

/// The option that gates calls into the packages that are loaded.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct GateArgs {
    /// Refuse calls into packages that are no longer trusted, and into every package when the
    /// store has not answered for this many seconds, 1 to 86400
    #[cfg(feature = "store")]
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "org",
        conflicts_with_all = ["trust_key", "trust_bundle", "danger_observe_until"]
    )]
    max_staleness: Option<MaxStaleness>,
}

#[cfg(feature = "store")]
impl PackageLoader {
    /// What loads packages and gates calls into them, with `--max-staleness`. `None` without
    /// that option.
    ///
    /// # Errors
    ///
    /// As [`LoadedPackages::gate`].
    pub fn gate(&self) -> Result<Option<LoadedPackages>, FollowError> {
        match (&self.trust, self.gate.max_staleness) {
            (Trust::Organization(verifier), Some(max_staleness)) => {
                LoadedPackages::gate(verifier, max_staleness).map(Some)
            }
            _ => Ok(None),
        }
    }
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::super::SecurityArgs;
    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        security: SecurityArgs,
    }

    #[test]
    fn staleness_is_for_an_organization_whose_store_can_be_silent() {
        let staleness = |more: &[&str]| {
            let words = [&["runner", "--require-signatures"], more].concat();
            Cli::try_parse_from(words).map(|parsed| parsed.security.gate.max_staleness).ok()
        };
        let second = Some(MaxStaleness::new(Duration::from_secs(1)).unwrap());
        assert_eq!(staleness(&["--org", "acme", "--max-staleness", "1"]), Some(second));
        assert_eq!(staleness(&["--org", "acme"]), Some(None));
        assert_eq!(staleness(&["--trust-key", "a.pem", "--max-staleness", "1"]), None);
        let bundle = ["--trust-bundle", "b.json", "--trust-root", "r.json"];
        assert_eq!(staleness(&[&bundle[..], &["--max-staleness", "1"]].concat()), None);
        assert_eq!(staleness(&bundle), Some(None));
        let observing = ["--org", "acme", "--danger-observe-until", "2026-01-31T00:00:00Z"];
        assert_eq!(staleness(&[&observing[..], &["--max-staleness", "1"]].concat()), None);
        assert_eq!(staleness(&observing), Some(None));
        for wrong in ["0", "86401", "1s", ""] {
            assert_eq!(staleness(&["--org", "acme", "--max-staleness", wrong]), None, "{wrong}");
        }
    }
}
