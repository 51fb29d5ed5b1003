//! While the database server is down, somebody else listens where it was.

mod server;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use signing_trust::store::{
    AuthenticationFault, ConnectError, DatabaseUrl, RequiredTls, Store, StoreError,
};
use tempfile::TempDir;

use self::server::{FalseServer, Manner};
use crate::support::shown;

const PASSWORD: &str = "open-sesame";

fn open(url: &DatabaseUrl) -> StoreError {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Store::open(url)).unwrap_err()
}

fn connect(url: &DatabaseUrl) -> ConnectError {
    match open(url) {
        StoreError::Connect(error) => error,
        other => panic!("{other:?}"),
    }
}

/// The server at a port of this machine. TLS would not let a false one get that far.
fn by_tcp(server: &FalseServer, parameters: &str) -> DatabaseUrl {
    let port = server.port;
    let text =
        format!("postgres://ann:{PASSWORD}@127.0.0.1:{port}/trust?sslmode=disable{parameters}");
    DatabaseUrl::parse(&text, RequiredTls::DangerNone).unwrap()
}

fn by_socket(directory: &Path, parameters: &str) -> DatabaseUrl {
    let host = directory.to_str().unwrap().replace('/', "%2F");
    format!("postgres://ann:{PASSWORD}@{host}/trust?{parameters}").parse().unwrap()
}

fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The server has neither the password nor what stands for it in a login by MD5, and was
/// asked nothing.
fn assert_got_nothing(server: &FalseServer, error: &StoreError, case: &str) {
    for secret in [PASSWORD, "md5"] {
        assert!(!server.has_heard(secret), "{case}: the server has heard {secret}");
    }
    assert!(!was_asked(server), "{case}: the server was asked");
    for told in [shown(error), format!("{error:?}")] {
        assert!(!told.contains(PASSWORD), "{case}: {told}");
    }
}

/// The server did not prove who it is, in this way, and got nothing.
fn assert_not_authenticated(
    server: &FalseServer,
    url: &DatabaseUrl,
    expected: AuthenticationFault,
) {
    let error = open(url);
    assert_got_nothing(server, &error, &format!("{expected:?}"));
    assert!(
        matches!(&error, StoreError::Connect(ConnectError::NotAuthenticated { fault })
            if *fault == expected),
        "{expected:?}: {error:?}"
    );
}

/// The first statements set a session up.
fn was_asked(server: &FalseServer) -> bool {
    server.has_heard("SET ")
}

const MANNERS: [(Manner, AuthenticationFault); 7] = [
    (Manner::LetsIn, AuthenticationFault::LetIn),
    (Manner::AsksForClearText, AuthenticationFault::ClearText),
    (Manner::AsksForMd5, AuthenticationFault::Md5),
    (Manner::OffersAnotherMechanism, AuthenticationFault::OtherMethod),
    (Manner::AbortsScram, AuthenticationFault::LetIn),
    (Manner::KeepsItsProofBack, AuthenticationFault::LetIn),
    (Manner::MakesUpItsProof, AuthenticationFault::WrongProof),
];

#[test]
fn server_at_a_port_that_does_not_complete_scram_gets_no_password_and_is_asked_nothing() {
    for (manner, expected) in MANNERS {
        let server = FalseServer::on_tcp(manner, PASSWORD);
        assert_not_authenticated(&server, &by_tcp(&server, ""), expected);
    }
}

#[test]
fn server_behind_a_socket_that_does_not_complete_scram_gets_no_password_and_is_asked_nothing() {
    for (manner, expected) in MANNERS {
        let directory = TempDir::new().unwrap();
        let server = FalseServer::on_a_socket(directory.path(), manner, PASSWORD);
        let url = by_socket(directory.path(), &format!("requirepeer={}", us()));
        assert_not_authenticated(&server, &url, expected);
    }
}

#[test]
fn server_that_completes_scram_is_asked() {
    let server = FalseServer::on_tcp(Manner::CompletesScram, PASSWORD);
    open(&by_tcp(&server, ""));
    assert!(was_asked(&server));

    let directory = TempDir::new().unwrap();
    let server = FalseServer::on_a_socket(directory.path(), Manner::CompletesScram, PASSWORD);
    open(&by_socket(directory.path(), &format!("requirepeer={}", us())));
    assert!(was_asked(&server));
    assert!(!server.has_heard(PASSWORD));
}

#[test]
fn server_that_knows_another_password_is_asked_nothing() {
    let server = FalseServer::on_tcp(Manner::MakesUpItsProof, "another");
    let error = open(&by_tcp(&server, ""));
    assert_got_nothing(&server, &error, "another");
    let honest = FalseServer::on_tcp(Manner::CompletesScram, "another");
    let refused = connect(&by_tcp(&honest, ""));
    assert!(matches!(refused, ConnectError::WrongPassword { .. }), "{refused:?}");
    assert!(!was_asked(&honest));
}

#[test]
fn without_a_password_the_server_may_let_in_and_may_not_ask_for_one() {
    let url = |server: &FalseServer| {
        let text = format!("postgres://ann@127.0.0.1:{}/trust?sslmode=disable", server.port);
        DatabaseUrl::parse(&format!("{text}&require_auth=none"), RequiredTls::DangerNone).unwrap()
    };
    let server = FalseServer::on_tcp(Manner::LetsIn, PASSWORD);
    open(&url(&server));
    assert!(was_asked(&server));
    for manner in [Manner::AsksForClearText, Manner::AsksForMd5, Manner::CompletesScram] {
        let server = FalseServer::on_tcp(manner, PASSWORD);
        let refused = connect(&url(&server));
        assert!(
            matches!(
                refused,
                ConnectError::NotAuthenticated { fault: AuthenticationFault::PasswordAsked }
            ),
            "{manner:?}: {refused:?}"
        );
    }
}

