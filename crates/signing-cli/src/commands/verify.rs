use serde::Serialize;
use signing_crypto::{Fingerprint, PackageDigest, PackageName, PackageVersion};
use signing_loader::{
    ExplainedEnvelope, Offline, PackageError, PackagePath, SignatureSource, VerificationConfig,
    VerificationReport, Verifier,
};
use signing_trust::TrustReader;
use signing_trust::store::OrganizationRecord;

use super::explain::{self, Explained, ExplainedEnvelopeView, Keepers};
use super::packages::Packages;
use super::trusted_by::{self, StoredTrust};
use crate::advice::refused_key;
use crate::cli::{PackageArgs, TrustArgs, VerifyPackages};
use crate::context::{Context, block_on};
use crate::error::{CliError, Outcome};
use crate::lines::{Lines, counted, quoted};
use crate::output::{ErrorView, Progress, Report};
use crate::time::Time;
use crate::view::{TrustPathView, TrustedKeyView, View, json_documents};

pub(super) fn run(context: &Context, command: VerifyPackages) -> Result<Report, CliError> {
    let PackageArgs { name, signature } = command.package;
    let packages = match command.installed {
        true => Packages::installed_in(command.paths)?,
        false => Packages::in_directories(command.paths, name, signature.as_deref())?,
    };
    let mut progress = context.progress(packages.get().len());
    let request = Request {
        config: command.requirements.0,
        source: signature.map_or(SignatureSource::Auto, SignatureSource::DetachedFile),
        explain: command.explain,
    };
    let verdicts = match trusted_by::offline(&command.trust)? {
        Some(verifier) => Ok(with_offline_trust(packages.get(), verifier, &request, &mut progress)),
        None => {
            block_on(with_store(context, packages.get(), &command.trust, &request, &mut progress))
        }
    };
    drop(progress);
    Ok(packages.noted(report(verdicts?, request.explain)))
}

struct Request {
    config: VerificationConfig,
    source: SignatureSource,
    explain: bool,
}

/// Verifies without a store: no KEK, no runtime, no network.
fn with_offline_trust(
    packages: &[PackagePath],
    verifier: Verifier<Offline>,
    Request { config, source, explain }: &Request,
    progress: &mut Progress,
) -> Vec<Verdict> {
    let verifier = verifier.config(config.clone()).signature(source.clone());
    let mut verdicts = Vec::new();
    if *explain {
        for package in packages {
            let explained = verifier.explain(package);
            let outcome = explained.outcome.map_err(CliError::from);
            let verdict = Verdict::new(package, outcome);
            verdicts.push(verdict.explained(explained.envelopes, Keepers::new()));
            progress.advance();
        }
        return verdicts;
    }
    // One package needs no other thread.
    if let [package] = packages {
        return vec![Verdict::new(package, verifier.check(package).map_err(CliError::from))];
    }
    for (package, outcome) in packages.iter().zip(verifier.check_all(packages)) {
        verdicts.push(Verdict::new(package, outcome.map_err(CliError::from)));
        progress.advance();
    }
    verdicts
}

/// Verifies by an organization's trust.
async fn with_store(
    context: &Context,
    packages: &[PackagePath],
    trust: &TrustArgs,
    Request { config, source, explain }: &Request,
    progress: &mut Progress,
) -> Result<Vec<Verdict>, CliError> {
    let StoredTrust { keys, org, verifier } = trusted_by::store(context, trust).await?;
    let verifier = verifier.config(config.clone()).signature(source.clone());
    let mut verdicts = Vec::new();
    if *explain {
        for package in packages {
            let explained = verifier.explain(package).await;
            let keepers = explain::keepers(&keys, &explained.envelopes).await;
            let outcome = advised(&keys, &org, explained.outcome).await;
            verdicts.push(Verdict::new(package, outcome).explained(explained.envelopes, keepers));
            progress.advance();
        }
        return Ok(verdicts);
    }
    let mut checks = verifier.check_all(packages);
    for package in packages {
        let Some(outcome) = checks.next().await else { break };
        verdicts.push(Verdict::new(package, advised(&keys, &org, outcome).await));
        progress.advance();
    }
    Ok(verdicts)
}

