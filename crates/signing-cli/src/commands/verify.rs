use std::path::PathBuf;

use serde::Serialize;
use signing_crypto::{Fingerprint, PackageDigest, PackageName, PackageVersion};
use signing_loader::{
    ExplainedEnvelope, Offline, PackageError, PackagePath, RequiredSigners, SignatureSource,
    VerificationConfig, VerificationReport, Verifier,
};
use signing_trust::store::{OrganizationRecord, OrganizationRef};
use signing_trust::{KeyManager, PinnedKeys};

use super::explain::{self, Explained, ExplainedEnvelopeView, Keepers};
use super::packages::Packages;
use crate::advice::refused_key;
use crate::cli::{OrgReference, SignedTrustArgs, VerifyPackages};
use crate::context::{Context, block_on};
use crate::error::{CliError, Outcome};
use crate::lines::Lines;
use crate::output::{ErrorView, Report};
use crate::time::Time;
use crate::view::{TrustPathView, TrustedKeyView, View};
use crate::{key_files, signed_trust};

pub(super) fn run(context: &Context, command: VerifyPackages) -> Result<Report, CliError> {
    let packages = Packages::new(command.paths, command.name, command.signature.as_deref())?;
    let required_signers = match command.distinct_orgs {
        true => RequiredSigners::Organizations(command.required_signers),
        false => RequiredSigners::Keys(command.required_signers),
    };
    let request = Request {
        config: VerificationConfig {
            required_signers,
            clock_skew_allowance: command.clock_skew_allowance,
            ..Default::default()
        },
        source: match command.signature {
            Some(file) => SignatureSource::DetachedFile(file),
            None => SignatureSource::Auto,
        },
        explain: command.explain,
    };
    let signed_trust = &command.signed_trust;
    let verdicts = match command.org {
        None if !command.trust_key.is_empty() || signed_trust.trust_bundle.is_some() => {
            let verifier = offline_verifier(&command.trust_key, signed_trust)?;
            Ok(with_offline_trust(packages.get(), verifier, &request))
        }
        org => {
            let org = org.as_ref();
            block_on(with_store(context, packages.get(), org, signed_trust, &request))
        }
    };
    Ok(packages.noted(report(verdicts?, request.explain)))
}

struct Request {
    config: VerificationConfig,
    source: SignatureSource,
    explain: bool,
}

/// Trusts keys from files, or a bundle.
fn offline_verifier(
    trust_keys: &[PathBuf],
    SignedTrustArgs { trust_root, trust_bundle, state_file }: &SignedTrustArgs,
) -> Result<Verifier<Offline>, CliError> {
    if let (Some(root), Some(bundle)) = (trust_root, trust_bundle) {
        let anchor = signed_trust::pinned(root, state_file.as_deref())?;
        return Ok(Verifier::bundle(&signed_trust::read_bundle(bundle)?, anchor)?);
    }
    let keys: Result<PinnedKeys, _> =
        trust_keys.iter().map(|path| key_files::read_public_key(path)).collect();
    Ok(Verifier::pinned(keys?))
}

/// Verifies without a store: no KEK, no runtime, no network.
fn with_offline_trust(
    packages: &[PackagePath],
    verifier: Verifier<Offline>,
    Request { config, source, explain }: &Request,
) -> Vec<Verdict> {
    let verifier = verifier.config(config.clone()).signature(source.clone());
    let explained = |package| {
        let explained = verifier.explain(package);
        let outcome = explained.outcome.map_err(CliError::from);
        Verdict::new(package, outcome).explained(explained.envelopes, Keepers::new())
    };
    let checked = |(package, outcome): (_, Result<_, PackageError>)| {
        Verdict::new(package, outcome.map_err(CliError::from))
    };
    match explain {
        true => packages.iter().map(explained).collect(),
        false => packages.iter().zip(verifier.check_all(packages)).map(checked).collect(),
    }
}

/// Verifies by an organization's trust.
async fn with_store(
    context: &Context,
    packages: &[PackagePath],
    org: Option<&OrgReference>,
    SignedTrustArgs { trust_root, state_file, .. }: &SignedTrustArgs,
    Request { config, source, explain }: &Request,
) -> Result<Vec<Verdict>, CliError> {
    let keys = context.keys().await?;
    let org = context.organization(&keys, org).await?;
    let mut verifier = Verifier::organization(&keys, OrganizationRef::Id(org.id)).await?;
    if let Some(root) = trust_root {
        verifier = verifier.rooted(signed_trust::pinned(root, state_file.as_deref())?);
    }
    let verifier = verifier.config(config.clone()).signature(source.clone());
    let mut verdicts = Vec::new();
    if *explain {
        for package in packages {
            let explained = verifier.explain(package).await;
            let keepers = explain::keepers(&keys, &explained.envelopes).await;
            let outcome = advised(&keys, &org, explained.outcome).await;
            verdicts.push(Verdict::new(package, outcome).explained(explained.envelopes, keepers));
        }
        return Ok(verdicts);
    }
    let mut checks = verifier.check_all(packages);
    for package in packages {
        let Some(outcome) = checks.next().await else { break };
        verdicts.push(Verdict::new(package, advised(&keys, &org, outcome).await));
    }
    Ok(verdicts)
}

