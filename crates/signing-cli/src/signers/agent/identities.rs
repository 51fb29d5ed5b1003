use signing_crypto::VerifyingKey;

use super::protocol::Identity;
use crate::key_source::AgentIdentity;
use crate::signer_error::AgentError;
use crate::ssh::{ED25519, PublicKeyBlob};

/// The only Ed25519 key that is called so.
pub(super) fn choose(
    held: &[Identity],
    identity: &AgentIdentity,
) -> Result<(PublicKeyBlob, VerifyingKey), AgentError> {
    let given = || identity.as_str().to_owned();
    let mut named: Vec<_> = held.iter().filter(|held| is_named(held, identity)).collect();
    let Some(first) = named.first() else {
        return Err(AgentError::NoSuchKey { given: given(), found: held.len() });
    };
    let algorithm = String::from_utf8_lossy(first.blob.algorithm().unwrap_or_default());
    named.retain(|held| held.blob.algorithm() == Some(ED25519));
    named.dedup_by(|one, other| one.blob == other.blob);
    match &named[..] {
        [] => Err(AgentError::Algorithm { given: given(), algorithm: algorithm.into() }),
        [held] => {
            let raw = held.blob.ed25519().ok_or(AgentError::Malformed)?;
            let key = VerifyingKey::from_slice(raw)
                .map_err(|source| AgentError::UnfitKey { given: given(), source })?;
            Ok((held.blob.clone(), key))
        }
        _ => Err(AgentError::SeveralKeys { given: given() }),
    }
}

/// By its comment, by OpenSSH's fingerprint, or by the beginning of ours.
fn is_named(held: &Identity, identity: &AgentIdentity) -> bool {
    let given = identity.as_str();
    if held.comment == given.as_bytes() || held.blob.fingerprint() == given {
        return true;
    }
    let Some(prefix) = identity.as_fingerprint_prefix() else { return false };
    let key = held.blob.ed25519().and_then(|raw| VerifyingKey::from_slice(raw).ok());
    key.is_some_and(|key| key.fingerprint().to_string().starts_with(&prefix))
}

#[cfg(test)]
mod tests {
    use signing_crypto::SigningKey;

    use super::*;
    use crate::ssh::write_string;

    fn identity(text: &str) -> AgentIdentity {
        text.parse().unwrap()
    }

    fn held(algorithm: &[u8], key: &[u8], comment: &str) -> Identity {
        let mut blob = Vec::new();
        write_string(&mut blob, algorithm);
        write_string(&mut blob, key);
        Identity { blob: PublicKeyBlob::new(&blob), comment: comment.into() }
    }

    fn key(comment: &str) -> (Identity, VerifyingKey) {
        let key = SigningKey::generate().unwrap().verifying_key();
        (held(ED25519, key.as_bytes(), comment), key)
    }

    #[test]
    fn a_key_is_found_by_comment_and_by_both_fingerprints() {
        let ((first, wanted), (second, _)) = (key("release"), key("other"));
        let ours = wanted.fingerprint().to_string();
        let names =
            ["release".to_owned(), first.blob.fingerprint(), ours[..8].to_uppercase(), ours];
        let held = [second, first];
        for name in names {
            assert_eq!(choose(&held, &identity(&name)).unwrap().1, wanted, "{name}");
        }
    }

    #[test]
    fn a_name_of_no_key_of_several_or_of_another_algorithm_is_refused() {
        let ((first, wanted), (second, _)) = (key("release"), key("release"));
        let rsa = || held(b"ssh-rsa", b"exponent", "legacy");
        let refused = |held: &[Identity], name: &str| choose(held, &identity(name)).unwrap_err();
        let short = &wanted.fingerprint().to_string()[..7];
        let held = [first, second, rsa()];
        for name in ["releas", "release ", "SHA256:", short] {
            let error = refused(&held, name);
            assert!(matches!(error, AgentError::NoSuchKey { found: 3, .. }), "{error:?}");
        }
        assert!(matches!(refused(&held, "release"), AgentError::SeveralKeys { .. }));
        assert!(matches!(refused(&held, "legacy"),
            AgentError::Algorithm { algorithm, .. } if algorithm == "ssh-rsa"));
        let [first, ..] = held;
        // The same key under another comment is one key.
        let again = Identity { blob: first.blob.clone(), comment: first.comment.clone() };
        assert_eq!(choose(&[first, again], &identity("release")).unwrap().1, wanted);
        let weak = [held_weak()];
        assert!(matches!(refused(&weak, "weak"), AgentError::UnfitKey { .. }));
        assert!(matches!(refused(&[], "release"), AgentError::NoSuchKey { found: 0, .. }));
    }

    fn held_weak() -> Identity {
        held(ED25519, &[0; 32], "weak")
    }
}
