use std::io;
use std::sync::Arc;

use signing_crypto::TrustDocumentKind;
use signing_loader::{
    ActualContent, DependencyNameError, DirectoryError, DirectoryFault, DynamicTag, ElfType,
    ExpectedContent, LibraryError, LibraryTarget, LoadError, MalformedLibrary, PackageError,
    RequiredSigners, SignatureLocation, SignerCount, VerificationError,
};
use signing_trust::{SignedTrustError, TrustError, UntrustedReason};

use super::{Sample, each, sample, values};
use crate::advice::package::{renew_trust, trust_after_inquiry};
use crate::advice::refused_key;
use crate::advice::signed_trust::sign_what_rows_trust;
use crate::error::CliError;
use crate::lines::short;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = vec![
        sample(CliError::from(refusal(VerificationError::Empty)), |error| error),
        sample(refusal(VerificationError::Empty), CliError::from),
    ];
    samples.extend(each(verification(), refused));
    samples.extend(reasons().into_iter().map(|reason| {
        sample(reason, |reason| {
            refused(VerificationError::UntrustedSigner {
                fingerprint: Some(values::fingerprint()),
                reason,
            })
        })
    }));
    let source = Box::new(refused(VerificationError::NameNotUnicode));
    let error = CliError::OfPackage { path: "caf\u{fffd}.so".into(), source };
    samples.push(sample(error, |error| error));
    samples.extend(refused_keys().map(|next| {
        let source = refused(VerificationError::UntrustedSigner {
            fingerprint: Some(values::fingerprint()),
            reason: UntrustedReason::Unknown,
        });
        sample(source.advised(next), |error| error)
    }));
    samples.extend(locations().into_iter().map(|location| {
        sample(location, |location| refused(VerificationError::SignatureNotFound { location }))
    }));
    samples.extend(
        [ActualContent::Size(9), ActualContent::Digest(values::other_digest())]
            .map(|actual| sample(actual, |actual| refused(tampered(actual)))),
    );
    samples.extend(each(load(), |error| loading(error.into())));
    samples.extend(each(library(), not_loaded));
    samples.extend(each(malformed_library(), |reason| not_loaded(reason.into())));
    samples.extend(each(others(), loading));
    samples
}

fn refusal(error: VerificationError) -> PackageError {
    error.into()
}

fn refused(error: VerificationError) -> CliError {
    loading(error.into())
}

fn loading(error: PackageError) -> CliError {
    error.into()
}

fn tampered(actual: ActualContent) -> VerificationError {
    let expected = ExpectedContent { digest: values::digest(), size: 8 };
    VerificationError::TamperedPackage { expected, actual }
}

fn verification() -> Vec<VerificationError> {
    let two = || SignerCount::new(2).unwrap();
    let unsigned_by =
        |required, refused: Option<VerificationError>| VerificationError::NotEnoughSigners {
            required,
            found: 1,
            signers: vec![values::fingerprint()],
            refused: refused.map(Box::new),
        };
    let (expired_at, now) = (values::time(), values::later());
    vec![
        VerificationError::Unnamed,
        VerificationError::NameNotUnicode,
        VerificationError::InvalidName(values::package_name_error()),
        VerificationError::NotARegularFile { path: "/dev/zero".into() },
        VerificationError::Empty,
        VerificationError::PackageTooLarge { size: 4 << 40, limit: 1 << 40 },
        VerificationError::SignatureNotFound { location: SignatureLocation::Store },
        VerificationError::MalformedSignature { reason: values::malformed_envelope() },
        VerificationError::UntrustedSigner { fingerprint: None, reason: UntrustedReason::Unknown },
        VerificationError::UnnamedSignature,
        VerificationError::InvalidSignature { fingerprint: values::fingerprint() },
        unsigned_by(RequiredSigners::Keys(two()), None),
        unsigned_by(
            RequiredSigners::Organizations(two()),
            Some(VerificationError::InvalidSignature { fingerprint: values::fingerprint() }),
        ),
        VerificationError::NoOrganizations { required: RequiredSigners::Organizations(two()) },
        VerificationError::WrongName {
            expected: "libworkflow.so".parse().unwrap(),
            signed: "libother.so".parse().unwrap(),
        },
        VerificationError::Expired { expired_at, now },
        VerificationError::VersionBelowFloor {
            floor: values::version("1.4.0"),
            found: Some(values::version("1.3.9")),
        },
        VerificationError::VersionBelowFloor { floor: values::version("1.4.0"), found: None },
        tampered(ActualContent::Size(9)),
    ]
}

fn reasons() -> Vec<UntrustedReason> {
    let at = values::time();
    let child_name = values::org_name();
    vec![
        UntrustedReason::Unknown,
        UntrustedReason::Compromised { at },
        UntrustedReason::Expired { at },
        UntrustedReason::NotPinned,
        UntrustedReason::Revoked { at },
        UntrustedReason::Denied { at },
        UntrustedReason::RevokedByChild { child_name: child_name.clone(), at },
        UntrustedReason::ExpiredAtChild { child_name: child_name.clone(), at },
        UntrustedReason::GrantExpired { child_name: child_name.clone(), at },
        UntrustedReason::OtherPackages {
            child_name: child_name.clone(),
            packages: values::patterns(),
        },
        UntrustedReason::NotSigned,
        UntrustedReason::ChildDocuments {
            child_name: child_name.clone(),
            fault: Arc::new(SignedTrustError::Missing {
                org: values::org_id(),
                kind: TrustDocumentKind::Root,
            }),
        },
        UntrustedReason::ChildDeleted { child_name, at },
        UntrustedReason::OrganizationDeleted { at },
    ]
}

