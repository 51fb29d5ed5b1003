//! What a verification looks at, in order. This is the one core of every verification.
//!
//! It opens files, hashes, and checks signatures. It does not ask about trust itself: each step
//! returns what comes [`Next`]. Pinned keys answer its questions at once, a store after a while.

use std::collections::HashSet;

use signing_crypto::{
    EnvelopeSignature, MalformedEnvelope, OrgId, PackageDigest, PackageName, SignatureEnvelope,
    SignatureId,
};
use signing_trust::acceptance::{
    Accepted, SignatureLocation, VerificationConfig, VerificationError, accept,
};
use signing_trust::{PinnedKeys, Signers, TrustDecision, TrustedKey, UntrustedReason};

use crate::error::PackageError;
use crate::explain::{ExplainedEnvelope, InspectedEnvelope, SignatureInspection};
use crate::package::Package;
use crate::report::Verified;
use crate::source::{EnvelopeSource, Found, SignatureSource};

mod content;
mod refusal;

use self::refusal::Refusal;

pub(crate) use self::content::{Content, PackageContent, ReadPackage, hash, seal};

/// What must be answered before a verification can go on, or what has come of it.
pub(crate) enum Next<C> {
    /// Which signatures the store has of the package.
    Signatures(SignatureQuestion<C>),
    /// Which signers are trusted.
    Trust(TrustQuestion<C>),
    /// All that trust has to say.
    Decided(Examined<C>),
}

/// No signature was found yet, and a store may have some.
pub(crate) struct SignatureQuestion<C> {
    examination: Examination<C>,
    pub(crate) digest: PackageDigest,
    /// Where a signature was looked for.
    location: SignatureLocation,
}

/// The signers that are asked about.
pub(crate) struct TrustQuestion<C> {
    examination: Examination<C>,
    pub(crate) signers: Signers,
    /// Those who are asked about if these do not suffice.
    all: Option<Signers>,
}

/// A verification that was decided, before the package was compared with what was signed.
pub(crate) struct Examined<C> {
    examination: Examination<C>,
    decision: TrustDecision,
    unnamed_were_tried: bool,
    outcome: Outcome,
}

type Outcome = Box<Result<(Accepted, SignatureEnvelope), VerificationError>>;

/// A signature that a store has: its id, the organization that keeps it, and what it is.
pub(crate) type Stored = (SignatureId, OrgId, Result<SignatureEnvelope, MalformedEnvelope>);

/// Who answers the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnsweredBy {
    /// Pinned keys: every question about trust costs nothing, and no signature is stored.
    PinnedKeys,
    /// A bundle, which may trust as many keys as a store. No signature is stored.
    Bundle,
    /// A store. Signatures that name no key are tried only if those that name theirs do not
    /// suffice: the question is expensive, and has no answer where an organization trusts
    /// more keys than are tried. Anybody can add a signature without a name, and must not be
    /// able to make that question necessary.
    Store,
}

/// What every step of a verification knows.
struct Examination<C> {
    config: VerificationConfig,
    answered_by: AnsweredBy,
    name: PackageName,
    content: C,
    candidates: Vec<(EnvelopeSource, Result<SignatureEnvelope, MalformedEnvelope>)>,
}

impl Next<()> {
    /// Looks at an envelope alone, as if the package were there that it is about.
    pub(crate) fn of_envelope(
        envelope: &SignatureEnvelope,
        config: &VerificationConfig,
        answered_by: AnsweredBy,
    ) -> Result<Self, PackageError> {
        let statement = envelope.unverified_statement().map_err(VerificationError::from)?;
        let examination = Examination {
            config: config.clone(),
            answered_by,
            name: statement.name().clone(),
            content: (),
            candidates: vec![(EnvelopeSource::Memory, Ok(envelope.clone()))],
        };
        Ok(examination.ask())
    }
}

