//! Another signature for exactly what the signatures of a package state.

use chrono::Utc;
use serde::Serialize;
use signing_crypto::{EnvelopeSignature, SignatureEnvelope, Signer, VerifyingKey};
use signing_loader::{
    ActualContent, ExpectedContent, Explanation, Offline, PackageError, PackagePath, PackageSigner,
    PreparedSignature, SignError, SignatureFile, SignatureLocation, SignatureOutcome,
    SignatureSource, VerificationError, Verifier, package_statement,
};
use signing_trust::{KeyManager, ProvenKey, TrustedKey};

use super::inspect::verdict_text;
use super::packages::{Packages, require_outside_releases};
use super::trusted_by::{self, StoredTrust};
use crate::advice::refused_key;
use crate::cli::{CosignPackages, PackageArgs, Resolved, SignerSource};
use crate::context::{Context, StoreAccess, block_on};
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::question::confirm;
#[cfg(test)]
use crate::schemas::Document;
use crate::select;
use crate::signers;
use crate::terminal::Confirmation;
use crate::view::{SignatureView, SignerView, StatementView, View};

pub(super) fn run(context: &Context, command: CosignPackages) -> Result<Report, CliError> {
    let PackageArgs { name, signature } = &command.package;
    let packages = Packages::new(command.paths.clone(), name.clone(), signature.as_deref())?;
    let report = block_on(async {
        let trust = Trust::open(context, &command).await?;
        let mut found = Vec::new();
        let mut refused = Vec::new();
        // Everything is verified before anything is signed.
        for package in packages.get() {
            match Found::new(package, &command, &trust).await {
                Ok(one) => found.push(one),
                Err(error) => refused.push((package.path().display().to_string(), error)),
            }
        }
        if !refused.is_empty() {
            let mut report = Report::done(&Vec::<CosignedView>::new());
            refused.into_iter().for_each(|(path, error)| report.refuse(path, error));
            return Ok(report);
        }
        sign_all(context, &command, (packages.get(), &trust), found).await
    });
    Ok(packages.noted(report?))
}

/// Shows what is there, asks, and signs it.
async fn sign_all(
    context: &Context,
    command: &CosignPackages,
    (packages, trust): (&[PackagePath], &Trust),
    found: Vec<Found>,
) -> Result<Report, CliError> {
    let Resolved(source) = &command.signer;
    let key = OpenedKey::open(context, command, source).await?;
    let signer = key.view().await?;
    let public = key.verifying_key();
    let mut views: Vec<_> = found.iter().map(|found| found.view(&signer, &public)).collect();
    let unsigned = views.iter().filter(|view| view.outcome == Outcome::Added).count();
    // An agent or a token may ask for consent, too: only after this shows to what.
    if unsigned > 0 && Confirmation::given_if(command.yes) == Confirmation::Needed {
        let mut preview = Lines::new();
        for view in &mut views {
            preview.append(view.preview());
            view.was_shown = true;
        }
        let what = match &views[..] {
            [one] => format!("sign {}", quoted(one.path)),
            several => format!("sign these {} packages", several.len()),
        };
        confirm(&preview, &format!("{what} with {}?", signer.text()))?;
        // Trust may have ended, and a package may have been replaced, before the answer.
        for package in packages {
            Found::new(package, command, trust).await?;
        }
    }
    // Everything is signed before anything is written.
    let mut made = Vec::new();
    for found in &found {
        made.push(found.prepared.sign_with(key.signer()).await?);
    }
    for ((found, made), view) in found.iter().zip(made).zip(&mut views) {
        if made.outcome == SignatureOutcome::AlreadySigned {
            continue;
        }
        let text = made.envelope.to_json();
        found.file.replace(|path| {
            let (readers, existing) = (Readers::Everybody, Existing::Replace);
            files::write_atomically(path, text.as_bytes(), readers, existing)
        })?;
        view.count = made.envelope.signatures().len();
    }
    Ok(Report::done(&views))
}

/// Whose signature must be there already.
enum Trust {
    Offline(Verifier<Offline>),
    Store(StoredTrust),
    /// Anybody's.
    DangerNotAsked,
}

impl Trust {
    async fn open(context: &Context, command: &CosignPackages) -> Result<Self, CliError> {
        if command.danger_cosign_unverified {
            return Ok(Self::DangerNotAsked);
        }
        Ok(match trusted_by::offline(&command.trust)? {
            Some(verifier) => Self::Offline(verifier),
            None => Self::Store(trusted_by::store(context, &command.trust).await?),
        })
    }

