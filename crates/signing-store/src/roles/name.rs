use std::fmt;
use std::str::FromStr;

use signing_crypto::is_deceptive;

/// The longest name that Postgres keeps whole. It cuts off the rest of a longer one, and
/// the rights would go to another role.
const MAX_BYTES: usize = 63;

/// The name of one Postgres role: 1 to 63 bytes of UTF-8, without control or invisible
/// characters, and without a backslash, which some servers read as an escape.
///
/// A name that Postgres gives a meaning of its own is refused: `public` means every role,
/// even between quotation marks, `none` means no role, and names that begin with `pg_` are
/// the server's (section 22.5 of its manual).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleName(String);

/// Why a text is not the name of one Postgres role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{role:?} is not the name of one Postgres role: {fault}")]
pub struct RoleNameError {
    /// The text.
    pub role: String,
    /// What is wrong with it.
    pub fault: RoleNameFault,
}

/// What is wrong with a role's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleNameFault {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// Postgres would cut it off.
    #[error("it has {found} bytes, at most {MAX_BYTES} are allowed")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// `public`.
    #[error("it means every role")]
    Everybody,
    /// `none`, or a name that begins with `pg_`.
    #[error("the server reserves it")]
    Reserved,
    /// A control or invisible character, or a backslash.
    #[error("the character {found:?} is not allowed")]
    Character {
        /// The first one.
        found: char,
    },
}

impl RoleNameError {
    /// What programs call this error, whatever the fault. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidName"
    }
}

impl RoleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = RoleNameError;

    fn from_str(role: &str) -> Result<Self, RoleNameError> {
        let fault = match role {
            "" => Some(RoleNameFault::Empty),
            "public" => Some(RoleNameFault::Everybody),
            "none" => Some(RoleNameFault::Reserved),
            _ if role.starts_with("pg_") => Some(RoleNameFault::Reserved),
            _ if role.len() > MAX_BYTES => Some(RoleNameFault::TooLong { found: role.len() }),
            _ => role
                .chars()
                .find(|&c| is_deceptive(c) || c == '\\')
                .map(|found| RoleNameFault::Character { found }),
        };
        match fault {
            Some(fault) => Err(RoleNameError { role: role.into(), fault }),
            None => Ok(Self(role.into())),
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_one_role_is_accepted() {
        for role in ["runner", "night \"watch\"", "Public", "publics", "größe", &"a".repeat(63)] {
            assert_eq!(role.parse::<RoleName>().unwrap().as_str(), role);
        }
    }

    #[test]
    fn name_that_stands_for_other_roles_is_rejected() {
        for (role, fault) in [
            ("", RoleNameFault::Empty),
            ("public", RoleNameFault::Everybody),
            ("none", RoleNameFault::Reserved),
            ("pg_monitor", RoleNameFault::Reserved),
            (&"a".repeat(64), RoleNameFault::TooLong { found: 64 }),
            // 64 bytes in 32 characters.
            (&"ö".repeat(32), RoleNameFault::TooLong { found: 64 }),
            ("a\0b", RoleNameFault::Character { found: '\0' }),
            ("a\u{200b}", RoleNameFault::Character { found: '\u{200b}' }),
            ("DOM\\ain", RoleNameFault::Character { found: '\\' }),
        ] {
            assert_eq!(role.parse::<RoleName>().unwrap_err().fault, fault, "{role:?}");
        }
    }
}
