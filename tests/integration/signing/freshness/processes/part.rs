//! What the two processes do, and how they are told. They read lines from their
//! standard input and answer on standard error, since libtest writes to the other.

use std::fmt::{self, Display};
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Instant;
use std::{array, env};

use rustix::time::{ClockId, clock_gettime};
use signing_crypto::{Fingerprint, OrgId, TrustedKeyId};
use signing_loader::{SignatureSource, VerificationConfig, verify_package};
use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, RequiredTls, Revocation, Store};
use tokio::runtime::Builder;

use super::LIMIT;
use crate::support::{World, untrusted};

/// What this process is for, in those that [`Process::start`] starts.
const PART_VARIABLE: &str = "CLOACINA_TEST_PART";
/// The store's URL there: not an argument, as it has a password.
const URL_VARIABLE: &str = "CLOACINA_TEST_STORE_URL";

/// How often a refusal must be repeated.
const AGAIN: u64 = 5;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Verifies a package again and again, until it is refused.
    Verifier,
    /// Ends trust when it is told to.
    Revoker,
}

impl Part {
    pub(super) fn of_this_process() -> Option<Self> {
        let part = env::var(PART_VARIABLE).ok()?;
        Some(match part.as_str() {
            "verifier" => Self::Verifier,
            "revoker" => Self::Revoker,
            other => panic!("{other}"),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Verifier => "verifier",
            Self::Revoker => "revoker",
        }
    }

    /// Goes on until there is nobody to tell it what to do.
    pub(super) fn play(self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let url = env::var(URL_VARIABLE).unwrap();
            let url = DatabaseUrl::parse(&url, RequiredTls::DangerNone).unwrap();
            let keys = KeyManager::new(Store::open(&url).await.unwrap(), None);
            for line in io::stdin().lines() {
                let line = line.unwrap();
                let words: Vec<_> = line.split(' ').collect();
                match self {
                    Self::Verifier => verify(&keys, &words).await,
                    Self::Revoker => change(&keys, &words).await,
                }
            }
        });
    }
}

/// An end of trust.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    RevokeKey { id: TrustedKeyId },
    DenyKey { org: OrgId, fingerprint: Fingerprint },
    RevokeGrant { parent: OrgId, child: OrgId },
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RevokeKey { id } => write!(f, "revoke-key {id}"),
            Self::DenyKey { org, fingerprint } => write!(f, "deny-key {org} {fingerprint}"),
            Self::RevokeGrant { parent, child } => write!(f, "revoke-grant {parent} {child}"),
        }
    }
}

async fn change(keys: &KeyManager, words: &[&str]) {
    let begun = now();
    match *words {
        ["revoke-key", id] => {
            keys.revoke_trusted_key(id.parse().unwrap(), Revocation::retired()).await.unwrap();
        }
        ["deny-key", org, fingerprint] => {
            let fingerprint = fingerprint.parse().unwrap();
            keys.deny_key(org.parse().unwrap(), &fingerprint, None).await.unwrap();
        }
        ["revoke-grant", parent, child] => {
            let (parent, child) = (parent.parse().unwrap(), child.parse().unwrap());
            keys.revoke_trust(parent, child).await.unwrap();
        }
        _ => panic!("{words:?}"),
    }
    answer(&format!("changed {begun} {}", now()));
}

async fn verify(keys: &KeyManager, words: &[&str]) {
    let &[org, package, signature] = words else { panic!("{words:?}") };
    let (org, package) = (org.parse().unwrap(), PathBuf::from(package));
    let source = SignatureSource::DetachedFile(signature.into());
    let config = VerificationConfig::default();
    let verify = || verify_package(&package, org, &config, keys, source.clone());

    let started = Instant::now();
    let (mut held, mut last_accepted, mut accepted) = (None, 0, 0);
    let first_refusal = loop {
        assert!(started.elapsed() < LIMIT, "it is still accepted");
        let begun = now();
        match verify().await {
            Ok(verified) => {
                if held.is_none() {
                    answer("accepted");
                }
                held.get_or_insert(verified);
                (last_accepted, accepted) = (begun, accepted + 1);
            }
            refused => {
                untrusted(refused);
                break (begun, now());
            }
        }
    };
    for _ in 0..AGAIN {
        untrusted(verify().await);
    }
    // Nor does one load that was verified before.
    untrusted(held.unwrap().load().await);
    let ((begun, ended), refused) = (first_refusal, 1 + AGAIN);
    answer(&format!("decided {last_accepted} {begun} {ended} {accepted} {refused}"));
}

/// Nanoseconds on a clock that is the same in all processes (clock_gettime(2)).
fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[expect(clippy::print_stderr, reason = "the process that started this one reads it")]
fn answer(text: &str) {
    eprintln!("{text}");
}

/// A process that plays a part, and ends when this is dropped.
pub(super) struct Process {
    child: Child,
    answers: BufReader<ChildStderr>,
}

impl Process {
    /// Starts the test at `path` (with its crate) once more, with a part to play.
    pub(super) fn start(path: &str, part: Part, world: &World) -> Self {
        let (_, name) = path.split_once("::").unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--include-ignored", "--nocapture"])
            .env(PART_VARIABLE, part.name())
            .env(URL_VARIABLE, world.database.text())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stderr.take().unwrap());
        Self { child, answers }
    }

    pub(super) fn tell(&mut self, words: &[&dyn Display]) {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        writeln!(self.child.stdin.as_ref().unwrap(), "{}", words.join(" ")).unwrap();
    }

    /// Waits for an answer that begins with `word`, and returns the numbers in it.
    pub(super) fn hear<const COUNT: usize>(&mut self, word: &str) -> [u64; COUNT] {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            let read = self.answers.read_line(&mut line).unwrap();
            assert!(read > 0, "the process ended before it said {word:?}:\n{before}");
            let mut words = line.split_whitespace();
            if words.next() == Some(word) {
                return array::from_fn(|_| words.next().unwrap().parse().unwrap());
            }
            before.push_str(&line);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
