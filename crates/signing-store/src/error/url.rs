use thiserror::Error;

/// Text that does not name a store, or names one that must not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// No text.
    #[error("the database URL is empty")]
    Empty,
    /// A URL with a password, where every user of the machine can read it.
    #[error(
        "the command line must not hold a password: put the whole URL into CLOACINA_DATABASE_URL"
    )]
    PasswordOnCommandLine,
    /// The environment variable is not text in UTF-8.
    #[error("the environment variable CLOACINA_DATABASE_URL is not UTF-8")]
    NotUnicode,
    /// Neither Postgres nor SQLite.
    #[error("the database URL has an unknown scheme, expected postgres:// or sqlite:")]
    UnknownScheme,
    /// A path begins with `~`, which shells replace by a home directory.
    #[error("the path of the store begins with ~, which only a shell replaces")]
    Tilde,
    /// SQLite's `:memory:`.
    #[error("a store cannot be in memory: give a file")]
    InMemory,
    /// A parameter of a SQLite URL that is not known.
    #[error("the SQLite URL has the parameter {found:?}, expected owner=USER")]
    SqliteParameter {
        /// What follows the question mark.
        found: String,
    },
    /// A SQLite URL names an owner whom this machine does not know.
    #[error("the SQLite URL names the owner {found:?}, and there is no such user")]
    UnknownOwner {
        /// The name.
        found: String,
    },
    /// A backend that this program was built without.
    #[error("this program was built without the backend {backend}")]
    BackendNotBuilt {
        /// The backend's feature.
        backend: &'static str,
    },
    /// Postgres' own form is violated.
    #[cfg(feature = "postgres")]
    #[error("the database URL is malformed")]
    Postgres(#[source] tokio_postgres::Error),
    /// There are several `@`, or a `?` stands before it, so that it is not clear where the password
    /// ends.
    #[error(
        "it is not clear where the password in the database URL ends: expected one '@', before any '?'"
    )]
    AmbiguousCredentials,
    /// A Postgres URL without a host.
    #[error("the database URL names no host")]
    NoHost,
    /// A TCP connection that is not protected.
    #[error("refusing a connection to {host} without verified TLS: expected sslmode=verify-full")]
    Insecure {
        /// The host.
        host: String,
    },
    /// A way to protect the connection that is not known, or not worth its name.
    #[error("the sslmode is {found:?}, expected disable, require or verify-full")]
    SslMode {
        /// The mode found.
        found: String,
    },
    /// A parameter that is not known, or cannot be followed.
    #[error("the URL's {name} is {found:?}, expected {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it can be.
        expected: &'static str,
    },
    /// Root certificates, and a mode that verifies nothing by them.
    #[error(
        "sslrootcert is given, and sslmode={mode} does not verify the server: expected verify-full"
    )]
    RootCertificatesUnused {
        /// The mode found.
        mode: String,
    },
    /// The path in `sslrootcert` is not UTF-8.
    #[error("the sslrootcert is not a path in UTF-8")]
    RootCertificatePath,
}

impl UrlError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Insecure { .. } => "InsecureConnection",
            Self::PasswordOnCommandLine => "PasswordOnCommandLine",
            Self::NotUnicode => "NotUnicode",
            Self::BackendNotBuilt { .. } => "BackendNotBuilt",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "InvalidDatabaseUrl",
            Self::Empty
            | Self::UnknownScheme
            | Self::Tilde
            | Self::InMemory
            | Self::SqliteParameter { .. }
            | Self::UnknownOwner { .. }
            | Self::AmbiguousCredentials
            | Self::NoHost
            | Self::SslMode { .. }
            | Self::Parameter { .. }
            | Self::RootCertificatesUnused { .. }
            | Self::RootCertificatePath => "InvalidDatabaseUrl",
        }
    }
}
