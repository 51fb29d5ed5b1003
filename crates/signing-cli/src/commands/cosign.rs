//! Another signature for exactly what the signatures of a package state.

mod trust;
mod view;

use chrono::Utc;
use signing_crypto::{OrgId, SignatureEnvelope, SignatureId, Signer, VerifyingKey};
use signing_loader::{
    MadeSignature, PackageError, PackagePath, PackageSigner, PreparedSignature, SignError,
    SignatureFile, SignatureLocation, SignatureOutcome, VerificationError, package_statement,
};
use signing_trust::{KeyManager, ProvenKey, StoredSignature, TrustReader};

use self::trust::Trust;
use self::view::{BeforeView, CosignedView, Outcome};
use super::packages::{Packages, require_outside_releases};
use crate::cli::{CosignPackages, PackageArgs, Resolved, SignerSource};
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::question::confirm;
use crate::select;
use crate::signers;
use crate::terminal::Confirmation;
use crate::view::{SignerView, StatementView, Verdict};

#[cfg(test)]
pub(super) use self::view::DOCUMENTS;

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
        let (made, id) = found.keep(made, key.signer()).await?;
        view.signature_id = id;
        view.count = made.envelope.signatures().len();
    }
    Ok(Report::done(&views))
}

/// A package, and the signatures that are added to.
struct Found {
    path: String,
    place: Place,
    prepared: PreparedSignature,
    envelope: SignatureEnvelope,
    statement: StatementView,
    /// One for each signature, if anybody's trust was asked.
    verdicts: Option<Vec<Verdict>>,
}

/// Where signatures are.
enum Place {
    File(SignatureFile),
    /// Those that the organization keeps.
    Store {
        keys: KeyManager,
        org: OrgId,
        id: SignatureId,
    },
}

impl Found {
    async fn new(
        package: &PackagePath,
        command: &CosignPackages,
        trust: &Trust,
    ) -> Result<Self, CliError> {
        match trust {
            Trust::StoredSignatures(keys, stored) => {
                Self::in_store(package, trust, keys, stored.org.id).await
            }
            _ => Self::in_file(package, command, trust).await,
        }
    }

    async fn in_file(
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
            return Err(not_found(SignatureLocation::File(file.path().into())));
        };
        let verdicts = trust.verify(package, &envelope).await?;
        let (mut prepared, statement) = prepare(&envelope)?;
        prepared.add_to_file(&file)?;
        let path = package.path().display().to_string();
        Ok(Self { path, place: Place::File(file), prepared, envelope, statement, verdicts })
    }

    /// Adds to the newest signature that the organization keeps and that verifies.
    async fn in_store(
        package: &PackagePath,
        trust: &Trust,
        keys: &KeyManager,
        org: OrgId,
    ) -> Result<Self, CliError> {
        let digest = *package_statement(package.clone())?.digest();
        let kept = keys.stored_signatures(org, digest).await?;
        let mut refused = None;
        for StoredSignature { id, envelope, .. } in kept.signatures() {
            let Ok(envelope) = envelope else { continue };
            match trust.verify(package, &envelope).await {
                Ok(verdicts) => {
                    let (mut prepared, statement) = prepare(&envelope)?;
                    prepared.add_to_stored(kept.clone(), envelope.clone())?;
                    let path = package.path().display().to_string();
                    let place = Place::Store { keys: keys.clone(), org, id };
                    return Ok(Self { path, place, prepared, envelope, statement, verdicts });
                }
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        Err(refused.unwrap_or_else(|| not_found(SignatureLocation::Store)))
    }

    fn view<'a>(&'a self, signer: &SignerView, key: &VerifyingKey) -> CosignedView<'a> {
        let has_signed = self.envelope.verify(key).is_ok();
        let signatures = self.envelope.signatures();
        let verdict = |index| self.verdicts.as_ref().and_then(|verdicts| verdicts.get(index));
        let (file, id) = match &self.place {
            Place::File(file) => (Some(file.path().display().to_string()), None),
            Place::Store { id, .. } => (None, Some(*id)),
        };
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
            source: match (&file, id) {
                (None, Some(id)) => format!("the signature {id} in the store"),
                (file, _) => quoted(file.as_deref().unwrap_or_default()).into_owned(),
            },
            signature: file,
            signature_id: id,
            was_shown: false,
        }
    }

    /// Puts the signature where the others are, and says under which id the store keeps it.
    async fn keep(
        &self,
        made: MadeSignature,
        signer: PackageSigner<'_>,
    ) -> Result<(MadeSignature, Option<SignatureId>), CliError> {
        match &self.place {
            Place::File(file) => {
                let text = made.envelope.to_json();
                file.replace(|path| {
                    let (readers, existing) = (Readers::Everybody, Existing::Replace);
                    files::write_atomically(path, text.as_bytes(), readers, existing)
                })?;
                Ok((made, None))
            }
            Place::Store { keys, org, .. } => {
                let mut prepared = self.prepared.clone();
                let (id, made) = prepared.store(keys, *org, made, signer).await?;
                Ok((made, Some(id)))
            }
        }
    }
}

fn not_found(location: SignatureLocation) -> CliError {
    PackageError::from(VerificationError::SignatureNotFound { location }).into()
}

/// Another signature for what the envelope states.
fn prepare(envelope: &SignatureEnvelope) -> Result<(PreparedSignature, StatementView), CliError> {
    let statement = envelope.unverified_statement().map_err(VerificationError::from);
    let statement = statement.map_err(PackageError::from)?;
    let view = StatementView::of(&statement);
    let prepared = PreparedSignature::new(statement).map_err(|error| match error {
        SignError::ExpiryPast { expires_at } => {
            let (expired_at, now) = (expires_at.to_utc(), Utc::now());
            PackageError::from(VerificationError::Expired { expired_at, now }).into()
        }
        error => CliError::from(error),
    })?;
    Ok((prepared, view))
}

/// The key that is to sign.
enum OpenedKey {
    Given(Box<dyn Signer>),
    Stored { keys: TrustReader, key: Box<ProvenKey> },
}

impl OpenedKey {
    async fn open(
        context: &Context,
        command: &CosignPackages,
        source: &SignerSource,
    ) -> Result<Self, CliError> {
        match source {
            SignerSource::Key { source, access } => {
                Ok(Self::Given(signers::open_or_suggest_stored(source, access)?))
            }
            SignerSource::Store(named) => {
                let keys = context.open_to_read_with_kek().await?;
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