async fn advised(
    keys: &KeyManager,
    org: &OrganizationRecord,
    outcome: Result<VerificationReport, PackageError>,
) -> Result<VerificationReport, CliError> {
    match outcome {
        Ok(report) => Ok(report),
        Err(error) => Err(refused_key::of_package(keys, org, error).await),
    }
}

/// The result for one package.
struct Verdict {
    path: String,
    outcome: Result<VerificationReport, CliError>,
    explanation: Option<(Vec<ExplainedEnvelope>, Keepers)>,
}

impl Verdict {
    fn new(package: &PackagePath, outcome: Result<VerificationReport, CliError>) -> Self {
        Self { path: package.path().display().to_string(), outcome, explanation: None }
    }

    fn explained(self, envelopes: Vec<ExplainedEnvelope>, keepers: Keepers) -> Self {
        Self { explanation: Some((envelopes, keepers)), ..self }
    }
}

fn report(verdicts: Vec<Verdict>, is_explained: bool) -> Report {
    let views: Vec<_> = verdicts.iter().map(VerdictView::of).collect();
    let mut report = match is_explained {
        true => Report::requested(&views),
        false => Report::done(&views),
    };
    drop(views);
    for verdict in verdicts {
        if let Err(error) = verdict.outcome {
            report.refuse(verdict.path, error);
        }
    }
    report
}

#[derive(Serialize)]
struct VerdictView<'a> {
    path: &'a str,
    #[serde(flatten)]
    outcome: OutcomeView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Vec<ExplainedEnvelopeView<'a>>>,
    #[serde(skip)]
    tree: Option<Lines>,
}

#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum OutcomeView<'a> {
    Verified(PackageView<'a>),
    Refused(ErrorView),
    Undecided(ErrorView),
}

#[derive(Serialize)]
struct PackageView<'a> {
    name: &'a PackageName,
    sha256: PackageDigest,
    size: u64,
    signer: Fingerprint,
    via: TrustPathView<'a>,
    signers: Vec<TrustedKeyView<'a>>,
    version: Option<&'a PackageVersion>,
    signed_at: Time,
    expires_at: Option<Time>,
    /// The paths of the signers in words.
    #[serde(skip)]
    paths: Vec<String>,
}

impl<'a> VerdictView<'a> {
    fn of(Verdict { path, outcome, explanation }: &'a Verdict) -> Self {
        let explained = explanation.as_ref().map(|(found, keepers)| {
            let failure = outcome.as_ref().err();
            Explained { path, found, keepers, failure }
        });
        Self {
            path,
            outcome: match outcome {
                Ok(report) => OutcomeView::Verified(PackageView::of(report)),
                Err(error) if error.outcome() == Outcome::Refused => {
                    OutcomeView::Refused(ErrorView::of(error))
                }
                Err(error) => OutcomeView::Undecided(ErrorView::of(error)),
            },
            tree: explained.as_ref().map(Explained::tree),
            explanation: explained.as_ref().map(Explained::views),
        }
    }
}

/// A refusal without an explanation is shown as an error.
impl View for VerdictView<'_> {
    fn text(&self) -> Lines {
        match (&self.tree, &self.outcome) {
            (Some(tree), _) => tree.clone(),
            (None, OutcomeView::Verified(package)) => {
                let mut text = Lines::new();
                text.good("ok", self.path);
                text.append(package.text());
                text
            }
            (None, _) => Lines::new(),
        }
    }
}

impl<'a> PackageView<'a> {
    fn of(report: &'a VerificationReport) -> Self {
        Self {
            name: report.name(),
            sha256: *report.digest(),
            size: report.size(),
            signer: *report.signer(),
            via: TrustPathView::of(report.via()),
            signers: report.signers().iter().map(TrustedKeyView::of).collect(),
            version: report.version(),
            signed_at: Time(report.signed_at()),
            expires_at: report.expires_at().map(Time),
            paths: report.signers().iter().map(|signer| signer.via.to_string()).collect(),
        }
    }

    fn text(&self) -> Lines {
        let mut lines = Lines::from(format!("  name       {}", self.name));
        lines.push(format!("  sha256     {}", self.sha256));
        for (signer, path) in self.signers.iter().zip(&self.paths) {
            lines.push(format!("  signer     {}", signer.fingerprint));
            lines.push(format!("  trusted    {path}"));
        }
        lines.extend(self.version.map(|version| format!("  version    {version}")));
        lines.push(format!("  signed at  {} (stated by the signer)", self.signed_at));
        lines.extend(self.expires_at.map(|at| format!("  expires    {at}")));
        lines
    }
}
