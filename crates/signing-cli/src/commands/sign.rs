use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use signing_crypto::{
    OrgId, PAYLOAD_TYPE, PackageDigest, PackageName, PackageVersion, SignatureEnvelope,
    SignatureId, Signer, StatementTime,
};
use signing_loader::{
    MadeSignature, PackagePath, PackageSigner, PreparedSignature, SignatureFile, SignatureOutcome,
    SignedTerms, package_statement,
};
use signing_trust::{KeyManager, TrustError, TrustReader};

use super::library::{Library, LibraryView};
use super::packages::{Packages, require_outside_releases};
use crate::cli::{Resolved, Sign, SignerSource};
use crate::content_kind::ContentKind;
use crate::context::{Context, block_on};
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::lines::{Lines, quoted};
use crate::output::Report;
use crate::select::{self, organization};
use crate::signers;
use crate::view::{SignerView, View, json_documents};

pub(super) fn run(context: &Context, command: Sign) -> Result<Report, CliError> {
    let Sign { paths, signer: Resolved(signer), name, .. } = &command;
    let packages = Packages::new(paths.clone(), name.clone(), command.output.as_deref())?;
    let mut prepared = Vec::new();
    // Everything is checked before anything is signed.
    for package in packages.get() {
        let new = Prepared::new(package, &command);
        prepared.push(new.map_err(|error| error.of_package(package.path()))?);
    }
    let (views, signer) = match signer {
        SignerSource::Key { .. } if command.org.is_some() && !command.store => {
            return Err(CliError::UnusedOrganization);
        }
        SignerSource::Key { source, access } => {
            let signer = signers::open_or_suggest_stored(source, access)?;
            let views = match command.store {
                // Without a store there is no runtime.
                false => with_key(&prepared, &*signer),
                true => block_on(with_key_and_store(context, &mut prepared, &*signer, &command)),
            };
            (views?, SignerView::of(&*signer))
        }
        SignerSource::Store(named) => block_on(async {
            let (keys, keeper) = match command.store {
                true => {
                    let keeper = context.open_to_keep_signatures().await?;
                    let keeper = keeper.with_kek(context.kek()?);
                    (TrustReader::from(&keeper), Some(keeper))
                }
                false => (context.open_to_read_with_kek().await?, None),
            };
            let id =
                select::signing_key_or_only(context, &keys, command.org.as_ref(), named.as_ref())
                    .await?;
            let key = keys.proven_key(id).await?;
            if let Some(org) = &command.org
                && organization(&keys, org).await?.id != key.org()
            {
                let name = key.record().name.clone();
                return Err(CliError::StoreForAnotherOrganization { name });
            }
            let signer = PackageSigner::Stored { keys: &keys, key: &key };
            let views = match &keeper {
                Some(keeper) => {
                    sign_and_store(&mut prepared, (keeper, key.org()), signer, &command).await
                }
                None => {
                    let mut made = Vec::new();
                    for prepared in &prepared {
                        made.push(prepared.signature.sign_with(signer).await?);
                    }
                    write_all(&prepared, made)
                }
            };
            Ok((views?, SignerView::of_stored(&keys, &key).await?))
        })?,
    };
    Ok(packages.noted(report(packages.get(), views, &signer)))
}

/// What was done, and why a runner would not load what was signed.
fn report(packages: &[PackagePath], mut views: Vec<SignedView>, signer: &SignerView) -> Report {
    let libraries: Vec<_> = packages.iter().map(|package| Library::of(package.path())).collect();
    for (view, library) in views.iter_mut().zip(&libraries) {
        view.library = library.view();
        view.signer = Some(signer.clone());
    }
    let mut report = Report::done(&views);
    for library in libraries {
        library.warn(&mut report);
    }
    report
}

fn with_key(prepared: &[Prepared], key: &dyn Signer) -> Result<Vec<SignedView>, CliError> {
    // Everything is signed before anything is written.
    let made: Result<_, _> = prepared.iter().map(|prepared| prepared.signature.sign(key)).collect();
    write_all(prepared, made?)
}

fn write_all(prepared: &[Prepared], made: Vec<MadeSignature>) -> Result<Vec<SignedView>, CliError> {
    prepared.iter().zip(made).map(|(prepared, made)| prepared.write(&made)).collect()
}

async fn with_key_and_store(
    context: &Context,
    prepared: &mut [Prepared],
    key: &dyn Signer,
    command: &Sign,
) -> Result<Vec<SignedView>, CliError> {
    let keys = context.open_to_keep_signatures().await?;
    let org = select::organization_or_default(context, &keys, command.org.as_ref()).await?.id;
    sign_and_store(prepared, (&keys, org), PackageSigner::Signer(key), command).await
}

async fn sign_and_store(
    prepared: &mut [Prepared],
    (keys, org): (&KeyManager, OrgId),
    signer: PackageSigner<'_>,
    command: &Sign,
) -> Result<Vec<SignedView>, CliError> {
    let mut made = Vec::new();
    // Replacing existing signatures means not to add to them.
    if !command.force {
        for prepared in &mut *prepared {
            prepared.signature.add_to_store(keys, org).await?;
        }
    }
    // Everything is signed before anything is stored.
    for prepared in &*prepared {
        made.push(prepared.signature.sign_with(signer).await?);
    }
    let mut views = Vec::new();
    for (prepared, made) in prepared.iter_mut().zip(made) {
        let (id, made) = prepared.signature.store(keys, org, made, signer).await?;
        let written = prepared.write(&made);
        let written =
            written.map_err(|source| CliError::StoredOnly { id, source: Box::new(source) })?;
        views.push(SignedView { signature_id: Some(id), ..written });
    }
    Ok(views)
}

