//! A program of its own that calls a loaded package in a loop.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use signing_loader::{FollowedPackage, LoadedPackages, MaxStaleness, StoreReader, Verifier};
use signing_trust::store::{DatabaseUrl, RequiredTls};

use crate::{LIMIT, Outcome};

/// What the runner is told: by the environment, because the URL may hold a password.
const URL: &str = "CLOACINA_BENCH_RUNNER_URL";
const PACKAGE: &str = "CLOACINA_BENCH_RUNNER_PACKAGE";
const MAX_STALENESS: &str = "CLOACINA_BENCH_RUNNER_MAX_STALENESS";
/// Between two calls: shorter than what is measured, and long enough to leave the processors to
/// the server and to the threads that follow trust.
const PAUSE: Duration = Duration::from_micros(50);

/// A runner, as the program that measures it sees it.
pub(crate) struct Runner {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Runner {
    /// Starts this program again, as a runner. Returns when the package is loaded.
    pub(crate) fn start(url: &str, package: &Path, max_staleness: Duration) -> Outcome<Self> {
        let mut child = Command::new(env::current_exe()?)
            .env(URL, url)
            .env(PACKAGE, package)
            .env(MAX_STALENESS, max_staleness.as_secs().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("a runner without standard input")?;
        let answers = child.stdout.take().ok_or("a runner without standard output")?;
        let mut runner = Self { child, orders, answers: BufReader::new(answers) };
        runner.answer()?;
        Ok(runner)
    }

    /// Has it call the package in a loop from now on, until a call is refused.
    pub(crate) fn begin(&mut self) -> Outcome<()> {
        self.order("call")?;
        self.answer().map(drop)
    }

    /// When the first call was refused, since 1970.
    pub(crate) fn refused(&mut self) -> Outcome<Duration> {
        Ok(Duration::from_nanos(self.answer()?.parse()?))
    }

    /// Waits until calls are let in again.
    pub(crate) fn wait_until_open(&mut self) -> Outcome<()> {
        self.order("open")?;
        self.answer().map(drop)
    }

    fn order(&mut self, order: &str) -> Outcome<()> {
        writeln!(self.orders, "{order}")?;
        Ok(self.orders.flush()?)
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.trim() {
            "" => Err("a runner has ended".into()),
            answer => Ok(answer.to_owned()),
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Now, by the clock that all processes of this machine share.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whether this process was started to be a runner.
pub(crate) fn is_meant() -> bool {
    env::var_os(URL).is_some()
}

/// What a runner does.
pub(crate) async fn run() -> Outcome<()> {
    let url = DatabaseUrl::parse(&env::var(URL)?, RequiredTls::DangerNone)?;
    let store = StoreReader::open(&url).await?;
    let verifier = Verifier::organization(&store, "bench".parse()?).await?;
    let max_staleness: MaxStaleness = env::var(MAX_STALENESS)?.parse()?;
    let loaded = LoadedPackages::gate(&verifier, max_staleness)?;
    let package = loaded.load(env::var(PACKAGE)?.as_str()).await?;
    say("loaded")?;
    for order in io::stdin().lines() {
        match order?.as_str() {
            "call" => {
                say("calling")?;
                wait(&package, false)?;
                say(&now().as_nanos().to_string())?;
            }
            _ => {
                wait(&package, true)?;
                say("open")?;
            }
        }
    }
    Ok(())
}

fn wait(package: &FollowedPackage, is_open: bool) -> Outcome<()> {
    let begun = Instant::now();
    while package.enter().is_ok() != is_open {
        assert!(begun.elapsed() < LIMIT, "the gate does not follow trust");
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
