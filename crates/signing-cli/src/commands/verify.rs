use std::path::PathBuf;

use serde_json::{Value, json};
use signing_loader::{
    PackageError, PackagePath, SecurityConfig, SignatureSource, VerificationReport, check_package,
    check_package_offline,
};
use signing_trust::PinnedKeys;

use crate::context::{Context, organization};
use crate::error::CliError;
use crate::files;
use crate::output::{Report, shown};

/// Verifies with keys from files: no store, no KEK, no runtime, no network.
pub(super) fn with_pinned_keys(
    packages: &[PackagePath],
    trust_keys: &[PathBuf],
    signature: Option<PathBuf>,
) -> Result<Report, CliError> {
    let keys: Result<PinnedKeys, _> =
        trust_keys.iter().map(|path| files::read_public_key(path)).collect();
    let keys = keys?;
    let mut verdicts = Verdicts::default();
    for package in packages {
        let source = source(signature.clone());
        verdicts.add(package, check_package_offline(package, &config(), &keys, source));
    }
    Ok(verdicts.report())
}

/// Verifies by an organisation's trust.
pub(super) async fn with_store(
    context: &Context,
    packages: &[PackagePath],
    org: &str,
    signature: Option<PathBuf>,
) -> Result<Report, CliError> {
    let keys = context.keys().await?;
    let org = organization(&keys, org).await?.id;
    let mut verdicts = Verdicts::default();
    for package in packages {
        let source = source(signature.clone());
        verdicts.add(package, check_package(package, org, &config(), &keys, source).await);
    }
    Ok(verdicts.report())
}

fn config() -> SecurityConfig {
    SecurityConfig { require_signatures: true, ..Default::default() }
}

fn source(signature: Option<PathBuf>) -> SignatureSource {
    signature.map_or(SignatureSource::Auto, SignatureSource::DetachedFile)
}

/// What came of each package.
#[derive(Default)]
struct Verdicts {
    text: String,
    documents: Vec<Value>,
    refusals: Vec<(String, CliError)>,
}

impl Verdicts {
    fn add(&mut self, package: &PackagePath, outcome: Result<VerificationReport, PackageError>) {
        let path = package.path().display().to_string();
        match outcome {
            Ok(report) => {
                self.text += &format!(
                    "ok {}\n  name       {}\n  sha256     {}\n  signer     {}\n  \
                     trusted    {}\n  signed at  {} (says the signer)\n",
                    shown(package.path()),
                    report.name(),
                    report.digest(),
                    report.signer(),
                    report.via(),
                    report.signed_at().to_rfc3339(),
                );
                self.documents.push(json!({
                    "path": path,
                    "verdict": "verified",
                    "name": report.name().as_str(),
                    "sha256": report.digest().to_string(),
                    "size": report.size(),
                    "signer": report.signer().to_string(),
                    "via": report.via().to_string(),
                    "signed_at": report.signed_at().to_rfc3339(),
                }));
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
            }
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
