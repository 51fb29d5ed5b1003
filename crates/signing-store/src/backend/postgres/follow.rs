//! Follows what a server says, as far as it bears on who it is and on why it refuses.
//!
//! tokio-postgres answers a server that asks for the password in clear text or for its
//! MD5 digest, and believes one that lets everybody in. Diesel keeps the text of an error
//! and drops its SQLSTATE. Both are decided here, on the bytes before either sees them
//! (chapter 'Frontend/Backend Protocol' of Postgres' manual, 'Message Formats').

use std::io;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::transport::Transport;
use crate::error::AuthenticationFault;

/// What a server must do before anything is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Complete SCRAM, for which it must know the password.
    Scram,
    /// Nothing, and it must not ask for a password.
    None,
}

/// How far a login has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Login {
    #[default]
    Begun,
    /// The server offers SCRAM.
    Offered,
    /// It has sent its challenge.
    Challenged,
    /// It has sent its proof, which tokio-postgres checks.
    Proved,
    Done,
    /// What the server did was not good enough.
    Refused(AuthenticationFault),
}

/// What a server has said so far on one connection.
#[derive(Debug, Default)]
pub(crate) struct Observed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    login: Login,
    last_error: Option<SqlState>,
}

impl Observed {
    pub(super) fn login(&self) -> Login {
        self.lock().login
    }

    /// The SQLSTATE of the last error since this was last asked.
    pub(crate) fn take_last_error(&self) -> Option<SqlState> {
        self.lock().last_error.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message during login is no longer than this: libpq has the same limit. A server
/// that speaks another protocol would otherwise be waited for.
const LONGEST_DURING_LOGIN: u32 = 30_000;

/// How often a password is hashed for SCRAM. With fewer rounds than RFC 7677 asks for, a
/// false server would guess it sooner from what it hears; more than these take long, and
/// the protocol's library refuses them too.
const ITERATIONS: RangeInclusive<u32> = 4096..=100_000;

/// How much of a message after the login is looked at: the SQLSTATE comes before an error's
/// text. During the login messages are looked at whole, as what follows depends on them.
const LOOKED_AT: usize = 1024;

/// Cuts what comes from a server into messages, and looks at two kinds of them.
#[derive(Debug)]
struct Follower {
    proof: Proof,
    observed: Arc<Observed>,
    login: Login,
    part: Part,
}

/// The part of a message that comes next.
#[derive(Debug)]
enum Part {
    /// The tag and the length.
    Header {
        bytes: [u8; 5],
        filled: usize,
    },
    Body {
        tag: u8,
        left: usize,
        looked_at: Vec<u8>,
    },
}

const HEADER: Part = Part::Header { bytes: [0; 5], filled: 0 };

/// Why the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Violation {
    #[error("the server did not prove itself")]
    Authentication,
    #[error("the server does not speak the Postgres protocol")]
    Framing,
}

impl Follower {
    /// Takes in what comes next, in pieces of any length.
    fn follow(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        if let Login::Refused(_) = self.login {
            return Err(Violation::Authentication);
        }
        while !bytes.is_empty() {
            let looked_at_most = match self.login {
                Login::Done => LOOKED_AT,
                _ => LONGEST_DURING_LOGIN as usize,
            };
            match &mut self.part {
                Part::Header { bytes: header, filled } => {
                    let taken = bytes.len().min(header.len() - *filled);
                    header[*filled..*filled + taken].copy_from_slice(&bytes[..taken]);
                    *filled += taken;
                    bytes = &bytes[taken..];
                    if *filled < header.len() {
                        return Ok(());
                    }
                    let [tag, length @ ..] = *header;
                    self.part = self.body(tag, u32::from_be_bytes(length))?;
                }
                Part::Body { left, looked_at, .. } => {
                    let taken = bytes.len().min(*left);
                    let kept = taken.min(looked_at_most.saturating_sub(looked_at.len()));
                    looked_at.extend_from_slice(&bytes[..kept]);
                    *left -= taken;
                    bytes = &bytes[taken..];
                }
            }
            if let Part::Body { tag, left: 0, looked_at } = &self.part {
                let (tag, looked_at) = (*tag, looked_at.clone());
                self.part = HEADER;
                self.message(tag, &looked_at)?;
            }
        }
        Ok(())
    }

