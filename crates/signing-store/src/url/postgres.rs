use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::Insecure;
use crate::UrlError;

/// A Postgres server, and how a connection to it is protected.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Not at all.
    Off,
    /// Encrypted, whoever answers.
    Unverified,
    /// Encrypted, and the server has proved its name to one of these authorities:
    /// those in the file, or else the system's.
    Verified { root_certificates: Option<PathBuf> },
}

impl Target {
    pub(crate) fn parse(text: &str, insecure: Insecure) -> Result<Self, UrlError> {
        let (base, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut root_certificates, mut others) = (None, None, Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            // tokio-postgres knows neither `verify-full` nor `sslrootcert`.
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => root_certificates = Some(decode(value)?),
                _ => others.push(parameter),
            }
        }
        let mut config: Config =
            format!("{base}?{}", others.join("&")).parse().map_err(UrlError::Postgres)?;
        if config.get_hosts().is_empty() {
            return Err(UrlError::NoHost);
        }
        let remote = remote_host(&config);
        let names_roots = root_certificates.is_some();
        let tls = match mode {
            None if remote.is_none() && root_certificates.is_none() => Tls::Off,
            None | Some("verify-full") => Tls::Verified { root_certificates },
            Some("require") => Tls::Unverified,
            Some("disable") => Tls::Off,
            Some(found) => return Err(UrlError::SslMode { found: found.into() }),
        };
        // Whoever names authorities means to verify the server by them.
        if let (Some(mode), true, Tls::Off | Tls::Unverified) = (mode, names_roots, &tls) {
            return Err(UrlError::RootCertificatesUnused { mode: mode.into() });
        }
        if let (Some(host), Tls::Off | Tls::Unverified, Insecure::Refuse) = (remote, &tls, insecure)
        {
            return Err(UrlError::Insecure { host });
        }
        config.ssl_mode(match tls {
            Tls::Off => SslMode::Disable,
            _ => SslMode::Require,
        });
        Ok(Self { config, tls })
    }
}

impl fmt::Display for Target {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.config.get_ports();
        for (i, host) in self.config.get_hosts().iter().enumerate() {
            let separator = if i > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{separator}{name}")?,
                Host::Unix(path) => write!(f, "{separator}{}", path.display())?,
            }
            if let Some(port) = ports.get(i).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

/// The first host that is not this machine.
fn remote_host(config: &Config) -> Option<String> {
    // Where it is given, `hostaddr` decides where the connection goes.
    let addresses = config.get_hostaddrs();
    if let Some(address) = addresses.iter().find(|address| !address.is_loopback()) {
        return Some(address.to_string());
    }
    config.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) if addresses.is_empty() && !is_loopback(name) => Some(name.clone()),
        _ => None,
    })
}

/// Literal addresses, besides `localhost`: another name may resolve to anything.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn decode(value: &str) -> Result<PathBuf, UrlError> {
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8();
    Ok(PathBuf::from(decoded.map_err(|_| UrlError::RootCertificatePath)?.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, UrlError> {
        Target::parse(text, Insecure::Refuse)
    }

    fn tls(text: &str) -> Tls {
        parse(text).map_err(|error| format!("{text}: {error}")).unwrap().tls
    }

    #[test]
    fn connections_to_other_machines_are_verified_by_default() {
        for remote in ["postgres://u@db.example/db", "postgres://u@10.0.0.1/db?sslmode=verify-full"]
        {
            assert_eq!(tls(remote), Tls::Verified { root_certificates: None });
        }
        let url = "postgres://u@db.example/db?sslrootcert=%2Fetc%2Fca.pem";
        assert_eq!(tls(url), Tls::Verified { root_certificates: Some("/etc/ca.pem".into()) });
    }

    #[test]
    fn connections_within_the_machine_need_no_tls_and_can_have_it() {
        for local in
            ["postgres://u@localhost/db", "postgres://u@[::1]/db", "postgres://u@%2Frun%2Fpg/db"]
        {
            assert_eq!(tls(local), Tls::Off, "{local}");
        }
        assert_eq!(tls("postgres://u@localhost/db?sslmode=require"), Tls::Unverified);
        let url = "postgres://u@localhost/db?sslrootcert=ca.pem";
        assert_eq!(tls(url), Tls::Verified { root_certificates: Some("ca.pem".into()) });
    }

    #[test]
    fn less_than_verified_is_refused_for_other_machines() {
        for remote in [
            "postgres://u:hunter2@db.example/db?sslmode=disable",
            "postgres://u@db.example/db?sslmode=require",
            "postgres://u@localhost,db.example/db?sslmode=disable",
            "postgres://u@localhost.example/db?sslmode=disable",
            "postgres://u@localhost/db?hostaddr=10.0.0.1&sslmode=disable",
        ] {
            let error = parse(remote).map(|_| ()).unwrap_err();
            assert!(matches!(error, UrlError::Insecure { .. }), "{remote}: {error}");
            assert!(!error.to_string().contains("hunter2"));
            assert!(Target::parse(remote, Insecure::Allow).is_ok(), "{remote}");
        }
    }

    #[test]
    fn authorities_that_would_not_be_asked_are_refused() {
        for mode in ["disable", "require"] {
            for host in ["localhost", "db.example"] {
                let url = format!("postgres://u@{host}/db?sslmode={mode}&sslrootcert=ca.pem");
                for insecure in [Insecure::Refuse, Insecure::Allow] {
                    let error = Target::parse(&url, insecure).map(|_| ()).unwrap_err();
                    assert!(
                        matches!(&error, UrlError::RootCertificatesUnused { mode: found }
                            if found == mode),
                        "{url}: {error}"
                    );
                }
            }
        }
    }

    #[test]
    fn modes_that_promise_more_than_they_hold_are_refused() {
        for mode in ["prefer", "allow", "verify-ca", "VERIFY-FULL", ""] {
            let url = format!("postgres://u@localhost/db?sslmode={mode}");
            let error = parse(&url).map(|_| ()).unwrap_err();
            assert!(matches!(error, UrlError::SslMode { found } if found == mode));
        }
    }
}
