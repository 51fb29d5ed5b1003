use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use signing_crypto::{
    Fingerprint, PemError, PemForm, Role, RoleKeys, SignerThreshold, SigningKey, VerifyingKey,
};
use signing_trust::NextRoot;

use crate::cli::RoleArgs;
use crate::error::CliError;
use crate::key_files::{read_public_key, read_signing_key};
use crate::passphrase::PassphraseSource;

/// Key files that were read: each once, however often it is named.
#[derive(Default)]
pub(super) struct KeyRing {
    files: BTreeMap<PathBuf, Fingerprint>,
    public: BTreeMap<Fingerprint, VerifyingKey>,
    private: BTreeMap<Fingerprint, SigningKey>,
}

impl KeyRing {
    /// Reads keys that sign.
    pub(super) fn add_signers(
        &mut self,
        paths: &[PathBuf],
        passphrase: &PassphraseSource,
    ) -> Result<(), CliError> {
        for path in paths {
            self.add(path, read_signing_key(path, passphrase).map(KeyOfRole::Private)?);
        }
        Ok(())
    }

    /// Reads the keys of a root document. Those of which there is the private half sign.
    pub(super) fn add_roles(
        &mut self,
        roles: &RoleArgs,
        passphrase: &PassphraseSource,
    ) -> Result<NextRoot, CliError> {
        let root = self.add_role(&roles.root_key, passphrase)?;
        let mut or_root = |paths: &[PathBuf]| match paths.is_empty() {
            true => Ok(root.clone()),
            false => self.add_role(paths, passphrase),
        };
        let trust = or_root(&roles.trust_key)?;
        let revocation = or_root(&roles.revocation_key)?;
        let role =
            |role, keys: &[Fingerprint], threshold: SignerThreshold| {
                RoleKeys::new(keys.iter().copied(), threshold)
                    .ok_or_else(|| CliError::TooFewRoleKeys { role, found: keys.len(), threshold })
            };
        let mut named = [&root[..], &trust, &revocation].concat();
        named.sort_unstable();
        named.dedup();
        Ok(NextRoot {
            keys: named.iter().map(|key| self.public[key]).collect(),
            roles: [
                role(Role::Root, &root, roles.root_threshold)?,
                role(Role::Trust, &trust, roles.trust_threshold)?,
                role(Role::Revocation, &revocation, roles.revocation_threshold)?,
            ],
            expires_at: roles.root_expires,
        })
    }

    /// The keys that sign.
    pub(super) fn signers(&self) -> impl Iterator<Item = &SigningKey> {
        self.private.values()
    }

    /// The distinct keys of some files.
    fn add_role(
        &mut self,
        paths: &[PathBuf],
        passphrase: &PassphraseSource,
    ) -> Result<Vec<Fingerprint>, CliError> {
        let mut keys = Vec::new();
        for path in paths {
            let key = match self.files.get(path) {
                Some(key) => *key,
                None => self.add(path, KeyOfRole::read(path, passphrase)?),
            };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    fn add(&mut self, path: &Path, key: KeyOfRole) -> Fingerprint {
        let public = match key {
            KeyOfRole::Public(key) => key,
            KeyOfRole::Private(key) => {
                let public = key.verifying_key();
                self.private.insert(key.fingerprint(), key);
                public
            }
        };
        self.public.insert(public.fingerprint(), public);
        self.files.insert(path.into(), public.fingerprint());
        public.fingerprint()
    }
}

enum KeyOfRole {
    Private(SigningKey),
    Public(VerifyingKey),
}

impl KeyOfRole {
    fn read(path: &Path, passphrase: &PassphraseSource) -> Result<Self, CliError> {
        match read_signing_key(path, passphrase) {
            Err(CliError::KeyFile {
                source: PemError::WrongForm { found: PemForm::PublicKey, .. },
                ..
            }) => read_public_key(path).map(Self::Public),
            other => other.map(Self::Private),
        }
    }
}
