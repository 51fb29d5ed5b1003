use std::collections::BTreeMap;

use signing_crypto::{
    DraftDocuments, DraftSignatureError, Fingerprint, Role, RoleKeys, RootDocument, Signer,
    SignerCount, VerifyingKey,
};
use signing_trust::NextRoot;

use crate::cli::RoleArgs;
use crate::error::CliError;
use crate::key_files::{is_public, read_public_key};
use crate::key_source::{KeyAccess, KeySource};
use crate::signers;

/// Fails if one of these keys has no role for the documents.
pub(super) fn require_roles(
    documents: &DraftDocuments,
    keys: impl IntoIterator<Item = Fingerprint>,
) -> Result<(), CliError> {
    match keys.into_iter().find(|key| documents.needed_from(key).is_empty()) {
        Some(fingerprint) => Err(DraftSignatureError::NoRole { fingerprint }.into()),
        None => Ok(()),
    }
}

/// Keys that were opened: each once, however often it is named.
#[derive(Default)]
pub(super) struct KeyRing {
    named: BTreeMap<KeySource, Fingerprint>,
    public: BTreeMap<Fingerprint, VerifyingKey>,
    signers: BTreeMap<Fingerprint, Box<dyn Signer>>,
}

impl KeyRing {
    /// Opens keys that sign.
    pub(super) fn add_signers(
        &mut self,
        sources: &[KeySource],
        access: &KeyAccess,
    ) -> Result<(), CliError> {
        for source in sources {
            self.add(source, signers::open(source, access).map(KeyOfRole::Signer)?);
        }
        Ok(())
    }

    /// Opens the keys of a root document. Those of which there is the private half sign.
    ///
    /// What is not said stays as in the root document `before`, or has to be said: nothing must
    /// get weaker because an option was forgotten.
    pub(super) fn add_roles(
        &mut self,
        roles: &RoleArgs,
        access: &KeyAccess,
        before: Option<&RootDocument>,
    ) -> Result<NextRoot, CliError> {
        let root = self.add_role(&roles.root_key, access)?;
        let mut or_root = |role, sources: &[KeySource]| {
            let has_own_keys =
                |before: &RootDocument| before.role(role).keys() != before.role(Role::Root).keys();
            match sources.is_empty() {
                true if before.is_some_and(has_own_keys) => Err(CliError::RoleKeysNeeded { role }),
                true => Ok(root.clone()),
                false => self.add_role(sources, access),
            }
        };
        let trust = or_root(Role::Trust, &roles.trust_key)?;
        let revocation = or_root(Role::Revocation, &roles.revocation_key)?;
        let role =
            |role, keys: &[Fingerprint], threshold: Option<SignerCount>| {
                let of_before = || before.map(|before| before.role(role).threshold());
                let threshold = threshold.or_else(of_before).unwrap_or(SignerCount::ONE);
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
    pub(super) fn signers(&self) -> impl Iterator<Item = (Fingerprint, &dyn Signer)> {
        self.signers.iter().map(|(fingerprint, signer)| (*fingerprint, &**signer))
    }

    /// Those of them that have a role for one of these documents.
    pub(super) fn signers_needed_for(&self, documents: &DraftDocuments) -> Vec<&dyn Signer> {
        let is_needed = |key: &Fingerprint| !documents.needed_from(key).is_empty();
        self.signers().filter(|(key, _)| is_needed(key)).map(|(_, signer)| signer).collect()
    }

    /// The distinct keys of a role.
    fn add_role(
        &mut self,
        sources: &[KeySource],
        access: &KeyAccess,
    ) -> Result<Vec<Fingerprint>, CliError> {
        let mut keys = Vec::new();
        for source in sources {
            let key = match self.named.get(source) {
                Some(key) => *key,
                None => self.add(source, KeyOfRole::open(source, access)?),
            };
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    fn add(&mut self, source: &KeySource, key: KeyOfRole) -> Fingerprint {
        let public = match key {
            KeyOfRole::Public(key) => key,
            KeyOfRole::Signer(signer) => {
                let public = signer.verifying_key();
                self.signers.insert(public.fingerprint(), signer);
                public
            }
        };
        self.public.insert(public.fingerprint(), public);
        self.named.insert(source.clone(), public.fingerprint());
        public.fingerprint()
    }
}

enum KeyOfRole {
    Signer(Box<dyn Signer>),
    Public(VerifyingKey),
}

impl KeyOfRole {
    fn open(source: &KeySource, access: &KeyAccess) -> Result<Self, CliError> {
        match (signers::open(source, access), source) {
            (Err(CliError::KeyFile { source: error, .. }), KeySource::File(path))
                if is_public(&error) =>
            {
                read_public_key(path).map(Self::Public)
            }
            (other, _) => other.map(Self::Signer),
        }
    }
}
