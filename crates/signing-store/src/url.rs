#[cfg(feature = "postgres")]
pub(crate) mod password;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod sqlite;

use std::path::Path;
use std::str::FromStr;
use std::{env, fmt};

use crate::error::UrlError;

pub(crate) use sqlite::SqliteTarget;

/// Where a store is. Shown without its password.
///
/// `postgres://user:password@host:port/database` (or `postgresql://`), or a
/// SQLite file as `sqlite:///absolute/path`, `sqlite:path` or just the path.
///
/// A SQLite file must be this process' user's or root's. `sqlite:path?owner=ops` also
/// allows one of the user `ops`, who may then decide what the store says: a name, or the
/// number of a user. Such a store is only read. Only what begins with `sqlite:` has
/// parameters; just a path is one, question marks and all.
///
/// Postgres URLs take these of libpq's parameters, among others:
///
/// - `sslmode=verify-full`, the default for TCP, and the only mode that is taken; with
///   [`RequiredTls::DangerNone`] also `require`
///   (encrypted, whatever server answers) and `disable`. This machine's own addresses are
///   no exception: any local user can take a port on which no server listens.
/// - `sslrootcert=<PEM file>`: the authorities to verify the server by, instead of those in
///   the file that `SSL_CERT_FILE` names, or the system's.
/// - `require_auth=scram-sha-256`, the default wherever a password is configured: the
///   server must prove that it knows the password, and never learns it otherwise.
///   `require_auth=none`: the server must let the role in without a password.
/// - `channel_binding=require`, `prefer` (the default) or `disable`.
/// - `requirepeer=<user>`: who must be behind a Unix socket. Without it: root, the user
///   of this process, or the owner of the socket's directory, which others must not be
///   able to change or replace.
///
/// A password that is not in the URL is taken from `PGPASSWORD`, or from the file that
/// `PGPASSFILE` names, or from `~/.pgpass`. No other variable of libpq is read: the URL
/// alone names the server, the database and the role.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Location);

#[derive(Clone)]
pub(crate) enum Location {
    Sqlite(SqliteTarget),
    #[cfg(feature = "postgres")]
    Postgres(Box<postgres::Target>),
}

/// What TCP connections need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequiredTls {
    /// TLS that proves which server it is.
    #[default]
    Verified,
    /// None: somebody between the program and the server, or in its place, can decide whom the
    /// program trusts.
    DangerNone,
}

/// The environment variable that says where the store is.
pub const DATABASE_URL_VARIABLE: &str = "CLOACINA_DATABASE_URL";

impl DatabaseUrl {
    /// Reads where the store is: from the option of a command line, or else from
    /// [`DATABASE_URL_VARIABLE`]. `None` if neither says it.
    ///
    /// # Errors
    ///
    /// [`UrlError::PasswordOnCommandLine`], [`UrlError::NotUnicode`], or what is wrong with the URL.
    pub fn given(option: Option<&str>, tls: RequiredTls) -> Result<Option<Self>, UrlError> {
        if let Some(text) = option {
            return match Self::parse(text, tls)? {
                // Every user of the machine can read the command line.
                url if url.has_password() => Err(UrlError::PasswordOnCommandLine),
                url => Ok(Some(url)),
            };
        }
        match env::var(DATABASE_URL_VARIABLE) {
            Ok(text) => Self::parse(&text, tls).map(Some),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => Err(UrlError::NotUnicode),
        }
    }

    /// The SQLite database in the file `path`.
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self(Location::Sqlite(SqliteTarget::from(path.as_ref())))
    }

    /// Reads a URL. What [`FromStr`] reads needs [`RequiredTls::Verified`].
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn parse(text: &str, tls: RequiredTls) -> Result<Self, UrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text, tls);
        }
        let target = match text.strip_prefix("sqlite:") {
            Some(rest) => SqliteTarget::parse(rest.strip_prefix("//").unwrap_or(rest)),
            // A mistyped URL must not become a file, named after its password.
            None if looks_like_a_url(text) => Err(UrlError::UnknownScheme),
            None => SqliteTarget::file(text),
        };
        target.map(|target| Self(Location::Sqlite(target)))
    }

    /// Whether the URL carries a password.
    pub fn has_password(&self) -> bool {
        match &self.0 {
            Location::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Location::Postgres(target) => target.password.is_some(),
        }
    }

    /// The host to which connections lead without verified TLS, if there is one.
    pub fn unprotected_host(&self) -> Option<&str> {
        match &self.0 {
            Location::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Location::Postgres(target) => target.unprotected_host(),
        }
    }

    /// Whether the store is on a Postgres server.
    pub fn is_postgres(&self) -> bool {
        match &self.0 {
            Location::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => true,
        }
    }

    /// The host to which connections lead by TCP, if there is one: neither a SQLite file nor a
    /// Unix socket has one.
    pub fn tcp_host(&self) -> Option<&str> {
        match &self.0 {
            Location::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Location::Postgres(target) => target.tcp_host(),
        }
    }

    /// The SQLite file, if the store is one.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(target) => Some(&target.path),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text, RequiredTls::Verified)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(target) => target.fmt(f),
            #[cfg(feature = "postgres")]
            Location::Postgres(target) => target.fmt(f),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Whether there is a scheme (RFC 3986, section 3.1), or what is left of one or of libpq's
