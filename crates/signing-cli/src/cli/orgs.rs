use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Orgs {
    /// Create an organization; makes the SQLite store if there is none
    Create {
        /// Its name
        name: String,
    },
    /// List the organizations, and whose keys they accept now
    List,
    /// Show an organization and its grants, with their packages and when they expire
    Show {
        /// Its name or id
        org: String,
    },
    /// Delete an organization: it trusts nothing and passes no trust on, and no other
    /// gets its name
    Delete {
        /// Its name or id
        org: String,
    },
    /// Accept the keys that another organization trusts directly; granted again with
    /// other limits, these take the place of those before
    GrantTrust(NewGrant),
    /// End that
    RevokeTrust(Grant),
}

#[derive(Args)]
pub(crate) struct Grant {
    /// The parent, which accepts (name or id)
    #[arg(long, value_name = "PARENT")]
    pub(crate) from: String,

    /// The child, whose trusted keys are accepted (name or id)
    #[arg(long, value_name = "CHILD")]
    pub(crate) to: String,
}

#[derive(Args)]
pub(crate) struct NewGrant {
    #[command(flatten)]
    pub(crate) grant: Grant,

    /// Only for packages whose whole name this matches (may be repeated): * stands
    /// for any characters, ? for one
    #[arg(long, value_name = "PATTERN")]
    pub(crate) packages: Vec<String>,

    /// Until this time (RFC 3339), or until a date begins: 2027-01-01 is 00:00:00 UTC
    /// of that day
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
}
