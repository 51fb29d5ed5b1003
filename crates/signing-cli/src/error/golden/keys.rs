use std::io;

use signing_crypto::{
    Fingerprint, KdfCost, KekError, KeyEncryptionKey, KeyError, NoRandomness, Passphrase,
    PassphraseError, PemError, PemForm, SigningKey, WrapError,
};
use signing_loader::{DirectoryError, DirectoryFault};
use signing_trust::store::StoreError;
use signing_trust::{KeyMismatch, TrustError};

use super::{SECRET, Sample, each, sample, values};
use crate::error::CliError;
use crate::kek_place::KekPlace;
use crate::key_files;
use crate::ssh::OpensshKeyError;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(each(pem(), in_file));
    samples.extend(forms().into_iter().map(|(expected, found)| {
        sample(found, |found| in_file(PemError::WrongForm { expected, found }))
    }));
    samples.extend(openssh().map(|error| {
        sample(error, |source| CliError::OpensshKey { path: "release.pub".into(), source })
    }));
    samples.extend(costs().map(|(cost, limit, found)| {
        sample(cost, |cost| in_file(PemError::CostTooHigh { cost, limit, found }))
    }));
    samples.extend(each(key(), |error| in_file(PemError::Key(error))));
    samples.push(sample(TrustError::Randomness(no_randomness()), CliError::from));
    samples.extend(each(passphrase(), CliError::from));
    samples.extend(kek().into_iter().map(|(place, error)| {
        sample(error, |source| CliError::Kek { place: KekPlace::Variable(place), source })
    }));
    samples.extend(each(keks(), |error| error));
    samples.extend(each(wrap(), |error| TrustError::from(error).into()));
    samples.push(sample(TrustError::Wrap(WrapError::Rejected), CliError::from));
    samples.extend(mismatch().map(|error| sample(error, |source| forged(source).into())));
    samples.extend(mismatch().map(|error| sample(forged(error), CliError::from)));
    samples.extend(each(secrets(), |error| error));
    samples.extend(each(references(), |error| error));
    samples
}

fn mismatch() -> [KeyMismatch; 2] {
    let (expected, found) = (values::fingerprint(), Fingerprint::from_bytes([0xba; 32]));
    [KeyMismatch::PrivateHalf(WrapError::Rejected), KeyMismatch::PublicHalf { expected, found }]
}

fn forged(source: KeyMismatch) -> TrustError {
    TrustError::ForgedKey { id: values::key_id(), source }
}

fn in_file(source: PemError) -> CliError {
    CliError::KeyFile { path: "dev-key.pem".into(), source }
}

fn pem() -> Vec<PemError> {
    let (name, oid) = (Some("an RSA"), || "1.2.840.113549.1.1.1".to_owned());
    let read = |text: &str| SigningKey::from_pem(text.as_bytes()).unwrap_err();
    let block = |label: &str| format!("-----BEGIN {label}-----\n{SECRET}\n-----END {label}-----\n");
    vec![
        PemError::TooLarge { limit: 65536 },
        read(SECRET),
        read(&(block("PRIVATE KEY") + &block("PRIVATE KEY"))),
        PemError::Algorithm { oid: oid(), name },
        PemError::Algorithm { oid: oid(), name: None },
        read(&block("PRIVATE KEY")),
        PemError::PublicHalfMismatch,
        PemError::Key(KeyError::SmallOrder),
        PemError::PassphraseNeeded,
        PemError::WrongPassphrase,
        PemError::CostTooHigh { cost: KdfCost::Pbkdf2Work, limit: 10_000_000, found: 1 << 31 },
        PemError::UnsupportedEncryption { oid: "1.2.840.113549.1.5.3".into(), name: None },
        PemError::UnsupportedEncryption { oid: "1.2.840.113549.3.7".into(), name: Some("3DES") },
    ]
}

fn forms() -> Vec<(PemForm, PemForm)> {
    use PemForm::{EncryptedPrivateKey, PrivateKey, PublicKey};
    let mut forms = vec![
        (PrivateKey, PublicKey),
        (EncryptedPrivateKey, PublicKey),
        (PublicKey, PrivateKey),
        (EncryptedPrivateKey, PrivateKey),
        (PublicKey, EncryptedPrivateKey),
        (PublicKey, PemForm::OpensshPrivateKey),
    ];
    let never_asked_for = [
        PemForm::LegacyPrivateKey,
        PemForm::OpensshPrivateKey,
        PemForm::OpensshPublicKey,
        PemForm::Certificate,
        PemForm::Pgp,
        PemForm::OtherPem,
        PemForm::Der,
        PemForm::Empty,
        PemForm::Unknown,
    ];
    forms.extend(never_asked_for.map(|found| (PrivateKey, found)));
    forms
}

fn openssh() -> [OpensshKeyError; 4] {
    [
        OpensshKeyError::SeveralLines { found: 2 },
        OpensshKeyError::Algorithm { name: Some("ssh-rsa") },
        OpensshKeyError::Malformed,
        OpensshKeyError::Key(KeyError::SmallOrder),
    ]
}

fn costs() -> [(KdfCost, u64, u64); 3] {
    [
        (KdfCost::Pbkdf2Work, 10_000_000, 1 << 31),
        (KdfCost::ScryptMemory, 1 << 28, 1 << 40),
        (KdfCost::ScryptWork, 1 << 24, 1 << 40),
    ]
}

fn key() -> [KeyError; 5] {
    [
        KeyError::Length { found: 31 },
        KeyError::NotAPoint,
        KeyError::NotCanonical,
        KeyError::SmallOrder,
        KeyError::MixedOrder,
    ]
}

fn no_randomness() -> NoRandomness {
    getrandom::Error::UNSUPPORTED.into()
}