    /// Checks the package by this envelope, and says which of the signatures count.
    async fn verify(
        &self,
        package: &PackagePath,
        envelope: &SignatureEnvelope,
    ) -> Result<Option<Vec<Verdict>>, CliError> {
        let source = SignatureSource::Memory(envelope.clone());
        let Explanation { outcome, envelopes, .. } = match self {
            Self::Offline(verifier) => verifier.clone().signature(source).explain(package),
            Self::Store(trust) => trust.verifier.clone().signature(source).explain(package).await,
            Self::DangerNotAsked => {
                require_same_bytes(package, envelope)?;
                return Ok(None);
            }
        };
        if let Err(error) = outcome {
            return Err(match self {
                Self::Store(trust) => refused_key::of_package(&trust.keys, &trust.org, error).await,
                _ => error.into(),
            });
        }
        let looked_at = envelopes.into_iter().filter_map(|found| found.content.ok());
        Ok(Some(looked_at.flat_map(|found| found.inspection.signatures).collect()))
    }
}

type Verdict = Result<TrustedKey, VerificationError>;

/// Checks all that needs no trusted key: name, bytes and expiry.
fn require_same_bytes(package: &PackagePath, envelope: &SignatureEnvelope) -> Result<(), CliError> {
    let stated = envelope.unverified_statement().map_err(VerificationError::from);
    let stated = stated.map_err(PackageError::from)?;
    let actual = package_statement(package)?;
    let refused = |error: VerificationError| Err(PackageError::from(error).into());
    if stated.name() != actual.name() {
        let (expected, signed) = (actual.name().clone(), stated.name().clone());
        return refused(VerificationError::WrongName { expected, signed });
    }
    let expected = ExpectedContent { digest: *stated.digest(), size: stated.size() };
    if stated.size() != actual.size() {
        let actual = ActualContent::Size(actual.size());
        return refused(VerificationError::TamperedPackage { expected, actual });
    }
    if stated.digest() != actual.digest() {
        let actual = ActualContent::Digest(*actual.digest());
        return refused(VerificationError::TamperedPackage { expected, actual });
    }
    Ok(())
}

/// A package, and the signatures that are added to.
struct Found {
    path: String,
    file: SignatureFile,
    prepared: PreparedSignature,
    envelope: SignatureEnvelope,
    statement: StatementView,
    /// One for each signature, if anybody's trust was asked.
    verdicts: Option<Vec<Verdict>>,
}

impl Found {
    async fn new(
        package: &PackagePath,
        command: &CosignPackages,
        trust: &Trust,
    ) -> Result<Self, CliError> {
        let given = command.package.signature.clone();
        let path = given.unwrap_or_else(|| package.signature_path());
        require_outside_releases(&path)?;
        // What is verified is what is signed: the file is read once.
        let file = SignatureFile::read(path)?;
        let Some(envelope) = file.envelope().cloned() else {
            let location = SignatureLocation::File(file.path().into());
            let missing = VerificationError::SignatureNotFound { location };
            return Err(PackageError::from(missing).into());
        };
        let verdicts = trust.verify(package, &envelope).await?;
        let statement = envelope.unverified_statement().map_err(VerificationError::from);
        let statement = statement.map_err(PackageError::from)?;
        let view = StatementView::of(&statement);
        let mut prepared = PreparedSignature::new(statement).map_err(|error| match error {
            SignError::ExpiryPast { expires_at } => {
                let (expired_at, now) = (expires_at.to_utc(), Utc::now());
                PackageError::from(VerificationError::Expired { expired_at, now }).into()
            }
            error => CliError::from(error),
        })?;
        prepared.add_to_file(&file)?;
        let path = package.path().display().to_string();
        Ok(Self { path, file, prepared, envelope, statement: view, verdicts })
    }

    fn view<'a>(&'a self, signer: &SignerView, key: &VerifyingKey) -> CosignedView<'a> {
        let has_signed = self.envelope.verify(key).is_ok();
        let signatures = self.envelope.signatures();
        let verdict = |index| self.verdicts.as_ref().and_then(|verdicts| verdicts.get(index));
        CosignedView {
            path: &self.path,
            outcome: if has_signed { Outcome::AlreadySigned } else { Outcome::Added },
            statement: &self.statement,
            before: signatures
                .iter()
                .enumerate()
                .map(|(index, signature)| BeforeView::of(signature, verdict(index)))
                .collect(),
            signer: signer.clone(),
            count: signatures.len(),
            signature: self.file.path().display().to_string(),
            was_shown: false,
        }
    }
}

