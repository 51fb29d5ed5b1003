use std::io;
use std::time::Duration;

use signing_crypto::{NameError, NameFault, NameKind, TrustDocumentKind};
use signing_trust::TrustError;
use signing_trust::store::{
    AuthenticationFault, ConnectError, DatabaseUrl, FileFault, FileKind, FileRole, LockHolder,
    OrganizationRef, RolePurpose, RootFileError, SchemaFault, StoreError, UnsafeFile, UrlError,
};

use super::{SECRET, Sample, each, sample, values};
use crate::advice::LIST_LOGS;
use crate::error::CliError;

pub(super) fn samples() -> Vec<Sample> {
    let mut samples = vec![sample(TrustError::Store(StoreError::NoRoles), CliError::from)];
    samples.extend(each(store(), CliError::from));
    samples.extend(
        connect()
            .into_iter()
            .map(|error| sample(error, |error| CliError::from(StoreError::from(error)))),
    );
    samples.extend(faults().into_iter().map(|fault| {
        let wrap = |fault| StoreError::from(ConnectError::NotAuthenticated { fault });
        sample(fault, |fault| CliError::from(wrap(fault)))
    }));
    samples.extend(
        schema_faults()
            .into_iter()
            .map(|fault| sample(fault, |fault| CliError::from(unsafe_schema(fault)))),
    );
    samples.extend(each(root_file(), |error| root_certificates(error).into()));
    samples.extend(file_faults());
    samples.extend(each(url(), CliError::from));
    samples.extend(each(trust(), CliError::from));
    samples.extend(role_denied().map(|error| sample(error, |error| error)));
    samples.extend(each(program(), |error| error));
    samples
}

fn role_denied() -> impl Iterator<Item = CliError> {
    let purposes = [
        None,
        Some(RolePurpose::Runner),
        Some(RolePurpose::Signer(values::org_id())),
        Some(RolePurpose::Admin),
    ];
    purposes.into_iter().map(|purpose| {
        let denied = "permission denied for view signing_keys";
        let source = Box::new(StoreError::PermissionDenied(denied.into()).into());
        CliError::RoleDenied { role: "runner1".into(), purpose, source }
    })
}

fn unsafe_schema(fault: SchemaFault) -> StoreError {
    StoreError::UnsafeSchema { schema: "cloacina".into(), fault }
}

fn root_certificates(error: RootFileError) -> StoreError {
    StoreError::RootCertificates { origin: "ca.pem".into(), source: error.into() }
}

fn root_file() -> [RootFileError; 6] {
    let path = || "/srv/certificates".into();
    [
        RootFileError::Io(io::ErrorKind::NotFound.into()),
        RootFileError::NotARegularFile,
        RootFileError::TooLarge { limit: 1024 * 1024 },
        RootFileError::Owner { path: path(), found: 1001, expected: 1000 },
        RootFileError::Writable { path: path(), mode: 0o777 },
        RootFileError::Replaced,
    ]
}

