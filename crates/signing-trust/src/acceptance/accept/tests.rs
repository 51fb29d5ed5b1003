use std::time::Duration;

use signing_crypto::{
    AuditCheckpoint, EntryHash, OrgId, PackageDigest, SignedCheckpoint, SignerCount, SigningKey,
    StoreId, TrustLimits,
};

use super::*;
use crate::decision::{KeyDecision, Signers, TrustPath};
use crate::pinned::PinnedKeys;

const BYTES: &[u8] = b"the package";

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new([number; 32]))
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn name() -> PackageName {
    "libworkflow.so".parse().unwrap()
}

fn content(bytes: &[u8]) -> HashedContent {
    PackageDigest::of_reader(bytes).unwrap()
}

fn statement(bytes: &[u8]) -> PackageStatement {
    let HashedContent { digest, size, .. } = content(bytes);
    PackageStatement::new(name(), digest, size, "2026-01-28T12:00:00Z".parse().unwrap())
}

fn signed_by(keys: &[u8]) -> SignatureEnvelope {
    let mut envelope = SignatureEnvelope::sign(&statement(BYTES), &key(keys[0]));
    for number in &keys[1..] {
        envelope.add_signature(&key(*number)).unwrap();
    }
    envelope
}

/// Of the statement about [`BYTES`], with signatures over one about other bytes.
fn broken(number: u8) -> SignatureEnvelope {
    let payload = |json: &str| {
        let (_, after) = json.split_once("\"payload\":\"").unwrap();
        after.split_once('"').unwrap().0.to_owned()
    };
    let [good, other] = [BYTES, b"other bytes"]
        .map(|bytes| SignatureEnvelope::sign(&statement(bytes), &key(number)).to_json());
    let mixed = other.replace(&payload(&other), &payload(&good));
    SignatureEnvelope::parse(mixed.as_bytes()).unwrap()
}

fn trusted(number: u8) -> KeyDecision {
    let key = key(number).verifying_key();
    let via = TrustPath::Direct { trusted_key: None };
    let (vouchers, limits) = (vec![OrgId::random()], TrustLimits::default());
    let verdict = Ok(TrustedKey { key, name: None, via, vouchers, limits });
    KeyDecision { fingerprint: key.fingerprint(), verdict }
}

fn refused(number: u8) -> KeyDecision {
    let verdict = Err(UntrustedReason::Unknown);
    KeyDecision { fingerprint: key(number).verifying_key().fingerprint(), verdict }
}

fn decided(keys: impl IntoIterator<Item = KeyDecision>) -> TrustDecision {
    let keys = keys.into_iter().collect();
    TrustDecision { keys, now: time("2026-01-28T12:00:00Z"), floor: None }
}

/// Whose signatures were accepted, by their numbers.
fn accepted(
    envelope: &SignatureEnvelope,
    keys: impl IntoIterator<Item = KeyDecision>,
    required: usize,
) -> Result<Vec<u8>, VerificationError> {
    let accepted = accept(envelope, &decided(keys), &requiring(required), &name())?;
    Ok(numbers(&accepted.signers))
}

fn requiring(count: usize) -> VerificationConfig {
    let required_signers = RequiredSigners::Keys(SignerCount::new(count).unwrap());
    VerificationConfig { required_signers, ..Default::default() }
}

fn numbers(signers: &[TrustedKey]) -> Vec<u8> {
    let number = |signer: &TrustedKey| (1..10).find(|n| key(*n).verifying_key() == signer.key);
    signers.iter().map(|signer| number(signer).unwrap()).collect()
}

fn fingerprint(number: u8) -> Fingerprint {
    key(number).verifying_key().fingerprint()
}

#[test]
fn all_trusted_signers_count_and_each_once() {
    let envelope = signed_by(&[1, 2, 3]);
    let all = [trusted(1), trusted(2), trusted(3)];
    assert_eq!(accepted(&envelope, all, 3).unwrap(), [1, 2, 3]);
    let twice = [trusted(1), trusted(1), trusted(2)];
    assert_eq!(accepted(&envelope, twice.clone(), 2).unwrap(), [1, 2]);
    assert!(matches!(
        accepted(&envelope, twice, 3),
        Err(VerificationError::NotEnoughSigners { found: 2, .. })
    ));
}

#[test]
fn a_trusted_key_that_has_not_signed_does_not_count() {
    let envelope = signed_by(&[1]);
    assert_eq!(accepted(&envelope, [trusted(2), trusted(1)], 1).unwrap(), [1]);
    assert!(matches!(
        accepted(&envelope, [trusted(2), refused(1)], 1),
        Err(VerificationError::UntrustedSigner { fingerprint: Some(found), .. })
            if found == fingerprint(1)
    ));
}