impl<T> Next<PackageContent<T>> {
    /// Opens the package and looks for its signature. If only a store can have one, the
    /// package is read: the store is asked by digest.
    pub(crate) fn begin(
        package: Package,
        source: SignatureSource,
        config: &VerificationConfig,
        answered_by: AnsweredBy,
        read: ReadPackage<T>,
    ) -> Result<Self, PackageError> {
        let limit = config.max_package_size;
        let opened = package.open(limit)?;
        let found = source.look(opened.signature.as_ref())?;
        let (name, config) = (opened.name.clone(), config.clone());
        let examination =
            |content, candidates| Examination { config, answered_by, name, content, candidates };
        match found {
            Found::Envelope(source, envelope) => {
                let content = PackageContent::Unread(opened, read);
                Ok(examination(content, vec![(source, Ok(*envelope))]).ask())
            }
            Found::Malformed(source, reason) => {
                let error = reason.clone().into();
                let content = PackageContent::Unread(opened, read);
                Ok(examination(content, vec![(source, Err(reason))]).refused(error))
            }
            // Without a store no signature can be found, so the package need not be read.
            Found::NothingYet(location) if answered_by != AnsweredBy::Store => {
                let location = match (location, &opened.signature) {
                    (SignatureLocation::FileOrStore(path), _) => SignatureLocation::File(path),
                    (_, None) => SignatureLocation::NotGiven,
                    (location, Some(_)) => location,
                };
                let error = VerificationError::SignatureNotFound { location };
                Ok(examination(PackageContent::Unread(opened, read), Vec::new()).refused(error))
            }
            Found::NothingYet(location) => {
                let (content, kept) = opened.read_with(read, limit)?;
                let digest = content.digest;
                let examination = examination(PackageContent::Read(content, kept), Vec::new());
                Ok(Self::Signatures(SignatureQuestion { examination, digest, location }))
            }
        }
    }
}

impl<C: Content> SignatureQuestion<C> {
    pub(crate) fn answer(self, stored: Vec<Stored>) -> Next<C> {
        let Self { mut examination, location, .. } = self;
        if stored.is_empty() {
            return examination.refused(VerificationError::SignatureNotFound { location });
        }
        let candidates = stored
            .into_iter()
            .map(|(id, org, envelope)| (EnvelopeSource::Store { id, org }, envelope));
        examination.candidates.extend(candidates);
        examination.ask()
    }
}

impl<C: Content> TrustQuestion<C> {
    /// The name that the signature must bind.
    pub(crate) fn name(&self) -> &PackageName {
        &self.examination.name
    }

    pub(crate) fn answer(self, decision: TrustDecision) -> Next<C> {
        let Self { examination, all, .. } = self;
        let unnamed_were_tried = all.is_none();
        match (examination.first_accepted(&decision), all) {
            (Err(Refusal { lacks_signers: true, .. }), Some(signers)) => {
                Next::Trust(Self { examination, signers, all: None })
            }
            (outcome, _) => {
                let outcome = Box::new(outcome.map_err(|refusal| refusal.error));
                Next::Decided(Examined { examination, decision, unnamed_were_tried, outcome })
            }
        }
    }
}

impl<C> Examined<C> {
    /// The envelopes that were looked at, and the result of each.
    pub(crate) fn explain(&self) -> Vec<ExplainedEnvelope> {
        let candidates = self.examination.candidates.iter();
        candidates
            .map(|(source, envelope)| {
                let content = envelope.as_ref().map_err(Clone::clone).map(|envelope| {
                    let inspection = self.inspect(envelope);
                    InspectedEnvelope { envelope: envelope.clone(), inspection }
                });
                ExplainedEnvelope { source: source.clone(), content }
            })
            .collect()
    }

    /// Whether one of the envelopes counts, without the package that it is about.
    pub(crate) fn inspect(&self, envelope: &SignatureEnvelope) -> SignatureInspection {
        let Examination { config, name, .. } = &self.examination;
        let signatures = envelope.signatures().iter();
        SignatureInspection {
            signatures: signatures.map(|signature| self.verdict(envelope, signature)).collect(),
            outcome: accept(envelope, &self.decision, config, name).map(drop),
        }
    }

