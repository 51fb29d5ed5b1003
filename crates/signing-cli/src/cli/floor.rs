use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Floor {
    /// Refuse a package's versions below this one, and those without a version
    Set {
        /// Who refuses them (name or id)
        #[arg(long)]
        org: String,

        /// The package's name, as it is signed
        #[arg(long)]
        name: String,

        /// The lowest version that is accepted (Semantic Versioning)
        #[arg(value_name = "VERSION")]
        floor: String,
    },
    /// Accept all versions of a package again
    Unset {
        /// Who accepts them (name or id)
        #[arg(long)]
        org: String,

        /// The package's name
        #[arg(long)]
        name: String,
    },
    /// List the floors of an organization
    List {
        /// The organization (name or id)
        #[arg(long)]
        org: String,
    },
}
