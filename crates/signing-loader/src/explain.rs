use signing_crypto::{MalformedEnvelope, SignatureEnvelope};
use signing_trust::TrustedKey;
use signing_trust::acceptance::VerificationError;

use crate::error::PackageError;
use crate::report::VerificationReport;
use crate::source::EnvelopeSource;

/// The result of a verification, and what it has looked at on its way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The result: the same as of
    /// [`Verifier::check`](crate::Verifier::check), and as the audit event tells.
    pub outcome: Result<VerificationReport, PackageError>,
    /// The envelopes that were found, in the order in which they were tried. None, if it
    /// was refused before any was looked at.
    pub envelopes: Vec<ExplainedEnvelope>,
}

/// An envelope that was found for a package.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExplainedEnvelope {
    /// Where it was found.
    pub source: EnvelopeSource,
    /// What it contains, or why it is malformed.
    pub content: Result<InspectedEnvelope, MalformedEnvelope>,
}

/// An envelope, and whether it counts.
#[derive(Debug)]
#[non_exhaustive]
pub struct InspectedEnvelope {
    /// The envelope.
    pub envelope: SignatureEnvelope,
    /// Which of its signatures count, and whether it would do.
    pub inspection: SignatureInspection,
}

/// Whether an envelope counts, without the package that it is about.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignatureInspection {
    /// For each signature, in order: the trusted key that made it, or why it does not
    /// count.
    pub signatures: Vec<Result<TrustedKey, VerificationError>>,
    /// Whether the envelope would do for a package with the name, size and digest that
    /// it states.
    pub outcome: Result<(), VerificationError>,
}
