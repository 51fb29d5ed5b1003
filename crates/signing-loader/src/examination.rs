//! What a verification looks at, in order. This is the one core of every verification.
//!
//! It opens files, hashes, and checks signatures. It does not ask about trust itself: it
//! returns [`Question`]s. Pinned keys answer them at once, a store after a while.

use std::collections::HashSet;
use std::io::{self, Read};

use signing_crypto::{
    EnvelopeSignature, HashedContent, MalformedEnvelope, OrgId, PackageDigest, PackageName,
    SignatureEnvelope, SignatureId,
};
use signing_trust::acceptance::{
    Accepted, ActualContent, SignatureLocation, VerificationConfig, VerificationError, accept,
};
use signing_trust::{PinnedKeys, Signers, TrustDecision, TrustedKey, UntrustedReason};

use crate::error::PackageError;
use crate::explain::{ExplainedEnvelope, InspectedEnvelope, SignatureInspection};
use crate::package::{OpenedPackage, Package, UnreadBytes};
use crate::report::Verified;
use crate::sealed::SealedPackage;
use crate::source::{EnvelopeSource, Found, SignatureSource};

mod refusal;

use self::refusal::Refusal;

/// What an examination needs to know before it can go on.
pub(crate) enum Question {
    /// The signatures that the store has of these bytes.
    StoredSignatures(PackageDigest),
    /// Which of these signers are trusted.
    Trust(Signers),
}

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

/// A verification that is under way.
pub(crate) struct Examination<T> {
    config: VerificationConfig,
    answered_by: AnsweredBy,
    name: PackageName,
    content: Content<T>,
    candidates: Vec<(EnvelopeSource, Result<SignatureEnvelope, MalformedEnvelope>)>,
    step: Step,
    /// Trusts no key until a question was answered.
    decision: TrustDecision,
    unnamed_were_tried: bool,
}

/// Whether the package was read.
enum Content<T> {
    /// Only an envelope is looked at.
    Absent,
    Unread(OpenedPackage, ReadPackage<T>),
    Read(HashedContent, T),
}

/// What is known so far.
enum Step {
    /// No signature yet: it was looked for here, and the store may have some.
    LooksFor(SignatureLocation),
    /// Signatures, and the signers that are asked about next, and if those do not suffice.
    Asks(Signers, Option<Signers>),
    /// All that trust has to say.
    Decided(Box<Result<(Accepted, SignatureEnvelope), VerificationError>>),
}

/// How a package's bytes are read: sealed, to be used, or just hashed. At most one byte
/// more than the limit is looked at.
pub(crate) type ReadPackage<T> =
    fn(UnreadBytes, u64, &PackageName) -> io::Result<(HashedContent, T)>;

pub(crate) fn seal(
    bytes: UnreadBytes,
    limit: u64,
    name: &PackageName,
) -> io::Result<(HashedContent, SealedPackage)> {
    let sealed = match bytes {
        UnreadBytes::File(file) => SealedPackage::copy(file, limit, name)?,
        UnreadBytes::Memory(bytes) => SealedPackage::copy(&*bytes, limit, name)?,
    };
    Ok((sealed.content(), sealed))
}

pub(crate) fn hash(
    bytes: UnreadBytes,
    limit: u64,
    _: &PackageName,
) -> io::Result<(HashedContent, ())> {
    let limit = limit.saturating_add(1);
    let content = match bytes {
        UnreadBytes::File(file) => PackageDigest::of_reader(file.take(limit))?,
        UnreadBytes::Memory(bytes) => PackageDigest::of_reader(bytes.take(limit))?,
    };
    Ok((content, ()))
}

impl Examination<()> {
    /// Looks at an envelope alone, as if the package were there that it is about.
    pub(crate) fn of_envelope(
        envelope: &SignatureEnvelope,
        config: &VerificationConfig,
        answered_by: AnsweredBy,
    ) -> Result<Self, PackageError> {
        let statement = envelope.unverified_statement().map_err(VerificationError::from)?;
        let mut examination = Self {
            config: config.clone(),
            answered_by,
            name: statement.name().clone(),
            content: Content::Absent,
            candidates: vec![(EnvelopeSource::Memory, Ok(envelope.clone()))],
            step: Step::Asks(Signers::default(), None),
            decision: no_key_trusted(),
            unnamed_were_tried: false,
        };
        examination.ask();
        Ok(examination)
    }
}

