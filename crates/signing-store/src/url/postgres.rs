use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslNegotiation, TargetSessionAttrs};

use super::RequiredTls;
use super::password::Password;
use crate::error::UrlError;

const DEFAULT_PORT: u16 = 5432;

/// Postgres servers that hold the same database, how connections to them are protected,
/// and what they must prove.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) servers: Vec<Server>,
    /// The role; none means the one that is called as the user of the process.
    pub(crate) user: Option<String>,
    database: Option<String>,
    pub(crate) options: Option<String>,
    pub(crate) password: Option<Password>,
    /// For servers over TCP: a Unix socket does without.
    pub(crate) tls: Tls,
    pub(crate) require_auth: Option<RequireAuth>,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) peer: Option<Peer>,
    pub(crate) session: TargetSessionAttrs,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) place: Place,
    pub(crate) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// By TCP, at this address of the host if one is given.
    Tcp { host: String, address: Option<IpAddr> },
    /// By the socket in this directory.
    Unix(PathBuf),
}

/// How a TCP connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Not at all.
    Off,
    /// Encrypted, whatever server answers.
    Unverified,
    /// Encrypted, and the server has proved its name to one of these authorities:
    /// those in the file, or else the system's.
    Verified { root_certificates: Option<PathBuf> },
}

/// What a server must do when somebody logs in (`require_auth`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequireAuth {
    /// Complete SCRAM-SHA-256.
    Scram,
    /// Let in without a password: it is given none, even if one is configured.
    None,
}

/// The user who must be behind a Unix socket (`requirepeer`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Name(String),
    Number(u32),
}

/// The parameters that tokio-postgres does not know, or takes otherwise than libpq.
#[derive(Default)]
struct Parameters {
    mode: Option<String>,
    root_certificates: Option<PathBuf>,
    require_auth: Option<RequireAuth>,
    peer: Option<Peer>,
}

impl Target {
    pub(crate) fn parse(text: &str, required: RequiredTls) -> Result<Self, UrlError> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));

        // tokio-postgres takes all before the first `@` for user and password. What follows of a
        // password must not be read, and shown or looked up, as a host or as parameters.
        let signs = |part: &str| part.matches('@').count();
        if signs(text) > 1 || signs(query) > 0 {
            return Err(UrlError::AmbiguousCredentials);
        }
        let (mut parameters, mut others) = (Parameters::default(), Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            if !parameters.take(parameter)? {
                others.push(parameter);
            }
        }
        let config: Config =
            format!("{base}?{}", others.join("&")).parse().map_err(UrlError::Postgres)?;
        let servers = servers(&config)?;
        let by_tcp = servers.iter().find_map(Server::host);
        let tls = parameters.tls(by_tcp.is_some())?;
        if let (Some(host), Tls::Off | Tls::Unverified, RequiredTls::Verified) =
            (by_tcp, &tls, required)
        {
            return Err(UrlError::Insecure { host: host.into() });
        }
        let Parameters { require_auth, peer, .. } = parameters;
        let target = Self {
            user: config.get_user().map(str::to_owned),
            database: config.get_dbname().map(str::to_owned),
            options: config.get_options().map(str::to_owned),
            password: config.get_password().and_then(Password::new),
            channel_binding: config.get_channel_binding(),
            session: config.get_target_session_attrs(),
            servers,
            tls,
            require_auth,
            peer,
        };
        target.check(&config)?;
        Ok(target)
    }

    /// The database; unless the URL names one, that of the role's name.
    pub(crate) fn database<'a>(&'a self, user: &'a str) -> &'a str {
        self.database.as_deref().unwrap_or(user)
    }

    /// The first host that a connection leads to without verified TLS.
    pub(crate) fn unprotected_host(&self) -> Option<&str> {
        match self.tls {
            Tls::Off | Tls::Unverified => self.tcp_host(),
            Tls::Verified { .. } => None,
        }
    }

    pub(crate) fn tcp_host(&self) -> Option<&str> {
        self.servers.iter().find_map(Server::host)
    }

    /// Refuses parameters that could not be followed.
    fn check(&self, config: &Config) -> Result<(), UrlError> {
        let refused = |name, found: &str, expected| {
            Err(UrlError::Parameter { name, found: found.into(), expected })
        };
        let has_sockets = self.servers.iter().any(|server| server.host().is_none());
        if self.channel_binding == ChannelBinding::Require
            && (has_sockets || self.tls == Tls::Off || self.require_auth == Some(RequireAuth::None))
        {
            let expected = "prefer or disable, where there is no TLS or no password";
            return refused("channel_binding", "require", expected);
        }
        if self.peer.is_some() && !has_sockets {
            let expected = "no such parameter without a Unix socket";
            return refused("requirepeer", "a user", expected);
        }
        if config.get_ssl_negotiation() == SslNegotiation::Direct {
            return refused("sslnegotiation", "direct", "postgres");
        }
        match self.session {
            TargetSessionAttrs::Any | TargetSessionAttrs::ReadWrite => Ok(()),
            _ => refused("target_session_attrs", "read-only", "any or read-write"),
        }
    }
}

