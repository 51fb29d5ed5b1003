use std::path::{Path, PathBuf};

use serde::Serialize;
use signing_crypto::SignatureEnvelope;
use signing_loader::{
    PackageError, PackagePath, SignatureInspection, SignatureLocation, VerificationError, Verifier,
    read_signature,
};
use signing_trust::PinnedKeys;
use signing_trust::store::OrganizationRef;

use super::library::{Library, LibraryView};
use crate::advice::refused_key;
use crate::cli::OrgReference;
use crate::context::Context;
use crate::error::{CliError, Outcome};
use crate::key_files;
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::select::organization;
use crate::view::{SignatureView, StatementView, Verdict, View, json_documents, verdict_text};

/// What is looked at.
pub(super) struct Subject {
    signature: PathBuf,
    /// The package's file, if its path was given.
    package: Option<PathBuf>,
}

impl Subject {
    /// The given signature file, or the one beside the package.
    pub(super) fn new(path: Option<PathBuf>, signature: Option<PathBuf>) -> Self {
        let is_signature = |path: &PathBuf| path.extension().is_some_and(|it| it == "sig");
        match (signature, path) {
            (Some(signature), package) => Self { signature, package },
            (None, Some(path)) if is_signature(&path) => Self { signature: path, package: None },
            (None, path) => {
                let package = PackagePath::new(path.unwrap_or_default());
                let path = Some(package.path().into());
                Self { signature: package.signature_path(), package: path }
            }
        }
    }

    fn show(&self, envelope: SignatureEnvelope, verdicts: Option<Vec<Verdict>>) -> Shown {
        let package = self.package.as_deref().map(Library::of);
        let library = package.unwrap_or_default();
        Shown { file: self.signature.clone(), envelope, verdicts, library }
    }
}

/// Shows the claims of a signature file.
pub(super) fn unverified(subject: &Subject) -> Result<Report, CliError> {
    let envelope = read(&subject.signature)?;
    let refusal = envelope.unverified_statement().err().map(VerificationError::from);
    Ok(subject.show(envelope, None).report(refusal.map(PackageError::from).map(CliError::from)))
}

/// Shows them, and which signatures these keys have made.
pub(super) fn with_pinned_keys(
    subject: &Subject,
    trust_keys: &[PathBuf],
) -> Result<Report, CliError> {
    let keys: Result<PinnedKeys, _> =
        trust_keys.iter().map(|path| key_files::read_public_key(path)).collect();
    let verifier = Verifier::pinned(keys?);
    let envelope = read(&subject.signature)?;
    let (verdicts, refusal) = verdicts(verifier.inspect(&envelope))?;
    Ok(subject.show(envelope, verdicts).report(refusal.map(CliError::from)))
}

/// Shows them, and which signatures keys have made that the organization trusts.
pub(super) async fn with_store(
    context: &Context,
    subject: &Subject,
    org: &OrgReference,
) -> Result<Report, CliError> {
    let keys = context.open_to_read().await?;
    let org = organization(&keys, org).await?;
    let envelope = read(&subject.signature)?;
    let verifier = Verifier::organization(&keys, OrganizationRef::Id(org.id)).await?;
    let (verdicts, refusal) = verdicts(verifier.inspect(&envelope).await)?;
    let refusal = match refusal {
        Some(error) => Some(refused_key::of_package(&keys, &org, error).await),
        None => None,
    };
    Ok(subject.show(envelope, verdicts).report(refusal))
}

fn read(file: &Path) -> Result<SignatureEnvelope, PackageError> {
    let location = || SignatureLocation::File(file.into());
    read_signature(file)?
        .ok_or_else(|| VerificationError::SignatureNotFound { location: location() }.into())
}

/// An envelope, and whether its signatures count.
struct Shown {
    file: PathBuf,
    envelope: SignatureEnvelope,
    /// One for each signature, if somebody's trust was consulted.
    verdicts: Option<Vec<Verdict>>,
    library: Library,
}

/// A verdict for each signature, and the refusal of the envelope if there is one.
fn verdicts(
    inspected: Result<SignatureInspection, PackageError>,
) -> Result<(Option<Vec<Verdict>>, Option<PackageError>), PackageError> {
    match inspected {
        Ok(SignatureInspection { signatures, outcome, .. }) => {
            Ok((Some(signatures), outcome.err().map(PackageError::from)))
        }
        // It is not about a package, so trust does not apply to it.
        Err(error @ PackageError::Verification(_)) => Ok((None, Some(error))),
        Err(error) => Err(error),
    }
}

impl Shown {
    fn report(self, refusal: Option<CliError>) -> Report {
        let verdict = match (&refusal, &self.verdicts) {
            (Some(error), _) if error.outcome() == Outcome::Refused => VerdictView::Refused,
            (None, Some(_)) => VerdictView::Verified,
            _ => VerdictView::Unverified,
        };
        let verdict_of = |index| self.verdicts.as_ref().and_then(|verdicts| verdicts.get(index));
        let signatures = self.envelope.signatures().iter().enumerate();
        let path = self.file.display().to_string();
        let statement = self.envelope.unverified_statement().ok();
        let mut report = Report::requested(&InspectionView {
            path: &path,
            verdict,
            payload_type: self.envelope.unverified_payload_type(),
            statement: statement.as_ref().map(StatementView::of),
            signatures: signatures
                .map(|(index, signature)| InspectedView {
                    view: SignatureView::of(signature, verdict_of(index)),
                    text: verdict_text(signature, verdict_of(index)),
                })
                .collect(),
            library: self.library.view(),
        });
        if let Some(error) = refusal {
            report.refuse(path, error);
        }
        self.library.warn(&mut report);
        report
    }
}

json_documents! { "package inspect": InspectionView<'static> }

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct InspectionView<'a> {
    path: &'a str,
    verdict: VerdictView,
    payload_type: &'a str,
    statement: Option<StatementView>,
    signatures: Vec<InspectedView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    library: Option<LibraryView>,
}

#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum VerdictView {
    Verified,
    Refused,
    Unverified,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct InspectedView<'a> {
    #[serde(flatten)]
    view: SignatureView<'a>,
    #[serde(skip)]
    text: String,
}

impl View for InspectionView<'_> {
    fn text(&self) -> Lines {
        let mut text = Lines::new();
        let path = self.path;
        match self.verdict {
            VerdictView::Verified => text.good(
                "verified",
                format!("{path}: a trusted key has signed this; the package was not checked"),
            ),
            VerdictView::Refused => {
                text.bad("refused", format!("{path}: do not rely on what it states"));
            }
            VerdictView::Unverified => {
                text.push(format!("unverified {path}: nobody has checked these claims"));
            }
        }
        text.push(format!("  payload    {}", quoted(self.payload_type)));
        if let Some(statement) = &self.statement {
            text.append(statement.text());
        }
        for signature in &self.signatures {
            let keyid = match signature.view.keyid {
                Some(fingerprint) => fingerprint.to_string(),
                None => "(names no key)".into(),
            };
            text.push(format!("  signature  {keyid}"));
            text.push(format!("             {}", signature.text));
        }
        if let Some(library) = &self.library {
            text.append(library.text());
        }
        text
    }
}
