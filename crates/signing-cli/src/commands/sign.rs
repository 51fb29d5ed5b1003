mod prepare;
mod signed;

use std::path::{Path, PathBuf};

use signing_crypto::{KeyId, OrgId, PackageName, SignatureEnvelope, SigningKey};
use signing_loader::{PackagePath, add_signature, sign_statement};
use signing_trust::{KeyManager, TrustError};

use self::prepare::{Plan, Prepared};
use self::signed::{Act, Signed};
use crate::context::{Context, organization};
use crate::error::{CliError, Terms};
use crate::files::{self, Existing};
use crate::output::Report;
use crate::passphrase::PassphraseSource;

/// Where signatures go, and what they say there.
pub(super) struct Places {
    pub(super) terms: Terms,
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
    let prepared = places.prepare(packages)?;
    let key = files::read_signing_key(key, passphrase)?;
    // Everything is signed before anything is written.
    let envelopes = sign_all(&prepared, &key)?;
    let mut signed = Signed::default();
    for (prepared, (envelope, act)) in prepared.iter().zip(&envelopes) {
        signed.write(prepared, (envelope, *act), places.existing)?;
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
    let mut prepared = places.prepare(packages)?;
    let key = files::read_signing_key(key, passphrase)?;
    let keys = context.keys().await?;
    let org = places.org.as_deref().ok_or(CliError::StoreWithoutOrganization)?;
    let org = organization(&keys, org).await?.id;
    places.look_in_store(&mut prepared, &keys, org).await?;
    let envelopes = sign_all(&prepared, &key)?;
    let mut signed = Signed::default();
    for (prepared, (envelope, act)) in prepared.iter().zip(&envelopes) {
        signed.keep(&keys, org, prepared, (envelope, *act), places.existing).await?;
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
    let mut prepared = places.prepare(packages)?;
    let keys = context.keys_with_kek().await?;
    let record = keys.store().signing_key(id).await?;
    let owner = record.org_id;
    if let Some(org) = &places.org
        && organization(&keys, org).await?.id != owner
    {
        return Err(CliError::StoreForAnotherOrganization { id });
    }
    if places.store {
        places.look_in_store(&mut prepared, &keys, owner).await?;
    }
    let mut envelopes = Vec::with_capacity(packages.len());
    for prepared in &prepared {
        envelopes.push(match prepared.plan(&record.public_key)? {
            Plan::Sign(statement) => (keys.sign_statement(id, &statement).await?, Act::Signed),
            Plan::Add(mut envelope) => match keys.add_signature(id, &mut envelope).await {
                Ok(()) => (envelope, Act::Added),
                Err(TrustError::Envelope(error)) => return Err(prepared.refuse(error)),
                Err(error) => return Err(error.into()),
            },
            Plan::Keep(envelope) => (envelope, Act::AlreadySigned),
        });
    }
    let mut signed = Signed::default();
    for (prepared, (envelope, act)) in prepared.iter().zip(&envelopes) {
        match places.store {
            true => {
                signed.keep(&keys, owner, prepared, (envelope, *act), places.existing).await?;
            }
            false => signed.write(prepared, (envelope, *act), places.existing)?,
        }
    }
    Ok(signed.report())
}

fn sign_all(
    prepared: &[Prepared],
    key: &SigningKey,
) -> Result<Vec<(SignatureEnvelope, Act)>, CliError> {
    let sign = |prepared: &Prepared| match prepared.plan(&key.verifying_key())? {
        Plan::Sign(statement) => Ok((sign_statement(&statement, key), Act::Signed)),
        Plan::Add(mut envelope) => match add_signature(&mut envelope, key) {
            Ok(()) => Ok((envelope, Act::Added)),
            Err(error) => Err(prepared.refuse(error)),
        },
        Plan::Keep(envelope) => Ok((envelope, Act::AlreadySigned)),
    };
    prepared.iter().map(sign).collect()
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
    fn prepare(&self, packages: &[PackagePath]) -> Result<Vec<Prepared>, CliError> {
        packages.iter().map(|package| Prepared::new(package, self)).collect()
    }

    /// Replacing what is there means not to add to it.
    async fn look_in_store(
        &self,
        prepared: &mut [Prepared],
        keys: &KeyManager,
        org: OrgId,
    ) -> Result<(), CliError> {
        if self.existing == Existing::Keep {
            for prepared in prepared {
                prepared.look_in_store(keys, org).await?;
            }
        }
        Ok(())
    }
}