fn schema_faults() -> [SchemaFault; 6] {
    [
        SchemaFault::OwnedByAnother { owner: "mallory".into() },
        SchemaFault::OpenTo { role: "PUBLIC".into() },
        SchemaFault::ForeignObject { object: "trusted_keys".into() },
        SchemaFault::UnknownObject { object: "undo".into() },
        SchemaFault::MissingObject { object: "trusted_keys".into() },
        SchemaFault::Damaged { found: "row 1 missing from index trusted_keys_fingerprint".into() },
    ]
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
        StoreError::SchemaOutdated { missing: vec!["0001_initial"] },
        StoreError::SchemaTooNew { unknown: "9999_later".into() },
        StoreError::NoStore,
        StoreError::Connect(ConnectError::NoChannelBinding),
        StoreError::PermissionDenied(said("ERROR: permission denied for table trusted_keys")),
        StoreError::DiskFull(said("ERROR: could not extend file \"base/1/2\"")),
        StoreError::ReadOnlyServer,
        StoreError::ServerShutdown(said("FATAL: the database system is starting up")),
        StoreError::Unavailable(said("connection closed")),
        StoreError::TimedOut { after: Duration::from_secs(10) },
        StoreError::FileLocked { after: Duration::from_secs(10), holders: Vec::new() },
        StoreError::FileLocked {
            after: Duration::from_secs(10),
            holders: vec![LockHolder::new(1234, Some(1001)), LockHolder::new(5678, None)],
        },
        StoreError::OutcomeUnknown(said("connection reset")),
        StoreError::RootCertificates {
            origin: "ca.pem".into(),
            source: said("the file holds no certificate"),
        },
        StoreError::InRecovery,
        StoreError::SessionSettingsLost,
        StoreError::AnotherStore {
            expected: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            found: "66666666-7777-4888-9999-aaaaaaaaaaaa".parse().unwrap(),
        },
        StoreError::EpochWentBack { expected: 7, found: 6 },
        StoreError::HistoryDiverged { seen: 7, found: 9 },
        StoreError::NoRoles,
        StoreError::NotTheOwner,
        StoreError::LimitsNotAllowed { role: "runner".into() },
        StoreError::NoSuchRole("runner1".into()),
        StoreError::RoleActsAsOwner { role: "postgres".into() },
        unsafe_schema(SchemaFault::OpenTo { role: "mallory".into() }),
        StoreError::RoleOfAnotherOrganization { org: values::org_id() },
        StoreError::SignatureNotFound { id: values::key_id().to_string().parse().unwrap() },
        StoreError::SignaturesChanged { digest: values::digest() },
        StoreError::TrustDocumentConflict {
            kind: TrustDocumentKind::Statement,
            expected: values::document_version(5),
            found: values::document_version(4),
        },
        StoreError::TooManyKeyRows { limit: 640 },
        StoreError::Compromised { fingerprint, at },
        StoreError::CorruptRow(said("a digest has 32 bytes, found 31")),
        StoreError::OrganizationNotFound { given: OrganizationRef::Name(values::org_name()) },
        StoreError::OrganizationDeleted { org: values::org_id() },
        StoreError::SigningKeyNotFound { id: values::key_id() },
        StoreError::TrustedKeyNotFound { id: values::key_id().to_string().parse().unwrap() },
        StoreError::NameTaken { kind: NameKind::Key },
        StoreError::OrganizationNameRetired { org: values::org_id(), at },
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

fn connect() -> Vec<ConnectError> {
    let said = |text: &str| text.to_owned().into();
    let (host, user) = (|| "db.example".to_owned(), || "ann".to_owned());
    let (owner, mode) = (1001, 0o666);
    vec![
        ConnectError::HostNotFound { host: host(), source: io::ErrorKind::NotFound.into() },
        ConnectError::NothingListens {
            server: "db.example:5432".into(),
            source: io::ErrorKind::ConnectionRefused.into(),
        },
        ConnectError::Unreachable {
            server: "db.example:5432".into(),
            source: io::ErrorKind::TimedOut.into(),
        },
        ConnectError::NoTls { host: host() },
        ConnectError::Certificate {
            host: host(),
            source: said("invalid peer certificate: UnknownIssuer"),
        },
        ConnectError::Tls { host: host(), source: said("unexpected end of file") },
        ConnectError::NoChannelBinding,
        ConnectError::NotAuthenticated { fault: AuthenticationFault::ClearText },
        ConnectError::NoPassword { user: user() },
        ConnectError::WrongPassword {
            user: user(),
            source: said("FATAL: password authentication failed for user \"ann\""),
        },
        ConnectError::RoleRefused {
            user: user(),
            source: said("FATAL: role \"ann\" does not exist"),
        },
        ConnectError::NoSuchDatabase {
            database: "trust".into(),
            source: said("FATAL: database \"trust\" does not exist"),
        },
        ConnectError::ConnectDenied {
            user: user(),
            database: "trust".into(),
            source: said("FATAL: permission denied for database \"trust\""),
        },
        ConnectError::TooManyConnections(said("FATAL: sorry, too many clients already")),
        ConnectError::UnsafeSocket { path: "/tmp".into(), owner: 0, mode: 0o1777 },
        ConnectError::OtherPeer {
            path: "/tmp/.s.PGSQL.5432".into(),
            expected: "postgres (user 26)".into(),
            found: owner,
        },
        ConnectError::NoSuchUser { user: "postgers".into() },
        ConnectError::PasswordFile {
            path: "pgpass".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
        ConnectError::UnsafePasswordFile { path: "pgpass".into(), owner, mode },
    ]
}

fn faults() -> Vec<AuthenticationFault> {
    vec![
        AuthenticationFault::ClearText,
        AuthenticationFault::Md5,
        AuthenticationFault::LetIn,
        AuthenticationFault::WrongProof,
        AuthenticationFault::Iterations,
        AuthenticationFault::OtherMethod,
        AuthenticationFault::PasswordAsked,
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
        file("/srv/trust/store.db-journal", FileRole::Journal, FileFault::NamesAnotherFile),
    ]
}

fn url() -> Vec<UrlError> {
    let given = |text: &str| text.parse::<DatabaseUrl>().unwrap_err();
    vec![
        given(""),
        given(&format!("mysql://ann:{SECRET}@host/db")),
        given("~/store.db"),
        given(":memory:"),
        given("sqlite:store.db?mode=ro"),
        given("sqlite:store.db?owner=no-such-user"),
        UrlError::PasswordOnCommandLine,
        UrlError::NotUnicode,
        UrlError::BackendNotBuilt { backend: "postgres" },
        given(&format!("postgres://ann:half?{SECRET}@db.example/db")),
        given(&format!("postgres://ann:{SECRET}@127.0.0.1:port/db")),
        given("postgres://"),
        given(&format!("postgres://ann:{SECRET}@db.example/db?sslmode=disable")),
        given(&format!("postgres://ann:{SECRET}@127.0.0.1/db?sslmode=prefer")),
        given("postgres://127.0.0.1/db?sslrootcert=%ff"),
        given("postgres://127.0.0.1/db?require_auth=md5"),
        given("postgres://127.0.0.1/db?sslmode=require&sslrootcert=ca.pem"),
    ]
}

fn trust() -> Vec<TrustError> {
    let (fingerprint, at) = (values::fingerprint(), values::time());
    vec![
        TrustError::NoKeyEncryptionKey,
        TrustError::SameKek,
        TrustError::SigningKeyRevoked {
            id: values::key_id(),
            name: "release".parse().unwrap(),
            at,
        },
        TrustError::PreviouslyRevoked { fingerprint, at },
        TrustError::TrustExpired { fingerprint, at },
        TrustError::SelfGrant { org: values::org_name() },
        TrustError::ExpiryPast { expires_at: at, now: values::later() },
        TrustError::Clock(signing_crypto::ParseError::Time),
        TrustError::Cancelled,
    ]
}

/// What keeps the program from finding, or asking, the store.
fn program() -> Vec<CliError> {
    vec![
        CliError::Trust(TrustError::SameKek),
        CliError::Store(StoreError::NoRoles),
        CliError::Url(UrlError::InMemory),
        CliError::NotUnicode { var: "CLOACINA_ORG" },
        CliError::Actor(NameError { kind: NameKind::Actor, fault: NameFault::Empty }),
        CliError::NoHomeDirectory,
        CliError::Runtime(io::ErrorKind::OutOfMemory.into()),
        CliError::NoSuchOrganization { given: "vendro".into(), similar: Some(values::org_name()) },
        CliError::NoSuchOrganization { given: "nobody".into(), similar: None },
        CliError::NoSuchOrganization { given: "nobody".into(), similar: None }
            .advised(LIST_LOGS.to_owned()),
        CliError::AmbiguousOrganization {
            given: "0a1b".into(),
            candidates: vec![
                (values::org_name(), "0a1b2c3d".into()),
                ("acme".parse().unwrap(), "0a1b0000".into()),
            ],
        },
        CliError::OrganizationNeeded {
            organizations: vec!["acme".parse().unwrap(), values::org_name()],
            key: None,
        },
        CliError::OrganizationNeeded {
            organizations: vec!["acme".parse().unwrap(), values::org_name()],
            key: Some("release".into()),
        },
        CliError::NoOrganization,
        CliError::OrganizationVariable(NameError {
            kind: NameKind::Organization,
            fault: NameFault::Empty,
        }),
    ]
}