    /// Who made a signature, or why it does not count.
    fn verdict(
        &self,
        envelope: &SignatureEnvelope,
        signature: &EnvelopeSignature,
    ) -> Result<TrustedKey, VerificationError> {
        let made_it = |key: &TrustedKey| envelope.is_signature_by(signature, &key.key);
        let Some(fingerprint) = signature.claimed_signer() else {
            let unknown = match self.unnamed_were_tried {
                true => {
                    let reason = UntrustedReason::Unknown;
                    VerificationError::UntrustedSigner { fingerprint: None, reason }
                }
                false => VerificationError::UnnamedSignature,
            };
            return self.decision.trusted().find(|key| made_it(key)).cloned().ok_or(unknown);
        };
        match self.decision.about(&fingerprint) {
            Ok(key) if made_it(key) => Ok(key.clone()),
            Ok(_) => Err(VerificationError::InvalidSignature { fingerprint }),
            Err(reason) => {
                Err(VerificationError::UntrustedSigner { fingerprint: Some(fingerprint), reason })
            }
        }
    }
}

impl<T> Examined<PackageContent<T>> {
    /// Reads the package if that was not done before, and checks that its bytes are those
    /// that were signed. A package is read at most as far as a trusted key has signed.
    pub(crate) fn finish(self, org: Option<OrgId>) -> Result<Verified<T>, PackageError> {
        let (accepted, envelope) = (*self.outcome)?;
        let (content, kept) = self.examination.content.read(&accepted)?;
        accepted.require_content(&content)?;
        Ok(Verified::new((accepted, envelope), content, kept, org))
    }
}

impl<C: Content> Examination<C> {
    fn ask(self) -> Next<C> {
        let all = self.signers();
        let (signers, all) = match self.answered_by {
            AnsweredBy::PinnedKeys => (all, None),
            _ => all.named_first(),
        };
        Next::Trust(TrustQuestion { examination: self, signers, all })
    }

    /// Refuses without having asked about trust.
    fn refused(self, error: VerificationError) -> Next<C> {
        Next::Decided(Examined {
            examination: self,
            decision: no_key_trusted(),
            unnamed_were_tried: false,
            outcome: Box::new(Err(error)),
        })
    }

    /// All who are said to have signed one of the envelopes, each once.
    fn signers(&self) -> Signers {
        let mut all = Signers::default();
        let mut seen = HashSet::new();
        for envelope in self.candidates.iter().filter_map(|(_, envelope)| envelope.as_ref().ok()) {
            let signers = Signers::of(envelope);
            all.named.extend(signers.named.into_iter().filter(|signer| seen.insert(*signer)));
            all.unnamed |= signers.unnamed;
        }
        all
    }

    /// One good signature suffices. Without one, the refusal of the first signature is
    /// reported: of those in a store, that is the newest of the organization's own.
    fn first_accepted(
        &self,
        decision: &TrustDecision,
    ) -> Result<(Accepted, SignatureEnvelope), Refusal> {
        let mut first: Option<Refusal> = None;
        for (_, envelope) in &self.candidates {
            let outcome = match envelope {
                Ok(envelope) => {
                    self.accept(envelope, decision).map(|accepted| (accepted, envelope.clone()))
                }
                Err(reason) => Err(reason.clone().into()),
            };
            let refusal = match outcome {
                Ok(accepted) => return Ok(accepted),
                Err(error) => Refusal::from(error),
            };
            match &mut first {
                Some(first) => first.lacks_signers |= refusal.lacks_signers,
                None => first = Some(refusal),
            }
        }
        Err(first.unwrap_or_else(|| {
            let location = SignatureLocation::Store;
            VerificationError::SignatureNotFound { location }.into()
        }))
    }

    fn accept(
        &self,
        envelope: &SignatureEnvelope,
        decision: &TrustDecision,
    ) -> Result<Accepted, VerificationError> {
        let accepted = accept(envelope, decision, &self.config, &self.name)?;
        if let Some(content) = self.content.hashed() {
            accepted.require_content(content)?;
        }
        Ok(accepted)
    }
}

/// The decision that trusts no key.
fn no_key_trusted() -> TrustDecision {
    PinnedKeys::default().decide(&Signers::default())
}

#[cfg(test)]
#[cfg(feature = "private-keys")]
mod tests;
