use std::fmt;
use std::str::FromStr;

use crate::{NameError, NameFault, NameKind};

const MAX_NAME_BYTES: usize = 255;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and takes it over.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(fault) => Err(NameError { kind: $kind, fault }),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// An organisation's name: 1 to 255 ASCII characters
    /// `[A-Za-z0-9][A-Za-z0-9._@+-]*`, and not a UUID, so that a name and an id
    /// can stand in the same place without doubt.
    OrgName,
    NameKind::Organization,
    check_identifier
);
name!(
    /// A key's name, of the same form as [`OrgName`].
    KeyName,
    NameKind::Key,
    check_identifier
);
name!(
    /// The file name that a signature binds a package to: 1 to 255 bytes of
    /// UTF-8 that is one path component and shows what it is, so without `/`,
    /// control characters or bidirectional formatting. Compared byte by byte.
    PackageName,
    NameKind::Package,
    check_file_name
);
name!(
    /// What somebody says about a change, to be kept: 1 to 255 bytes of UTF-8
    /// without control characters or bidirectional formatting.
    Note,
    NameKind::Note,
    check_note
);

fn check_identifier(text: &str) -> Result<(), NameFault> {
    check_length(text)?;
    let mut chars = text.chars();
    if !chars.next().is_some_and(|first| first.is_ascii_alphanumeric()) {
        return Err(NameFault::FirstCharacter);
    }
    if let Some(found) = chars.find(|c| !(c.is_ascii_alphanumeric() || "._@+-".contains(*c))) {
        return Err(NameFault::Character { found });
    }
    if uuid::Uuid::try_parse(text).is_ok() {
        return Err(NameFault::LooksLikeAnId);
    }
    Ok(())
}

fn check_file_name(text: &str) -> Result<(), NameFault> {
    check_length(text)?;
    if text == "." || text == ".." {
        return Err(NameFault::PathPart);
    }
    match text.chars().find(|&c| c == '/' || is_deceptive(c)) {
        Some(found) => Err(NameFault::Character { found }),
        None => Ok(()),
    }
}

fn check_note(text: &str) -> Result<(), NameFault> {
    check_length(text)?;
    match text.chars().find(|&c| is_deceptive(c)) {
        Some(found) => Err(NameFault::Character { found }),
        None => Ok(()),
    }
}

fn check_length(text: &str) -> Result<(), NameFault> {
    match text.len() {
        0 => Err(NameFault::Empty),
        1..=MAX_NAME_BYTES => Ok(()),
        found => Err(NameFault::TooLong { found, limit: MAX_NAME_BYTES }),
    }
}

/// Whether a character is a control character, or one that reorders or hides what
/// surrounds it (Unicode UAX #9, and the line and paragraph separators), so that
/// a reader sees something else than what is there.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
        '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_identifiers_are_accepted() {
        for name in ["acme", "0", "release-2026.1", "ci@acme+eu", &"a".repeat(255)] {
            assert!(OrgName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn identifiers_that_mislead_are_rejected() {
        for name in [
            "",
            "-rf",
            ".hidden",
            "a b",
            "a/b",
            "a\u{1b}[31m",
            "a'; DROP TABLE x",
            "ächme",
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67e5504410b1426f9247bb680e5fe0c8",
            &"a".repeat(256),
        ] {
            assert!(OrgName::new(name).is_err(), "{name:?}");
            assert!(KeyName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn file_names_of_any_language_are_accepted() {
        for name in ["libworkflow.so", "plugin", "ワークフロー.so", "a b.so", "...", "-x"] {
            assert!(PackageName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn file_names_that_mislead_are_rejected() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\0b",
            "a\nb",
            "a\u{202E}os.bil",
            "a\u{200B}",
            "a\u{9b}",
            &"a".repeat(256),
        ] {
            assert!(PackageName::new(name).is_err(), "{name:?}");
        }
    }
}
