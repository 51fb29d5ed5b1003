use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signing_crypto::{KeyError, VerifyingKey};
use thiserror::Error;

use super::{ED25519, PublicKeyBlob};

/// Text that is not one line of an OpenSSH `.pub` file with an Ed25519 key.
#[derive(Debug, Error)]
pub(crate) enum OpensshKeyError {
    #[error("expected one line, found {found}")]
    SeveralLines { found: usize },
    #[error("expected an ssh-ed25519 key, found {}", name.unwrap_or("something else"))]
    Algorithm { name: Option<&'static str> },
    #[error("its content is damaged: it is not the key that its first word promises")]
    Malformed,
    #[error("it holds an unfit public key")]
    Key(#[source] KeyError),
}

/// The other keys that OpenSSH has. No other first word is shown: the file may be something else
/// than a key, and a secret.
pub(super) const OTHER_ALGORITHMS: [&str; 7] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-dss",
    "ssh-rsa",
];

/// Reads `ssh-ed25519 AAAA… comment`. What stands before a key in `authorized_keys` is not
/// understood, and refused.
pub(crate) fn parse_public_key(text: &[u8]) -> Result<VerifyingKey, OpensshKeyError> {
    let text = std::str::from_utf8(text).map_err(|_| OpensshKeyError::Malformed)?.trim();
    let found = text.lines().count();
    if found > 1 {
        return Err(OpensshKeyError::SeveralLines { found });
    }
    let mut words = text.split(' ');
    let algorithm = words.next().unwrap_or_default();
    if algorithm.as_bytes() != ED25519 {
        let name = OTHER_ALGORITHMS.into_iter().find(|name| *name == algorithm);
        return Err(OpensshKeyError::Algorithm { name });
    }
    let encoded = words.next().unwrap_or_default();
    let bytes = STANDARD.decode(encoded).map_err(|_| OpensshKeyError::Malformed)?;
    let blob = PublicKeyBlob::new(&bytes);
    let raw = blob.ed25519().ok_or(OpensshKeyError::Malformed)?;
    VerifyingKey::from_slice(raw).map_err(OpensshKeyError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::tests::KEY;

    fn parse(text: &str) -> Result<VerifyingKey, OpensshKeyError> {
        parse_public_key(text.as_bytes())
    }

    #[test]
    fn a_line_is_read_with_and_without_a_comment() {
        let key = parse(&format!("ssh-ed25519 {KEY}")).unwrap();
        for text in [
            format!("ssh-ed25519 {KEY} release\n"),
            format!("ssh-ed25519 {KEY} a comment of several words\r\n"),
            format!("\nssh-ed25519 {KEY}\n\n"),
        ] {
            assert_eq!(parse(&text).unwrap(), key, "{text:?}");
        }
    }

    #[test]
    fn whatever_else_stands_there_is_refused() {
        let line = format!("ssh-ed25519 {KEY} release");
        for (text, refused) in [
            (format!("{line}\n{line}"), "SeveralLines { found: 2 }"),
            (format!("no-pty {line}"), "Algorithm { name: None }"),
            ("hunter2".to_owned(), "Algorithm { name: None }"),
            (
                line.replace("ssh-ed25519", "sk-ssh-ed25519@openssh.com"),
                r#"Algorithm { name: Some("sk-ssh-ed25519@openssh.com") }"#,
            ),
            (format!("ssh-rsa {KEY}"), r#"Algorithm { name: Some("ssh-rsa") }"#),
            (line.replace(KEY, ""), "Malformed"),
            (line.replace(KEY, &KEY[..64]), "Malformed"),
            (line.replace(KEY, &KEY.replace("lZDI1", "lZDI2")), "Malformed"),
            (line.replace(KEY, &format!("{KEY}AAAA")), "Malformed"),
            (line.replace("ssh-ed25519 ", "ssh-ed25519\t"), "Algorithm { name: None }"),
            (line.replace(&KEY[25..], &"A".repeat(43)), "Key(SmallOrder)"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(format!("{error:?}").starts_with(refused), "{text:?}: {error:?}");
        }
    }
}