fn passphrase() -> [PassphraseError; 3] {
    [
        Passphrase::new(SECRET.repeat(1000).into_bytes()).unwrap_err(),
        PassphraseError::Empty,
        PassphraseError::Randomness(no_randomness()),
    ]
}

fn kek() -> Vec<(&'static str, KekError)> {
    let given = |text: &str| KeyEncryptionKey::parse(text).unwrap_err();
    let missing = |var: &'static str| (var, KekError::Missing { var: var.into() });
    vec![missing(KEK), (KEK, given(SECRET)), (KEK, given("c2VzYW1l"))]
}

const KEK: &str = "CLOACINA_KEY_ENCRYPTION_KEY";

/// What is wrong with where a KEK is.
fn keks() -> Vec<CliError> {
    let path = || "/etc/cloacina/kek".into();
    let option = KekPlace::Option { option: "--kek-file", path: path() };
    let file = "/home/ann/.config/cloacina/key-encryption-key";
    let default = || KekPlace::DefaultFile(file.into());
    let of_variable =
        KekPlace::FileOfVariable { var: "CLOACINA_KEY_ENCRYPTION_KEY_FILE", path: path() };
    let directory = "/run/credentials/sign.service/cloacina-key-encryption-key";
    let other = StoreError::OtherKek { expected: values::kek_id(1), found: values::kek_id(2) };
    vec![
        CliError::NoKek,
        CliError::NoKekToProve { org: values::org_name() },
        CliError::Kek { place: option, source: KekError::Encoding },
        CliError::KekReplaceable {
            place: default(),
            source: DirectoryError::Unsafe {
                path: "/home/ann".into(),
                source: DirectoryFault::Owner { found: 1001, expected: 1000 },
            },
        },
        CliError::OtherKek { place: default(), source: Box::new(other.into()) },
        CliError::KeksDiffer { first: of_variable, second: KekPlace::Credential(directory.into()) },
        CliError::NoPath { var: "CLOACINA_KEY_ENCRYPTION_KEY_FILE" },
        CliError::StoresKekMissing { kek: values::kek_id(1), place: default() },
        CliError::KekBesideStore { path: "store/kek".into() },
        CliError::NewKekNotKept { path: "/dev/fd/63".into() },
    ]
}

fn wrap() -> [WrapError; 5] {
    [
        WrapError::UnknownVersion { found: 2 },
        WrapError::Length { found: 60, expected: 77 },
        WrapError::OtherKek { expected: values::kek_id(1), found: values::kek_id(2) },
        WrapError::Rejected,
        WrapError::Randomness(no_randomness()),
    ]
}

/// What keeps somebody from giving a key or a passphrase.
fn secrets() -> Vec<CliError> {
    vec![
        in_file(PemError::PassphraseNeeded),
        CliError::OpensshKey { path: "release.pub".into(), source: OpensshKeyError::Malformed },
        CliError::EncryptedHalf { path: "keys/dev.pem".into() },
        CliError::OpensshKeyToImport {
            path: "-".into(),
            source: PemError::WrongForm {
                expected: PemForm::PrivateKey,
                found: PemForm::OpensshPrivateKey,
            },
        },
        CliError::KeyStaysElsewhere,
        key_files::or_stored(
            CliError::Read { path: "release".into(), source: io::ErrorKind::NotFound.into() },
            |name| format!("--key-id {name}"),
        ),
        CliError::Passphrase(PassphraseError::Empty),
        CliError::PassphrasesDiffer,
        CliError::NoTerminal,
        CliError::Terminal(io::ErrorKind::PermissionDenied.into()),
        CliError::Interrupted,
        CliError::InputEnded,
        CliError::StandardInputTwice,
    ]
}

/// What keeps a key from being found by what was given.
fn references() -> Vec<CliError> {
    let (key, org) = (|| "release".parse().unwrap(), values::org_name);
    let no_such_key = |org, similar| CliError::NoSuchKey { given: "relase".into(), org, similar };
    let candidate = |kind: &str| format!("the {kind} key release (67e55044)");
    vec![
        no_such_key(Some(org()), Some((org(), key()))),
        no_such_key(Some(org()), None),
        no_such_key(None, None),
        CliError::NoPrivateHalf { given: "release".into(), org: org() },
        CliError::NoSigningKey { org: org(), revoked: vec![], free_name: key() },
        CliError::NoSigningKey {
            org: org(),
            revoked: vec!["vendor/release".into()],
            free_name: "release.2".parse().unwrap(),
        },
        CliError::SigningKeyNeeded {
            org: org(),
            keys: vec![key(), "night".parse().unwrap()],
            newest: "night".parse().ok(),
        },
        CliError::SigningKeyHeld {
            org: org(),
            name: key(),
            id: values::key_id(),
            is_revoked: false,
        },
        CliError::SigningKeyHeld {
            org: org(),
            name: key(),
            id: values::key_id(),
            is_revoked: true,
        },
        CliError::NameTakenMeanwhile { org: org(), name: key(), holder: values::key_id() },
        CliError::AmbiguousKey {
            given: "release".into(),
            candidates: vec![candidate("signing"), candidate("trusted")],
            kinds_differ: true,
        },
        CliError::AmbiguousKey {
            given: "67e5".into(),
            candidates: (0..10)
                .map(|number| format!("release.{number} (67e5504{number})"))
                .collect(),
            kinds_differ: false,
        },
        CliError::KeyOfAnotherOrganization { given: "acme/release".into(), org: org() },
        CliError::NoSuchSignature { given: "67e5".into() },
        CliError::AmbiguousSignature {
            given: "67e5".into(),
            candidates: vec!["67e550441".into(), "67e550442".into()],
        },
    ]
}
