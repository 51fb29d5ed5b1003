use clap::{Args, Subcommand};
use signing_crypto::{OrgName, PackagePatterns, StatementTime};
use signing_trust::TrustLimits;

use super::named::OrgReference;
use super::resolve::{Resolve, Resolved, wrong};
use crate::time;

#[derive(Subcommand)]
pub(crate) enum Orgs {
    /// Create an organization, and the SQLite store if it does not exist
    Create {
        /// The organization's name: letters, digits and . _ @ + -, a letter or digit first
        name: OrgName,
    },
    /// List the organizations, and those whose keys each accepts now
    List,
    /// Show an organization and its grants, with their packages and expiry
    Show {
        /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
        org: Option<OrgReference>,
    },
    /// Delete an organization: it trusts nothing, its grants end, and no other organization
    /// can take its name. Shows what is no longer accepted, and asks. Cannot be undone
    Delete {
        /// The organization (name or id)
        org: OrgReference,

        /// Change nothing, and show what would no longer be accepted
        #[arg(long)]
        dry_run: bool,

        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Accept the keys that another organization trusts directly. A second grant replaces
    /// the limits of the first
    GrantTrust {
        #[command(flatten)]
        grant: Grant,

        #[command(flatten)]
        scope: Resolved<ScopeArgs>,

        /// Change nothing, and show what would be accepted
        #[arg(long)]
        dry_run: bool,
    },
    /// Withdraw a trust grant
    RevokeTrust {
        #[command(flatten)]
        grant: Grant,

        /// Change nothing, and show what would no longer be accepted
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args)]
pub(crate) struct Grant {
    /// The parent, which accepts the keys (name or id)
    #[arg(long, value_name = "PARENT")]
    pub(crate) from: OrgReference,

    /// The child, which trusts the keys directly (name or id)
    #[arg(long, value_name = "CHILD")]
    pub(crate) to: OrgReference,
}

#[derive(Args)]
pub(crate) struct ScopeArgs {
    /// Only for packages whose whole name matches this pattern (may be repeated): * matches
    /// any characters, ? matches one
    #[arg(long, value_name = "PATTERN")]
    packages: Vec<String>,

    /// Until this time (RFC 3339), until the beginning of this date (UTC), or for 12h, 30d
    /// or 8w
    #[arg(long, value_name = "TIME", value_parser = time::expiry)]
    expires: Option<StatementTime>,
}

impl Resolve for ScopeArgs {
    type To = TrustLimits;

    fn resolve(self) -> Result<TrustLimits, clap::Error> {
        let given = self.packages.join(" ");
        let packages = match self.packages.is_empty() {
            true => None,
            false => Some(
                PackagePatterns::new(self.packages)
                    .map_err(|error| wrong(&given, "--packages <PATTERN>", error))?,
            ),
        };
        Ok(TrustLimits { packages, expires_at: self.expires.map(StatementTime::to_utc) })
    }
}
