mod prepare;
mod signed;

use std::path::{Path, PathBuf};

use signing_crypto::{KeyId, OrgId, SignatureEnvelope, SigningKey, VerifyingKey};
use signing_loader::{PackagePath, add_signature, sign_statement};
use signing_trust::{KeyManager, TrustError};

use self::prepare::{Plan, Prepared};
use self::signed::{Act, Signed};
use crate::context::{Context, organization};
use crate::error::{CliError, Terms};
use crate::files::Existing;
use crate::key_files;
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

/// Signs with a key from a file: no store, no runtime.
pub(super) fn with_file(
    packages: &[PackagePath],
    key: &Path,
    passphrase: &PassphraseSource,
    places: &Places,
) -> Result<Report, CliError> {
    let prepared = places.prepare(packages)?;
    let key = key_files::read_signing_key(key, passphrase)?;
    // Everything is signed before anything is written.
    let envelopes = prepared.iter().map(|prepared| sign(prepared, &key));
    let envelopes = envelopes.collect::<Result<Vec<_>, _>>()?;
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
    let key = key_files::read_signing_key(key, passphrase)?;
    let keys = context.keys_to_change().await?;
    let org = places.org.as_deref().ok_or(CliError::StoreWithoutOrganization)?;
    let org = organization(&keys, org).await?.id;
    let to = Keeping { keys: &keys, org, signer: Signer::File(&key) };
    to.sign_and_keep(&mut prepared, places).await
}

/// Signs with a key from the store.
pub(super) async fn with_stored_key(
    context: &Context,
    packages: &[PackagePath],
    id: KeyId,
    places: &Places,
) -> Result<Report, CliError> {
    let mut prepared = places.prepare(packages)?;
    let keys = match places.store {
        true => context.keys_to_change_with_kek().await?,
        false => context.keys_with_kek().await?,
    };
    let key = keys.proven_key(id).await?;
    let org = key.org();
    if let Some(named) = &places.org
        && organization(&keys, named).await?.id != org
    {
        return Err(CliError::StoreForAnotherOrganization { name: key.record().name.clone() });
    }
    let signer = Signer::Stored { keys: &keys, id, public_key: &key.verifying_key() };
    if places.store {
        return Keeping { keys: &keys, org, signer }.sign_and_keep(&mut prepared, places).await;
    }
    let mut envelopes = Vec::with_capacity(prepared.len());
    for prepared in &prepared {
        envelopes.push(signer.sign(prepared).await?);
    }
    let mut signed = Signed::default();
    for (prepared, (envelope, act)) in prepared.iter().zip(&envelopes) {
        signed.write(prepared, (envelope, *act), places.existing)?;
    }
    Ok(signed.report())
}

/// Whose signatures are kept for which organization.
struct Keeping<'a> {
    keys: &'a KeyManager,
    org: OrgId,
    signer: Signer<'a>,
}

impl Keeping<'_> {
    async fn sign_and_keep(
        &self,
        prepared: &mut [Prepared],
        places: &Places,
    ) -> Result<Report, CliError> {
        // Replacing what is there means not to add to it.
        if places.existing == Existing::Keep {
            for prepared in &mut *prepared {
                prepared.look_in_store(self.keys, self.org).await?;
            }
        }
        // Everything is signed before anything is kept.
        let mut envelopes = Vec::with_capacity(prepared.len());
        for prepared in &*prepared {
            envelopes.push(self.signer.sign(prepared).await?);
        }
        let mut signed = Signed::default();
        for (prepared, made) in prepared.iter_mut().zip(envelopes) {
            let store = (self.keys, self.org);
            signed.keep(store, prepared, made, &self.signer, places.existing).await?;
        }
        Ok(signed.report())
    }
}

/// The key that signs.
enum Signer<'a> {
    /// From a file.
    File(&'a SigningKey),
    /// Of the store.
    Stored { keys: &'a KeyManager, id: KeyId, public_key: &'a VerifyingKey },
}

impl Signer<'_> {
    async fn sign(&self, prepared: &Prepared) -> Result<(SignatureEnvelope, Act), CliError> {
        let (keys, id, public_key) = match self {
            Self::File(key) => return sign(prepared, key),
            Self::Stored { keys, id, public_key } => (keys, *id, *public_key),
        };
        match prepared.plan(public_key)? {
            Plan::Sign(statement) => Ok((keys.sign_statement(id, &statement).await?, Act::Signed)),
            Plan::Add(mut envelope) => match keys.add_signature(id, &mut envelope).await {
                Ok(()) => Ok((envelope, Act::Added)),
                Err(TrustError::Envelope(error)) => Err(prepared.refuse(error)),
                Err(error) => Err(error.into()),
            },
            Plan::Keep(envelope) => Ok((envelope, Act::AlreadySigned)),
        }
    }
}

/// Signs with a key from a file.
fn sign(prepared: &Prepared, key: &SigningKey) -> Result<(SignatureEnvelope, Act), CliError> {
    match prepared.plan(&key.verifying_key())? {
        Plan::Sign(statement) => Ok((sign_statement(&statement, key), Act::Signed)),
        Plan::Add(mut envelope) => match add_signature(&mut envelope, key) {
            Ok(()) => Ok((envelope, Act::Added)),
            Err(error) => Err(prepared.refuse(error)),
        },
        Plan::Keep(envelope) => Ok((envelope, Act::AlreadySigned)),
    }
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
}
