use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::UrlError;

/// Where a store is. Shown without its password.
///
/// `postgres://user:password@host:port/database` (or `postgresql://`), or a
/// SQLite file as `sqlite:///absolute/path`, `sqlite:path` or just the path.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Location);

#[derive(Clone)]
pub(crate) enum Location {
    Sqlite(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(Box<tokio_postgres::Config>),
}

impl DatabaseUrl {
    /// The SQLite database in the file `path`.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Location::Sqlite(path.into()))
    }

    /// Whether the URL carries a password.
    pub fn has_password(&self) -> bool {
        match &self.0 {
            Location::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Location::Postgres(config) => config.get_password().is_some(),
        }
    }

    /// The file, if this is a SQLite database.
    pub fn sqlite_path(&self) -> Option<&std::path::Path> {
        match &self.0 {
            Location::Sqlite(path) => Some(path),
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text);
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => return Err(UrlError::UnknownScheme),
            None => text,
        };
        match path {
            "" => Err(UrlError::Empty),
            // Each pooled connection would see a database of its own.
            ":memory:" => Err(UrlError::InMemory),
            path => Ok(Self::sqlite(path)),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            #[cfg(feature = "postgres")]
            Location::Postgres(config) => {
                f.write_str("postgres://")?;
                if let Some(user) = config.get_user() {
                    write!(f, "{user}@")?;
                }
                for (i, host) in config.get_hosts().iter().enumerate() {
                    let separator = if i > 0 { "," } else { "" };
                    match host {
                        tokio_postgres::config::Host::Tcp(name) => write!(f, "{separator}{name}")?,
                        #[cfg(unix)]
                        tokio_postgres::config::Host::Unix(path) => {
                            write!(f, "{separator}{}", path.display())?;
                        }
                    }
                    let ports = config.get_ports();
                    if let Some(port) = ports.get(i).or(ports.first()) {
                        write!(f, ":{port}")?;
                    }
                }
                write!(f, "/{}", config.get_dbname().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(feature = "postgres")]
fn postgres(text: &str) -> Result<DatabaseUrl, UrlError> {
    use tokio_postgres::config::Host;

    let config: tokio_postgres::Config = text.parse().map_err(UrlError::Postgres)?;
    if config.get_hosts().is_empty() {
        return Err(UrlError::NoHost);
    }
    for host in config.get_hosts() {
        match host {
            Host::Tcp(name) if !is_loopback(name) => {
                return Err(UrlError::Plaintext { host: name.clone() });
            }
            _ => {}
        }
    }
    // `hostaddr` decides where the connection goes, whatever `host` says.
    if let Some(address) = config.get_hostaddrs().iter().find(|address| !address.is_loopback()) {
        return Err(UrlError::Plaintext { host: address.to_string() });
    }
    Ok(DatabaseUrl(Location::Postgres(Box::new(config))))
}

/// Literal addresses only, besides `localhost`: another name may resolve to anything.
#[cfg(feature = "postgres")]
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &str) -> Result<DatabaseUrl, UrlError> {
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
            assert_eq!(url.sqlite_path(), Some(std::path::Path::new(path)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_store_is_rejected() {
        assert!(matches!("".parse::<DatabaseUrl>(), Err(UrlError::Empty)));
        assert!(matches!("sqlite:".parse::<DatabaseUrl>(), Err(UrlError::Empty)));
        assert!(matches!(":memory:".parse::<DatabaseUrl>(), Err(UrlError::InMemory)));
        assert!(matches!("mysql://host/db".parse::<DatabaseUrl>(), Err(UrlError::UnknownScheme)));
    }

    #[test]
    #[cfg(feature = "postgres")]
    fn a_shown_url_has_no_password() {
        let url: DatabaseUrl = "postgres://ann:hunter2@127.0.0.1:5433/trust".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://ann@127.0.0.1:5433/trust");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    #[cfg(feature = "postgres")]
    fn plaintext_to_another_host_is_rejected() {
        for local in
            ["postgres://u@localhost/db", "postgres://u@[::1]/db", "postgres://u@%2Frun%2Fpg/db"]
        {
            assert!(local.parse::<DatabaseUrl>().is_ok(), "{local}");
        }
        for remote in [
            "postgres://u:hunter2@db.example/db",
            "postgres://u@10.0.0.1/db",
            "postgres://u@localhost,db.example/db",
            "postgres://u@localhost.example/db",
            "postgres://u@localhost/db?hostaddr=10.0.0.1",
        ] {
            let error = remote.parse::<DatabaseUrl>().unwrap_err();
            assert!(matches!(error, UrlError::Plaintext { .. }), "{remote}: {error}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
