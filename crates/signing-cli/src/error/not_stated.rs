use signing_crypto::{Fingerprint, OrgName};
use thiserror::Error;

use super::{CliError, several};

/// Why published documents do not say which key is meant.
#[derive(Debug, Error)]
pub(crate) enum NotStated {
    #[error("an id stands for a row of the store, and not for a key")]
    Id,
    #[error("there is no organization {given:?} in them whose documents count")]
    Organization { given: String },
    #[error("they have no key of this name, and no fingerprint that begins so")]
    Key,
    #[error(
        "fewer than {digits} digits at the beginning of a fingerprint can be those of another key"
    )]
    TooShort { digits: usize },
    #[error("several keys match: {}", several(.0))]
    Several(Vec<Fingerprint>),
    /// A name that an organization has given to a key which is not its own.
    #[error("the key of this name, {fingerprint}, is also one that {owner} trusts")]
    KeyOfAnother { fingerprint: Fingerprint, owner: OrgName },
    #[error(transparent)]
    Documents(Box<CliError>),
}
