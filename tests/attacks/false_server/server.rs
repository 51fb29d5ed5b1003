use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What a server says to a client that wants to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Lets everybody in.
    LetsIn,
    AsksForClearText,
    AsksForMd5,
    /// Offers a mechanism that is not SCRAM-SHA-256.
    OffersAnotherMechanism,
    /// Begins SCRAM, and lets the client in before it has proved anything.
    AbortsScram,
    /// Takes the client's proof, and lets it in without giving its own.
    KeepsItsProofBack,
    /// Ends SCRAM with a proof that it made up.
    MakesUpItsProof,
    /// Knows the password.
    CompletesScram,
    /// Refuses with this SQLSTATE.
    Refuses(&'static str),
    /// Answers with a byte that begins no message of the protocol, and so on.
    Babbles,
    /// Says that it does not do TLS, whatever it is asked.
    HasNoTls,
}

/// A server that listens where the database server was. It keeps what it hears.
pub(super) struct FalseServer {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl FalseServer {
    pub(super) fn on_tcp(manner: Manner, password: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::default();
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                let _ = Visit { stream, heard: &kept }.receive(manner, password);
            }
        });
        Self { port, heard }
    }

    pub(super) fn on_a_socket(directory: &Path, manner: Manner, password: &'static str) -> Self {
        let port = 5432;
        let listener = UnixListener::bind(directory.join(format!(".s.PGSQL.{port}"))).unwrap();
        let heard = Arc::default();
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                let _ = Visit { stream, heard: &kept }.receive(manner, password);
            }
        });
        Self { port, heard }
    }

    /// Whether these bytes are in what clients have sent.
    pub(super) fn has_heard(&self, bytes: impl AsRef<[u8]>) -> bool {
        let (heard, bytes) = (self.heard(), bytes.as_ref());
        heard.windows(bytes.len()).any(|window| window == bytes)
    }

    pub(super) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Nothing that hangs may hang the tests.
const LIMIT: Duration = Duration::from_secs(10);
const SALT: [u8; 4] = *b"salt";
const ROUNDS: u32 = 4096;

struct Visit<'a, S> {
    stream: S,
    heard: &'a Mutex<Vec<u8>>,
}

impl<S: Read + Write> Visit<'_, S> {
    fn receive(mut self, manner: Manner, password: &str) -> io::Result<()> {
        let startup = self.startup()?;
        if startup[4..8] == SSL_REQUEST {
            self.stream.write_all(b"N")?;
            return self.listen();
        }
        match manner {
            Manner::LetsIn => self.let_in()?,
            Manner::AsksForClearText => {
                self.authentication(3, b"")?;
                self.message()?;
                self.let_in()?;
            }
            Manner::AsksForMd5 => {
                self.authentication(5, &SALT)?;
                self.message()?;
                self.let_in()?;
            }
            Manner::OffersAnotherMechanism => self.authentication(10, b"PLAIN\0\0")?,
            Manner::Refuses(state) => self.refuse(state)?,
            Manner::Babbles => self.stream.write_all(&[b'H'; 4096])?,
            Manner::HasNoTls => {}
            Manner::AbortsScram
            | Manner::KeepsItsProofBack
            | Manner::MakesUpItsProof
            | Manner::CompletesScram => self.scram(manner, password)?,
        }
        self.listen()
    }

    /// RFC 5802, as a server does it.
    fn scram(&mut self, manner: Manner, password: &str) -> io::Result<()> {
        self.authentication(10, b"SCRAM-SHA-256\0\0")?;
        let initial = String::from_utf8_lossy(&self.message()?).into_owned();
        if manner == Manner::AbortsScram {
            return self.let_in();
        }
        let (_, client_first) = initial.split_once("n=").unwrap();
        let client_first = format!("n={client_first}");
        let (_, nonce) = client_first.split_once("r=").unwrap();
        let salt = BASE64_STANDARD.encode(SALT);
        let server_first = format!("r={nonce}more,s={salt},i={ROUNDS}");
        self.authentication(11, server_first.as_bytes())?;
        let client_final = String::from_utf8_lossy(&self.message()?).into_owned();
        if manner == Manner::KeepsItsProofBack {
            return self.let_in();
        }
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &SALT, ROUNDS, &mut salted);
        let (without_proof, proof) = client_final.split_once(",p=").unwrap();
        let signed = format!("{client_first},{server_first},{without_proof}");
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&Sha256::digest(client_key), signed.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(signature).map(|(k, s)| k ^ s).collect();
        if manner == Manner::CompletesScram && BASE64_STANDARD.encode(expected) != proof {
            return self.refuse("28P01");
        }
        let mut signature = hmac(&hmac(&salted, b"Server Key"), signed.as_bytes());
        if manner == Manner::MakesUpItsProof {
            signature[0] ^= 1;
        }
        let server_final = format!("v={}", BASE64_STANDARD.encode(signature));
        self.authentication(12, server_final.as_bytes())?;
        self.let_in()
    }

    fn let_in(&mut self) -> io::Result<()> {
        self.authentication(0, b"")?;
        self.send(b'K', &[0; 8])?;
        self.send(b'Z', b"I")
    }

    fn refuse(&mut self, state: &str) -> io::Result<()> {
        let body = format!("SFATAL\0VFATAL\0C{state}\0Mthe server's own words\0\0");
        self.send(b'E', body.as_bytes())
    }

    fn authentication(&mut self, kind: i32, data: &[u8]) -> io::Result<()> {
        self.send(b'R', &[&kind.to_be_bytes(), data].concat())
    }

    fn send(&mut self, tag: u8, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.stream.write_all(&[&[tag], &length[..], body].concat())
    }

    /// The first message has no tag.
    fn startup(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        self.read_exact(&mut body)?;
        Ok([&length[..], &body].concat())
    }

    fn message(&mut self) -> io::Result<Vec<u8>> {
        self.read_exact(&mut [0])?;
        let startup = self.startup()?;
        Ok(startup[4..].to_vec())
    }

    /// Hears what the client says to a server that it takes for the true one, and ends.
    fn listen(&mut self) -> io::Result<()> {
        self.message().map(drop)
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(bytes)?;
        self.heard.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }
}

/// The code of an SSLRequest.
const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().into()
}
