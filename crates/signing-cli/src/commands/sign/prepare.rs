use std::path::{Path, PathBuf};

use chrono::Utc;
use signing_crypto::{
    EnvelopeError, OrgId, PackageStatement, SignatureEnvelope, StatementTime, VerifyingKey,
};
use signing_loader::{
    PackageError, PackagePath, VerificationError, package_statement, read_signature,
};
use signing_trust::{KeptSignatures, KeyManager};

use super::Places;
use crate::error::{CliError, NotAdded, Place, Terms};
use crate::files::Existing;

/// A package that is to be signed, and the signatures that are there already. Nothing
/// is signed or written yet.
pub(super) struct Prepared {
    package: PackagePath,
    statement: PackageStatement,
    /// Where its signature is to be written.
    pub(super) file: Option<PathBuf>,
    existing: Option<(SignatureEnvelope, Place)>,
    /// What was in the store when it was looked at.
    kept: Option<KeptSignatures>,
}

/// What is to be done about one package.
pub(super) enum Plan {
    /// Sign this.
    Sign(PackageStatement),
    /// Add a signature to these.
    Add(SignatureEnvelope),
    /// Nothing: the key is among those that have signed.
    Keep(SignatureEnvelope),
}

impl Prepared {
    /// Looks at the package, and at the file that its signature is to be in.
    pub(super) fn new(package: &PackagePath, places: &Places) -> Result<Self, CliError> {
        let Terms { version, expires_at } = &places.terms;
        let mut statement = package_statement(package.clone())?;
        if let Some(expires_at) = *expires_at {
            if has_passed(expires_at) {
                return Err(CliError::ExpiryPast { expires_at });
            }
            statement = statement.with_expiry(expires_at);
        }
        if let Some(version) = version {
            statement = statement.with_version(version.clone());
        }
        let file = places.file(package);
        let mut existing = None;
        if let (Some(path), Existing::Keep) = (&file, places.existing)
            && let Some(envelope) = read(path)?
        {
            let place = Place::File(path.clone());
            match require_same(&statement, &envelope) {
                Ok(()) => existing = Some((envelope, place)),
                Err(source) => return Err(CliError::NotAdded { place, source }),
            }
        }
        Ok(Self { package: package.clone(), statement, file, existing, kept: None })
    }

    /// Looks for signatures in the store: the newest of the organization's own that say
    /// the same. Those that say something else are no hindrance.
    pub(super) async fn look_in_store(
        &mut self,
        keys: &KeyManager,
        org: OrgId,
    ) -> Result<(), CliError> {
        if self.in_file().is_none() {
            let kept = keys.kept_signatures(org, *self.statement.digest()).await?;
            self.existing = kept
                .signatures()
                .filter_map(|stored| stored.envelope.ok())
                .find(|envelope| require_same(&self.statement, envelope).is_ok())
                .map(|envelope| (envelope, Place::Store));
            self.kept = Some(kept);
        }
        Ok(())
    }

    /// What was in the store when it was looked at, if what is to be kept there was made
    /// in the knowledge of that.
    pub(super) fn in_store(&self) -> Option<&KeptSignatures> {
        self.kept.as_ref()
    }

    pub(super) fn plan(&self, signer: &VerifyingKey) -> Result<Plan, CliError> {
        let Some((envelope, place)) = &self.existing else {
            return Ok(Plan::Sign(self.statement.clone()));
        };
        let fingerprint = Some(signer.fingerprint());
        let named = || envelope.signatures().iter().any(|one| one.claimed_signer() == fingerprint);
        match envelope.verify(signer) {
            Ok(_) => Ok(Plan::Keep(envelope.clone())),
            Err(EnvelopeError::NotSignedBy { .. }) => Ok(Plan::Add(envelope.clone())),
            Err(EnvelopeError::InvalidSignature { .. }) if !named() => {
                Ok(Plan::Add(envelope.clone()))
            }
            Err(error) => Err(place.refuse(error)),
        }
    }

    /// Says where it was that the signature could not be added.
    pub(super) fn refuse(&self, error: EnvelopeError) -> CliError {
        match &self.existing {
            Some((_, place)) => place.refuse(error),
            None => signing_trust::TrustError::from(error).into(),
        }
    }

    pub(super) fn package(&self) -> &PackagePath {
        &self.package
    }

    /// The signatures that were in the file when it was looked at.
    pub(super) fn in_file(&self) -> Option<&SignatureEnvelope> {
        match &self.existing {
            Some((envelope, Place::File(_))) => Some(envelope),
            _ => None,
        }
    }
}

impl Place {
    fn refuse(&self, error: EnvelopeError) -> CliError {
        let place = match self {
            Self::File(path) => Self::File(path.clone()),
            Self::Store => Self::Store,
        };
        CliError::NotAdded { place, source: error.into() }
    }
}

/// What is there already; a file that is no package signature is somebody's.
pub(super) fn read(path: &Path) -> Result<Option<SignatureEnvelope>, CliError> {
    let read = read_signature(path).and_then(|envelope| {
        if let Some(envelope) = &envelope {
            envelope.unverified_statement().map_err(VerificationError::from)?;
        }
        Ok(envelope)
    });
    match read {
        Err(PackageError::Verification(VerificationError::MalformedSignature { reason })) => {
            Err(CliError::NotASignature { path: path.into(), source: reason })
        }
        other => Ok(other?),
    }
}

/// Whether who verifies now refuses what ends then. That is asked to the microsecond, and a
/// signature's own time has whole seconds.
fn has_passed(expires_at: StatementTime) -> bool {
    expires_at.to_utc() <= Utc::now()
}

/// That who adds a signature signs what it would have signed anew: the same package, and
/// exactly what was asked for. Who could plant a `.sig` with a version or an expiry in it
/// would otherwise have others vouch for them.
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
    let terms = |said: &PackageStatement| Terms {
        version: said.version().cloned(),
        expires_at: said.expires_at(),
    };
    let (found, wanted) = (terms(&found), terms(wanted));
    if found != wanted {
        return Err(NotAdded::Terms { found, wanted });
    }
    Ok(())
}
