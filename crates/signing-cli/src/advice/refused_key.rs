use signing_crypto::{Fingerprint, KeyName, OrgId, OrgName};
use signing_loader::{PackageError, VerificationError};
use signing_trust::store::{OrganizationRecord, RevocationReason, SigningKeyRecord};
use signing_trust::{DecisionError, SignedTrustError, TrustError, TrustReader, UntrustedReason};

use super::package::{renew_trust, trust_after_inquiry};
use super::signed_trust::sign_what_rows_trust;
use crate::error::CliError;
use crate::lines::short;
use crate::signed_trust::{documents_for_advice, is_denied_by, with_renewal};

pub(crate) const REPLACE_COMPROMISED: &str =
    "have the package signed by another key: a compromised key stays refused";

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
    let (refusal, is_only) = match &error {
        PackageError::Verification(VerificationError::NotEnoughSigners {
            refused: Some(refused),
            ..
        }) => (&**refused, false),
        PackageError::Verification(error) => (error, true),
        _ => return with_renewal(keys, org, None, error.into()).await,
    };
    let VerificationError::UntrustedSigner { reason, fingerprint } = refusal else {
        return error.into();
    };
    let next = match (reason, fingerprint) {
        (UntrustedReason::Unknown, Some(fingerprint)) => own_key(keys, org, fingerprint)
            .await
            .or_else(|| is_only.then(|| trust_after_inquiry(org.name.as_str()))),
        (UntrustedReason::Expired { .. }, Some(fingerprint)) => {
            Some(expired(keys, org, fingerprint).await)
        }
        (UntrustedReason::Revoked { .. } | UntrustedReason::Denied { .. }, Some(fingerprint)) => {
            refused(keys, org, fingerprint, Purpose::Verify).await
        }
        (UntrustedReason::NotSigned, _) if is_only => Some(sign_what_rows_trust(org.name.as_str())),
        _ => None,
    };
    CliError::from(error).advised(next)
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
    let next = match &error {
        TrustError::PreviouslyRevoked { fingerprint, .. } => {
            refused(keys, org, fingerprint, Purpose::Trust).await
        }
        _ => None,
    };
    CliError::from(error).advised(next)
}

/// What a key was to be used for.
enum Purpose {
    Verify,
    Trust,
}

/// What to do about a key that the organization refuses. A store that does not answer changes
/// nothing about the refusal: there is no advice then.
async fn refused(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
    purpose: Purpose,
) -> Option<String> {
    let own = keys.store().own_trusted_keys(org.id).await.ok()?;
    let row = own.iter().find(|key| key.fingerprint == *fingerprint && key.revoked_at.is_some());
    let texts = documents_for_advice(keys, org.id).await;
    let is_denied = texts.as_ref().is_some_and(|texts| is_denied_by(texts, fingerprint));
    let reason = row.map(|row| row.revocation_reason);
    match (reason, purpose) {
        (Some(Some(RevocationReason::Compromised)), Purpose::Verify) => {
            Some(REPLACE_COMPROMISED.to_owned())
        }
        (Some(Some(RevocationReason::Compromised)), Purpose::Trust) => {
            Some(trust_another(&org.name))
        }
        (Some(_), Purpose::Verify) if !is_denied => Some(replace_refused(&org.name, fingerprint)),
        (Some(_), Purpose::Trust) if !is_denied => Some(reinstate(&org.name, fingerprint)),
        _ => texts.map(|_| replace_refused_by_documents(&org.name)),
    }
}

pub(crate) fn trust_another(org: &OrgName) -> String {
    format!(
        "a compromised key stays refused: trust another one, such as a new one: cloacina keys \
         generate --org {org} --name <name>"
    )
}

/// The organization retired or denied the key, and can take that back. Most often another key signs
/// since.
pub(crate) fn replace_refused(org: &OrgName, fingerprint: &Fingerprint) -> String {
    format!("have the package signed by a key that is trusted now; {}", reinstate(org, fingerprint))
}

pub(crate) fn reinstate(org: &OrgName, fingerprint: &Fingerprint) -> String {
    format!(
        "if this key was refused by mistake: cloacina keys reinstate --org {org} --trusted \
         {fingerprint} --note '<why>'"
    )
}

/// No row refuses the key, or none alone.
pub(crate) fn replace_refused_by_documents(org: &OrgName) -> String {
    format!(
        "have the package signed by another key: {org}'s signed documents refuse this one, and what \
         its revocations deny stays denied"
    )
}

/// How to renew trust in a key. A key that can still sign for the organization needs no file.
async fn expired(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> String {
    let own = keys.store().signing_keys(org.id).await.unwrap_or_default();
    let which = match own.iter().any(|key| can_sign(key, fingerprint)) {
        true => format!("--key-id {}", short(fingerprint)),
        false => "--import <public key>".to_owned(),
    };
    renew_trust(org.name.as_str(), &which)
}

/// The organization's own key, if it is one and no row is about it yet.
async fn own_key(
    keys: &TrustReader,
    org: &OrganizationRecord,
    fingerprint: &Fingerprint,
) -> Option<String> {
    let own = keys.store().own_trusted_keys(org.id).await.ok()?;
    if own.iter().any(|key| key.fingerprint == *fingerprint) {
        return None;
    }
    let signing = keys.store().signing_keys(org.id).await.ok()?;
    let key = signing.iter().find(|key| can_sign(key, fingerprint))?;
    Some(trust_own_key(&org.name, fingerprint, &key.name))
}

fn can_sign(key: &SigningKeyRecord, fingerprint: &Fingerprint) -> bool {
    key.fingerprint == *fingerprint && key.revoked_at.is_none()
}

/// By its fingerprint: rows say which key has a name.
pub(crate) fn trust_own_key(org: &OrgName, fingerprint: &Fingerprint, name: &KeyName) -> String {
    format!(
        "the store lists it as {org}'s own signing key {name}, not trusted yet; to prove and trust \
         it: cloacina keys trust --org {org} --key-id {}",
        short(fingerprint)
    )
}
