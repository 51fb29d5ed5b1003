use std::fs::File;
use std::io::{self, Write};

use signing_crypto::SigningKey;
use signing_trust::acceptance::ActualContent;

use super::*;
use crate::sign::package_statement;

/// One byte too many tells that it is not what was signed; the rest is not read.
#[test]
fn a_package_that_grows_after_it_was_opened_is_read_one_byte_too_far_at_most() {
    fn size_of<T>(read: ReadPackage<T>) -> u64 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libworkflow.so");
        std::fs::write(&path, "package").unwrap();
        let key = SigningKey::generate().unwrap();
        let envelope = SignatureEnvelope::sign(&package_statement(&path).unwrap(), &key);
        let config = VerificationConfig::default();
        let (package, source) = (Package::from(&*path), SignatureSource::Memory(envelope));
        let answered_by = AnsweredBy::PinnedKeys;

        let next = Next::begin(package, source, &config, answered_by, read).unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&[0; 1 << 20]).unwrap();

        let Next::Trust(question) = next else { panic!() };
        let decision = PinnedKeys::from(key.verifying_key()).decide(&question.signers);
        let Next::Decided(examined) = question.answer(decision) else { panic!() };
        match examined.finish(None).map(drop).unwrap_err() {
            PackageError::Verification(VerificationError::TamperedPackage {
                actual: ActualContent::Size(size),
                ..
            }) => size,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(size_of(hash), 8);
    assert_eq!(size_of(seal), 8);
}

#[test]
fn a_package_without_a_signature_is_not_read_where_there_is_no_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libworkflow.so");
    std::fs::write(&path, "package").unwrap();
    let begin = |package: Package, answered_by| {
        let unread: ReadPackage<()> = |_, _, _| Err(io::Error::other("it was read"));
        let config = VerificationConfig::default();
        match Next::begin(package, SignatureSource::Auto, &config, answered_by, unread) {
            Ok(Next::Decided(examined)) => examined.finish(None).map(drop).unwrap_err(),
            Ok(_) => panic!("it asks"),
            Err(error) => error,
        }
    };
    let in_memory = || crate::PackageBytes::new("a.so".parse().unwrap(), &b"package"[..]);
    let beside = SignatureLocation::File(directory.path().join("libworkflow.so.sig"));
    for (package, expected) in
        [(Package::from(&*path), beside), (Package::from(in_memory()), SignatureLocation::NotGiven)]
    {
        let refused = begin(package, AnsweredBy::PinnedKeys);
        assert!(
            matches!(
                &refused,
                PackageError::Verification(VerificationError::SignatureNotFound { location })
                    if *location == expected
            ),
            "{refused:?}"
        );
    }
    let read = begin(Package::from(&*path), AnsweredBy::Store);
    assert!(matches!(read, PackageError::Io { .. }), "{read:?}");
}
