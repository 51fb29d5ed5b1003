use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;

use super::Login;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It arrives.
    Open,
    /// It waits, on connections that stay, as with a server that is paused.
    Frozen,
    /// It is lost, with its connection.
    Cut,
}

/// A network between a program and a server.
pub(crate) struct Proxy {
    flow: watch::Sender<Flow>,
    login: Login,
}

impl Proxy {
    /// In front of the server that `login` leads to.
    pub(crate) async fn to(login: Login) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (flow, watched) = watch::channel(Flow::Open);
        tokio::spawn(accept(listener, (login.host.clone(), login.port), watched));
        Self { flow, login: Login { host: "127.0.0.1".into(), port, ..login } }
    }

    /// The way through it.
    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    pub(crate) fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }
}

/// Ends when nobody can change the flow any more.
async fn accept(listener: TcpListener, server: (String, u16), flow: watch::Receiver<Flow>) {
    let mut dropped = flow.clone();
    loop {
        let client = select! {
            accepted = listener.accept() => accepted.unwrap().0,
            Err(_) = dropped.wait_for(|_| false) => return,
        };
        if *flow.borrow() != Flow::Cut {
            tokio::spawn(connect(client, server.clone(), flow.clone()));
        }
    }
}

async fn connect(client: TcpStream, server: (String, u16), flow: watch::Receiver<Flow>) {
    let server = TcpStream::connect(server).await.unwrap();
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = flow.clone();
    select! {
        () = carry(from_client, to_server, flow.clone()) => {}
        () = carry(from_server, to_client, flow) => {}
        _ = cut.wait_for(|flow| *flow == Flow::Cut) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut flow: watch::Receiver<Flow>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if flow.wait_for(|flow| *flow == Flow::Open).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}
