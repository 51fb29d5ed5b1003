use signing_crypto::{
    AddSignatureError, EnvelopeError, PackageStatement, SignatureEnvelope, Signer, StatementTime,
    VerifyingKey,
};
#[cfg(feature = "store")]
use signing_crypto::{KeyId, OrgId, SignatureId};
use signing_trust::acceptance::SignatureLocation;
use signing_trust::clock_time;
#[cfg(feature = "store")]
use signing_trust::store::StoreError;
#[cfg(feature = "store")]
use signing_trust::{KeyManager, ProvenKey, StoredSignatures, TrustError, TrustReader};

use super::statement::{SignedTerms, add_signature, sign_statement};
use super::{NotAdded, SignError, SignatureFile};

/// How often a signature is made again because another process stored one at the same
/// time. Each time one of them succeeds, and an envelope has room for 16.
#[cfg(feature = "store")]
const MAX_ATTEMPTS: usize = 32;

/// A package that is ready to be signed, and the signatures that it has. Nothing is signed
/// yet.
///
/// A signature is added to existing ones only if they state what would be signed without
/// them: the same package, and exactly the requested terms. Otherwise somebody who can
/// plant a `.sig` file with a version or an expiry could have others vouch for it.
#[derive(Clone, Debug)]
#[must_use = "nothing is signed yet"]
pub struct PreparedSignature {
    statement: PackageStatement,
    existing: Option<(SignatureEnvelope, SignatureLocation)>,
    /// What the store had when it was read.
    #[cfg(feature = "store")]
    stored: Option<StoredSignatures>,
}

/// The key that signs.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum PackageSigner<'a> {
    /// A key in memory, or one that never enters the process.
    Signer(&'a dyn Signer),
    /// A private key in the store.
    Stored {
        /// Where the key is, with the KEK that opens it.
        keys: &'a TrustReader,
        /// The key.
        key: &'a ProvenKey,
    },
}

/// A signature that was made, with those that it was added to.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "the signature is not kept anywhere yet"]
pub struct MadeSignature {
    /// The envelope that holds them.
    pub envelope: SignatureEnvelope,
    /// How it came about.
    pub outcome: SignatureOutcome,
}

/// How a signature came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureOutcome {
    /// The key made the envelope's only signature.
    Signed,
    /// The key added its signature to existing ones.
    Added,
    /// The key had signed before, and nothing was made.
    AlreadySigned,
}

impl PreparedSignature {
    /// A package that gets a signature of its own.
    ///
    /// # Errors
    ///
    /// [`SignError::ExpiryPast`] if the statement has expired.
    pub fn new(statement: PackageStatement) -> Result<Self, SignError> {
        if let Some(expires_at) = statement.expires_at().filter(|at| has_passed(*at)) {
            return Err(SignError::ExpiryPast { expires_at });
        }
        Ok(Self {
            statement,
            existing: None,
            #[cfg(feature = "store")]
            stored: None,
        })
    }

    /// Adds to the signatures in a file, if it has any.
    ///
    /// # Errors
    ///
    /// [`SignError::NotAdded`] if they state something else.
    pub fn add_to_file(&mut self, file: &SignatureFile) -> Result<(), SignError> {
        let Some(envelope) = file.envelope() else { return Ok(()) };
        let location = SignatureLocation::File(file.path().into());
        if let Err(source) = require_same(&self.statement, envelope) {
            return Err(SignError::NotAdded { location, source });
        }
        self.existing = Some((envelope.clone(), location));
        #[cfg(feature = "store")]
        {
            // What the store has is no longer what is added to.
            self.stored = None;
        }
        Ok(())
    }

    /// Adds to the newest signatures in the store that the organization itself keeps and
    /// that state the same. Others are no obstacle. Signatures in a file come first.
    #[cfg(feature = "store")]
    pub async fn add_to_store(&mut self, keys: &TrustReader, org: OrgId) -> Result<(), SignError> {
        if matches!(self.existing, Some((_, SignatureLocation::File(_)))) {
            return Ok(());
        }
        let stored = keys.stored_signatures(org, *self.statement.digest()).await?;
        self.existing = stored
            .signatures()
            .filter_map(|signature| signature.envelope.ok())
            .find(|envelope| require_same(&self.statement, envelope).is_ok())
            .map(|envelope| (envelope, SignatureLocation::Store));
        self.stored = Some(stored);
        Ok(())
    }

    /// Adds to one of the signatures that were read from the store.
    ///
    /// # Errors
    ///
    /// [`SignError::NotAdded`] if it states something else.
    #[cfg(feature = "store")]
    pub fn add_to_stored(
        &mut self,
        kept: StoredSignatures,
        envelope: SignatureEnvelope,
    ) -> Result<(), SignError> {
        let location = SignatureLocation::Store;
        if let Err(source) = require_same(&self.statement, &envelope) {
            return Err(SignError::NotAdded { location, source });
        }
        (self.existing, self.stored) = (Some((envelope, location)), Some(kept));
        Ok(())
    }

    /// Signs with a key in memory, or with one that never enters the process.
    ///
    /// # Errors
    ///
    /// [`SignError::NotAdded`] if the existing signatures cannot take another, and
    /// [`SignError::Signer`].
    pub fn sign(&self, signer: &dyn Signer) -> Result<MadeSignature, SignError> {
        let (envelope, outcome) = match self.plan(&signer.verifying_key())? {
            Plan::Sign => (sign_statement(&self.statement, signer)?, SignatureOutcome::Signed),
            Plan::Add(mut envelope) => {
                add_signature(&mut envelope, signer).map_err(|error| self.add_failed(error))?;
                (envelope, SignatureOutcome::Added)
            }
            Plan::Keep(envelope) => (envelope, SignatureOutcome::AlreadySigned),
        };
        Ok(MadeSignature { envelope, outcome })
    }