#[test]
fn a_broken_signature_is_told_from_one_of_another_key() {
    assert!(matches!(
        accepted(&broken(1), [trusted(1)], 1),
        Err(VerificationError::InvalidSignature { fingerprint: found }) if found == fingerprint(1)
    ));
    assert!(matches!(
        accepted(&broken(1), [trusted(2)], 1),
        Err(VerificationError::UntrustedSigner { fingerprint: Some(found), .. })
            if found == fingerprint(1)
    ));
}

#[test]
fn signers_whose_trust_ends_soon_are_named_and_no_others() {
    let ending = |number, at: &str| {
        let mut decided = trusted(number);
        decided.verdict.as_mut().unwrap().limits.expires_at = Some(time(at));
        decided
    };
    let keys = [trusted(1), ending(2, "2026-01-28T12:59:00Z"), ending(3, "2026-01-28T13:01:00Z")];
    let warning = VerificationConfig {
        warn_before_expiry: Duration::from_secs(3600),
        ..VerificationConfig::default()
    };
    let accepted = accept(&signed_by(&[1, 2, 3]), &decided(keys), &warning, &name()).unwrap();
    assert_eq!(numbers(&accepted.expiring), [2]);
}

#[test]
fn bytes_of_another_number_or_with_another_digest_are_not_the_package() {
    let accepted =
        accept(&signed_by(&[1]), &decided([trusted(1)]), &requiring(1), &name()).unwrap();
    accepted.require_content(&content(BYTES)).unwrap();
    let found = |bytes: &[u8]| match accepted.require_content(&content(bytes)) {
        Err(VerificationError::TamperedPackage { actual, .. }) => actual,
        other => panic!("{other:?}"),
    };
    let (longer, other) = ([BYTES, b"!"].concat(), b"the pACKAGE");
    assert_eq!(found(&longer), ActualContent::Size(12));
    assert_eq!(found(other), ActualContent::Digest(content(other).digest));
}

#[test]
fn of_those_who_signed_only_who_is_trusted_now_counts_again() {
    let once =
        accept(&signed_by(&[1, 2]), &decided([trusted(1), trusted(2)]), &requiring(1), &name());
    let signers = once.unwrap().signers;
    let again = |keys: [KeyDecision; 2], required| {
        let config = requiring(required);
        let trusted = accept_again(&signers, None, None, &decided(keys), &config)?;
        Ok(numbers(&trusted))
    };
    assert_eq!(again([trusted(1), trusted(2)], 2).unwrap(), [1, 2]);
    assert_eq!(again([refused(1), trusted(2)], 1).unwrap(), [2]);
    assert!(matches!(
        again([refused(1), trusted(2)], 2),
        Err(VerificationError::NotEnoughSigners { found: 1, refused: Some(_), .. })
    ));
    assert!(matches!(
        again([refused(1), refused(2)], 1),
        Err(VerificationError::UntrustedSigner { fingerprint: Some(found), .. })
            if found == fingerprint(1)
    ));
}

#[test]
fn a_malformed_statement_of_a_trusted_key_is_called_malformed() {
    let [trusted, other] = [(); 2].map(|()| SigningKey::generate().unwrap());
    // A trusted key signs other things than packages, too.
    let checkpoint = AuditCheckpoint {
        store: StoreId::random(),
        org: OrgId::random(),
        org_name: "acme".parse().unwrap(),
        sequence: 1,
        entry_hash: EntryHash::from_bytes([7; 32]),
        created_at: "2026-01-28T12:00:00Z".parse().unwrap(),
    };
    let signed = SignedCheckpoint::sign(&checkpoint, &trusted).unwrap();
    let envelope = SignatureEnvelope::parse(signed.to_json().as_bytes()).unwrap();
    let accept_by = |key: &SigningKey| {
        let decision = PinnedKeys::from(key.verifying_key()).decide(&Signers::of(&envelope));
        let (config, name) = (VerificationConfig::default(), "a.so".parse().unwrap());
        accept(&envelope, &decision, &config, &name).map(drop).unwrap_err()
    };

    let refused = accept_by(&trusted);
    assert!(matches!(refused, VerificationError::MalformedSignature { .. }), "{refused:?}");
    let refused = accept_by(&other);
    assert!(
        matches!(
            refused,
            VerificationError::UntrustedSigner { reason: UntrustedReason::NotPinned, .. }
        ),
        "{refused:?}"
    );
}