/// `keyword=value` after a mistake.
fn looks_like_a_url(text: &str) -> bool {
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let has_scheme = text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_of_scheme)
    });
    has_scheme || text.contains("://") || text.starts_with("postgres") || text.contains("password=")
}

#[cfg(feature = "postgres")]
fn postgres(text: &str, tls: RequiredTls) -> Result<DatabaseUrl, UrlError> {
    let target = postgres::Target::parse(text, tls)?;
    Ok(DatabaseUrl(Location::Postgres(Box::new(target))))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &str, _: RequiredTls) -> Result<DatabaseUrl, UrlError> {
    Err(UrlError::BackendNotBuilt { backend: "postgres" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_in_three_ways() {
        for (text, path) in [
            ("sqlite:///var/lib/cloacina.db", "/var/lib/cloacina.db"),
            ("sqlite:cloacina.db", "cloacina.db"),
            ("cloacina.db", "cloacina.db"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            match url.0 {
                Location::Sqlite(target) => assert_eq!(target.path, Path::new(path), "{text}"),
                #[cfg(feature = "postgres")]
                Location::Postgres(_) => panic!("{text}"),
            }
        }
    }

    #[test]
    fn owner_of_a_file_is_named_or_numbered() {
        let owner = |text: &str| match text.parse::<DatabaseUrl>().unwrap().0 {
            Location::Sqlite(target) => target.owner.map(|owner| owner.uid),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => panic!("{text}"),
        };
        assert_eq!(owner("sqlite:store.db?owner=root"), Some(0));
        assert_eq!(owner("sqlite:///store.db?owner=4711"), Some(4711));
        assert_eq!(owner("sqlite:store.db"), None);
        let url: DatabaseUrl = "sqlite:store.db?owner=root".parse().unwrap();
        assert_eq!(url.to_string(), "sqlite:store.db?owner=root");
        let rooted: DatabaseUrl = "sqlite:////store.db".parse().unwrap();
        assert_eq!(
            rooted.to_string().parse::<DatabaseUrl>().unwrap().to_string(),
            rooted.to_string()
        );
        for text in ["sqlite:a?owner", "sqlite:a?mode=ro"] {
            let refused = text.parse::<DatabaseUrl>();
            assert!(matches!(refused, Err(UrlError::SqliteParameter { .. })), "{text}");
        }
        for nobody in ["", "-1", "no such user", "4294967296", "root&owner=1"] {
            let found = format!("sqlite:a?owner={nobody}").parse::<DatabaseUrl>();
            assert!(matches!(found, Err(UrlError::UnknownOwner { .. })), "{nobody}");
        }
    }

    #[test]
    fn just_a_path_is_one_question_marks_and_all() {
        for text in ["store.db?owner=root", "100%25?mode=memory#x.db"] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
            match url.0 {
                Location::Sqlite(target) => {
                    assert_eq!(target.path, Path::new(text));
                    assert!(target.owner.is_none());
                }
                #[cfg(feature = "postgres")]
                Location::Postgres(_) => panic!("{text}"),
            }
        }
    }

    #[test]
    fn what_is_not_a_store_is_rejected() {
        assert!(matches!("".parse::<DatabaseUrl>(), Err(UrlError::Empty)));
        assert!(matches!("sqlite:".parse::<DatabaseUrl>(), Err(UrlError::Empty)));
        assert!(matches!(":memory:".parse::<DatabaseUrl>(), Err(UrlError::InMemory)));
        for text in ["~", "~/store.db", "sqlite:~/store.db", "sqlite:~ops/store.db?owner=0"] {
            assert!(matches!(text.parse::<DatabaseUrl>(), Err(UrlError::Tilde)), "{text}");
        }
    }

    #[test]
    fn a_file_with_a_colon_or_a_tilde_in_its_name_is_named_with_its_directory() {
        for path in ["./a:b.db", "/srv/a:b.db", "./~/store.db", "store~.db"] {
            let url: DatabaseUrl = path.parse().unwrap();
            assert_eq!(url.sqlite_path(), Some(Path::new(path)));
        }
        let url: DatabaseUrl = "sqlite:a:b.db".parse().unwrap();
        assert_eq!(url.sqlite_path(), Some(Path::new("a:b.db")));
        for path in ["~", "~ops/a.db", "~/a?b.db", "a:b?c.db", "a:b.db", "//a.db"] {
            let shown = DatabaseUrl::sqlite(path).to_string();
            let url: DatabaseUrl = shown.parse().unwrap();
            let found = url.sqlite_path().unwrap();
            assert_eq!(found.strip_prefix(".").unwrap_or(found), Path::new(path), "{shown}");
        }
    }

    #[test]
    fn a_mistyped_url_is_not_taken_for_a_file() {
        for text in [
            "mysql://host/db",
            "postgres:/ann:hunter2@h/db",
            "postgres//ann:hunter2@h/db",
            "host=h password=hunter2",
            "sqlite3:store.db",
            "SQLite:store.db",
            "my store://hunter2",
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(matches!(error, UrlError::UnknownScheme), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    #[cfg(feature = "postgres")]
    fn a_shown_url_has_no_password() {
        let url: DatabaseUrl = "postgres://ann:hunter2@127.0.0.1:5433/trust".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://ann@127.0.0.1:5433/trust");
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
