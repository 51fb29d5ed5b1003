use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::names::{MAX_NAME_BYTES, ParseError};

/// A package's version as the signer states it: Semantic Versioning 2.0.0.
///
/// Versions are equal if they are written alike. Which one is higher is said by
/// [`cmp_precedence`](Self::cmp_precedence): `1.4.0+a` and `1.4.0+b` are two versions, neither of
/// which is higher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageVersion {
    text: Box<str>,
    // Boxed, so that the errors which carry versions stay small.
    version: Box<semver::Version>,
}

impl PackageVersion {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Compares by precedence (section 11 of the specification), in which build metadata does not
    /// count.
    ///
    /// ```
    /// # use signing_crypto::PackageVersion;
    /// let version = |text: &str| text.parse::<PackageVersion>();
    /// assert!(version("1.4.0")?.cmp_precedence(&version("1.10.0")?).is_lt());
    /// assert!(version("1.4.0+a")?.cmp_precedence(&version("1.4.0+b")?).is_eq());
    /// # Ok::<(), signing_crypto::ParseError>(())
    /// ```
    pub fn cmp_precedence(&self, other: &Self) -> Ordering {
        self.version.cmp_precedence(&other.version)
    }
}

impl FromStr for PackageVersion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.parse() {
            Ok(version) if text.len() <= MAX_NAME_BYTES => {
                Ok(Self { text: text.into(), version: Box::new(version) })
            }
            _ => Err(ParseError::Version),
        }
    }
}

impl fmt::Display for PackageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> PackageVersion {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_ordered_as_the_specification_orders_them() {
        // The examples of section 11.
        let ascending = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]).cmp_precedence(&version(pair[1])).is_lt(), "{pair:?}");
        }
    }

    #[test]
    fn versions_that_differ_in_build_metadata_are_two_of_one_precedence() {
        let [one, other] = [version("1.0.0+20130313144700"), version("1.0.0+21AF26D3")];
        assert!(one.cmp_precedence(&other).is_eq());
        assert_ne!(one, other);
        assert_eq!(one, version("1.0.0+20130313144700"));
    }

    #[test]
    fn what_is_no_semantic_version_is_rejected() {
        let long = format!("1.0.0-{}", "a".repeat(250));
        for text in ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0 ", "1.0.0-", "latest", &long] {
            assert_eq!(text.parse::<PackageVersion>().unwrap_err(), ParseError::Version, "{text}");
        }
    }
}
