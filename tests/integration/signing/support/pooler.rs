use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use super::Login;

/// A connection pooler with two clients, each of which logs in to a session of its own. It
/// can exchange the sessions, as a pooler of transactions does between two of them.
pub(crate) struct Pooler {
    login: Login,
    connections: Arc<Connections>,
}

/// What is sent to each client and to each session, in the order of their logins.
#[derive(Default)]
struct Connections {
    clients: Mutex<Vec<OwnedWriteHalf>>,
    sessions: Mutex<Vec<OwnedWriteHalf>>,
    exchanged: AtomicBool,
}

impl Pooler {
    /// In front of the server that `login` leads to.
    pub(crate) async fn to(login: &Login) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::<Connections>::default();
        tokio::spawn(accept(listener, (login.host.clone(), login.port), connections.clone()));
        let login = Login { host: "127.0.0.1".into(), port, ..login.clone() };
        Self { login, connections }
    }

    /// The way through it.
    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    /// Lets each client use the session of the other. Both must be idle.
    pub(crate) async fn exchange_sessions(&self) {
        assert_eq!(self.connections.sessions.lock().await.len(), 2);
        self.connections.exchanged.fetch_xor(true, Ordering::SeqCst);
    }
}

async fn accept(listener: TcpListener, server: (String, u16), connections: Arc<Connections>) {
    for place in 0..2 {
        let (client, _) = listener.accept().await.unwrap();
        let session = TcpStream::connect(server.clone()).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_session, to_session) = session.into_split();
        connections.clients.lock().await.push(to_client);
        connections.sessions.lock().await.push(to_session);
        let all = connections.clone();
        tokio::spawn(async move { carry(from_client, &all.sessions, &all, place).await });
        let all = connections.clone();
        tokio::spawn(async move { carry(from_session, &all.clients, &all, place).await });
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    to: &Mutex<Vec<OwnedWriteHalf>>,
    connections: &Connections,
    place: usize,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or_default();
        let place = place ^ usize::from(connections.exchanged.load(Ordering::SeqCst));
        let to = &mut to.lock().await[place];
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}
