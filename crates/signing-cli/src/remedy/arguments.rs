use signing_crypto::{NameKind, ParseError};

use super::{LIST_KEYS, LIST_ORGANIZATIONS};

pub(super) fn name(kind: NameKind) -> Option<String> {
    Some(match kind {
        NameKind::Organization | NameKind::Key => {
            "choose 1 to 255 of A-Z a-z 0-9 . _ @ + -, a letter or digit first, that are no id"
                .into()
        }
        NameKind::Package => {
            "give the name of a file, of at most 255 bytes, without control and invisible \
             characters"
                .into()
        }
        NameKind::Note => {
            "give one line, of at most 255 bytes, without control and invisible characters".into()
        }
        _ => return None,
    })
}

pub(super) fn parse(error: &ParseError) -> Option<String> {
    Some(match error {
        ParseError::Id { kind: "organization" } => LIST_ORGANIZATIONS.into(),
        ParseError::Id { .. } | ParseError::Fingerprint => LIST_KEYS.into(),
        ParseError::Digest => "copy all of what sha256sum <package> prints first".into(),
        ParseError::Version => "give a version such as 1.4.0".into(),
        ParseError::RevocationReason => "give retired or compromised".into(),
        ParseError::Time => "give a time such as 2027-01-01T12:00:00Z".into(),
        _ => return None,
    })
}
