//! What things are called: ids, names, patterns, versions and times, each checked once.

mod error;
mod ids;
mod limits;
mod name;
mod pattern;
mod shell;
mod time;
mod version;

pub use error::{NameError, NameFault, NameKind, ParseError, PatternError};
pub use ids::{GrantId, KeyId, OrgId, SignatureId, StoreId, TrustStateId, TrustedKeyId};
pub use limits::TrustLimits;
pub use name::{
    ActorName, KeyName, MAX_NAME_BYTES, Note, OrgName, PackageName, is_deceptive, printable,
};
pub use pattern::PackagePatterns;
pub use shell::shell_word;
pub use time::{StatementTime, rfc3339};
pub use version::PackageVersion;
