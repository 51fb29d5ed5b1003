use std::fmt;

use signing_crypto::{Fingerprint, KeyId, KeyName, OrgName};
use signing_loader::{PackageError, VerificationError};
use signing_trust::store::{OrganizationRecord, RevocationReason};
use signing_trust::{KeyManager, TrustError, UntrustedReason};

use crate::error::CliError;

/// A next step that depends on what the store knows about a key that is refused.
#[derive(Debug)]
pub(crate) enum Advice {
    /// It is the organization's own signing key, which is not trusted yet.
    TrustOwnKey { org: OrgName, key: KeyId, name: KeyName },
    /// The organization retired or denied it, and can take that back.
    Reinstate { org: OrgName, fingerprint: Fingerprint },
    /// The organization revoked it as compromised, for good.
    ReplaceCompromised,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TrustOwnKey { org, key, name } => write!(
                f,
                "the store lists it as {org}'s own signing key {name}, not trusted yet; to prove \
                 and trust it: cloacina keys trust --org {org} --key-id {key}"
            ),
            Self::Reinstate { org, fingerprint } => write!(
                f,
                "if it was a mistake to refuse this key: cloacina keys reinstate --org {org} \
                 --trusted {fingerprint} --note '<why>'"
            ),
            Self::ReplaceCompromised => f.write_str(
                "have the package signed by another key: what is compromised stays refused",
            ),
        }
    }
}

/// The error that a package is refused with, and what the store knows about its signer.
pub(crate) async fn of_package(
    keys: &KeyManager,
    org: &OrganizationRecord,
    error: PackageError,
) -> CliError {
    let advice = match &error {
        PackageError::Verification(VerificationError::UntrustedSigner {
            fingerprint: Some(fingerprint),
            reason:
                UntrustedReason::Unknown
                | UntrustedReason::Revoked { .. }
                | UntrustedReason::Denied { .. },
        }) => find(keys, org, fingerprint).await,
        _ => None,
    };
    with(advice, error.into())
}

/// The error that a key is not trusted with, likewise.
pub(crate) async fn of_trust(
    keys: &KeyManager,
    org: &OrganizationRecord,
    error: TrustError,
) -> CliError {
    let advice = match &error {
        TrustError::PreviouslyRevoked { fingerprint, .. } => find(keys, org, fingerprint).await,
        _ => None,
    };
    with(advice, error.into())
}

fn with(advice: Option<Advice>, error: CliError) -> CliError {
    match advice {
        Some(advice) => CliError::Advised { advice, source: Box::new(error) },
        None => error,
    }
}

/// What cannot be read changes nothing about the refusal, and there is no advice.
async fn find(
    keys: &KeyManager,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Option<Advice> {
    let own = keys.list_own_trusted_keys(org.id).await.ok()?;
    let refused =
        own.iter().find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_some());
    if let Some(key) = refused {
        return Some(match key.revocation_reason {
            Some(RevocationReason::Compromised) => Advice::ReplaceCompromised,
            _ => Advice::Reinstate { org: org.name.clone(), fingerprint: *fingerprint },
        });
    }
    let signing = keys.list_signing_keys(org.id).await.ok()?;
    let key = signing
        .into_iter()
        .find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_none())?;
    Some(Advice::TrustOwnKey { org: org.name.clone(), key: key.id, name: key.name })
}