impl Parameters {
    /// Says whether this is one of them.
    fn take(&mut self, parameter: &str) -> Result<bool, UrlError> {
        let Some((name, value)) = parameter.split_once('=') else { return Ok(false) };
        match name {
            "sslmode" => self.mode = Some(value.into()),
            "sslrootcert" => {
                let path = decode(value).ok_or(UrlError::RootCertificatePath)?;
                self.root_certificates = Some(path.into());
            }
            "require_auth" => {
                self.require_auth = Some(match value {
                    "scram-sha-256" => RequireAuth::Scram,
                    "none" => RequireAuth::None,
                    found => {
                        return Err(UrlError::Parameter {
                            name: "require_auth",
                            found: found.into(),
                            expected: "scram-sha-256 or none",
                        });
                    }
                });
            }
            "requirepeer" => {
                let user = decode(value).filter(|user| !user.is_empty());
                let user = user.ok_or_else(|| UrlError::Parameter {
                    name: "requirepeer",
                    found: value.into(),
                    expected: "a user's name or number",
                })?;
                self.peer = Some(match user.parse() {
                    Ok(number) => Peer::Number(number),
                    Err(_) => Peer::Name(user),
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How a connection is protected that is by TCP, if there is one.
    fn tls(&self, by_tcp: bool) -> Result<Tls, UrlError> {
        let root_certificates = self.root_certificates.clone();
        let names_roots = root_certificates.is_some();
        let tls = match self.mode.as_deref() {
            None if !by_tcp && !names_roots => Tls::Off,
            None | Some("verify-full") => Tls::Verified { root_certificates },
            Some("require") => Tls::Unverified,
            Some("disable") => Tls::Off,
            Some(found) => return Err(UrlError::SslMode { found: found.into() }),
        };
        match (&self.mode, &tls) {
            // A URL that names authorities asks to verify the server by them.
            (Some(mode), Tls::Off | Tls::Unverified) if names_roots => {
                Err(UrlError::RootCertificatesUnused { mode: mode.clone() })
            }
            _ => Ok(tls),
        }
    }
}

impl Server {
    /// The host, if it is reached by TCP: also this machine's own address is anybody's
    /// who takes the port.
    fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Tcp { host, .. } => Some(host),
            Place::Unix(_) => None,
        }
    }
}

/// As libpq reads lists of hosts, of their addresses and of ports.
fn servers(config: &Config) -> Result<Vec<Server>, UrlError> {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let ports = config.get_ports();
    if hosts.is_empty() {
        return Err(UrlError::NoHost);
    }
    let is_for_each = |count: usize| count == hosts.len();
    if !addresses.is_empty() && !is_for_each(addresses.len()) {
        return Err(UrlError::Parameter {
            name: "hostaddr",
            found: format!("{} addresses", addresses.len()),
            expected: "one for each host",
        });
    }
    if ports.len() > 1 && !is_for_each(ports.len()) {
        return Err(UrlError::Parameter {
            name: "port",
            found: format!("{} ports", ports.len()),
            expected: "one for all hosts, or one for each",
        });
    }
    let server = |(i, host): (usize, &Host)| Server {
        place: match (host, addresses.get(i)) {
            (Host::Tcp(host), address) => {
                Place::Tcp { host: host.clone(), address: address.copied() }
            }
            (Host::Unix(directory), None) => Place::Unix(directory.clone()),
            // Where it is given, the address decides where the connection goes.
            (Host::Unix(_), Some(address)) => {
                Place::Tcp { host: address.to_string(), address: Some(*address) }
            }
        },
        port: ports.get(i).or(ports.first()).copied().unwrap_or(DEFAULT_PORT),
    };
    Ok(hosts.iter().enumerate().map(server).collect())
}

impl fmt::Display for Target {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        for (i, server) in self.servers.iter().enumerate() {
            let separator = if i > 0 { "," } else { "" };
            match &server.place {
                Place::Tcp { host, .. } => write!(f, "{separator}{host}")?,
                Place::Unix(path) => write!(f, "{separator}{}", path.display())?,
            }
            if server.port != DEFAULT_PORT {
                write!(f, ":{}", server.port)?;
            }
        }
        write!(f, "/{}", self.database.as_deref().unwrap_or_default())
    }
}

fn decode(value: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests;
