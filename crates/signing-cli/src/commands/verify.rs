use std::path::PathBuf;

use serde_json::{Value, json};
use signing_loader::{
    ClockSkewAllowance, ExplainedEnvelope, PackageError, PackagePath, RequiredSigners,
    SignatureSource, VerificationConfig, VerificationReport, check_package, check_package_offline,
    explain_package, explain_package_offline,
};
use signing_trust::store::OrganizationRecord;
use signing_trust::{KeyManager, PinnedKeys};

use super::explain::{self, Explained, Keepers};
use super::trusted_key::{trusted_json, via_json};
use crate::context::{Context, organization};
use crate::error::{CliError, Outcome};
use crate::key_files;
use crate::output::{Lines, Report, error_json};
use crate::remedy::advice;
use crate::time;

/// What is asked beside whose trust counts.
pub(super) struct Asked {
    pub(super) signature: Option<PathBuf>,
    pub(super) required: RequiredSigners,
    pub(super) clock_skew_allowance: ClockSkewAllowance,
    pub(super) explain: bool,
}

impl Asked {
    fn config(&self) -> VerificationConfig {
        VerificationConfig {
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
        trust_keys.iter().map(|path| key_files::read_public_key(path)).collect();
    let keys = keys?;
    let mut verdicts = Verdicts::default();
    for package in packages {
        let (config, source) = (asked.config(), asked.source());
        if asked.explain {
            let explained = explain_package_offline(package, &config, &keys, source);
            let outcome = explained.outcome.map_err(CliError::from);
            verdicts.explain(package, outcome, &explained.envelopes, &Keepers::new());
        } else {
            let outcome = check_package_offline(package, &config, &keys, source);
            verdicts.add(package, outcome.map_err(CliError::from));
        }
    }
    Ok(verdicts.report())
}

/// Verifies by an organization's trust.
pub(super) async fn with_store(
    context: &Context,
    packages: &[PackagePath],
    org: &str,
    asked: &Asked,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?;
    let mut verdicts = Verdicts::default();
    for package in packages {
        let (config, source) = (asked.config(), asked.source());
        if asked.explain {
            let explained = explain_package(package, org.id, &config, &keys, source).await;
            let keepers = explain::keepers(&keys, &explained.envelopes).await;
            let outcome = advised(&keys, &org, explained.outcome).await;
            verdicts.explain(package, outcome, &explained.envelopes, &keepers);
        } else {
            let outcome = check_package(package, org.id, &config, &keys, source).await;
            verdicts.add(package, advised(&keys, &org, outcome).await);
        }
    }
    Ok(verdicts.report())
}

async fn advised(
    keys: &KeyManager,
    org: &OrganizationRecord,
    outcome: Result<VerificationReport, PackageError>,
) -> Result<VerificationReport, CliError> {
    match outcome {
        Ok(report) => Ok(report),
        Err(error) => Err(advice::of_package(keys, org, error).await),
    }
}

/// What came of each package.
#[derive(Default)]
struct Verdicts {
    text: Lines,
    documents: Vec<Value>,
    refusals: Vec<(String, CliError)>,
    /// Whether that is explained, and so is what was asked for.
    explained: bool,
}

impl Verdicts {
    /// Adds one, and returns why the package is refused if it is.
    fn add(
        &mut self,
        package: &PackagePath,
        outcome: Result<VerificationReport, CliError>,
    ) -> Option<&CliError> {
        let path = package.path().display().to_string();
        match outcome {
            Ok(report) => {
                self.text.good("ok", &path);
                self.text.append(lines(&report));
                self.documents.push(document(&path, &report));
                None
            }
            Err(error) => {
                let mut document = error_json(&error);
                document["path"] = path.as_str().into();
                document["verdict"] = match error.outcome() {
                    Outcome::Refused => "refused",
                    _ => "undecided",
                }
                .into();
                self.documents.push(document);
                self.refusals.push((path, error));
                self.refusals.last().map(|(_, error)| error)
            }
        }
    }

    fn explain(
        &mut self,
        package: &PackagePath,
        outcome: Result<VerificationReport, CliError>,
        found: &[ExplainedEnvelope],
        keepers: &Keepers,
    ) {
        // The tree says all that the lines would.
        let before = std::mem::take(&mut self.text);
        let failure = self.add(package, outcome);
        let path = package.path().display().to_string();
        let explained = Explained { path, found, keepers, failure };
        let (tree, document) = (explained.tree(), explained.document());
        self.text = before;
        self.text.append(tree);
        self.explained = true;
        if let Some(last) = self.documents.last_mut() {
            last["explanation"] = document;
        }
    }

    fn report(self) -> Report {
        let documents = Value::Array(self.documents);
        let mut report = match self.explained {
            true => Report::shown(self.text, documents),
            false => Report::told(self.text, documents),
        };
        for (path, error) in self.refusals {
            report.refuse(path, error);
        }
        report
    }
}

fn lines(report: &VerificationReport) -> Lines {
    let mut lines = Lines::from(format!("  name       {}", report.name()));
    lines.push(format!("  sha256     {}", report.digest()));
    for signer in report.signers() {
        lines.push(format!("  signer     {}", signer.key.fingerprint()));
        lines.push(format!("  trusted    {}", signer.via));
    }
    if let Some(version) = report.version() {
        lines.push(format!("  version    {version}"));
    }
    let signed_at = time::text(&report.signed_at());
    lines.push(format!("  signed at  {signed_at} (says the signer)"));
    if let Some(expires_at) = report.expires_at() {
        lines.push(format!("  expires    {}", time::text(&expires_at)));
    }
    lines
}

fn document(path: &str, report: &VerificationReport) -> Value {
    let signers: Vec<_> = report.signers().iter().map(trusted_json).collect();
    json!({
        "path": path,
        "verdict": "verified",
        "name": report.name().as_str(),
        "sha256": report.digest().to_string(),
        "size": report.size(),
        "signer": report.signer().to_string(),
        "via": via_json(report.via()),
        "signers": signers,
        "version": report.version().map(ToString::to_string),
        "signed_at": time::text(&report.signed_at()),
        "expires_at": report.expires_at().as_ref().map(time::text),
    })
}
