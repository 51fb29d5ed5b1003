use std::path::PathBuf;

use clap::Args;

use super::db::Purpose;
use super::values::RootSource;

#[derive(Args)]
pub(crate) struct Doctor {
    /// What this machine's role is for: rights that are missing are a problem, and rights or a
    /// key encryption key that it does not need are a warning
    #[arg(long, value_enum, value_name = "PURPOSE")]
    pub(crate) role: Option<Purpose>,

    /// Also check this root document, which runners pin, and verify the organization's signed trust
    /// from it: its file, or its digest
    #[arg(long, value_name = "FILE|DIGEST")]
    pub(crate) trust_root: Option<RootSource>,

    /// Also check this file, in which a runner remembers which documents it has seen
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file: Option<PathBuf>,
}
