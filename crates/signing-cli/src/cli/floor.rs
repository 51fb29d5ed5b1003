use clap::{Args, Subcommand};
use signing_crypto::{PackageName, PackageVersion};

use super::named::OrgReference;

#[derive(Subcommand)]
pub(crate) enum Floor {
    /// Refuse a package's versions below this one, and those without a version
    Set {
        #[command(flatten)]
        package: FloorPackage,

        /// The lowest accepted version (Semantic Versioning)
        #[arg(value_name = "VERSION")]
        floor: PackageVersion,
    },
    /// Accept all versions of a package again
    Unset(FloorPackage),
    /// List the floors of an organization
    List {
        /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
        #[arg(long)]
        org: Option<OrgReference>,
    },
}

#[derive(Args)]
pub(crate) struct FloorPackage {
    /// The organization whose floor it is (name or id) [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// The signed name of the package
    #[arg(long)]
    pub(crate) name: PackageName,

    /// Change nothing, and show what would be accepted, and what would no longer be
    #[arg(long)]
    pub(crate) dry_run: bool,
}
