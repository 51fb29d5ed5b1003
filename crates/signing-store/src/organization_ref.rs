use std::fmt;
use std::str::FromStr;

use signing_crypto::{NameError, OrgId, OrgName};

/// The two ways to name an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationRef {
    /// By id.
    Id(OrgId),
    /// By name, among those that are not deleted.
    Name(OrgName),
}

impl fmt::Display for OrganizationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => fmt::Display::fmt(id, f),
            Self::Name(name) => fmt::Display::fmt(name, f),
        }
    }
}

/// Reads a name or an id, which no text is both of.
impl FromStr for OrganizationRef {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => OrgName::new(text).map(Self::Name),
        }
    }
}
