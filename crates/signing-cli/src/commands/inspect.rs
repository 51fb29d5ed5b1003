use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use signing_crypto::{EnvelopeSignature, PackageStatement, SignatureEnvelope};
use signing_loader::{
    PackageError, PackagePath, SignatureInspection, SignatureLocation, VerificationConfig,
    VerificationError, inspect_signature, inspect_signature_offline, read_signature,
};
use signing_trust::{PinnedKeys, TrustedKey};

use super::trusted_key::{reason_word, trusted_json};
use crate::context::{Context, organization};
use crate::error::{CliError, Outcome};
use crate::key_files;
use crate::output::{Lines, Report, chain};
use crate::remedy::advice;

/// The signature's file: the one that is named, or that of a package.
pub(super) fn file(path: Option<PathBuf>, signature: Option<PathBuf>) -> PathBuf {
    let path = match signature {
        Some(file) => return file,
        None => path.unwrap_or_default(),
    };
    match path.extension() {
        Some(extension) if extension == "sig" => path,
        _ => PackagePath::new(path).signature_path(),
    }
}

/// Shows what a signature's file claims.
pub(super) fn unverified(file: &Path) -> Result<Report, CliError> {
    let envelope = read(file)?;
    let refusal = envelope.unverified_statement().err().map(VerificationError::from);
    Ok(Shown { file, envelope, verdicts: None }
        .report(refusal.map(PackageError::from).map(CliError::from)))
}

/// Shows it, and what of it these keys have signed.
pub(super) fn with_pinned_keys(file: &Path, trust_keys: &[PathBuf]) -> Result<Report, CliError> {
    let keys: Result<PinnedKeys, _> =
        trust_keys.iter().map(|path| key_files::read_public_key(path)).collect();
    let keys = keys?;
    let envelope = read(file)?;
    let inspected = inspect_signature_offline(&envelope, &VerificationConfig::default(), &keys);
    let (verdicts, refusal) = verdicts(inspected)?;
    Ok(Shown { file, envelope, verdicts }.report(refusal.map(CliError::from)))
}

/// Shows it, and what of it was signed by keys that the organization trusts.
pub(super) async fn with_store(
    context: &Context,
    file: &Path,
    org: &str,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let envelope = read(file)?;
    let config = VerificationConfig::default();
    let inspected = inspect_signature(&envelope, org.id, &config, &keys).await;
    let (verdicts, refusal) = verdicts(inspected)?;
    let refusal = match refusal {
        Some(error) => Some(advice::of_package(&keys, &org, error).await),
        None => None,
    };
    Ok(Shown { file, envelope, verdicts }.report(refusal))
}

fn read(file: &Path) -> Result<SignatureEnvelope, PackageError> {
    let location = || SignatureLocation::File(file.into());
    read_signature(file)?
        .ok_or_else(|| VerificationError::SignatureNotFound { location: location() }.into())
}

type Verdict = Result<TrustedKey, VerificationError>;

/// An envelope as it is shown.
struct Shown<'a> {
    file: &'a Path,
    envelope: SignatureEnvelope,
    /// One for each signature, if anybody's trust was asked.
    verdicts: Option<Vec<Verdict>>,
}

/// A verdict for each signature, and why the envelope is refused if it is.
fn verdicts(
    inspected: Result<SignatureInspection, PackageError>,
) -> Result<(Option<Vec<Verdict>>, Option<PackageError>), PackageError> {
    match inspected {
        Ok(SignatureInspection { signatures, outcome, .. }) => {
            Ok((Some(signatures), outcome.err().map(PackageError::from)))
        }
        // It is about no package, so nobody's trust says anything about it.
        Err(error @ PackageError::Verification(_)) => Ok((None, Some(error))),
        Err(error) => Err(error),
    }
}

impl Shown<'_> {
    fn report(self, refusal: Option<CliError>) -> Report {
        let (verdict, meaning) = match (&refusal, &self.verdicts) {
            (Some(error), _) if error.outcome() == Outcome::Refused => {
                ("refused", "nothing that it claims is to be relied on")
            }
            (None, Some(_)) => {
                ("verified", "a trusted key has signed this; no package was looked at")
            }
            _ => ("unverified", "these are claims that nobody has checked"),
        };
        let statement = self.envelope.unverified_statement().ok();
        let subject = format!("{}: {meaning}", self.file.display());
        let mut text = Lines::new();
        match verdict {
            "verified" => text.good(verdict, subject),
            "refused" => text.bad(verdict, subject),
            _ => text.push(format!("{verdict} {subject}")),
        }
        text.push(format!("  payload    {}", self.envelope.unverified_payload_type()));
        text.append(statement.as_ref().map(lines).unwrap_or_default());
        let mut signatures = Vec::new();
        for (index, signature) in self.envelope.signatures().iter().enumerate() {
            let verdict = self.verdicts.as_ref().and_then(|verdicts| verdicts.get(index));
            text.append(signature_lines(signature, verdict));
            signatures.push(signature_document(signature, verdict));
        }
        let file = self.file.display().to_string();
        let document = json!({
            "path": file,
            "verdict": verdict,
            "payload_type": self.envelope.unverified_payload_type(),
            "statement": statement.as_ref().map(statement_document),
            "signatures": signatures,
        });
        let mut report = Report::shown(text, document);
        if let Some(error) = refusal {
            report.refuse(file, error);
        }
        report
    }
}

fn lines(statement: &PackageStatement) -> Lines {
    let mut lines = Lines::from(format!("  name       {}", statement.name()));
    lines.push(format!("  sha256     {}", statement.digest()));
    lines.push(format!("  size       {}", statement.size()));
    if let Some(version) = statement.version() {
        lines.push(format!("  version    {version}"));
    }
    lines.push(format!("  signed at  {}", statement.signed_at()));
    if let Some(expires_at) = statement.expires_at() {
        lines.push(format!("  expires    {expires_at}"));
    }
    lines
}

pub(super) fn statement_document(statement: &PackageStatement) -> Value {
    json!({
        "name": statement.name().as_str(),
        "sha256": statement.digest().to_string(),
        "size": statement.size(),
        "version": statement.version().map(ToString::to_string),
        "signed_at": statement.signed_at().to_string(),
        "expires_at": statement.expires_at().map(|time| time.to_string()),
    })
}

fn signature_lines(signature: &EnvelopeSignature, verdict: Option<&Verdict>) -> Lines {
    let verdict = match verdict {
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
    };
    let keyid = match signature.claimed_signer() {
        Some(fingerprint) => fingerprint.to_string(),
        None => "(names no key)".into(),
    };
    let mut lines = Lines::from(format!("  signature  {keyid}"));
    lines.push(format!("             {verdict}"));
    lines
}

pub(super) fn signature_document(
    signature: &EnvelopeSignature,
    verdict: Option<&Verdict>,
) -> Value {
    let keyid: Value = signature.claimed_signer().map(|signer| signer.to_string()).into();
    let mut document = json!({ "keyid": keyid });
    match verdict {
        None => document["verdict"] = "unverified".into(),
        Some(Ok(key)) => {
            document = trusted_json(key);
            document["keyid"] = keyid;
            document["verdict"] = "verified".into();
        }
        Some(Err(error)) => {
            document["verdict"] = "refused".into();
            document["code"] = crate::error::verification_code(error).into();
            document["message"] = chain(error).into();
            if let VerificationError::UntrustedSigner { reason, .. } = error {
                document["reason"] = reason_word(reason).into();
            }
        }
    }
    document
}