async fn advised(
    keys: &TrustReader,
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

    fn outcome(&self) -> Outcome {
        self.outcome.as_ref().err().map_or(Outcome::Done, CliError::outcome)
    }

    fn explained(self, envelopes: Vec<ExplainedEnvelope>, keepers: Keepers) -> Self {
        Self { explanation: Some((envelopes, keepers)), ..self }
    }
}

fn report(verdicts: Vec<Verdict>, is_explained: bool) -> Report {
    let views = VerdictsView(verdicts.iter().map(VerdictView::of).collect());
    let mut report = match is_explained {
        true => Report::requested(&views),
        false => Report::done(&views),
    };
    drop(views);
    if verdicts.len() > 1 {
        report.total(total(&verdicts));
    }
    for verdict in verdicts {
        if let Err(error) = verdict.outcome {
            report.refuse(verdict.path, error);
        }
    }
    report
}

fn total(verdicts: &[Verdict]) -> String {
    let of = |outcome| {
        let same = |verdict: &&Verdict| verdict.outcome() == outcome;
        verdicts.iter().filter(same).count()
    };
    let mut text = counted(verdicts.len() as u64, "package");
    text += &format!(": {} verified, {} refused", of(Outcome::Done), of(Outcome::Refused));
    match of(Outcome::Undecided) {
        0 => text,
        undecided => format!("{text}, {undecided} not decided"),
    }
}

json_documents! {
    "verify": VerdictsView<'static>,
    "package verify": VerdictsView<'static>,
}

/// The verdicts in the order of the packages: one in full, of several a line each.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
struct VerdictsView<'a>(Vec<VerdictView<'a>>);

impl View for VerdictsView<'_> {
    fn text(&self) -> Lines {
        let is_alone = self.0.len() == 1;
        let mut text = Lines::new();
        for view in &self.0 {
            match (&view.tree, &view.outcome) {
                (Some(tree), _) => text.append(tree.clone()),
                (None, OutcomeView::Verified(package)) => {
                    text.good("ok", view.path);
                    if is_alone {
                        text.append(package.text());
                    }
                }
                // Why, and what to do, is shown as an error.
                (None, _) if is_alone => {}
                (None, OutcomeView::Refused(_)) => text.bad("refused", view.path),
                (None, OutcomeView::Undecided(_)) => text.bad("error", view.path),
            }
        }
        text
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum OutcomeView<'a> {
    Verified(PackageView<'a>),
    Refused(ErrorView),
    Undecided(ErrorView),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

impl<'a> PackageView<'a> {
    fn of(report: &'a VerificationReport) -> Self {
        Self {
            name: report.name(),
            sha256: *report.digest(),
            size: report.size(),
            signer: report.signer(),
            via: TrustPathView::of(report.via()),
            signers: report.signers().iter().map(TrustedKeyView::of).collect(),
            version: report.version(),
            signed_at: Time(report.signed_at()),
            expires_at: report.expires_at().map(Time),
            paths: report.signers().iter().map(|signer| signer.via.to_string()).collect(),
        }
    }

    fn text(&self) -> Lines {
        let mut lines = Lines::from(format!("  name       {}", quoted(self.name.as_str())));
        lines.push(format!("  sha256     {}", self.sha256));
        for (signer, path) in self.signers.iter().zip(&self.paths) {
            lines.push(format!("  signer     {}", signer.fingerprint));
            let name = signer.name.map(|name| format!("as {name}, ")).unwrap_or_default();
            lines.push(format!("  trusted    {name}{path}"));
        }
        lines.extend(self.version.map(|version| format!("  version    {version}")));
        lines.push(format!("  signed at  {} (stated by the signer)", self.signed_at));
        lines.extend(self.expires_at.map(|at| format!("  expires    {at}")));
        lines
    }
}
