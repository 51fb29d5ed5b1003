use std::time::Duration;

use signing_crypto::{
    AddSignatureError, EnvelopeError, ForeignFormat, MalformedEnvelope, MalformedStatement,
    PREDICATE_TYPE, ParseError, SignatureEnvelope,
};
use signing_loader::{NotAdded, SignError, SignatureLocation, SignedTerms, VerificationError};
use signing_trust::TrustError;

use super::{Sample, each, sample, values};
use crate::error::CliError;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(malformed().into_iter().map(|reason| sample(reason, refused)));
    samples
        .extend(statement().into_iter().map(|fault| sample(fault, |fault| refused(fault.into()))));
    samples.extend(
        foreign()
            .map(|format| sample(format, |format| refused(MalformedEnvelope::Foreign { format }))),
    );
    samples.extend(not_added().into_iter().map(|source| sample(source, in_file)));
    samples.extend(each(envelope(), |error| in_file(error.into())));
    samples.extend(each(add_signature(), |error| in_file(error.into())));
    samples.extend(each(add_signature().map(TrustError::AddSignature), CliError::from));
    samples
        .push(sample(TrustError::MalformedEnvelope(values::malformed_envelope()), CliError::from));
    samples.extend(each(sign(), CliError::from));
    samples.extend(each(program(), |error| error));
    samples
}

fn refused(reason: MalformedEnvelope) -> CliError {
    CliError::Package(VerificationError::MalformedSignature { reason }.into())
}

fn in_file(source: NotAdded) -> CliError {
    sign_error(not_added_to_file(source))
}

fn sign_error(error: SignError) -> CliError {
    error.into()
}

fn not_added_to_file(source: NotAdded) -> SignError {
    SignError::NotAdded { location: SignatureLocation::File("libworkflow.so.sig".into()), source }
}

fn malformed() -> Vec<MalformedEnvelope> {
    let found = || "text/plain".to_owned();
    let parsed = |bytes: &[u8]| SignatureEnvelope::parse(bytes).unwrap_err();
    vec![
        parsed(b""),
        MalformedEnvelope::TooLarge { limit: 65536 },
        parsed(b"untrusted comment: minisign"),
        parsed(b"{\"payload\": 1}"),
        MalformedEnvelope::Base64 { field: "payload" },
        values::malformed_envelope(),
        MalformedEnvelope::DuplicateKeyid { fingerprint: values::fingerprint() },
        MalformedEnvelope::PayloadType { expected: signing_crypto::PAYLOAD_TYPE, found: found() },
        values::malformed_statement().into(),
        MalformedEnvelope::SubjectName(values::package_name_error()),
        MalformedEnvelope::SubjectDigest(ParseError::Digest),
        MalformedEnvelope::SignedAt { found: found() },
        MalformedEnvelope::Version { found: "v1".into() },
        MalformedEnvelope::ExpiresAt { found: found() },
    ]
}

fn statement() -> [MalformedStatement; 4] {
    let found = || "text/plain".to_owned();
    let unexpected = SignatureEnvelope::parse(b"{").unwrap_err();
    let MalformedEnvelope::Json(unexpected) = unexpected else { panic!("{unexpected}") };
    [
        MalformedStatement::Json(unexpected),
        MalformedStatement::StatementType { found: found() },
        MalformedStatement::PredicateType { expected: PREDICATE_TYPE, found: found() },
        values::malformed_statement(),
    ]
}

fn foreign() -> [ForeignFormat; 5] {
    [
        ForeignFormat::Pgp,
        ForeignFormat::SshSig,
        ForeignFormat::Minisign,
        ForeignFormat::Pem,
        ForeignFormat::Elf,
    ]
}

fn envelope() -> [EnvelopeError; 3] {
    let fingerprint = values::fingerprint();
    [
        EnvelopeError::NotSignedBy { fingerprint },
        EnvelopeError::InvalidSignature { fingerprint },
        EnvelopeError::Malformed(values::malformed_envelope()),
    ]
}

fn add_signature() -> [AddSignatureError; 4] {
    [
        AddSignatureError::AlreadySignedBy { fingerprint: values::fingerprint() },
        AddSignatureError::Full { limit: 16 },
        AddSignatureError::Malformed(values::malformed_envelope()),
        AddSignatureError::Signer(values::wrong_signature()),
    ]
}

fn not_added() -> Vec<NotAdded> {
    let nothing = SignedTerms::default;
    let versioned = || SignedTerms { version: Some(values::version("1.4.0")), expires_at: None };
    let both = || SignedTerms { expires_at: Some(values::statement_time()), ..versioned() };
    vec![
        NotAdded::Name {
            found: "libother.so".parse().unwrap(),
            wanted: "libworkflow.so".parse().unwrap(),
        },
        NotAdded::Content,
        NotAdded::Terms { found: both(), wanted: nothing() },
        NotAdded::Terms { found: versioned(), wanted: both() },
        NotAdded::Terms { found: nothing(), wanted: both() },
        NotAdded::Expired { at: values::statement_time() },
        NotAdded::Envelope(EnvelopeError::InvalidSignature { fingerprint: values::fingerprint() }),
        NotAdded::Signature(AddSignatureError::Full { limit: 16 }),
    ]
}

/// What keeps somebody from signing, or from writing the signature.
fn sign() -> Vec<SignError> {
    let path = || "libworkflow.so.sig".into();
    let full = || AddSignatureError::Full { limit: 16 };
    vec![
        SignError::Package(VerificationError::Empty.into()),
        SignError::Trust(TrustError::SameKek),
        SignError::Signer(values::wrong_signature()),
        SignError::NotASignature { path: path(), source: values::malformed_envelope() },
        not_added_to_file(NotAdded::Content),
        SignError::NotAdded { location: SignatureLocation::Store, source: full().into() },
        SignError::ChangedMeanwhile { location: SignatureLocation::Store },
        SignError::ChangedMeanwhile { location: SignatureLocation::File(path()) },
        SignError::Locked { path: "our packages".into(), after: Duration::from_secs(10) },
        SignError::ExpiryPast { expires_at: values::statement_time() },
    ]
}

fn program() -> Vec<CliError> {
    vec![
        CliError::Sign(not_added_to_file(NotAdded::Content)),
        CliError::SeveralPackages { found: 2 },
        CliError::UnusedOrganization,
        CliError::StoreForAnotherOrganization { name: "release".parse().unwrap() },
    ]
}
