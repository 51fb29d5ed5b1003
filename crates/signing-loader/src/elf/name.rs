use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const MAX_BYTES: usize = 255;

/// The name by which the dynamic linker looks for a library, such as `libfoo.so.1`.
///
/// 1 to 255 ASCII letters, digits and `.`, `_`, `+`, `-`. So it is never a path, and the
/// linker replaces nothing in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DependencyName(String);

/// Text that is not a [`DependencyName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DependencyNameError {
    /// It is empty or too long.
    #[error("a library name has 1 to {MAX_BYTES} bytes; this one has {bytes}")]
    Length {
        /// How many it has.
        bytes: usize,
    },
    /// It has a character that could make it more than a name.
    #[error("a library name such as libfoo.so.1 has no {found:?}")]
    Character {
        /// The first one.
        found: char,
    },
}

impl DependencyName {
    /// Checks `text` and takes it over.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn new(text: impl Into<String>) -> Result<Self, DependencyNameError> {
        let text = text.into();
        if text.is_empty() || text.len() > MAX_BYTES {
            return Err(DependencyNameError::Length { bytes: text.len() });
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
        match text.chars().find(|&c| !is_plain(c)) {
            Some(found) => Err(DependencyNameError::Character { found }),
            None => Ok(Self(text)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DependencyNameError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        "InvalidDependencyName"
    }
}

impl FromStr for DependencyName {
    type Err = DependencyNameError;

    fn from_str(text: &str) -> Result<Self, DependencyNameError> {
        Self::new(text)
    }
}

impl fmt::Display for DependencyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_name_is_never_a_path_or_a_template() {
        for name in
            ["libc.so.6", "ld-linux-x86-64.so.2", "libstdc++.so.6", "lib_a.so", &"a".repeat(255)]
        {
            assert_eq!(DependencyName::new(name).unwrap().as_str(), name);
        }
        for (text, found) in [
            ("./libhelp.so", '/'),
            ("$ORIGIN", '$'),
            ("lib help.so", ' '),
            ("libhelp.so\n", '\n'),
            ("libhélp.so", 'é'),
            ("libhelp.so\0", '\0'),
        ] {
            assert_eq!(DependencyName::new(text), Err(DependencyNameError::Character { found }));
        }
        for text in [String::new(), "a".repeat(256)] {
            let bytes = text.len();
            assert_eq!(DependencyName::new(text), Err(DependencyNameError::Length { bytes }));
        }
    }
}