/// A package to sign, and the file for its signature.
struct Prepared {
    package: PackagePath,
    signature: PreparedSignature,
    destination: Destination,
}

enum Destination {
    StoreOnly,
    /// A file whose signatures are replaced, if it is there.
    Replaced(PathBuf),
    /// A file whose signatures are added to, or a new one.
    AddedTo(SignatureFile),
}

impl Prepared {
    fn new(package: &PackagePath, command: &Sign) -> Result<Self, CliError> {
        let terms =
            SignedTerms { version: command.package_version.clone(), expires_at: command.expires };
        let statement = terms.apply(package_statement(package.clone())?);
        let mut signature = PreparedSignature::new(statement)?;
        let file = match &command.output {
            Some(path) => Some(path.clone()),
            None if command.store => None,
            None => Some(package.signature_path()),
        };
        if let Some(file) = &file {
            require_outside_releases(file)?;
            require_not_the_package(file, package)?;
        }
        let destination = match file {
            None => Destination::StoreOnly,
            Some(path) if command.force => Destination::Replaced(path),
            Some(path) => {
                let file = SignatureFile::read(path)?;
                signature.add_to_file(&file)?;
                Destination::AddedTo(file)
            }
        };
        Ok(Self { package: package.clone(), signature, destination })
    }

    fn write(&self, made: &MadeSignature) -> Result<SignedView, CliError> {
        let file = match &self.destination {
            Destination::StoreOnly => None,
            Destination::Replaced(path) => {
                write(path, made, Existing::Replace)?;
                Some(path.display().to_string())
            }
            Destination::AddedTo(file) => {
                let is_there = file.envelope().is_some();
                // What the store has already may still have to be written.
                if !is_there || made.outcome != SignatureOutcome::AlreadySigned {
                    let existing = Existing::replace_if(is_there);
                    file.replace(|path| write(path, made, existing))?;
                }
                Some(file.path().display().to_string())
            }
        };
        SignedView::new(self.package.path().display().to_string(), made, file)
    }
}

fn require_not_the_package(file: &Path, package: &PackagePath) -> Result<(), CliError> {
    let [file_is, package_is] =
        [file, package.path()].map(|path| path.metadata().map(|found| (found.dev(), found.ino())));
    match (file_is, package_is) {
        (Ok(file_is), Ok(package_is)) if file_is == package_is => Err(CliError::OtherKind {
            path: file.into(),
            found: ContentKind::Package,
            expected: ContentKind::Json(PAYLOAD_TYPE.into()),
        }),
        _ => Ok(()),
    }
}

fn write(path: &Path, made: &MadeSignature, existing: Existing) -> Result<(), CliError> {
    let text = made.envelope.to_json();
    files::write_atomically(path, text.as_bytes(), Readers::Everybody, existing)
}

json_documents! {
    "sign": Vec<SignedView>,
    "package sign": Vec<SignedView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignedView {
    path: String,
    outcome: OutcomeView,
    name: PackageName,
    sha256: PackageDigest,
    size: u64,
    version: Option<PackageVersion>,
    expires_at: Option<StatementTime>,
    /// The key that signed, now or before.
    #[serde(flatten)]
    signer: Option<SignerView>,
    /// How many signatures the envelope has.
    signatures: usize,
    /// The signature file.
    signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_id: Option<SignatureId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    library: Option<LibraryView>,
}

#[derive(Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum OutcomeView {
    Signed,
    Added,
    AlreadySigned,
}

impl SignedView {
    fn new(path: String, made: &MadeSignature, file: Option<String>) -> Result<Self, CliError> {
        let envelope: &SignatureEnvelope = &made.envelope;
        let statement = envelope.unverified_statement().map_err(TrustError::from)?;
        Ok(Self {
            path,
            outcome: match made.outcome {
                SignatureOutcome::Signed => OutcomeView::Signed,
                SignatureOutcome::Added => OutcomeView::Added,
                _ => OutcomeView::AlreadySigned,
            },
            name: statement.name().clone(),
            sha256: *statement.digest(),
            size: statement.size(),
            version: statement.version().cloned(),
            expires_at: statement.expires_at(),
            signer: None,
            signatures: envelope.signatures().len(),
            signature: file,
            signature_id: None,
            library: None,
        })
    }
}

impl View for SignedView {
    fn text(&self) -> Lines {
        let Self { path, signatures, .. } = self;
        let name = quoted(self.name.as_str());
        let mut text = Lines::from(match self.outcome {
            OutcomeView::Signed => format!("signed {path} as {name}"),
            OutcomeView::Added => format!("signed {path} as {name}, as one of {signatures}"),
            OutcomeView::AlreadySigned => format!("{path} is already signed as {name} by this key"),
        });
        text.extend(self.signer.as_ref().map(|signer| format!("  by {}", signer.text())));
        text.extend(self.version.as_ref().map(|version| format!("  version {version}")));
        text.extend(self.expires_at.map(|at| format!("  expires {at}")));
        text.extend(self.signature.as_ref().map(|file| format!("  in {file}")));
        text.extend(self.signature_id.map(|id| format!("  in the store as {id}")));
        text
    }
}