impl<T> Examination<T> {
    /// Opens the package and looks for its signature. If only a store can have one, the
    /// package is read: the store is asked by digest.
    pub(crate) fn begin(
        package: Package,
        source: SignatureSource,
        config: &VerificationConfig,
        answered_by: AnsweredBy,
        read: ReadPackage<T>,
    ) -> Result<Self, PackageError> {
        let opened = package.open(config.max_package_size)?;
        let found = source.look(opened.signature.as_ref())?;
        let name = opened.name.clone();
        let (content, candidates, step) = match found {
            Found::Envelope(source, envelope) => {
                let step = Step::Asks(Signers::default(), None);
                (Content::Unread(opened, read), vec![(source, Ok(*envelope))], step)
            }
            Found::Malformed(source, reason) => {
                let step = Step::Decided(Box::new(Err(reason.clone().into())));
                (Content::Unread(opened, read), vec![(source, Err(reason))], step)
            }
            // Without a store no signature can be found, so the package need not be read.
            Found::NothingYet(location) if answered_by != AnsweredBy::Store => {
                let location = match (location, &opened.signature) {
                    (SignatureLocation::FileOrStore(path), _) => SignatureLocation::File(path),
                    (_, None) => SignatureLocation::NotGiven,
                    (location, Some(_)) => location,
                };
                let step =
                    Step::Decided(Box::new(Err(VerificationError::SignatureNotFound { location })));
                (Content::Unread(opened, read), Vec::new(), step)
            }
            Found::NothingYet(location) => {
                let (content, kept) = opened.read_with(read, config.max_package_size)?;
                (Content::Read(content, kept), Vec::new(), Step::LooksFor(location))
            }
        };
        let config = config.clone();
        let mut examination = Self {
            config,
            answered_by,
            name,
            content,
            candidates,
            step,
            decision: no_key_trusted(),
            unnamed_were_tried: false,
        };
        if let Step::Asks(..) = examination.step {
            examination.ask();
        }
        Ok(examination)
    }

    /// The name that the signature must bind.
    pub(crate) fn name(&self) -> &PackageName {
        &self.name
    }

    /// What must be answered next, if anything.
    pub(crate) fn question(&self) -> Option<Question> {
        match (&self.step, &self.content) {
            (Step::LooksFor(_), Content::Read(content, _)) => {
                Some(Question::StoredSignatures(content.digest))
            }
            (Step::Asks(signers, _), _) => Some(Question::Trust(signers.clone())),
            _ => None,
        }
    }

    /// Answers [`Question::StoredSignatures`].
    pub(crate) fn answer_signatures(&mut self, stored: Vec<Stored>) {
        let Step::LooksFor(location) = &self.step else { return };
        if stored.is_empty() {
            let location = location.clone();
            self.step =
                Step::Decided(Box::new(Err(VerificationError::SignatureNotFound { location })));
            return;
        }
        let candidates = stored
            .into_iter()
            .map(|(id, org, envelope)| (EnvelopeSource::Store { id, org }, envelope));
        self.candidates.extend(candidates);
        self.ask();
    }

    /// Answers [`Question::Trust`].
    pub(crate) fn answer_trust(&mut self, decision: TrustDecision) {
        let Step::Asks(_, all) = &self.step else { return };
        let all = all.clone();
        self.unnamed_were_tried = all.is_none();
        self.step = match (self.first_accepted(&decision), all) {
            (Err(Refusal { lacks_signers: true, .. }), Some(all)) => Step::Asks(all, None),
            (outcome, _) => Step::Decided(Box::new(outcome.map_err(|refusal| refusal.error))),
        };
        self.decision = decision;
    }

    /// The envelopes that were looked at, and what each comes to.
    pub(crate) fn explain(&self) -> Vec<ExplainedEnvelope> {
        self.candidates
            .iter()
            .map(|(source, envelope)| {
                let content = envelope.as_ref().map_err(Clone::clone).map(|envelope| {
                    let inspection = self.inspect(envelope);
                    InspectedEnvelope { envelope: envelope.clone(), inspection }
                });
                ExplainedEnvelope { source: source.clone(), content }
            })
            .collect()
    }

    /// What one of the envelopes comes to, without the package that it is about.
    pub(crate) fn inspect(&self, envelope: &SignatureEnvelope) -> SignatureInspection {
        let signatures = envelope.signatures().iter();
        SignatureInspection {
            signatures: signatures.map(|signature| self.verdict(envelope, signature)).collect(),
            outcome: accept(envelope, &self.decision, &self.config, &self.name).map(drop),
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

    /// Reads the package if that was not done before, and checks that its bytes are those
    /// that were signed. A package is read at most as far as a trusted key has signed.
    pub(crate) fn finish(self, org: Option<OrgId>) -> Result<Verified<T>, PackageError> {
        let Step::Decided(outcome) = self.step else { return Err(PackageError::Undecided) };
        let (accepted, envelope) = (*outcome)?;
        let (content, kept) = match self.content {
            Content::Absent => return Err(PackageError::Undecided),
            Content::Read(content, kept) => (content, kept),
            Content::Unread(opened, read) => {
                let expected = accepted.statement().size();
                if opened.size != expected {
                    return Err(accepted.tampered(ActualContent::Size(opened.size)).into());
                }
                opened.read_with(read, expected)?
            }
        };
        accepted.require_content(&content)?;
        Ok(Verified::new((accepted, envelope), content, kept, org))
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

    fn ask(&mut self) {
        let signers = self.signers();
        let (first, all) = match self.answered_by {
            AnsweredBy::PinnedKeys => (signers, None),
            _ => signers.named_first(),
        };
        self.step = Step::Asks(first, all);
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
        if let Content::Read(content, _) = &self.content {
            accepted.require_content(content)?;
        }
        Ok(accepted)
    }
}

impl OpenedPackage {
    fn read_with<T>(
        self,
        read: ReadPackage<T>,
        limit: u64,
    ) -> Result<(HashedContent, T), PackageError> {
        read(self.bytes, limit, &self.name).map_err(|source| PackageError::io(&self.place, source))
    }
}

/// The decision that trusts no key.
fn no_key_trusted() -> TrustDecision {
    PinnedKeys::default().decide(&Signers::default())
}

#[cfg(test)]
#[cfg(feature = "private-keys")]
mod tests;
