use std::path::PathBuf;

use thiserror::Error;

use super::Source;

/// Why there is no connection to a Postgres server that can be relied on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No address is known for the host's name.
    #[error("the database host {host} cannot be found")]
    HostNotFound {
        /// The name in the URL.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// Nothing listens there.
    #[error("no database server listens at {server}")]
    NothingListens {
        /// The host and port, or the socket.
        server: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The network does not lead there, or the socket may not be used.
    #[error("the database server at {server} cannot be reached")]
    Unreachable {
        /// The host and port, or the socket.
        server: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server does not encrypt.
    #[error("the database server {host} offers no TLS")]
    NoTls {
        /// The host's name.
        host: String,
    },
    /// The certificate is from another authority, for another name, or not valid now.
    #[error("the certificate of the database server {host} is refused")]
    Certificate {
        /// The name that it should prove.
        host: String,
        /// What is wrong with it.
        source: Source,
    },
    /// TLS could not be agreed on.
    #[error("there is no TLS connection to the database server {host}")]
    Tls {
        /// The host's name.
        host: String,
        /// Why.
        source: Source,
    },
    /// `channel_binding=require`, and the server cannot.
    #[error("the database server does not bind the login to the TLS connection")]
    NoChannelBinding,
    /// The server did not prove that it knows the password, or asks for one that is not
    /// there.
    #[error("the database server is not trusted: {fault}")]
    NotAuthenticated {
        /// What it did instead.
        fault: AuthenticationFault,
    },
    /// The server must complete SCRAM, and there is no password to do it with.
    #[error("a password is required, and none is configured for {user:?}")]
    NoPassword {
        /// The role.
        user: String,
    },
    /// SQLSTATE 28P01. The server says the same of a role that does not exist.
    #[error("the database server refuses the password of {user:?}")]
    WrongPassword {
        /// The role.
        user: String,
        /// What the server said.
        source: Source,
    },
    /// SQLSTATE 28000: there is no such role, or `pg_hba.conf` does not let it in from
    /// here.
    #[error("the database server rejects the role {user:?}")]
    RoleRefused {
        /// The role.
        user: String,
        /// What the server said.
        source: Source,
    },
    /// SQLSTATE 3D000.
    #[error("the server has no database {database:?}")]
    NoSuchDatabase {
        /// Its name.
        database: String,
        /// What the server said.
        source: Source,
    },
    /// SQLSTATE 42501, before there is a connection: most often the role lacks `CONNECT`, or else
    /// the right to something that the URL or its own settings ask for.
    #[error("the database server denies {user:?} a right that it needs to connect to {database:?}")]
    ConnectDenied {
        /// The role.
        user: String,
        /// The database's name.
        database: String,
        /// What the server said.
        source: Source,
    },
    /// SQLSTATE 53300: the server's limit, the role's or the database's.
    #[error("the database server has too many connections")]
    TooManyConnections(#[source] Source),
    /// The directory of a Unix socket, or one above it, can be changed by others.
    #[error(
        "the socket's directory is not safe: {} belongs to user {owner}, mode {mode:04o}",
        path.display()
    )]
    UnsafeSocket {
        /// The directory that others can change.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// Another user's process is behind a Unix socket.
    #[error(
        "the server behind the socket {} runs as user {found}, expected {expected}",
        path.display()
    )]
    OtherPeer {
        /// The socket.
        path: PathBuf,
        /// Who may be behind it.
        expected: String,
        /// The number of the user whose process it is.
        found: u32,
    },
    /// `requirepeer` names a user that the system does not have.
    #[error("the system has no user {user:?}")]
    NoSuchUser {
        /// The name.
        user: String,
    },
    /// The password file cannot be read, or must not be used.
    #[error("the password file {} cannot be used", path.display())]
    PasswordFile {
        /// `PGPASSFILE`, or `~/.pgpass`.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The password file can be read or written by others.
    #[error(
        "the password file {} is open to others: it belongs to user {owner}, mode {mode:04o}",
        path.display()
    )]
    UnsafePasswordFile {
        /// `PGPASSFILE`, or `~/.pgpass`.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
}

impl ConnectError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::HostNotFound { .. } => "DatabaseHostNotFound",
            Self::NothingListens { .. } => "DatabaseNotListening",
            Self::Unreachable { .. } => "DatabaseUnreachable",
            Self::NoTls { .. } => "DatabaseWithoutTls",
            Self::Certificate { .. } => "DatabaseCertificateRefused",
            Self::Tls { .. } => "DatabaseTlsFailed",
            Self::NoChannelBinding => "NoChannelBinding",
            Self::NotAuthenticated { fault: AuthenticationFault::PasswordAsked }
            | Self::NoPassword { .. } => "DatabasePasswordNeeded",
            Self::NotAuthenticated { .. } => "DatabaseNotAuthenticated",
            Self::WrongPassword { .. } => "DatabasePasswordRefused",
            Self::RoleRefused { .. } => "DatabaseRoleRefused",
            Self::NoSuchDatabase { .. } => "NoSuchDatabase",
            Self::ConnectDenied { .. } => "DatabaseConnectDenied",
            Self::TooManyConnections(_) => "DatabaseTooManyConnections",
            Self::UnsafeSocket { .. } => "UnsafeSocket",
            Self::OtherPeer { .. } | Self::NoSuchUser { .. } => "SocketOfAnotherUser",
            Self::PasswordFile { .. } | Self::UnsafePasswordFile { .. } => "UnusablePasswordFile",
        }
    }
}

/// What a server did in place of what was required of it. Nothing was sent by which it
/// could learn the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthenticationFault {
    /// It asked for the password itself.
    #[error("it asks for the password in clear text")]
    ClearText,
    /// It asked for the MD5 digest, from which the password can be guessed, and with which
    /// others can log in.
    #[error("it asks for the password's MD5 digest")]
    Md5,
    /// It let us in without the proof that it knows the password.
    #[error("it accepts the login without proving that it knows the password")]
    LetIn,
    /// Its part of SCRAM is wrong: it does not know the password.
    #[error("it does not know the password")]
    WrongProof,
    /// It asked for a number of iterations that would give the password away sooner, or
    /// keep this machine busy.
    #[error("it asks for too few or too many iterations of SCRAM")]
    Iterations,
    /// It offered something else than SCRAM-SHA-256.
    #[error("it offers no login by SCRAM-SHA-256")]
    OtherMethod,
    /// It asks for a password where none is configured.
    #[error("it asks for a password, but none is configured")]
    PasswordAsked,
}
