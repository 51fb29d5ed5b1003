use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres::{Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::follow::{Followed, Login, Observed, Proof};
use super::password::PasswordSources;
use super::transport::{Socket, Transport};
use super::{failure, socket_directory};
use crate::error::{AuthenticationFault, ConnectError, StoreError};
use crate::url::password::Password;
use crate::url::postgres::{Place, RequireAuth, Server, Target};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Shorter than what an operation may take, so that this is what is said.
const LOGIN_LIMIT: Duration = Duration::from_secs(10);

/// When a peer that says nothing is asked whether it is still there.
const IDLE: Duration = Duration::from_secs(30);

/// How long sent bytes may go unconfirmed.
const UNCONFIRMED: Duration = Duration::from_secs(15);

/// Makes connections to the first of a target's servers that can be had.
pub(super) struct Connector {
    target: Target,
    user: String,
    logins: Vec<(Server, Option<Password>)>,
    tls: Option<MakeRustlsConnect>,
}

/// A connection that was let in, whose traffic a task of its own carries.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) observed: Arc<Observed>,
    pub(super) driver: Driver,
}

/// The task that carries a connection's traffic. It ends with this value: left alone, it
/// would wait for a server that accepts everything and answers nothing.
#[derive(Debug)]
pub(super) struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) type Connection = tokio_postgres::Connection<Followed, Followed>;

impl Connector {
    pub(super) fn new(target: &Target, tls: Option<MakeRustlsConnect>) -> Result<Self, StoreError> {
        let user = match &target.user {
            Some(user) => user.clone(),
            None => whoami::username().map_err(StoreError::unavailable)?,
        };
        let mut sources = PasswordSources::from_environment();
        let mut logins = Vec::new();
        for server in &target.servers {
            let password = match (&target.password, target.require_auth) {
                (_, Some(RequireAuth::None)) => None,
                (Some(password), _) => Some(password.clone()),
                (None, _) => sources.find(server, target.database(&user), &user)?,
            };
            logins.push((server.clone(), password));
        }
        Ok(Self { target: target.clone(), user, logins, tls })
    }

