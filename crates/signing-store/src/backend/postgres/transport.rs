use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream as _};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::ConnectError;

/// What carries bytes to a server and back.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A TCP connection or one by a Unix socket.
pub(super) type Socket = Box<dyn Stream>;

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// A connection, encrypted or not.
pub(super) enum Transport {
    Plain(Socket),
    Tls(Box<TlsStream>),
}

impl Transport {
    pub(super) fn stream(&mut self) -> &mut dyn Stream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream,
        }
    }

    pub(super) fn channel_binding(&self) -> ChannelBinding {
        match self {
            Self::Plain(_) => ChannelBinding::none(),
            Self::Tls(stream) => stream.channel_binding(),
        }
    }

    /// Asks the server for TLS, and has it prove that it is `host`.
    pub(super) async fn encrypt(
        mut socket: Socket,
        mut tls: MakeRustlsConnect,
        host: &str,
    ) -> Result<Self, ConnectError> {
        /// Its length, and the code that no version of the protocol has.
        const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

        let failed = |source| ConnectError::Tls { host: host.into(), source };
        let cut = |error: std::io::Error| failed(error.into());
        socket.write_all(&SSL_REQUEST).await.map_err(cut)?;
        // No more than the answer: what comes after it is part of the handshake.
        match socket.read_u8().await.map_err(cut)? {
            b'S' => {}
            b'N' => return Err(ConnectError::NoTls { host: host.into() }),
            _ => return Err(failed("the server does not speak the Postgres protocol".into())),
        }
        let Ok(connector) = MakeTlsConnect::<Socket>::make_tls_connect(&mut tls, host);
        let stream = connector.connect(socket).await.map_err(|error| {
            let reason = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match reason {
                Some(rustls::Error::InvalidCertificate(_)) => {
                    ConnectError::Certificate { host: host.into(), source: error.into() }
                }
                _ => cut(error),
            }
        })?;
        Ok(Self::Tls(Box::new(stream)))
    }
}
