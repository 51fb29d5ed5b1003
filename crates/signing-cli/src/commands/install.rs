use std::path::Path;

use serde::Serialize;
use signing_crypto::{Fingerprint, PackageDigest, PackageName, PackageVersion};
use signing_loader::{
    Downgrade, InstallDirectory, InstallError, InstallOutcome, Installed, OldReleases, PackagePath,
    SignatureSource, VerificationReport,
};

use super::trusted_by::{self, StoredTrust};
use crate::advice::refused_key;
use crate::cli::{InstallPackage, PackageArgs};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::view::{View, json_documents};

/// Installs the bytes that were verified. The source is read once.
pub(super) fn run(context: &Context, command: InstallPackage) -> Result<Report, CliError> {
    let mut package = PackagePath::new(&command.path);
    let PackageArgs { name, signature } = command.package;
    if let Some(name) = name {
        package = package.expect_name(name);
    }
    let source = signature.map_or(SignatureSource::Auto, SignatureSource::DetachedFile);
    let config = command.requirements.0;
    let downgrade = match command.danger_allow_downgrade {
        true => Downgrade::DangerAllow,
        false => Downgrade::Refuse,
    };
    let (report, installed) = match trusted_by::offline(&command.trust)? {
        Some(verifier) => {
            let verified = verifier.config(config).signature(source).verify(package)?;
            let directory = directory(&command.to, command.keep, verified.report().name())?;
            (verified.report().clone(), verified.install(&directory, downgrade)?)
        }
        None => block_on(async {
            let StoredTrust { keys, org, verifier } =
                trusted_by::store(context, &command.trust).await?;
            let verified = verifier.config(config).signature(source).verify(package).await;
            let verified = match verified {
                Ok(verified) => verified,
                Err(error) => return Err(refused_key::of_package(&keys, &org, error).await),
            };
            let directory = directory(&command.to, command.keep, verified.report().name())?;
            match verified.install(&directory, downgrade).await {
                Ok(installed) => Ok((verified.report().clone(), installed)),
                Err(InstallError::Package(error)) => {
                    Err(refused_key::of_package(&keys, &org, error).await)
                }
                Err(error) => Err(error.into()),
            }
        })?,
    };
    let path = command.path.display().to_string();
    Ok(Report::done(&InstalledView::of(path, &report, &installed)))
}

/// The directory, which is not made for a package that cannot be installed.
fn directory(
    path: &Path,
    keep: Option<OldReleases>,
    package: &PackageName,
) -> Result<InstallDirectory, InstallError> {
    InstallDirectory::require_name(package)?;
    let directory = InstallDirectory::open(path)?;
    Ok(match keep {
        Some(old) => directory.keep(old),
        None => directory,
    })
}

json_documents! { "package install": InstalledView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct InstalledView<'a> {
    path: String,
    outcome: OutcomeView,
    name: &'a PackageName,
    sha256: PackageDigest,
    size: u64,
    version: Option<&'a PackageVersion>,
    signers: Vec<Fingerprint>,
    /// What a runner loads.
    package: String,
    release: String,
    /// The release that this one replaced.
    before: Option<String>,
    /// The releases that were removed.
    removed: Vec<String>,
}

#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum OutcomeView {
    Installed,
    AlreadyInstalled,
}

impl<'a> InstalledView<'a> {
    fn of(path: String, report: &'a VerificationReport, installed: &Installed) -> Self {
        Self {
            path,
            outcome: match installed.outcome {
                InstallOutcome::AlreadyInstalled => OutcomeView::AlreadyInstalled,
                _ => OutcomeView::Installed,
            },
            name: report.name(),
            sha256: *report.digest(),
            size: report.size(),
            version: report.version(),
            signers: report.signers().iter().map(|signer| signer.key.fingerprint()).collect(),
            package: installed.package.display().to_string(),
            release: installed.release.display().to_string(),
            before: installed.before.as_ref().map(|before| before.display().to_string()),
            removed: installed.removed.iter().map(|old| old.display().to_string()).collect(),
        }
    }
}

impl View for InstalledView<'_> {
    fn text(&self) -> Lines {
        let verb = match self.outcome {
            OutcomeView::Installed => "installed",
            OutcomeView::AlreadyInstalled => "already installed",
        };
        let version = self.version.map(|version| format!(" {version}")).unwrap_or_default();
        let mut text = Lines::new();
        text.good(verb, format!("{}{version}", quoted(self.name.as_str())));
        text.push(format!("  sha256     {}", self.sha256));
        text.extend(self.signers.iter().map(|signer| format!("  signer     {signer}")));
        text.push(format!("  load       {}", self.package));
        text.push(format!("  release    {}", self.release));
        text.extend(self.before.as_ref().map(|before| format!("  before     {before}")));
        text.extend(self.removed.iter().map(|removed| format!("  removed    {removed}")));
        text
    }
}
