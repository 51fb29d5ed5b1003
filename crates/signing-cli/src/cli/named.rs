//! How a command line names what is in the store: organizations, keys and signatures.
//!
//! Names are compared exactly. Ids and fingerprints may be in either case, and their
//! beginning suffices.

use std::fmt;
use std::str::FromStr;

use signing_crypto::{Fingerprint, KeyId, KeyName, NameError, OrgId, OrgName, SignatureId};

/// How many digits of an id or a fingerprint can stand for all of it.
const MIN_PREFIX_LENGTH: usize = 4;

/// The beginning of an id or of a fingerprint, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    fn of(text: &str) -> Option<Self> {
        let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        (digits >= MIN_PREFIX_LENGTH && is_hex).then(|| Self(text.to_ascii_lowercase()))
    }

    /// Whether this is the beginning of an id, with or without its hyphens, or a fingerprint.
    pub(crate) fn begins(&self, whole: impl fmt::Display) -> bool {
        let whole = whole.to_string();
        whole.starts_with(&self.0) || whole.replace('-', "").starts_with(&self.0)
    }

    /// Its digits.
    pub(crate) fn digits(&self) -> String {
        self.0.replace('-', "")
    }
}

/// Text that is a name, the beginning of an id or of a fingerprint, or either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameOrPrefix(String);

impl NameOrPrefix {
    fn parse<N>(
        text: &str,
        name: impl Fn(String) -> Result<N, NameError>,
    ) -> Result<Self, NameError> {
        match name(text.to_owned()) {
            // 32 digits without a hyphen begin a fingerprint, and are no name.
            Err(error) if Prefix::of(text).is_none() => Err(error),
            _ => Ok(Self(text.to_owned())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn prefix(&self) -> Option<Prefix> {
        Prefix::of(&self.0)
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OrgReference {
    Id(OrgId),
    Name(NameOrPrefix),
}

impl FromStr for OrgReference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.to_ascii_lowercase().parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => NameOrPrefix::parse(text, OrgName::new).map(Self::Name),
        }
    }
}

impl fmt::Display for OrgReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(given) => f.write_str(&given.0),
        }
    }
}

/// A key, alone as in `release` or after its organization as in `acme/release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyReference {
    pub(crate) org: Option<OrgReference>,
    pub(crate) key: GivenKey,
}

/// A key as it is named among those of one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GivenKey {
    /// No two keys share an id, whatever their kind.
    Id(KeyId),
    Fingerprint(Fingerprint),
    Name(NameOrPrefix),
}

impl FromStr for KeyReference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (org, key) = match text.split_once('/') {
            Some((org, key)) => (Some(org.parse()?), key),
            None => (None, text),
        };
        let lower = key.to_ascii_lowercase();
        let key = match (lower.parse(), lower.parse()) {
            (Ok(id), _) => GivenKey::Id(id),
            (_, Ok(fingerprint)) => GivenKey::Fingerprint(fingerprint),
            _ => GivenKey::Name(NameOrPrefix::parse(key, KeyName::new)?),
        };
        Ok(Self { org, key })
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(org) = &self.org {
            write!(f, "{org}/")?;
        }
        match &self.key {
            GivenKey::Id(id) => id.fmt(f),
            GivenKey::Fingerprint(fingerprint) => fingerprint.fmt(f),
            GivenKey::Name(given) => f.write_str(&given.0),
        }
    }
}

/// A signature in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureReference {
    Id(SignatureId),
    Prefix(Prefix),
}

impl FromStr for SignatureReference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => Prefix::of(text)
                .map(Self::Prefix)
                .ok_or("expected an id, or its first 4 or more hexadecimal digits"),
        }
    }
}

impl fmt::Display for SignatureReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Prefix(Prefix(text)) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    fn key(text: &str) -> GivenKey {
        text.parse::<KeyReference>().unwrap().key
    }

    #[test]
    fn whole_ids_and_fingerprints_are_known_in_either_case() {
        let fingerprint = "ab".repeat(32);
        assert_eq!(key(ID), GivenKey::Id(ID.parse().unwrap()));
        assert_eq!(key(&ID.to_uppercase()), key(ID));
        assert_eq!(key(&fingerprint), GivenKey::Fingerprint(fingerprint.parse().unwrap()));
        assert_eq!(key(&fingerprint.to_uppercase()), key(&fingerprint));
        assert_eq!(ID.to_uppercase().parse(), Ok(OrgReference::Id(ID.parse().unwrap())));
        assert_eq!(ID.to_uppercase().parse(), Ok(SignatureReference::Id(ID.parse().unwrap())));
    }

    #[test]
    fn four_digits_are_a_prefix_and_three_are_only_a_name() {
        let prefix = |text: &str| match key(text) {
            GivenKey::Name(given) => given.prefix().map(|prefix| prefix.0),
            other => panic!("{other:?}"),
        };
        assert_eq!(prefix("67e5").as_deref(), Some("67e5"));
        assert_eq!(prefix("67E55044-10B1").as_deref(), Some("67e55044-10b1"));
        // As long as an id without its hyphens.
        assert_eq!(prefix(&"a".repeat(32)).as_deref(), Some(&*"a".repeat(32)));
        for name in ["67e", "release", "67e5.2", "67g5"] {
            assert_eq!(prefix(name), None, "{name}");
        }
        assert!("67e".parse::<SignatureReference>().is_err());
    }

    #[test]
    fn an_organization_stands_before_its_key() {
        let named: KeyReference = "acme/release".parse().unwrap();
        assert_eq!(named.org, Some("acme".parse().unwrap()));
        assert_eq!(named.key, key("release"));
        assert_eq!(named.to_string(), "acme/release");
        for wrong in ["", "/", "/release", "acme/", "acme/release/x", "a b", "acme/a b", "-x"] {
            assert!(wrong.parse::<KeyReference>().is_err(), "{wrong:?}");
        }
    }
}
