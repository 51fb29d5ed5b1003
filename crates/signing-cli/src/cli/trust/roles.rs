use clap::Args;
use signing_crypto::{SignerCount, StatementTime};

use crate::key_source::KeySource;
use crate::time::{self, TimeError};

const ROOT_LIFE: &str = "365d";

/// The keys of a root document. A private key signs, a public key only takes part, and its holder
/// signs the draft.
#[derive(Args)]
pub(crate) struct RoleArgs {
    /// A key of the root role, which signs root documents: the private key, in any form of package
    /// sign --key, or the public key's file if its holder signs the draft (may be repeated)
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) root_key: Vec<KeySource>,

    /// A key of the trust role, which signs statements (may be repeated) [default: the root keys;
    /// needed if the role has keys of its own]
    #[arg(long, value_name = "KEY")]
    pub(crate) trust_key: Vec<KeySource>,

    /// A key of the revocation role, which signs revocations (may be repeated) [default: the root
    /// keys; needed if the role has keys of its own]
    #[arg(long, value_name = "KEY")]
    pub(crate) revocation_key: Vec<KeySource>,

    /// How many root keys must sign, 1 to 16 [default: as many as before; 1 in the first root
    /// document]
    #[arg(long, value_name = "N")]
    pub(crate) root_threshold: Option<SignerCount>,

    /// How many keys of the trust role must sign, 1 to 16 [default: as many as before; 1 in the first root
    /// document]
    #[arg(long, value_name = "N")]
    pub(crate) trust_threshold: Option<SignerCount>,

    /// How many keys of the revocation role must sign, 1 to 16 [default: as many as before; 1 in the first root
    /// document]
    #[arg(long, value_name = "N")]
    pub(crate) revocation_threshold: Option<SignerCount>,

    /// When the root document expires: a time (RFC 3339), a date (UTC), or 12h, 30d or 8w from
    /// now
    #[arg(long, value_name = "TIME", default_value = ROOT_LIFE, value_parser = time::expiry)]
    pub(crate) root_expires: StatementTime,
}

impl RoleArgs {
    /// One key in every role.
    pub(super) fn of(root_key: KeySource) -> Result<Self, TimeError> {
        Ok(Self {
            root_key: vec![root_key],
            trust_key: Vec::new(),
            revocation_key: Vec::new(),
            root_threshold: None,
            trust_threshold: None,
            revocation_threshold: None,
            root_expires: time::expiry(ROOT_LIFE)?,
        })
    }
}
