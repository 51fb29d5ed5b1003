use std::num::NonZeroU16;

use clap::{Args, Subcommand, ValueEnum};
use signing_trust::store::{RoleLimits, RoleName};

use super::named::OrgReference;
use super::values;

#[derive(Subcommand)]
pub(crate) enum Db {
    /// Bring the store's tables up to date, and create the SQLite store if it does not exist
    Migrate,
    /// Show which store is used and whether its tables are up to date
    Status,
    /// Print or apply exactly the rights that a Postgres role needs
    Grants(GrantsArgs),
}

#[derive(Args)]
pub(crate) struct GrantsArgs {
    /// The role's name
    #[arg(long)]
    pub(crate) role: RoleName,

    /// What the role is for
    #[arg(long = "as", value_enum, value_name = "PURPOSE")]
    pub(crate) purpose: Purpose,

    /// The organization that a signer signs for (name or id) [env: CLOACINA_ORG]
    /// [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// How many connections the role may have [default: 50 for a runner, 10 for a
    /// signer, any number for an administrator]
    #[arg(long, value_name = "N", value_parser = values::at_least_one::<NonZeroU16>)]
    connections: Option<NonZeroU16>,

    /// Do not change the role's number of connections and timeouts
    #[arg(long, conflicts_with = "connections")]
    without_limits: bool,

    /// Apply the rights instead of printing them and, as a superuser, protect the server: then only
    /// the owners of the store and of the database can define objects in it
    #[arg(long)]
    pub(crate) apply: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Purpose {
    /// Verifies: reads trust and signatures
    Runner,
    /// Signs for an organization: also reads its wrapped keys and adds signatures
    Signer,
    /// Manages keys and trust, and removes signatures
    Admin,
}

impl GrantsArgs {
    pub(crate) fn limits(&self) -> RoleLimits {
        match (self.connections, self.without_limits) {
            (Some(connections), _) => RoleLimits::Connections(connections.get()),
            (None, true) => RoleLimits::Unchanged,
            (None, false) => RoleLimits::OfPurpose,
        }
    }
}