#[test]
fn password_is_not_given_where_none_is_to_be_required() {
    for manner in [Manner::AsksForClearText, Manner::AsksForMd5, Manner::CompletesScram] {
        let server = FalseServer::on_tcp(manner, PASSWORD);
        let error = open(&by_tcp(&server, "&require_auth=none"));
        assert_got_nothing(&server, &error, &format!("{manner:?}"));
    }
}

#[test]
fn scram_that_is_required_needs_a_password() {
    let server = FalseServer::on_tcp(Manner::LetsIn, PASSWORD);
    let text = format!(
        "postgres://ann@127.0.0.1:{}/trust?sslmode=disable&require_auth=scram-sha-256",
        server.port
    );
    // Its user has no password file in this place.
    let refused = connect(&DatabaseUrl::parse(&text, RequiredTls::DangerNone).unwrap());
    assert!(matches!(refused, ConnectError::NoPassword { .. }), "{refused:?}");
    assert!(server.heard().is_empty());
}

#[test]
fn socket_in_a_directory_that_others_may_write_is_not_used() {
    // Everything above the home directory is root's.
    let directory = tempfile::tempdir_in(std::env::home_dir().unwrap()).unwrap();
    let server = FalseServer::on_a_socket(directory.path(), Manner::CompletesScram, PASSWORD);
    open(&by_socket(directory.path(), ""));
    assert!(was_asked(&server));

    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let heard = server.heard().len();
    let refused = connect(&by_socket(directory.path(), ""));
    assert!(
        matches!(&refused, ConnectError::UnsafeSocket { path, mode: 0o1777, .. }
            if path == directory.path()),
        "{refused:?}"
    );
    assert_eq!(server.heard().len(), heard);
}

#[test]
fn socket_of_another_user_is_not_used() {
    let directory = TempDir::new().unwrap();
    let server = FalseServer::on_a_socket(directory.path(), Manner::CompletesScram, PASSWORD);
    let other = us() + 1;
    let refused = connect(&by_socket(directory.path(), &format!("requirepeer={other}")));
    assert!(
        matches!(&refused, ConnectError::OtherPeer { found, .. } if *found == us()),
        "{refused:?}"
    );
    assert!(server.heard().is_empty());
    open(&by_socket(directory.path(), &format!("requirepeer={}", us())));
    assert!(was_asked(&server));
}

#[test]
fn port_of_this_machine_is_not_used_without_verified_tls() {
    let server = FalseServer::on_tcp(Manner::HasNoTls, PASSWORD);
    let url = format!("postgres://ann:{PASSWORD}@localhost:{}/trust", server.port);
    let refused = open(&url.parse().unwrap());
    // A machine may have no certificates at all, and then nothing is sent.
    assert!(
        matches!(
            refused,
            StoreError::Connect(ConnectError::NoTls { .. }) | StoreError::RootCertificates { .. }
        ),
        "{refused:?}"
    );
    assert_got_nothing(&server, &refused, "TLS");
    assert!(!server.has_heard("ann"), "the server has heard who comes");
}

#[test]
fn server_that_speaks_another_protocol_is_not_waited_for() {
    let server = FalseServer::on_tcp(Manner::Babbles, PASSWORD);
    let error = open(&by_tcp(&server, ""));
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_got_nothing(&server, &error, "babble");
}

/// A refusal is not taken for another one, whatever its words are.
#[test]
fn refusals_are_told_apart_by_their_states() {
    let refusal = |state| {
        let server = FalseServer::on_tcp(Manner::Refuses(state), PASSWORD);
        let error = open(&by_tcp(&server, ""));
        assert_got_nothing(&server, &error, state);
        assert!(
            matches!(&error, StoreError::ReadOnlyServer | StoreError::TimedOut { .. })
                || shown(&error).contains("the server's own words"),
            "{state}: {}",
            shown(&error)
        );
        error
    };
    use ConnectError as Connect;
    assert!(matches!(
        refusal("28P01"),
        StoreError::Connect(Connect::WrongPassword { user, .. }) if user == "ann"
    ));
    assert!(matches!(
        refusal("28000"),
        StoreError::Connect(Connect::RoleRefused { user, .. }) if user == "ann"
    ));
    assert!(matches!(
        refusal("3D000"),
        StoreError::Connect(Connect::NoSuchDatabase { database, .. }) if database == "trust"
    ));
    assert!(matches!(refusal("53300"), StoreError::Connect(Connect::TooManyConnections(_))));
    assert!(matches!(
        refusal("42501"),
        StoreError::Connect(Connect::ConnectDenied { user, database, .. })
            if user == "ann" && database == "trust"
    ));
    assert!(matches!(refusal("53100"), StoreError::DiskFull(_)));
    assert!(matches!(refusal("25006"), StoreError::ReadOnlyServer));
    for state in ["57P01", "57P02", "57P03"] {
        assert!(matches!(refusal(state), StoreError::ServerShutdown(_)), "{state}");
    }
    for state in ["57014", "55P03"] {
        assert!(matches!(refusal(state), StoreError::TimedOut { .. }), "{state}");
    }
    assert!(matches!(refusal("XX000"), StoreError::Unavailable(_)));
}