/// The key that is to sign.
enum OpenedKey {
    Given(Box<dyn Signer>),
    Stored { keys: KeyManager, key: Box<ProvenKey> },
}

impl OpenedKey {
    async fn open(
        context: &Context,
        command: &CosignPackages,
        source: &SignerSource,
    ) -> Result<Self, CliError> {
        match source {
            SignerSource::Key { source, access } => Ok(Self::Given(signers::open(source, access)?)),
            SignerSource::Store(named) => {
                let keys = context.keys_with_kek(StoreAccess::Read).await?;
                let org = command.trust.org.as_ref();
                let id = select::signing_key_or_only(context, &keys, org, named.as_ref()).await?;
                let key = Box::new(keys.proven_key(id).await?);
                Ok(Self::Stored { keys, key })
            }
        }
    }

    fn verifying_key(&self) -> VerifyingKey {
        match self {
            Self::Given(signer) => signer.verifying_key(),
            Self::Stored { key, .. } => key.verifying_key(),
        }
    }

    fn signer(&self) -> PackageSigner<'_> {
        match self {
            Self::Given(signer) => PackageSigner::Signer(&**signer),
            Self::Stored { keys, key } => PackageSigner::Stored { keys, key },
        }
    }

    async fn view(&self) -> Result<SignerView, CliError> {
        match self {
            Self::Given(signer) => Ok(SignerView::of(&**signer)),
            Self::Stored { keys, key } => SignerView::of_stored(keys, key).await,
        }
    }
}

#[cfg(test)]
pub(super) const DOCUMENTS: &[Document] =
    &[Document::of::<Vec<CosignedView<'static>>>("package cosign")];

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Added,
    AlreadySigned,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CosignedView<'a> {
    path: &'a str,
    outcome: Outcome,
    #[serde(flatten)]
    statement: &'a StatementView,
    /// The signatures that were there.
    before: Vec<BeforeView<'a>>,
    #[serde(flatten)]
    signer: SignerView,
    /// How many signatures the envelope has now.
    #[serde(rename = "signatures")]
    count: usize,
    signature: String,
    #[serde(skip)]
    was_shown: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct BeforeView<'a> {
    #[serde(flatten)]
    view: SignatureView<'a>,
    #[serde(skip)]
    text: String,
}

impl<'a> BeforeView<'a> {
    fn of(signature: &EnvelopeSignature, verdict: Option<&'a Verdict>) -> Self {
        let keyid = match signature.claimed_signer() {
            Some(fingerprint) => format!("the key {:.16}", fingerprint.to_string()),
            None => "a signature that names no key".into(),
        };
        let name = verdict.and_then(|verdict| verdict.as_ref().ok()?.name.as_ref());
        let name = name.map(|name| format!("{name}, ")).unwrap_or_default();
        let text = format!("{name}{keyid}: {}", verdict_text(signature, verdict));
        Self { view: SignatureView::of(signature, verdict), text }
    }
}

impl CosignedView<'_> {
    fn preview(&self) -> Lines {
        let StatementView { name, sha256, size, version, signed_at, expires_at } = self.statement;
        let mut text = Lines::from(format!("{} states", quoted(&self.signature)));
        text.push(format!("  name       {}", quoted(name.as_str())));
        text.push(format!("  sha256     {sha256}"));
        text.push(format!("  size       {size}"));
        text.extend(version.as_ref().map(|version| format!("  version    {version}")));
        text.push(format!("  signed at  {signed_at}"));
        text.extend(expires_at.map(|at| format!("  expires    {at}")));
        text.extend(self.before.iter().map(|before| format!("  signed by  {}", before.text)));
        text
    }
}

impl View for CosignedView<'_> {
    fn text(&self) -> Lines {
        let mut text = match self.was_shown {
            true => Lines::new(),
            false => self.preview(),
        };
        let (path, signer, count) = (self.path, self.signer.text(), self.count);
        text.push(match self.outcome {
            Outcome::Added => format!("signed {path} with {signer}, as one of {count}"),
            Outcome::AlreadySigned => {
                format!("{path} is already signed by {signer}: nothing was done")
            }
        });
        text
    }
}
