use std::collections::HashSet;

use signing_crypto::{HashedContent, OrgId, SignatureEnvelope};
use signing_trust::{Signers, StoredSignature, TrustSource};

use super::{Measure, OpenedPackage, Verified, Witness, announce, hash, seal};
use crate::signers::{Refusal, SignerTrust};
use crate::source::{EnvelopeSource, Found};
use crate::{
    PackageError, PackagePath, SignatureLocation, SignatureSource, VerificationConfig,
    VerificationError, VerificationReport, VerifiedPackage,
};
use signing_trust::acceptance::{Accepted, accept};

/// Verifies a package for the organization `org`.
///
/// # Errors
///
/// [`PackageError::Verification`] says why the package is refused; anything else
/// that it could not be decided, which is to be treated alike.
pub async fn verify_package<'a>(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &VerificationConfig,
    trust: impl Into<TrustSource<'a>>,
    source: SignatureSource,
) -> Result<VerifiedPackage, PackageError> {
    let (package, trust) = (path.into(), trust.into());
    let outcome = examine(&package, org, config, trust, source, seal, &mut ()).await;
    announce(&package, Some(org), &outcome);
    outcome.map(|outcome| outcome.into_package(config, trust.kind()))
}

/// Verifies a package as [`verify_package`] does, without keeping its bytes: it
/// is hashed as it is read, and cannot be loaded.
///
/// # Errors
///
/// As [`verify_package`].
pub async fn check_package<'a>(
    path: impl Into<PackagePath>,
    org: OrgId,
    config: &VerificationConfig,
    trust: impl Into<TrustSource<'a>>,
    source: SignatureSource,
) -> Result<VerificationReport, PackageError> {
    check(&path.into(), org, config, trust.into(), source, &mut ()).await
}

pub(crate) async fn check(
    package: &PackagePath,
    org: OrgId,
    config: &VerificationConfig,
    trust: TrustSource<'_>,
    source: SignatureSource,
    witness: &mut impl Witness,
) -> Result<VerificationReport, PackageError> {
    let outcome = examine(package, org, config, trust, source, hash, witness).await;
    announce(package, Some(org), &outcome);
    outcome.map(|outcome| outcome.report)
}

async fn examine<T: Send + 'static>(
    package: &PackagePath,
    org: OrgId,
    config: &VerificationConfig,
    trust: TrustSource<'_>,
    source: SignatureSource,
    measure: Measure<T>,
    witness: &mut impl Witness,
) -> Result<Verified<T>, PackageError> {
    let clock_skew_allowance = config.clock_skew_allowance.as_duration();
    let (opened, found) = {
        let (package, config) = (package.clone(), config.clone());
        blocking(move || {
            let opened = OpenedPackage::open(&package, &config)?;
            Ok((opened, source.look(&package)?))
        })
        .await?
    };
    match found {
        // The statement is verified before the package is read, so that at most
        // as much is read as a trusted key has signed.
        Found::Envelope(source, envelope) => {
            let signer_trust =
                SignerTrust { trust, org, package: &opened.name, clock_skew_allowance };
            let (decided, outcome) = signer_trust
                .decide(Signers::of(&envelope), |decision| {
                    accept(&envelope, decision, config, &opened.name).map_err(Refusal::from)
                })
                .await?;
            witness.saw(&source, &envelope, &decided, &opened.name);
            let accepted = outcome?;
            let (accepted, measured) = blocking(move || {
                let measured = opened.measure_up_to(&accepted, measure)?;
                Ok((accepted, measured))
            })
            .await?;
            Verified::new(accepted, measured, Some(org))
        }
        Found::Malformed(source, reason) => {
            witness.could_not_read(&source, &reason);
            Err(VerificationError::from(reason).into())
        }
        // The store is asked by digest, so the package is read first.
        Found::NothingYet(location) => {
            let (name, limit) = (opened.name.clone(), config.max_package_size);
            let measured = blocking(move || opened.measure(limit, measure)).await?;
            let (content, _) = &measured;
            let stored = stored(trust, org, content, location).await?;
            let signer_trust = SignerTrust { trust, org, package: &name, clock_skew_allowance };
            let (decided, outcome) = signer_trust
                .decide(signers_of(&stored), |decision| {
                    first_accepted(&stored, |envelope| {
                        let accepted = accept(envelope, decision, config, &name)?;
                        accepted.require_content(content)?;
                        Ok(accepted)
                    })
                })
                .await?;
            for StoredSignature { id, org, envelope } in &stored {
                let source = EnvelopeSource::Store { id: *id, org: *org };
                match envelope {
                    Ok(envelope) => witness.saw(&source, envelope, &decided, &name),
                    Err(reason) => witness.could_not_read(&source, reason),
                }
            }
            let accepted = outcome?;
            Verified::new(accepted, measured, Some(org))
        }
    }
}

/// The signatures that the store has about these bytes, at least one.
async fn stored(
    trust: TrustSource<'_>,
    org: OrgId,
    content: &HashedContent,
    location: SignatureLocation,
) -> Result<Vec<StoredSignature>, PackageError> {
    let signatures = match trust {
        TrustSource::Store(keys) => keys.find_signatures(org, content.digest).await?,
        _ => Vec::new(),
    };
    if signatures.is_empty() {
        return Err(VerificationError::SignatureNotFound { location }.into());
    }
    Ok(signatures)
}

/// All who are said to have signed one of the envelopes, each once.
fn signers_of(stored: &[StoredSignature]) -> Signers {
    let mut all = Signers::default();
    let mut seen = HashSet::new();
    for signers in stored.iter().flat_map(|stored| &stored.envelope).map(Signers::of) {
        all.named.extend(signers.named.into_iter().filter(|signer| seen.insert(*signer)));
        all.anonymous |= signers.anonymous;
    }
    all
}

/// One good signature suffices. If there is none, the refusal of the first is
/// reported: that is the newest of the organization's own.
fn first_accepted(
    stored: &[StoredSignature],
    accept: impl Fn(&SignatureEnvelope) -> Result<Accepted, VerificationError>,
) -> Result<Accepted, Refusal> {
    let mut first: Option<Refusal> = None;
    for candidate in stored {
        let envelope = candidate.envelope.as_ref();
        let outcome = envelope.map_err(|reason| reason.clone().into()).and_then(&accept);
        let refusal = match outcome {
            Ok(accepted) => return Ok(accepted),
            Err(error) => Refusal::from(error),
        };
        match &mut first {
            Some(first) => first.lacks_signers |= refusal.lacks_signers,
            None => first = Some(refusal),
        }
    }
    Err(first.unwrap_or_else(|| {
        VerificationError::SignatureNotFound { location: SignatureLocation::Store }.into()
    }))
}

/// Reads files where waiting for them holds up nobody else.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PackageError> + Send + 'static,
) -> Result<T, PackageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(PackageError::io("", std::io::Error::other(cancelled))),
        },
    }
}
