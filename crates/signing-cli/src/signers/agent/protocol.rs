use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::process::{Uid, geteuid};

use crate::signer_error::AgentError;
use crate::ssh::{ED25519, PublicKeyBlob, Reader, write_string};

/// The most bytes that a message of OpenSSH's agent may have.
const MAX_MESSAGE: usize = 256 * 1024;

/// The number that stands for every user whom this user namespace does not know, of the
/// kernel's default (`/proc/sys/kernel/overflowuid`): several users may have it.
const UNKNOWN_USER: u32 = 65_534;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Where an agent is. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub(super) struct Agent(PathBuf);

/// A public key whose private half the agent holds.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) blob: PublicKeyBlob,
    pub(super) comment: Vec<u8>,
}

impl Agent {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self(socket)
    }

    pub(super) fn identities(&self) -> Result<Vec<Identity>, AgentError> {
        let answer = self.ask(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER)?;
        identities(&answer).ok_or(AgentError::Malformed)
    }

    /// Sends what [`sign_request`] made.
    pub(super) fn sign(&self, request: &[u8]) -> Result<[u8; 64], AgentError> {
        signature(&self.ask(request, SIGN_RESPONSE)?).ok_or(AgentError::Malformed)
    }

    /// The content of the answer, which must be of type `expected`.
    fn ask(&self, request: &[u8], expected: u8) -> Result<Vec<u8>, AgentError> {
        let unreachable = |source| AgentError::Unreachable { path: self.0.clone(), source };
        let stream = UnixStream::connect(&self.0).map_err(unreachable)?;
        self.require_own(&stream)?;
        let answer = exchange(stream, request).map_err(unreachable)?;
        let mut answer = answer.ok_or(AgentError::Malformed)?;
        match answer.first() {
            Some(&FAILURE) => Err(AgentError::Refused),
            Some(&found) if found == expected => Ok(answer.split_off(1)),
            _ => Err(AgentError::Malformed),
        }
    }

    /// Refuses an agent that others may have put there: where no key is expected, as when root
    /// keys are chosen, it would choose the key.
    fn require_own(&self, stream: &UnixStream) -> Result<(), AgentError> {
        let path = || self.0.clone();
        let owner = self.owner(stream);
        let owner = owner.map_err(|source| AgentError::Unreachable { path: path(), source })?;
        let is_own = owner == geteuid() && owner.as_raw() != UNKNOWN_USER;
        match owner.is_root() || is_own {
            true => Ok(()),
            false => Err(AgentError::OfAnotherUser { path: path(), owner: owner.as_raw() }),
        }
    }

    /// Whose process answers.
    #[cfg(target_os = "linux")]
    #[expect(clippy::unused_self, reason = "elsewhere it is the owner of the path")]
    fn owner(&self, stream: &UnixStream) -> io::Result<Uid> {
        Ok(rustix::net::sockopt::socket_peercred(stream)?.uid)
    }

    /// Whose socket it is, where nothing tells the process.
    #[cfg(not(target_os = "linux"))]
    fn owner(&self, _: &UnixStream) -> io::Result<Uid> {
        use std::os::unix::fs::MetadataExt;

        Ok(Uid::from_raw(std::fs::metadata(&self.0)?.uid()))
    }
}

/// The answer, unless it is too large.
fn exchange(mut stream: UnixStream, request: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::with_capacity(4 + request.len());
    write_string(&mut message, request);
    stream.write_all(&message)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_MESSAGE {
        return Ok(None);
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(Some(answer))
}

/// Asks to sign `data`.
pub(super) fn sign_request(key: &PublicKeyBlob, data: &[u8]) -> Result<Vec<u8>, AgentError> {
    // The type, the lengths of key and data, and the flags.
    let limit = MAX_MESSAGE - key.as_bytes().len() - (1 + 4 + 4 + 4);
    if data.len() > limit {
        return Err(AgentError::TooLarge { found: data.len(), limit });
    }
    let mut request = vec![SIGN_REQUEST];
    write_string(&mut request, key.as_bytes());
    write_string(&mut request, data);
    // No flags: they choose among the algorithms of an RSA key.
    request.extend_from_slice(&[0; 4]);
    Ok(request)
}

fn identities(answer: &[u8]) -> Option<Vec<Identity>> {
    let mut reader = Reader::new(answer);
    let mut found = Vec::new();
    for _ in 0..reader.number()? {
        let blob = PublicKeyBlob::new(reader.string()?);
        found.push(Identity { blob, comment: reader.string()?.to_owned() });
    }
    reader.is_empty().then_some(found)
}

fn signature(answer: &[u8]) -> Option<[u8; 64]> {
    let mut answer = Reader::new(answer);
    let mut signature = Reader::new(answer.string()?);
    let (algorithm, bytes) = (signature.string()?, signature.string()?);
    let is_whole = answer.is_empty() && signature.is_empty() && algorithm == ED25519;
    bytes.try_into().ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(strings: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        strings.iter().for_each(|string| write_string(&mut bytes, string));
        bytes
    }

    fn answer(algorithm: &[u8], bytes: &[u8]) -> Vec<u8> {
        strings(&[&strings(&[algorithm, bytes])])
    }

    #[test]
    fn a_signature_is_read_and_none_with_more_or_less() {
        let whole = answer(ED25519, &[7; 64]);
        assert_eq!(signature(&whole), Some([7; 64]));
        for length in 0..whole.len() {
            assert_eq!(signature(&whole[..length]), None, "{length}");
        }
        assert_eq!(signature(&[&whole[..], b"x"].concat()), None);
        for bytes in [63, 65] {
            assert_eq!(signature(&answer(ED25519, &vec![7; bytes])), None);
        }
        assert_eq!(signature(&answer(b"ssh-rsa", &[7; 64])), None);
    }

    #[test]
    fn a_number_of_identities_that_are_not_there_costs_nothing() {
        assert!(identities(&u32::MAX.to_be_bytes()).is_none());
        let one = [&1_u32.to_be_bytes()[..], &strings(&[b"key", b"comment"])].concat();
        assert_eq!(identities(&one).unwrap()[0].comment, b"comment");
        assert!(identities(&[&one[..], b"x"].concat()).is_none());
    }

    #[test]
    fn a_request_that_the_agent_would_not_read_is_not_made() {
        let key = PublicKeyBlob::new(&[1; 51]);
        let limit = MAX_MESSAGE - 51 - 13;
        assert_eq!(sign_request(&key, &vec![0; limit]).unwrap().len(), MAX_MESSAGE);
        assert!(matches!(
            sign_request(&key, &vec![0; limit + 1]),
            Err(AgentError::TooLarge { found, limit: at_most }) if found == limit + 1 && at_most == limit
        ));
    }
}