    /// Connects, logs in, and has `drive` carry the traffic.
    pub(super) async fn connect<D>(
        &self,
        drive: impl Fn(Connection) -> D,
    ) -> Result<Connected, StoreError>
    where
        D: Future<Output = ()> + Send + 'static,
    {
        let mut failed = StoreError::unavailable("the database URL names no server");
        for (server, password) in &self.logins {
            match self.connect_to(server, password.as_ref(), &drive).await {
                Ok(connected) => return Ok(connected),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn connect_to<D>(
        &self,
        server: &Server,
        password: Option<&Password>,
        drive: impl Fn(Connection) -> D,
    ) -> Result<Connected, StoreError>
    where
        D: Future<Output = ()> + Send + 'static,
    {
        let proof = self.proof(password)?;
        let transport = match &server.place {
            Place::Tcp { host, address } => {
                let socket = tcp(host, *address, server.port).await?;
                match self.tls.clone() {
                    Some(tls) => {
                        let encrypted = Transport::encrypt(socket, tls, host);
                        timeout(CONNECT_LIMIT, encrypted).await.map_err(|_| {
                            let server = format!("{host}:{}", server.port);
                            ConnectError::Unreachable { server, source: late() }
                        })??
                    }
                    None => Transport::Plain(socket),
                }
            }
            Place::Unix(directory) => Transport::Plain(self.unix(directory, server.port).await?),
        };
        let observed = Arc::<Observed>::default();
        let stream = Followed::new(transport, proof, observed.clone());
        let config = self.config(password);
        let logged_in = timeout(LOGIN_LIMIT, config.connect_raw(stream, AlreadyEncrypted)).await;
        let logged_in = logged_in.map_err(|_| StoreError::TimedOut { after: LOGIN_LIMIT })?;
        let (client, connection) =
            logged_in.map_err(|error| self.refusal(error, observed.login(), proof))?;
        // What was said while logging in is no failure of what comes next.
        observed.take_last_error();
        let driver = Driver(tokio::spawn(drive(connection)));
        let connected = Connected { client, observed, driver };
        if self.target.session == TargetSessionAttrs::ReadWrite {
            takes_changes(&connected.client).await?;
        }
        Ok(connected)
    }

    /// What the server must do to be believed.
    fn proof(&self, password: Option<&Password>) -> Result<Proof, ConnectError> {
        let must_bind = self.target.channel_binding == ChannelBinding::Require;
        match (password, self.target.require_auth) {
            (_, Some(RequireAuth::None)) => Ok(Proof::None),
            (Some(_), _) => Ok(Proof::Scram),
            (None, None) if !must_bind => Ok(Proof::None),
            (None, _) => Err(ConnectError::NoPassword { user: self.user.clone() }),
        }
    }

    fn config(&self, password: Option<&Password>) -> Config {
        let Target { channel_binding, options, .. } = &self.target;
        let mut config = Config::new();
        config.user(&self.user).dbname(self.target.database(&self.user));
        if let Some(options) = options {
            config.options(options);
        }
        if let Some(password) = password {
            config.password(password.expose());
        }
        config.channel_binding(*channel_binding);
        // To tokio-postgres the stream is one that a TLS connector has made: it asks the
        // server for nothing, and the stream's channel binding counts.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        config
    }

    async fn unix(&self, directory: &Path, port: u16) -> Result<Socket, ConnectError> {
        let path = directory.join(format!(".s.PGSQL.{port}"));
        let expected = socket_directory::expected_peer(directory, self.target.peer.as_ref())?;
        let server = path.display().to_string();
        let socket = timeout(CONNECT_LIMIT, UnixStream::connect(&path)).await;
        let socket = socket.unwrap_or_else(|_| Err(late()));
        let socket = socket.map_err(|error| not_connected(server.clone(), error))?;
        let peer = socket.peer_cred();
        let peer = peer.map_err(|source| ConnectError::Unreachable { server, source })?;
        expected.accept(&path, peer.uid())?;
        Ok(Box::new(socket))
    }

    /// What it means that a login failed, by how far it had come.
    fn refusal(&self, error: tokio_postgres::Error, login: Login, proof: Proof) -> StoreError {
        let not_authenticated = |fault| ConnectError::NotAuthenticated { fault }.into();
        match login {
            Login::Refused(fault) => not_authenticated(fault),
            _ if error.code().is_some() => {
                failure::login(error, &self.user, self.target.database(&self.user))
            }
            _ if !is_of_scram(&error) => StoreError::unavailable(error),
            Login::Offered if self.target.channel_binding == ChannelBinding::Require => {
                ConnectError::NoChannelBinding.into()
            }
            // What comes after a wrong proof may have been seen before that was checked.
            Login::Challenged | Login::Proved | Login::Done if proof == Proof::Scram => {
                not_authenticated(AuthenticationFault::WrongProof)
            }
            _ => StoreError::unavailable(error),
        }
    }
}

/// Whether tokio-postgres itself went no further, rather than the network.
fn is_of_scram(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<io::Error>()) {
        Some(cause) => {
            cause.raw_os_error().is_none()
                && matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Other)
        }
        None => !error.is_closed(),
    }
}

async fn tcp(host: &str, address: Option<IpAddr>, port: u16) -> Result<Socket, ConnectError> {
    let server = format!("{host}:{port}");
    let addresses = match address {
        Some(address) => vec![(address, port).into()],
        None => {
            let not_found = |source| ConnectError::HostNotFound { host: host.into(), source };
            lookup_host((host, port)).await.map_err(not_found)?.collect()
        }
    };
    let connect = async {
        let socket = TcpStream::connect(&*addresses).await?;
        socket.set_nodelay(true)?;
        let options = SockRef::from(&socket);
        options.set_tcp_user_timeout(Some(UNCONFIRMED))?;
        options.set_tcp_keepalive(&TcpKeepalive::new().with_time(IDLE))?;
        Ok(socket)
    };
    let connected = timeout(CONNECT_LIMIT, connect).await.unwrap_or_else(|_| Err(late()));
    let socket = connected.map_err(|error| not_connected(server, error))?;
    Ok(Box::new(socket))
}

fn not_connected(server: String, source: io::Error) -> ConnectError {
    match source.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            ConnectError::NothingListens { server, source }
        }
        _ => ConnectError::Unreachable { server, source },
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "there was no answer within 5 seconds")
}

/// For `target_session_attrs=read-write`.
async fn takes_changes(client: &Client) -> Result<(), StoreError> {
    let answers = client.simple_query("SHOW transaction_read_only").await;
    let is_read_only = answers
        .map_err(failure::statement)?
        .iter()
        .any(|answer| matches!(answer, SimpleQueryMessage::Row(row) if row.get(0) != Some("off")));
    match is_read_only {
        true => Err(StoreError::ReadOnlyServer),
        false => Ok(()),
    }
}

/// Hands a stream on as it is.
struct AlreadyEncrypted;

impl tokio_postgres::tls::TlsConnect<Followed> for AlreadyEncrypted {
    type Stream = Followed;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Followed, std::convert::Infallible>>;

    fn connect(self, stream: Followed) -> Self::Future {
        std::future::ready(Ok(stream))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn connection_that_is_dropped_ends_its_task_though_the_server_says_nothing() {
        let (held, ended) = oneshot::channel::<()>();
        let driver = Driver(tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        }));
        drop(driver);
        timeout(CONNECT_LIMIT, ended).await.unwrap().unwrap_err();
    }
}