fn refused_keys() -> [String; 10] {
    let (org, fingerprint) = (&values::org_name(), &values::fingerprint());
    let digits = format!("--key-id {}", short(fingerprint));
    [
        refused_key::trust_own_key(org, fingerprint, &"release".parse().unwrap()),
        refused_key::replace_refused(org, fingerprint),
        refused_key::reinstate(org, fingerprint),
        renew_trust(org.as_str(), &digits),
        renew_trust(org.as_str(), "--import <public key>"),
        refused_key::REPLACE_COMPROMISED.to_owned(),
        refused_key::trust_another(org),
        refused_key::replace_refused_by_documents(org),
        trust_after_inquiry(org.as_str()),
        sign_what_rows_trust(org.as_str()),
    ]
}

fn locations() -> [SignatureLocation; 4] {
    let path = || "libworkflow.so.sig".into();
    [
        SignatureLocation::File(path()),
        SignatureLocation::Store,
        SignatureLocation::FileOrStore(path()),
        SignatureLocation::NotGiven,
    ]
}

fn not_loaded(error: LibraryError) -> CliError {
    loading(LoadError::from(error).into())
}

fn load() -> [LoadError; 10] {
    let said = || "undefined symbol: workflow_run".into();
    let name = || c"workflow_run".into();
    [
        LoadError::Library(LibraryError::NotElf),
        LoadError::Dependency {
            name: "libhelp.so.1".parse().unwrap(),
            provider: "libhelp.so".parse().unwrap(),
            source: Box::new(VerificationError::PackageTooLarge { size: 7, limit: 6 }.into()),
        },
        LoadError::Soname {
            name: "libhelp.so.1".parse().unwrap(),
            source: Box::new(VerificationError::PackageTooLarge { size: 7, limit: 6 }.into()),
        },
        LoadError::Linker("libmissing.so: cannot open shared object file".into()),
        LoadError::AnotherLibrary,
        LoadError::Io(io::ErrorKind::OutOfMemory.into()),
        LoadError::TemporaryDirectory(DirectoryError::Unsafe {
            path: "/var/shared".into(),
            source: DirectoryFault::Writable { mode: 0o777 },
        }),
        LoadError::Thread(io::ErrorKind::WouldBlock.into()),
        LoadError::Symbol { name: name(), source: said() },
        LoadError::NullSymbol { name: name() },
    ]
}

fn library() -> Vec<LibraryError> {
    let target = |machine| LibraryTarget { machine, class: 2, encoding: 1 };
    let name = || "libhelp.so.1".parse().unwrap();
    let source = DependencyNameError::Character { found: '/' };
    vec![
        LibraryError::NotElf,
        LibraryError::NotShared { found: ElfType::PositionIndependentExecutable },
        LibraryError::OtherTarget { found: target(183), expected: target(62) },
        LibraryError::Malformed(MalformedLibrary::NoDynamicTable),
        LibraryError::Unreadable(io::ErrorKind::Other.into()),
        LibraryError::ForbiddenTag { tag: DynamicTag(29), value: Some("$ORIGIN".into()) },
        LibraryError::ForbiddenTag { tag: DynamicTag(0x6fff_fef9), value: None },
        LibraryError::ForbiddenFlags { flags: 0x400 },
        LibraryError::NoCode,
        LibraryError::TextRelocations,
        LibraryError::ExecutableStack,
        LibraryError::UndeclaredStack,
        LibraryError::WritableCode { address: 0x3e68 },
        LibraryError::InvalidDependency { name: "./libhelp.so".into(), source },
        LibraryError::DependencyNotAllowed { name: name() },
        LibraryError::AmbiguousDependency { name: name() },
        LibraryError::DependencyReplaced { name: name() },
        LibraryError::UnlistedDependency { name: "libresolv.so.2".into() },
        LibraryError::UniqueSymbol { name: "_ZZ4stepvE3one".into() },
        LibraryError::InvalidSoname { name: "./libhelp.so".into(), source },
        LibraryError::ReservedSoname { name: "libm.so.6".parse().unwrap() },
    ]
}

fn malformed_library() -> [MalformedLibrary; 14] {
    let tag = DynamicTag(1);
    [
        MalformedLibrary::Header,
        MalformedLibrary::ProgramHeaders,
        MalformedLibrary::Segment { index: 3 },
        MalformedLibrary::SegmentOrder { index: 3 },
        MalformedLibrary::RepeatedHeader { kind: 2 },
        MalformedLibrary::Part { index: 5 },
        MalformedLibrary::NoDynamicTable,
        MalformedLibrary::DynamicTable,
        MalformedLibrary::RepeatedEntry { tag: DynamicTag(5) },
        MalformedLibrary::StringTable,
        MalformedLibrary::Text { tag },
        MalformedLibrary::Table { tag: DynamicTag(7) },
        MalformedLibrary::HashTable { tag: DynamicTag(4) },
        MalformedLibrary::Symbol { index: 7 },
    ]
}

fn others() -> [PackageError; 5] {
    [
        PackageError::Load(LoadError::AnotherLibrary),
        PackageError::Io {
            path: "libworkflow.so".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
        PackageError::Clock(signing_crypto::ParseError::Time),
        PackageError::Cancelled,
        PackageError::Trust(TrustError::SameKek),
    ]
}