    /// Signs with a signer or with a private key in the store.
    ///
    /// [`Signer::sign`] is called in the task that polls this future, and may wait for a person:
    /// where other tasks must not wait for that, call [`sign`](Self::sign) in
    /// [`spawn_blocking`](tokio::task::spawn_blocking).
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign), and [`SignError::Trust`].
    #[cfg(feature = "store")]
    pub async fn sign_with(&self, signer: PackageSigner<'_>) -> Result<MadeSignature, SignError> {
        let (keys, key) = match signer {
            PackageSigner::Signer(signer) => return self.sign(signer),
            PackageSigner::Stored { keys, key } => (keys, key),
        };
        let id: KeyId = key.id();
        let (envelope, outcome) = match self.plan(&key.verifying_key())? {
            Plan::Sign => {
                (keys.sign_statement(id, &self.statement).await?, SignatureOutcome::Signed)
            }
            Plan::Add(mut envelope) => match keys.add_signature(id, &mut envelope).await {
                Ok(()) => (envelope, SignatureOutcome::Added),
                Err(TrustError::AddSignature(error)) => return Err(self.add_failed(error)),
                Err(error) => return Err(error.into()),
            },
            Plan::Keep(envelope) => (envelope, SignatureOutcome::AlreadySigned),
        };
        Ok(MadeSignature { envelope, outcome })
    }

    /// Stores a signature that was made from this for `org`. If another process has stored
    /// one since [`add_to_store`](Self::add_to_store), the signature is made again on top
    /// of that, and neither is lost. Returns what was stored.
    ///
    /// [`Signer::sign`] is then called as by [`sign_with`](Self::sign_with).
    ///
    /// # Errors
    ///
    /// [`SignError::ChangedMeanwhile`] if that happens too often.
    #[cfg(feature = "store")]
    pub async fn store(
        &mut self,
        keys: &KeyManager,
        org: OrgId,
        mut made: MadeSignature,
        signer: PackageSigner<'_>,
    ) -> Result<(SignatureId, MadeSignature), SignError> {
        for _ in 0..MAX_ATTEMPTS {
            let stored = match &self.stored {
                Some(seen) => keys.store_signature_beside(seen, &made.envelope).await,
                None => keys.store_signature(org, &made.envelope).await,
            };
            match stored {
                Err(TrustError::Store(StoreError::SignaturesChanged { .. })) => {
                    self.add_to_store(keys, org).await?;
                    made = self.sign_with(signer).await?;
                }
                stored => return Ok((stored?.into_inner(), made)),
            }
        }
        Err(SignError::ChangedMeanwhile { location: SignatureLocation::Store })
    }

    fn plan(&self, signer: &VerifyingKey) -> Result<Plan, SignError> {
        let Some((envelope, _)) = &self.existing else { return Ok(Plan::Sign) };
        let fingerprint = Some(signer.fingerprint());
        let is_named =
            || envelope.signatures().iter().any(|one| one.claimed_signer() == fingerprint);
        match envelope.verify(signer) {
            Ok(_) => Ok(Plan::Keep(envelope.clone())),
            Err(EnvelopeError::NotSignedBy { .. }) => Ok(Plan::Add(envelope.clone())),
            // Only signatures without a name were tried, and none is the signer's.
            Err(EnvelopeError::InvalidSignature { .. }) if !is_named() => {
                Ok(Plan::Add(envelope.clone()))
            }
            Err(error) => Err(self.not_added(error.into())),
        }
    }

    fn add_failed(&self, error: AddSignatureError) -> SignError {
        match error {
            AddSignatureError::Signer(error) => error.into(),
            error => self.not_added(error.into()),
        }
    }

    fn not_added(&self, source: NotAdded) -> SignError {
        // There is a location whenever something can be added to.
        let location =
            self.existing.as_ref().map_or(SignatureLocation::Store, |(_, at)| at.clone());
        SignError::NotAdded { location, source }
    }
}

/// What a key has to do about a package.
enum Plan {
    /// Sign the statement.
    Sign,
    /// Add a signature to these.
    Add(SignatureEnvelope),
    /// Nothing: the key is among the signers.
    Keep(SignatureEnvelope),
}

/// Whether a verifier would now refuse a statement that expires then. Verifiers compare
/// microseconds, while the time of signing has whole seconds.
fn has_passed(expires_at: StatementTime) -> bool {
    expires_at.to_utc() <= clock_time()
}

fn require_same(wanted: &PackageStatement, envelope: &SignatureEnvelope) -> Result<(), NotAdded> {
    let found = envelope.unverified_statement().map_err(EnvelopeError::from)?;
    if found.name() != wanted.name() {
        let (found, wanted) = (found.name().clone(), wanted.name().clone());
        return Err(NotAdded::Name { found, wanted });
    }
    if (found.digest(), found.size()) != (wanted.digest(), wanted.size()) {
        return Err(NotAdded::Content);
    }
    if let Some(at) = found.expires_at().filter(|at| has_passed(*at)) {
        return Err(NotAdded::Expired { at });
    }
    let (found, wanted) = (SignedTerms::of(&found), SignedTerms::of(wanted));
    if found != wanted {
        return Err(NotAdded::Terms { found, wanted });
    }
    Ok(())
}
