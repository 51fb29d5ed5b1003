use std::io;
use std::time::Duration;

use signing_crypto::NameKind;
use signing_trust::store::{
    DatabaseUrl, FileFault, FileKind, FileRole, StoreError, UnsafeFile, UrlError,
};
use signing_trust::{TrustError, TrustSourceKind};

use super::{SECRET, Sample, sample, values};
use crate::error::CliError;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = vec![sample(TrustError::Store(StoreError::NoRoles), CliError::from)];
    samples.extend(store().into_iter().map(|error| sample(error, CliError::from)));
    samples.extend(file_faults());
    samples.extend(url().into_iter().map(|error| sample(error, CliError::from)));
    samples.extend(trust().into_iter().map(|error| sample(error, CliError::from)));
    samples.extend(program().into_iter().map(|error| sample(error, |error| error)));
    samples
}

fn store() -> Vec<StoreError> {
    let (fingerprint, at) = (values::fingerprint(), values::time());
    let said = |text: &str| text.to_owned().into();
    vec![
        StoreError::NoDatabase { path: "store.db".into() },
        StoreError::File {
            path: "store.db".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
        UnsafeFile::new("/srv/trust", FileRole::Directory, FileFault::Writable { mode: 0o775 })
            .into(),
        StoreError::NotADatabase { path: "notes.txt".into(), found: FileKind::OtherFormat },
        StoreError::Unreadable {
            path: "store.db".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
        StoreError::ReadOnly {
            path: "store.db".into(),
            source: io::ErrorKind::ReadOnlyFilesystem.into(),
        },
        StoreError::HotJournal {
            path: "store.db".into(),
            source: said("attempt to write a readonly database"),
        },
        StoreError::OpenedReadOnly,
        StoreError::SchemaOutdated { missing: vec!["0001_initial", "0002_steering"] },
        StoreError::SchemaTooNew { unknown: "9999_later".into() },
        StoreError::Unavailable(said("connection refused")),
        StoreError::TimedOut { after: Duration::from_secs(10) },
        StoreError::OutcomeUnknown(said("connection reset")),
        StoreError::RootCertificates {
            origin: "ca.pem".into(),
            source: said("the file holds no certificate"),
        },
        StoreError::InRecovery,
        StoreError::AnotherStore {
            expected: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            found: "66666666-7777-4888-9999-aaaaaaaaaaaa".parse().unwrap(),
        },
        StoreError::EpochWentBack { expected: 7, found: 6 },
        StoreError::HistoryDiverged { seen: 7, found: 9 },
        StoreError::NoRoles,
        StoreError::NotTheOwner,
        StoreError::TooManyFacts { limit: 640 },
        StoreError::Compromised { fingerprint, at },
        StoreError::CorruptRow(said("a digest has 32 bytes, found 31")),
        StoreError::OrganizationNotFound,
        StoreError::OrganizationDeleted { org: values::org_id() },
        StoreError::SigningKeyNotFound { id: values::key_id() },
        StoreError::TrustedKeyNotFound { id: values::key_id().to_string().parse().unwrap() },
        StoreError::NameTaken { kind: NameKind::Key },
        StoreError::SigningKeyExists,
        StoreError::SuccessorExists,
        StoreError::OtherKek { expected: values::kek_id(1), found: values::kek_id(2) },
        StoreError::KeyRefused { fingerprint, at },
        StoreError::NotRewrapped {
            id: values::key_id(),
            source: signing_crypto::WrapError::Rejected.into(),
        },
    ]
}

fn file_faults() -> Vec<Sample> {
    let file = |path: &str, role, fault| {
        sample(fault, |fault| StoreError::from(UnsafeFile::new(path, role, fault)).into())
    };
    let owner = FileFault::Owner { found: 65534, expected: 1000 };
    vec![
        file("/srv/trust/store.db", FileRole::Database, owner),
        file("/srv/trust/store.db-journal", FileRole::Journal, owner),
        file("/srv/our trust", FileRole::Directory, FileFault::Writable { mode: 0o775 }),
        file("/tmp", FileRole::Directory, FileFault::Shared { mode: 0o1777 }),
        file("/srv/trust/store.db", FileRole::Database, FileFault::Link),
        file("/srv/trust/store.db", FileRole::Database, FileFault::SeveralNames),
    ]
}

fn url() -> Vec<UrlError> {
    let given = |text: &str| text.parse::<DatabaseUrl>().unwrap_err();
    vec![
        given(""),
        given(&format!("mysql://ann:{SECRET}@host/db")),
        given(":memory:"),
        given("sqlite:store.db?mode=ro"),
        given("sqlite:store.db?owner=no-such-user"),
        UrlError::BackendNotBuilt { backend: "postgres" },
        given(&format!("postgres://ann:{SECRET}@127.0.0.1:port/db")),
        given("postgres://"),
        given(&format!("postgres://ann:{SECRET}@db.example/db?sslmode=disable")),
        given(&format!("postgres://ann:{SECRET}@127.0.0.1/db?sslmode=prefer")),
        given("postgres://127.0.0.1/db?sslrootcert=%ff"),
        given("postgres://127.0.0.1/db?sslmode=require&sslrootcert=ca.pem"),
    ]
}

fn trust() -> Vec<TrustError> {
    let (fingerprint, at) = (values::fingerprint(), values::time());
    vec![
        TrustError::NoOrganization,
        TrustError::OtherSource {
            verified: TrustSourceKind::Store,
            asked: TrustSourceKind::Pinned,
        },
        TrustError::NoKeyEncryptionKey,
        TrustError::SameKek,
        TrustError::SigningKeyRevoked { id: values::key_id(), at },
        TrustError::PreviouslyRevoked { fingerprint, at },
        TrustError::SelfGrant { org: values::org_id() },
        TrustError::ExpiryPast { expires_at: at, now: values::later() },
        TrustError::TooManyCandidates { found: 65, limit: 64 },
    ]
}

/// What keeps the program from finding, or asking, the store.
fn program() -> Vec<CliError> {
    vec![
        CliError::Trust(TrustError::SameKek),
        CliError::Store(StoreError::NoRoles),
        CliError::Url(UrlError::InMemory),
        CliError::PasswordOnCommandLine,
        CliError::NotUnicode { var: "CLOACINA_DATABASE_URL" },
        CliError::NoHomeDirectory,
        CliError::Runtime(io::ErrorKind::OutOfMemory.into()),
        CliError::NoSuchOrganization { given: "vendro".into(), similar: Some(values::org_name()) },
        CliError::NoSuchOrganization { given: "nobody".into(), similar: None },
    ]
}
