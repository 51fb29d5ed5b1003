//! What signatures state, and whether each of them counts.

use serde::Serialize;
use signing_crypto::{
    EnvelopeSignature, Fingerprint, PackageDigest, PackageName, PackageStatement, PackageVersion,
    StatementTime, error_with_sources,
};
use signing_loader::VerificationError;
use signing_trust::{TrustedKey, UntrustedReason};

use super::TrustedKeyView;
use crate::lines::{Lines, quoted};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatementView {
    pub(crate) name: PackageName,
    pub(crate) sha256: PackageDigest,
    pub(crate) size: u64,
    pub(crate) version: Option<PackageVersion>,
    pub(crate) signed_at: StatementTime,
    pub(crate) expires_at: Option<StatementTime>,
}

impl StatementView {
    pub(crate) fn of(statement: &PackageStatement) -> Self {
        Self {
            name: statement.name().clone(),
            sha256: *statement.digest(),
            size: statement.size(),
            version: statement.version().cloned(),
            signed_at: statement.signed_at(),
            expires_at: statement.expires_at(),
        }
    }

    pub(crate) fn text(&self) -> Lines {
        let mut text = Lines::from(format!("  name       {}", quoted(self.name.as_str())));
        text.push(format!("  sha256     {}", self.sha256));
        text.push(format!("  size       {}", self.size));
        text.extend(self.version.as_ref().map(|version| format!("  version    {version}")));
        text.push(format!("  signed at  {}", self.signed_at));
        text.extend(self.expires_at.map(|at| format!("  expires    {at}")));
        text
    }
}

/// Whether a signature counts.
pub(crate) type Verdict = Result<TrustedKey, VerificationError>;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SignatureView<'a> {
    /// The key that the signature names. Another key may have made it.
    pub(crate) keyid: Option<Fingerprint>,
    #[serde(flatten)]
    verdict: VerdictView<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum VerdictView<'a> {
    Unverified,
    Verified(TrustedKeyView<'a>),
    Refused {
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
}

impl<'a> SignatureView<'a> {
    pub(crate) fn of(signature: &EnvelopeSignature, verdict: Option<&'a Verdict>) -> Self {
        let verdict = match verdict {
            None => VerdictView::Unverified,
            Some(Ok(key)) => VerdictView::Verified(TrustedKeyView::of(key)),
            Some(Err(error)) => VerdictView::Refused {
                code: error.code(),
                message: error_with_sources(error),
                reason: match error {
                    VerificationError::UntrustedSigner { reason, .. } => Some(reason_word(reason)),
                    _ => None,
                },
            },
        };
        Self { keyid: signature.claimed_signer(), verdict }
    }
}

pub(crate) fn verdict_text(signature: &EnvelopeSignature, verdict: Option<&Verdict>) -> String {
    match verdict {
        None => "not checked".into(),
        Some(Ok(key)) => match signature.claimed_signer() {
            Some(_) => format!("verified, trusted ({})", key.via),
            None => format!("verified, by {}, trusted ({})", key.key.fingerprint(), key.via),
        },
        Some(Err(VerificationError::UntrustedSigner { reason, .. })) => {
            format!("not trusted: {reason}")
        }
        Some(Err(VerificationError::UnnamedSignature)) => "not tried".into(),
        Some(Err(_)) => "broken: not made by the key that it names".into(),
    }
}

/// Why a key's signatures do not count, for programs.
fn reason_word(reason: &UntrustedReason) -> &'static str {
    match reason {
        UntrustedReason::Unknown => "unknown",
        UntrustedReason::NotPinned => "not_pinned",
        UntrustedReason::Compromised { .. } => "compromised",
        UntrustedReason::Expired { .. } => "expired",
        UntrustedReason::Revoked { .. } => "revoked",
        UntrustedReason::Denied { .. } => "denied",
        UntrustedReason::RevokedByChild { .. } => "revoked_by_child",
        UntrustedReason::ExpiredAtChild { .. } => "expired_at_child",
        UntrustedReason::GrantExpired { .. } => "grant_expired",
        UntrustedReason::OtherPackages { .. } => "other_packages",
        UntrustedReason::ChildDeleted { .. } => "child_deleted",
        UntrustedReason::NotSigned => "not_signed",
        UntrustedReason::ChildDocuments { .. } => "child_documents",
        UntrustedReason::OrganizationDeleted { .. } => "organization_deleted",
        _ => "other",
    }
}
