use std::fmt;

use signing_crypto::Fingerprint;
use signing_loader::{PackageError, VerificationError};
use signing_trust::store::{OrganizationRecord, RevocationReason};
use signing_trust::{TrustError, TrustReader, UntrustedReason};

use super::package::trust_after_inquiry;
use super::signed_trust::sign_what_rows_trust;
use crate::error::{CliError, RefusedKey};

impl fmt::Display for RefusedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // By its fingerprint: rows say which key has a name.
            Self::TrustOwnKey { org, fingerprint, name } => write!(
                f,
                "the store lists it as {org}'s own signing key {name}, not trusted yet; to prove \
                 and trust it: cloacina keys trust --org {org} --key-id {:.16}",
                fingerprint.to_string(),
            ),
            Self::Reinstate { org, fingerprint } => write!(
                f,
                "if this key was refused by mistake: cloacina keys reinstate --org {org} \
                 --trusted {fingerprint} --note '<why>'"
            ),
            Self::ReplaceCompromised => f.write_str(
                "have the package signed by another key: a compromised key stays refused",
            ),
            Self::Unknown { org } => f.write_str(&trust_after_inquiry(org.as_str())),
            Self::NotSigned { org } => f.write_str(&sign_what_rows_trust(org.as_str())),
        }
    }
}

/// The error that refuses a package, with what the store knows about its signer.
pub(crate) async fn of_package(
    keys: &TrustReader,
    org: &OrganizationRecord,
    error: PackageError,
) -> CliError {
    // Of too few signers, another may be known that does not count.
    let refusal = match &error {
        PackageError::Verification(VerificationError::NotEnoughSigners {
            refused: Some(refused),
            ..
        }) => Some(&**refused),
        PackageError::Verification(error) => Some(error),
        _ => None,
    };
    let known = match refusal {
        Some(VerificationError::UntrustedSigner {
            fingerprint: Some(fingerprint),
            reason:
                UntrustedReason::Unknown
                | UntrustedReason::Revoked { .. }
                | UntrustedReason::Denied { .. },
        }) => find(keys, org, fingerprint).await,
        _ => None,
    };
    let known = known.or_else(|| match &error {
        PackageError::Verification(VerificationError::UntrustedSigner { reason, fingerprint }) => {
            match reason {
                UntrustedReason::Unknown if fingerprint.is_some() => {
                    Some(RefusedKey::Unknown { org: org.name.clone() })
                }
                UntrustedReason::NotSigned => Some(RefusedKey::NotSigned { org: org.name.clone() }),
                _ => None,
            }
        }
        _ => None,
    });
    with(known, error.into())
}

/// The error that refuses to trust a key, with what the store knows about the key.
pub(crate) async fn of_trust(
    keys: &TrustReader,
    org: &OrganizationRecord,
    error: TrustError,
) -> CliError {
    let known = match &error {
        TrustError::PreviouslyRevoked { fingerprint, .. } => find(keys, org, fingerprint).await,
        _ => None,
    };
    with(known, error.into())
}

fn with(known: Option<RefusedKey>, error: CliError) -> CliError {
    match known {
        Some(key) => CliError::Advised { next: key, source: Box::new(error) },
        None => error,
    }
}

/// A store that does not answer changes nothing about the refusal: there is no advice then.
async fn find(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Option<RefusedKey> {
    let own = keys.store().own_trusted_keys(org.id).await.ok()?;
    let refused =
        own.iter().find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_some());
    if let Some(key) = refused {
        return Some(match key.revocation_reason {
            Some(RevocationReason::Compromised) => RefusedKey::ReplaceCompromised,
            _ => RefusedKey::Reinstate { org: org.name.clone(), fingerprint: *fingerprint },
        });
    }
    let signing = keys.store().signing_keys(org.id).await.ok()?;
    let key = signing
        .into_iter()
        .find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_none())?;
    let (org, fingerprint) = (org.name.clone(), key.fingerprint);
    Some(RefusedKey::TrustOwnKey { org, fingerprint, name: key.name })
}
