use clap::{Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(crate) enum Trust {
    /// Draw organizations, the keys that they trust directly, and their grants, with
    /// what is revoked, expired, compromised or deleted. With --json the data
    Graph {
        /// Only what bears on what this organization accepts (name or id)
        #[arg(long)]
        org: Option<String>,

        /// As lines of text, or for Graphviz or Mermaid
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
