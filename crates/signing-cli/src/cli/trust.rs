use clap::{Subcommand, ValueEnum};
use signing_trust::store::OrganizationRef;

use super::values;

#[derive(Subcommand)]
pub(crate) enum Trust {
    /// Draw organizations, the keys that they trust directly, and their grants, and mark what
    /// is revoked, expired, compromised or deleted. With --json, print the data
    Graph {
        /// Only what decides which keys this organization accepts (name or id)
        #[arg(long, value_parser = values::organization)]
        org: Option<OrganizationRef>,

        /// Draw lines of text, or a graph for Graphviz or Mermaid
        #[arg(long, value_enum, default_value_t = Picture::Text)]
        format: Picture,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Picture {
    Text,
    Dot,
    Mermaid,
}
