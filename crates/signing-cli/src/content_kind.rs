//! What a file holds: `--force` replaces what was written before, and not the only copy of a key.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::OFlags;
use serde::Deserialize;
use signing_crypto::{MAX_BUNDLE_SIZE, printable};

/// How a state file begins.
const STATE_FILE: &str = "cloacina trust state ";

/// What a file is for, as far as its content says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContentKind {
    /// Of PKCS#8, as this program writes them.
    PrivateKey,
    /// Of another form.
    OtherPrivateKey,
    PublicKey,
    /// In hexadecimal or base64: a key encryption key, or a public key.
    ThirtyTwoBytes,
    /// What a runner remembers of signed trust.
    StateFile,
    /// The type that an envelope or a document names.
    Json(String),
    /// The package that is signed.
    Package,
    /// No text, such as a library or a database.
    Binary,
    /// Nothing, or text of another form.
    Other,
}

impl ContentKind {
    pub(crate) fn of(content: &[u8]) -> Self {
        let text = match str::from_utf8(content) {
            Ok(text) if !content.contains(&0) => text.trim(),
            _ => return Self::Binary,
        };
        let label = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split("-----").next());
        match label {
            Some("PRIVATE KEY" | "ENCRYPTED PRIVATE KEY") => return Self::PrivateKey,
            // openssl also writes something before a key.
            _ if text.lines().any(begins_private_key) => return Self::OtherPrivateKey,
            Some("PUBLIC KEY") => return Self::PublicKey,
            _ => {}
        }
        let is_hexadecimal =
            text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_hexadecimal || STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32) {
            return Self::ThirtyTwoBytes;
        }
        if text.starts_with(STATE_FILE) {
            return Self::StateFile;
        }
        // A checkpoint is several envelopes, one in each line.
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Typed>();
        match documents.next() {
            Some(Ok(
                Typed { document_type: Some(name), .. } | Typed { payload_type: Some(name), .. },
            )) => Self::Json(name),
            _ => Self::Other,
        }
    }

    /// Whether a file with this may be replaced by one with other content.
    pub(crate) fn gives_way_to(&self, new: &Self) -> bool {
        match self {
            Self::Other => true,
            // It may be the only copy, and may open all keys of a store.
            Self::PrivateKey | Self::OtherPrivateKey | Self::ThirtyTwoBytes => false,
            _ => self == new,
        }
    }

    /// The kind of the file that lies at `path`, if there is one.
    pub(crate) fn at(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
        let file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut content = Vec::new();
        file.take(MAX_BUNDLE_SIZE as u64 + 1).read_to_end(&mut content)?;
        Ok(Some(Self::of(&content)))
    }
}

fn begins_private_key(line: &str) -> bool {
    line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY")
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrivateKey => f.write_str("a private key"),
            Self::OtherPrivateKey => f.write_str("a private key of another program"),
            Self::PublicKey => f.write_str("a public key"),
            Self::ThirtyTwoBytes => f.write_str("32 bytes, as a key encryption key has"),
            Self::StateFile => f.write_str("a state file"),
            Self::Json(name) => write!(f, "JSON of the type {}", printable(name)),
            Self::Package => f.write_str("the package"),
            Self::Binary => f.write_str("a binary file"),
            Self::Other => f.write_str("text"),
        }
    }
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    document_type: Option<String>,
    #[serde(rename = "payloadType")]
    payload_type: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        let (hexadecimal, base64) = ("ab".repeat(32), STANDARD.encode([7; 32]));
        let json = |name: &str| ContentKind::Json(name.into());
        for (content, kind) in [
            ("", ContentKind::Other),
            ("-----BEGIN PRIVATE KEY-----\nMC4C", ContentKind::PrivateKey),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4C", ContentKind::PrivateKey),
            ("-----BEGIN PUBLIC KEY-----\nMCow", ContentKind::PublicKey),
            ("-----BEGIN CERTIFICATE-----\nMIIB", ContentKind::Other),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", ContentKind::OtherPrivateKey),
            (
                "-----BEGIN EC PARAMETERS-----\nBggq\n-----BEGIN EC PRIVATE KEY-----\nMHcC",
                ContentKind::OtherPrivateKey,
            ),
            (&hexadecimal, ContentKind::ThirtyTwoBytes),
            (&base64, ContentKind::ThirtyTwoBytes),
            ("cloacina trust state 1\n", ContentKind::StateFile),
            (r#"{"payloadType":"a","payload":"","signatures":[]}"#, json("a")),
            ("{\"payloadType\":\"a\"}\n{\"payloadType\":\"b\"}\n", json("a")),
            (r#"{"type":"urn:x","documents":[{"payloadType":"a"}]}"#, json("urn:x")),
            ("{}", ContentKind::Other),
            ("\u{7f}ELF\0", ContentKind::Binary),
        ] {
            assert_eq!(ContentKind::of(content.as_bytes()), kind, "{content}");
        }
    }
}
