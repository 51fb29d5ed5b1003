use std::fmt;

use signing_crypto::{Fingerprint, OrgId};
use signing_loader::{PackageError, VerificationError};
use signing_trust::store::{OrganizationRecord, RevocationReason, SigningKeyRecord};
use signing_trust::{DecisionError, SignedTrustError, TrustError, TrustReader, UntrustedReason};

use super::package::{renew_trust, trust_after_inquiry};
use super::signed_trust::sign_what_rows_trust;
use crate::error::{CliError, RefusedKey};
use crate::signed_trust::{documents_for_advice, is_denied_by, with_renewal};

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
            Self::ReplaceRefused { org, fingerprint } => {
                f.write_str("have the package signed by a key that is trusted now; ")?;
                Self::Reinstate { org: org.clone(), fingerprint: *fingerprint }.fmt(f)
            }
            Self::Reinstate { org, fingerprint } => write!(
                f,
                "if this key was refused by mistake: cloacina keys reinstate --org {org} \
                 --trusted {fingerprint} --note '<why>'"
            ),
            Self::RenewOwnKey { org, fingerprint } => f.write_str(&renew_trust(
                org.as_str(),
                &format!("--key-id {:.16}", fingerprint.to_string()),
            )),
            Self::Renew { org } => f.write_str(&renew_trust(org.as_str(), "--import <public key>")),
            Self::ReplaceCompromised => f.write_str(
                "have the package signed by another key: a compromised key stays refused",
            ),
            Self::TrustAnother { org } => write!(
                f,
                "a compromised key stays refused: trust another one, such as a new one: cloacina keys \
                 generate --org {org} --name <name>"
            ),
            Self::RefusedByDocuments { org } => write!(
                f,
                "have the package signed by another key: {org}'s signed documents refuse this one, \
                 and what its revocations deny stays denied"
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
    if has_no_documents(&error) == Some(org.id) {
        return CliError::NoTrustDocuments { org: org.name.clone() };
    }
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
            reason: UntrustedReason::Unknown,
        }) => own_key(keys, org, fingerprint).await,
        Some(VerificationError::UntrustedSigner {
            fingerprint: Some(fingerprint),
            reason: UntrustedReason::Expired { .. },
        }) => expired(keys, org, fingerprint).await,
        Some(VerificationError::UntrustedSigner {
            fingerprint: Some(fingerprint),
            reason: UntrustedReason::Revoked { .. } | UntrustedReason::Denied { .. },
        }) => refused(keys, org, fingerprint).await,
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
    match known {
        None => with_renewal(keys, org, None, error.into()).await,
        known => with(known, error.into()),
    }
}

/// The organization without signed trust, if that is why nothing could be decided.
fn has_no_documents(error: &PackageError) -> Option<OrgId> {
    match error {
        PackageError::Trust(TrustError::Decision(error)) | PackageError::Decision(error) => {
            match error {
                DecisionError::SignedTrust(SignedTrustError::NoDocuments { org }) => Some(*org),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The error that refuses to trust a key, with what the store knows about the key.
pub(crate) async fn of_trust(
    keys: &TrustReader,
    org: &OrganizationRecord,
    error: TrustError,
) -> CliError {
    let known = match &error {
        TrustError::PreviouslyRevoked { fingerprint, .. } => refused(keys, org, fingerprint).await,
        _ => None,
    };
    let known = known.map(|known| match known {
        RefusedKey::ReplaceCompromised => RefusedKey::TrustAnother { org: org.name.clone() },
        RefusedKey::ReplaceRefused { org, fingerprint } => {
            RefusedKey::Reinstate { org, fingerprint }
        }
        known => known,
    });
    with(known, error.into())
}

fn with(known: Option<RefusedKey>, error: CliError) -> CliError {
    match known {
        Some(key) => CliError::Advised { next: key, source: Box::new(error) },
        None => error,
    }
}

/// What is known of a key that the organization refuses. A store that does not answer changes
/// nothing about the refusal: there is no advice then.
async fn refused(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Option<RefusedKey> {
    let own = keys.store().own_trusted_keys(org.id).await.ok()?;
    let row = own.iter().find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_some());
    let texts = documents_for_advice(keys, org.id).await;
    let is_denied = texts.as_ref().is_some_and(|texts| is_denied_by(texts, fingerprint));
    match row {
        Some(row) if row.revocation_reason == Some(RevocationReason::Compromised) => {
            Some(RefusedKey::ReplaceCompromised)
        }
        Some(_) if !is_denied => {
            Some(RefusedKey::ReplaceRefused { org: org.name.clone(), fingerprint: *fingerprint })
        }
        _ => texts.map(|_| RefusedKey::RefusedByDocuments { org: org.name.clone() }),
    }
}

/// How to renew trust in a key. A key that is in the store needs no file.
async fn expired(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Option<RefusedKey> {
    let (org_name, fingerprint) = (org.name.clone(), *fingerprint);
    let own = keys.store().signing_keys(org.id).await.unwrap_or_default();
    let can_sign =
        |key: &SigningKeyRecord| key.fingerprint == fingerprint && key.revoked_at.is_none();
    Some(match own.iter().any(can_sign) {
        true => RefusedKey::RenewOwnKey { org: org_name, fingerprint },
        false => RefusedKey::Renew { org: org_name },
    })
}

/// The organization's own key, if it is one and no row is about it yet.
async fn own_key(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Option<RefusedKey> {
    let own = keys.store().own_trusted_keys(org.id).await.ok()?;
    if own.iter().any(|key| key.fingerprint == *fingerprint) {
        return None;
    }
    let signing = keys.store().signing_keys(org.id).await.ok()?;
    let key = signing
        .into_iter()
        .find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_none())?;
    let (org, fingerprint) = (org.name.clone(), key.fingerprint);
    Some(RefusedKey::TrustOwnKey { org, fingerprint, name: key.name })
}
