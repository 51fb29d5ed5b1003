use std::io;
use std::time::Duration;

use signing_crypto::{NameError, NameFault, NameKind, ParseError, PatternError};
use signing_loader::{DependencyNameError, DirectoryFault, Protection, ProtectionError};
use signing_trust::store::{RoleNameError, RoleNameFault};

use super::{Sample, each, usage, values};
use crate::content_kind::ContentKind;
use crate::error::CliError;
use crate::key_source::{KeySourceError, TokenUriError};

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    samples.extend(faults().map(|(kind, fault)| usage(fault, |fault| NameError { kind, fault })));
    samples.extend(parse().into_iter().map(|error| usage(error, |error| error)));
    samples.extend(patterns().map(|error| usage(error, |error| error)));
    samples.extend(
        roles().map(|fault| usage(fault, |fault| RoleNameError { role: "public".into(), fault })),
    );
    samples.extend(key_sources().map(|error| usage(error, |error| error)));
    samples.extend(token_uris().map(|error| usage(error, |error| error)));
    samples.extend(libraries().map(|error| usage(error, |error| error)));
    samples.extend(each(protection(), CliError::from));
    samples.extend(each(program(), |error| error));
    samples
}

fn faults() -> [(NameKind, NameFault); 7] {
    [
        (NameKind::Organization, NameFault::Empty),
        (NameKind::Key, NameFault::TooLong { found: 256, limit: 255 }),
        (NameKind::Organization, NameFault::FirstCharacter),
        (NameKind::Key, NameFault::Character { found: ' ' }),
        (NameKind::Organization, NameFault::LooksLikeAnId),
        (NameKind::Package, NameFault::PathPart),
        (NameKind::Note, NameFault::Character { found: '\n' }),
    ]
}

fn parse() -> Vec<ParseError> {
    vec![
        ParseError::Id { kind: "organization" },
        ParseError::Id { kind: "signing key" },
        ParseError::Fingerprint,
        ParseError::Digest,
        ParseError::Version,
        ParseError::RevocationReason,
        ParseError::TrustDocumentKind,
        ParseError::Time,
    ]
}

fn patterns() -> [PatternError; 4] {
    [
        PatternError::Count { found: 65, limit: 64 },
        PatternError::Length { found: 0 },
        PatternError::Character { found: '/' },
        PatternError::NotAList,
    ]
}

fn roles() -> [RoleNameFault; 5] {
    [
        RoleNameFault::Empty,
        RoleNameFault::TooLong { found: 64 },
        RoleNameFault::Everybody,
        RoleNameFault::Reserved,
        RoleNameFault::Character { found: '\u{200b}' },
    ]
}

fn libraries() -> [DependencyNameError; 2] {
    [DependencyNameError::Length { bytes: 0 }, DependencyNameError::Character { found: '/' }]
}

fn key_sources() -> [KeySourceError; 4] {
    [
        KeySourceError::NoIdentity,
        KeySourceError::NoProgram,
        KeySourceError::NoTokens,
        TokenUriError::NoModule.into(),
    ]
}

fn token_uris() -> [TokenUriError; 4] {
    let name = || "objekt".to_owned();
    [
        TokenUriError::Attribute { name: name() },
        TokenUriError::Repeated { name: name() },
        TokenUriError::Value { name: "module-path", expected: "the absolute path of a file" },
        TokenUriError::NoModule,
    ]
}

fn protection() -> [ProtectionError; 7] {
    let path = || "dev-key.pem".into();
    [
        ProtectionError::Owner { path: path(), owner: 1000, protection: Protection::Integrity },
        ProtectionError::Owner { path: path(), owner: 1000, protection: Protection::Secrecy },
        ProtectionError::Writable { path: path(), mode: 0o664, protection: Protection::Integrity },
        ProtectionError::Readable { path: path(), mode: 0o644 },
        replaceable(DirectoryFault::Writable { mode: 0o777 }),
        replaceable(DirectoryFault::Owner { found: 1001, expected: 1000 }),
        ProtectionError::Untraceable { path: path() },
    ]
}

fn replaceable(fault: DirectoryFault) -> ProtectionError {
    ProtectionError::Replaceable { path: "keys/dev-key.pem".into(), at: "/srv/keys".into(), fault }
}

fn program() -> Vec<CliError> {
    let path = || "dev-key.pem".into();
    vec![
        CliError::NoSuchCommand { given: "keys lists".into() },
        CliError::Unprotected(ProtectionError::Readable { path: path(), mode: 0o644 }),
        CliError::UnprotectedProcess(io::ErrorKind::PermissionDenied.into()),
        CliError::Output(io::ErrorKind::StorageFull.into()),
        CliError::ClosedOutput,
        CliError::InstalledRelease { path: "packages/libworkflow.so/libworkflow.so.sig".into() },
        CliError::IsASignature { path: "a.so.sig".into() },
        CliError::NoPackages { directory: "plugins".into() },
        CliError::NothingInstalled { directory: "plugins".into() },
        CliError::Read { path: path(), source: io::ErrorKind::NotFound.into() },
        CliError::Write { path: path(), source: io::ErrorKind::StorageFull.into() },
        CliError::FileExists { path: path() },
        CliError::OtherKind {
            path: "release.pem".into(),
            found: ContentKind::PrivateKey,
            expected: ContentKind::Json("application/vnd.in-toto+json".into()),
        },
        CliError::StoredOnly {
            id: "22222222-3333-4444-8555-666666666666".parse().unwrap(),
            source: Box::new(CliError::Write {
                path: path(),
                source: io::ErrorKind::ReadOnlyFilesystem.into(),
            }),
        },
        CliError::Locked { path: "draft".into(), after: Duration::from_secs(300) },
        CliError::RootNotPublished { path: "acme-root.json".into(), org: values::org_name() },
        CliError::NotReplaced { path: path() },
        CliError::KeyWasRevoked {
            org: values::org_name(),
            name: "release".parse().unwrap(),
            free_name: "release.2".parse().unwrap(),
        },
        CliError::ArgumentNeeded { argument: "<ORG>" },
        CliError::NoExpiry,
        CliError::ProblemsFound { problems: 2 },
    ]
}
