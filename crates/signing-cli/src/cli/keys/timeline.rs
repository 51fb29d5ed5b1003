use clap::{Args, ValueEnum};

use crate::cli::named::{KeyReference, OrgReference};

#[derive(Args)]
pub(crate) struct Timeline {
    /// A signing key: show it, the keys that it replaced one after the other, and those that
    /// replaced it [default: all keys of the organization]
    pub(crate) key: Option<KeyReference>,

    /// The organization (name or id) [env: CLOACINA_ORG] [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<OrgReference>,

    /// Draw a table, or a picture (SVG)
    #[arg(long, value_enum, default_value_t = TimelinePicture::Text)]
    pub(crate) format: TimelinePicture,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum TimelinePicture {
    Text,
    Svg,
}
