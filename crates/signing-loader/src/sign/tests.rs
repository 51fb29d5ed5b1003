use std::fs;

use signing_crypto::{AddSignatureError, PackageStatement, SignatureEnvelope, SigningKey};

use super::*;

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

/// A package file in a new directory.
fn package() -> (tempfile::TempDir, PackageStatement) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libworkflow.so");
    fs::write(&path, "bytes").unwrap();
    let statement = package_statement(&path).unwrap();
    (directory, statement)
}

fn terms(version: &str, expires: &str) -> SignedTerms {
    SignedTerms {
        version: Some(version.parse().unwrap()),
        expires_at: Some(expires.parse().unwrap()),
    }
}

const LATE: &str = "2999-01-01T00:00:00Z";

#[test]
fn a_signature_is_added_to_those_that_state_the_same_and_once() {
    let (directory, statement) = package();
    let path = directory.path().join("libworkflow.so.sig");
    let statement = terms("1.4.0", LATE).apply(statement);
    let (one, two) = (key(), key());
    fs::write(&path, SignatureEnvelope::sign(&statement, &one).to_json()).unwrap();

    let file = SignatureFile::read(&path).unwrap();
    let mut prepared = PreparedSignature::new(statement).unwrap();
    prepared.add_to_file(&file).unwrap();

    assert_eq!(prepared.sign(&one).unwrap().outcome, SignatureOutcome::AlreadySigned);
    let made = prepared.sign(&two).unwrap();
    assert_eq!(made.outcome, SignatureOutcome::Added);
    assert_eq!(made.envelope.signatures().len(), 2);
    for key in [&one, &two] {
        made.envelope.verify(&key.verifying_key()).unwrap();
    }
}

#[test]
fn a_signature_is_not_added_to_those_that_state_something_else() {
    let (directory, statement) = package();
    let path = directory.path().join("libworkflow.so.sig");
    let wanted = terms("1.4.0", LATE).apply(statement.clone());
    let past = "2020-01-01T00:00:00Z";
    let other_bytes = {
        let path = directory.path().join("other.so");
        fs::write(&path, "other bytes").unwrap();
        package_statement(crate::PackagePath::new(path).expect_name(statement.name().clone()))
            .unwrap()
    };
    let refused = |found: &PackageStatement| {
        fs::write(&path, SignatureEnvelope::sign(found, &key()).to_json()).unwrap();
        let mut prepared = PreparedSignature::new(wanted.clone()).unwrap();
        let error = prepared.add_to_file(&SignatureFile::read(&path).unwrap()).unwrap_err();
        assert_eq!(error.code(), "OtherStatement");
        match error {
            SignError::NotAdded { source, .. } => source,
            other => panic!("{other:?}"),
        }
    };
    let version = refused(&terms("1.4.1", LATE).apply(statement.clone()));
    assert!(matches!(version, NotAdded::Terms { .. }), "{version:?}");
    // Equal in precedence, and still another version.
    let build = refused(&terms("1.4.0+b", LATE).apply(statement.clone()));
    assert!(matches!(build, NotAdded::Terms { .. }), "{build:?}");
    assert!(matches!(refused(&statement), NotAdded::Terms { .. }));
    let expired = refused(&terms("1.4.0", past).apply(statement.clone()));
    assert!(matches!(expired, NotAdded::Expired { .. }), "{expired:?}");
    assert!(matches!(refused(&other_bytes), NotAdded::Content));
}

#[test]
fn what_has_expired_is_not_signed() {
    let (_directory, statement) = package();
    let past = terms("1.4.0", "2020-01-01T00:00:00Z").apply(statement.clone());
    let refused = PreparedSignature::new(past).unwrap_err();
    assert!(matches!(refused, SignError::ExpiryPast { .. }), "{refused:?}");
    assert!(PreparedSignature::new(terms("1.4.0", LATE).apply(statement)).is_ok());
}

#[test]
fn a_full_envelope_takes_no_signature() {
    let (directory, statement) = package();
    let path = directory.path().join("libworkflow.so.sig");
    let mut envelope = SignatureEnvelope::sign(&statement, &key());
    for _ in 1..signing_crypto::MAX_SIGNATURES {
        envelope.add_signature(&key()).unwrap();
    }
    fs::write(&path, envelope.to_json()).unwrap();
    let mut prepared = PreparedSignature::new(statement).unwrap();
    prepared.add_to_file(&SignatureFile::read(&path).unwrap()).unwrap();
    let refused = prepared.sign(&key()).unwrap_err();
    assert!(
        matches!(
            &refused,
            SignError::NotAdded { source: NotAdded::Signature(AddSignatureError::Full { .. }), .. }
        ),
        "{refused:?}"
    );
}

#[test]
fn a_file_that_changed_is_not_replaced() {
    let (directory, statement) = package();
    let path = directory.path().join("libworkflow.so.sig");
    fs::write(&path, SignatureEnvelope::sign(&statement, &key()).to_json()).unwrap();
    let file = SignatureFile::read(&path).unwrap();
    let replace = || {
        file.replace::<SignError>(|path| {
            fs::write(path, "new").unwrap();
            Ok(())
        })
    };

    let other = SignatureEnvelope::sign(&statement, &key()).to_json();
    fs::write(&path, &other).unwrap();
    let refused = replace().unwrap_err();
    assert!(matches!(refused, SignError::ChangedMeanwhile { .. }), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), other);

    fs::write(&path, file.envelope().unwrap().to_json()).unwrap();
    replace().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[test]
fn a_file_that_is_not_a_signature_is_not_added_to() {
    let (directory, _) = package();
    let path = directory.path().join("libworkflow.so");
    let refused = SignatureFile::read(path).unwrap_err();
    assert!(matches!(refused, SignError::NotASignature { .. }), "{refused:?}");
    let missing = SignatureFile::read(directory.path().join("missing")).unwrap();
    assert_eq!(missing.envelope(), None);
}