    /// What follows a header. The length counts itself.
    fn body(&self, tag: u8, length: u32) -> Result<Part, Violation> {
        let during_login = self.login != Login::Done;
        if during_login && length > LONGEST_DURING_LOGIN {
            return Err(Violation::Framing);
        }
        let left = length.checked_sub(4).ok_or(Violation::Framing)?;
        let left = usize::try_from(left).map_err(|_| Violation::Framing)?;
        Ok(Part::Body { tag, left, looked_at: Vec::new() })
    }

    fn message(&mut self, tag: u8, body: &[u8]) -> Result<(), Violation> {
        match tag {
            b'R' => self.go_on(after(self.proof, self.login, body)),
            b'E' => {
                // What fails because something failed before is not the reason.
                if let Some(state) = sqlstate(body)
                    && state != SqlState::IN_FAILED_SQL_TRANSACTION
                {
                    self.observed.lock().last_error = Some(state);
                }
                Ok(())
            }
            // A notice, and which version of the protocol the server speaks.
            b'N' | b'v' => Ok(()),
            _ if self.login == Login::Done => Ok(()),
            _ => self.go_on(Login::Refused(AuthenticationFault::LetIn)),
        }
    }

    fn go_on(&mut self, login: Login) -> Result<(), Violation> {
        self.login = login;
        self.observed.lock().login = login;
        match login {
            Login::Refused(_) => Err(Violation::Authentication),
            _ => Ok(()),
        }
    }
}

/// How far a login has come after an authentication message.
fn after(proof: Proof, login: Login, body: &[u8]) -> Login {
    use AuthenticationFault as Fault;

    let kind = body.first_chunk().map(|kind| i32::from_be_bytes(*kind));
    // The message that lets us in says nothing else.
    let is_all = body.len() == 4;
    match (proof, login, kind) {
        (Proof::None, Login::Begun, Some(0)) if is_all => Login::Done,
        (Proof::None, Login::Begun, _) => Login::Refused(Fault::PasswordAsked),
        (Proof::Scram, Login::Begun, Some(10)) if offers_scram(&body[4..]) => Login::Offered,
        (Proof::Scram, Login::Offered, Some(11)) => match iterations(&body[4..]) {
            Some(count) if ITERATIONS.contains(&count) => Login::Challenged,
            _ => Login::Refused(Fault::Iterations),
        },
        (Proof::Scram, Login::Challenged, Some(12)) => Login::Proved,
        (Proof::Scram, Login::Proved, Some(0)) if is_all => Login::Done,
        (_, _, Some(0)) => Login::Refused(Fault::LetIn),
        (_, _, Some(3)) => Login::Refused(Fault::ClearText),
        (_, _, Some(5)) => Login::Refused(Fault::Md5),
        _ => Login::Refused(Fault::OtherMethod),
    }
}

/// Each mechanism ends with a zero byte, and so does the list.
fn offers_scram(mechanisms: &[u8]) -> bool {
    let mut names = mechanisms.split(|byte| *byte == 0);
    names.any(|name| name == b"SCRAM-SHA-256" || name == b"SCRAM-SHA-256-PLUS")
}

/// The attribute `i` of a challenge (RFC 5802, section 5.1).
fn iterations(challenge: &[u8]) -> Option<u32> {
    let attribute = challenge.split(|byte| *byte == b',').find_map(|part| part.strip_prefix(b"i="));
    str::from_utf8(attribute?).ok()?.parse().ok()
}

/// The field `C` of an error: each field is a letter and text up to a zero byte.
fn sqlstate(body: &[u8]) -> Option<SqlState> {
    let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&b'C'))?;
    let code = str::from_utf8(&field[1..]).ok()?;
    let is_one = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| SqlState::from_code(code))
}

/// A connection whose server is followed. A message that it must not have sent is never
/// handed on.
pub(super) struct Followed {
    transport: Transport,
    follower: Follower,
}

impl Followed {
    pub(super) fn new(transport: Transport, proof: Proof, observed: Arc<Observed>) -> Self {
        let follower = Follower { proof, observed, login: Login::Begun, part: HEADER };
        Self { transport, follower }
    }
}

impl AsyncRead for Followed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(self.transport.stream()).poll_read(context, buffer))?;
        match self.follower.follow(&buffer.filled()[before..]) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(violation) => {
                buffer.set_filled(before);
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)))
            }
        }
    }
}

impl AsyncWrite for Followed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.transport.stream()).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.transport.stream()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.transport.stream()).poll_shutdown(context)
    }
}

impl TlsStream for Followed {
    fn channel_binding(&self) -> ChannelBinding {
        self.transport.channel_binding()
    }
}

#[cfg(test)]
mod tests;
