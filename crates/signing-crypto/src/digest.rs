use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Large enough that reading costs little beside hashing, small enough to stay
/// in a core's second-level cache.
const READ_BUFFER: usize = 128 * 1024;

/// A type for the SHA-256 of one kind of thing (FIPS 180-4), so that it is not taken for
/// another.
macro_rules! sha256_of {
    ($(#[$doc:meta])* $name:ident, $parse_error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes over a hash that was computed elsewhere.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The hash's 32 bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::names::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let bytes = crate::digest::parse_lower_hex(text).map(Self);
                bytes.ok_or(crate::names::ParseError::$parse_error)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}
pub(crate) use sha256_of;

sha256_of!(
    /// SHA-256 of a package's bytes, written as 64 lower-case hexadecimal digits.
    PackageDigest,
    Digest
);

/// What [`PackageDigest::of_reader`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashedContent {
    /// The digest of everything that was read.
    pub digest: PackageDigest,
    /// How many bytes that was.
    pub size: u64,
}

impl PackageDigest {
    /// Hashes what `reader` yields up to its end, in bounded memory.
    pub fn of_reader(mut reader: impl Read) -> io::Result<HashedContent> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; READ_BUFFER];
        let mut size = 0;
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    hasher.update(&buffer[..n]);
                    size += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(HashedContent { digest: Self(hasher.finalize().into()), size })
    }
}

/// One spelling for each value: lower case, no prefix, no space.
pub(crate) fn parse_lower_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ParseError;

    #[test]
    fn digest_of_abc_is_the_one_of_fips_180_4() {
        let content = PackageDigest::of_reader(&b"abc"[..]).expect("slices do not fail");
        assert_eq!(content.size, 3);
        assert_eq!(
            content.digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_reader_that_fails_gives_its_error_and_no_digest() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk on fire"))
            }
        }
        let reader = (&b"abc"[..]).chain(Broken);
        assert_eq!(PackageDigest::of_reader(reader).unwrap_err().to_string(), "disk on fire");
    }

    #[test]
    fn only_64_lower_case_digits_are_a_digest() {
        let good = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(good.parse::<PackageDigest>().is_ok());
        for bad in [&good[1..], &format!("{good}0"), &good.to_uppercase(), &format!("{good} ")] {
            assert_eq!(bad.parse::<PackageDigest>(), Err(ParseError::Digest), "{bad:?}");
        }
    }
}
