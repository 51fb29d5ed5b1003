use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use signing_crypto::{KeyId, OrgId, PackageName, SignatureEnvelope, SigningKey};
use signing_loader::{PackageError, PackagePath, package_statement, sign_package};
use signing_trust::KeyManager;

use crate::context::{Context, organization};
use crate::error::CliError;
use crate::files::{self, Existing, Readers};
use crate::output::{Report, shown};
use crate::passphrase::PassphraseSource;

/// Where signatures go.
pub(super) struct Places {
    pub(super) output: Option<PathBuf>,
    pub(super) store: bool,
    pub(super) org: Option<String>,
    pub(super) existing: Existing,
}

/// The packages that the command line names; a name or a signature file is for one.
pub(super) fn packages(
    paths: Vec<PathBuf>,
    name: Option<String>,
    file: Option<&Path>,
) -> Result<Vec<PackagePath>, CliError> {
    if paths.len() > 1 && (name.is_some() || file.is_some()) {
        return Err(CliError::SeveralPackages { found: paths.len() });
    }
    let name = name.map(PackageName::new).transpose()?;
    Ok(paths
        .into_iter()
        .map(|path| match &name {
            Some(name) => PackagePath::new(path).expect_name(name.clone()),
            None => PackagePath::new(path),
        })
        .collect())
}

/// Signs with a key from a file: no store, no runtime.
pub(super) fn with_file(
    packages: &[PackagePath],
    key: &Path,
    passphrase: &PassphraseSource,
    places: &Places,
) -> Result<Report, CliError> {
    places.require_vacant(packages)?;
    let key = files::read_signing_key(key, passphrase)?;
    // Everything is signed before anything is written.
    let envelopes = sign_all(packages, &key)?;
    let mut signed = Signed::default();
    for (package, envelope) in packages.iter().zip(&envelopes) {
        signed.write(package, envelope, places)?;
    }
    Ok(signed.report())
}

/// Signs with a key from a file, and keeps the signatures in the store.
pub(super) async fn with_file_and_store(
    context: &Context,
    packages: &[PackagePath],
    key: &Path,
    passphrase: &PassphraseSource,
    places: &Places,
) -> Result<Report, CliError> {
    places.require_vacant(packages)?;
    let key = files::read_signing_key(key, passphrase)?;
    let keys = context.keys().await?;
    let org = places.org.as_deref().ok_or(CliError::StoreWithoutOrganization)?;
    let org = organization(&keys, org).await?.id;
    let envelopes = sign_all(packages, &key)?;
    let mut signed = Signed::default();
    for (package, envelope) in packages.iter().zip(&envelopes) {
        signed.keep(&keys, org, package, envelope, places).await?;
    }
    Ok(signed.report())
}

/// Signs with a key from the store.
pub(super) async fn with_stored_key(
    context: &Context,
    packages: &[PackagePath],
    id: KeyId,
    places: &Places,
) -> Result<Report, CliError> {
    places.require_vacant(packages)?;
    let keys = context.keys_with_kek().await?;
    let owner = keys.store().signing_key(id).await?.org_id;
    if let Some(org) = &places.org
        && organization(&keys, org).await?.id != owner
    {
        return Err(CliError::StoreForAnotherOrganization { id });
    }
    let mut envelopes = Vec::with_capacity(packages.len());
    for package in packages {
        envelopes.push(keys.sign_statement(id, &package_statement(package)?).await?);
    }
    let mut signed = Signed::default();
    for (package, envelope) in packages.iter().zip(&envelopes) {
        match places.store {
            true => signed.keep(&keys, owner, package, envelope, places).await?,
            false => signed.write(package, envelope, places)?,
        }
    }
    Ok(signed.report())
}

fn sign_all(
    packages: &[PackagePath],
    key: &SigningKey,
) -> Result<Vec<SignatureEnvelope>, PackageError> {
    packages.iter().map(|package| sign_package(package, key)).collect()
}

impl Places {
    fn file(&self, package: &PackagePath) -> Option<PathBuf> {
        match &self.output {
            Some(path) => Some(path.clone()),
            None if self.store => None,
            None => Some(package.signature_path()),
        }
    }

    /// Refuses before anything is signed, so that it is all or nothing.
    fn require_vacant(&self, packages: &[PackagePath]) -> Result<(), CliError> {
        let mut files = packages.iter().filter_map(|package| self.file(package));
        match files.find(|file| file.symlink_metadata().is_ok()) {
            Some(path) if self.existing == Existing::Keep => Err(CliError::FileExists { path }),
            _ => Ok(()),
        }
    }
}

/// What was signed so far.
#[derive(Default)]
struct Signed {
    text: String,
    documents: Vec<Value>,
}

impl Signed {
    async fn keep(
        &mut self,
        keys: &KeyManager,
        org: OrgId,
        package: &PackagePath,
        envelope: &SignatureEnvelope,
        places: &Places,
    ) -> Result<(), CliError> {
        let id = keys.store_signature(org, envelope).await?.into_inner();
        self.write(package, envelope, places)?;
        if let Some(document) = self.documents.last_mut() {
            document["signature_id"] = id.to_string().into();
        }
        self.text += &format!("  in the store as {id}\n");
        Ok(())
    }

    fn write(
        &mut self,
        package: &PackagePath,
        envelope: &SignatureEnvelope,
        places: &Places,
    ) -> Result<(), CliError> {
        let file = places.file(package);
        if let Some(path) = &file {
            let json = envelope.to_json();
            files::write_atomically(path, json.as_bytes(), Readers::Everybody, places.existing)?;
        }
        let statement = envelope.unverified_statement().map_err(signing_trust::TrustError::from)?;
        self.text += &format!("signed {} as {}\n", shown(package.path()), statement.name());
        if let Some(file) = &file {
            self.text += &format!("  in {}\n", shown(file));
        }
        self.documents.push(json!({
            "path": package.path().display().to_string(),
            "name": statement.name().as_str(),
            "sha256": statement.digest().to_string(),
            "size": statement.size(),
            "signature": file.map(|path| path.display().to_string()),
        }));
        Ok(())
    }

    fn report(self) -> Report {
        Report::new(self.text, Value::Array(self.documents))
    }
}
