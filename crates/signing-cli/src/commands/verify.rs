use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use signing_loader::{
    Explanation, PackageError, PackagePath, RequiredSigners, SecurityConfig, SignatureSource,
    VerificationReport, check_package, check_package_offline, explain_package,
    explain_package_offline,
};
use signing_trust::PinnedKeys;

use super::explain;
use crate::context::{Context, organization};
use crate::error::CliError;
use crate::files;
use crate::output::{Report, shown};

/// What is asked beside whose trust counts.
pub(super) struct Asked {
    pub(super) signature: Option<PathBuf>,
    pub(super) required: RequiredSigners,
    pub(super) clock_skew_allowance: Duration,
    pub(super) explain: bool,
}

impl Asked {
    fn config(&self) -> SecurityConfig {
        SecurityConfig {
            require_signatures: true,
            required_signers: self.required,
            clock_skew_allowance: self.clock_skew_allowance,
            ..Default::default()
        }
    }

    fn source(&self) -> SignatureSource {
        self.signature.clone().map_or(SignatureSource::Auto, SignatureSource::DetachedFile)
    }
}

/// Verifies with keys from files: no store, no KEK, no runtime, no network.
pub(super) fn with_pinned_keys(
    packages: &[PackagePath],
    trust_keys: &[PathBuf],
    asked: &Asked,
) -> Result<Report, CliError> {
    let keys: Result<PinnedKeys, _> =
        trust_keys.iter().map(|path| files::read_public_key(path)).collect();
    let keys = keys?;
    let mut verdicts = Verdicts::default();
    for package in packages {
        let (config, source) = (asked.config(), asked.source());
        if asked.explain {
            verdicts.explain(package, explain_package_offline(package, &config, &keys, source));
        } else {
            verdicts.add(package, check_package_offline(package, &config, &keys, source));
        }
    }
    Ok(verdicts.report())
}

/// Verifies by an organisation's trust.
pub(super) async fn with_store(
    context: &Context,
    packages: &[PackagePath],
    org: &str,
    asked: &Asked,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?.id;
    let mut verdicts = Verdicts::default();
    for package in packages {
        let (config, source) = (asked.config(), asked.source());
        if asked.explain {
            let explanation = explain_package(package, org, &config, &keys, source).await;
            verdicts.explain(package, explanation);
        } else {
            verdicts.add(package, check_package(package, org, &config, &keys, source).await);
        }
    }
    Ok(verdicts.report())
}

/// What came of each package.
#[derive(Default)]
struct Verdicts {
    text: String,
    documents: Vec<Value>,
    refusals: Vec<(String, CliError)>,
}

impl Verdicts {
    /// Adds one, and returns why the package is refused if it is.
    fn add(
        &mut self,
        package: &PackagePath,
        outcome: Result<VerificationReport, PackageError>,
    ) -> Option<&CliError> {
        let path = package.path().display().to_string();
        match outcome {
            Ok(report) => {
                self.text += &format!("ok {}\n{}", shown(package.path()), lines(&report));
                self.documents.push(document(&path, &report));
                None
            }
            Err(error) => {
                let error = CliError::from(error);
                self.documents.push(json!({
                    "path": path,
                    "verdict": match error.outcome() {
                        crate::error::Outcome::Refused => "refused",
                        _ => "undecided",
                    },
                    "code": error.code(),
                }));
                self.refusals.push((path, error));
                self.refusals.last().map(|(_, error)| error)
            }
        }
    }

    fn explain(&mut self, package: &PackagePath, explanation: Explanation) {
        let Explanation { outcome, envelopes, .. } = explanation;
        // The tree says all that the lines would.
        let before = self.text.len();
        let tree = explain::tree(&shown(package.path()), &envelopes, self.add(package, outcome));
        self.text.truncate(before);
        self.text += &tree;
        if let Some(last) = self.documents.last_mut() {
            last["explanation"] = explain::document(&envelopes);
        }
    }

    fn report(self) -> Report {
        let mut report = Report::new(self.text, Value::Array(self.documents));
        for (path, error) in self.refusals {
            report.refuse(path, error);
        }
        report
    }
}

fn lines(report: &VerificationReport) -> String {
    let mut lines = format!("  name       {}\n  sha256     {}\n", report.name(), report.digest());
    for signer in report.signers() {
        let (fingerprint, via) = (signer.key.fingerprint(), &signer.via);
        lines += &format!("  signer     {fingerprint}\n  trusted    {via}\n");
    }
    if let Some(version) = report.version() {
        lines += &format!("  version    {version}\n");
    }
    let signed_at = report.signed_at().to_rfc3339();
    lines += &format!("  signed at  {signed_at} (says the signer)\n");
    if let Some(expires_at) = report.expires_at() {
        lines += &format!("  expires    {}\n", expires_at.to_rfc3339());
    }
    lines
}

fn document(path: &str, report: &VerificationReport) -> Value {
    let signers: Vec<_> = report
        .signers()
        .iter()
        .map(|signer| {
            json!({
                "fingerprint": signer.key.fingerprint().to_string(),
                "via": signer.via.to_string(),
            })
        })
        .collect();
    json!({
        "path": path,
        "verdict": "verified",
        "name": report.name().as_str(),
        "sha256": report.digest().to_string(),
        "size": report.size(),
        "signer": report.signer().to_string(),
        "via": report.via().to_string(),
        "signers": signers,
        "version": report.version().map(ToString::to_string),
        "signed_at": report.signed_at().to_rfc3339(),
        "expires_at": report.expires_at().map(|time| time.to_rfc3339()),
    })
}
