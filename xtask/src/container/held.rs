//! Containers that do not outlive the process that started them.
//!
//! A container's first process ends when its standard input does, which is a pipe from
//! this process. So there is no signal handler to forget and no reaper to trust:
//! SIGKILL closes the pipe as well. A container that is paused cannot notice, so what
//! pauses it is a process that undoes that when its own standard input ends.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::engine::{ENGINE_LIMIT, Engine};
use crate::process::{output_within, wait_within};

/// How long a container that is kept may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How much of what a container says is kept for an error.
const LOG_LIMIT: usize = 32 * 1024;

/// Its standard input is a pipe from the process that wants the pause.
const PAUSE: &str = r#"
"$1" pause "$2" >/dev/null || exit
trap '"$1" unpause "$2" >/dev/null' EXIT
echo paused
cat >/dev/null
"#;

/// A container, removed when it is dropped unless it is to be kept.
#[derive(Debug)]
pub struct Container {
    engine: Engine,
    name: String,
    /// The engine's client, whose standard input holds the container; `None` when the
    /// container is to be kept or is gone.
    client: Option<Child>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl Container {
    /// Starts `script`, which must end when its standard input does, in a container.
    ///
    /// # Errors
    ///
    /// The engine's client does not start; that the container does not shows later.
    pub fn run(
        engine: Engine,
        name: &str,
        image: &str,
        configure: impl FnOnce(&mut Command),
        script: &str,
        arguments: &[&str],
    ) -> Result<Self> {
        let mut command = engine.command(&["run", "--name", name, "--pull", "never"]);
        configure(&mut command);
        command.args(["--rm", "-i", "--entrypoint", "sh", image, "-c", script, "sh"]);
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Out of the terminal's reach: a Ctrl-C ends this process, and by that the
        // container, while a client that died first might leave it to the engine.
        command.process_group(0);
        let mut client = command.spawn().with_context(|| format!("cannot start `{engine} run`"))?;
        let (stdout, stderr) = (client.stdout.take(), client.stderr.take());
        let (name, log) = (name.to_owned(), Arc::default());
        let container = Self { engine, name, client: Some(client), log };
        keep_log(stdout.context("no stdout")?, &container.log);
        keep_log(stderr.context("no stderr")?, &container.log);
        Ok(container)
    }

    /// Starts the image's own entry point in a container that stays.
    ///
    /// # Errors
    ///
    /// The container does not start.
    pub fn keep(
        engine: Engine,
        name: &str,
        image: &str,
        configure: impl FnOnce(&mut Command),
        arguments: &[&str],
    ) -> Result<Self> {
        let mut command = engine.command(&["run", "--name", name, "--pull", "never"]);
        configure(&mut command);
        command.args(["-d", "--entrypoint", "docker-entrypoint.sh", image]).args(arguments);
        output_within(&mut command, START_LIMIT)?;
        Ok(Self { engine, name: name.to_owned(), client: None, log: Arc::default() })
    }

    /// The engine that runs it.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// What the engine calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it stays.
    pub fn is_kept(&self) -> bool {
        self.client.is_none()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// The engine's client cannot be asked.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.client.as_mut().map_or(Ok(None), |client| Ok(client.try_wait()?))
    }

    /// Runs a program in it, as its administrator, and returns what that says.
    ///
    /// # Errors
    ///
    /// The program fails, or takes too long.
    pub fn exec(&self, arguments: &[&str]) -> Result<String> {
        self.engine.ask(&[&["exec", &self.name], arguments].concat())
    }

    /// Where on the loopback interface one reaches the server that answers at `port` inside.
    ///
    /// # Errors
    ///
    /// No server answers there, or the port was not published.
    pub fn answers_at(&self, port: u16) -> Result<u16> {
        // By TCP, because the official image starts a server on a socket alone while
        // it initializes, and stops it again.
        let inside = port.to_string();
        self.exec(&["pg_isready", "-q", "-h", "127.0.0.1", "-p", &inside, "-U", "postgres"])?;
        self.published(port)
    }

    /// The port of the loopback interface that leads to `port` inside.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn published(&self, port: u16) -> Result<u16> {
        let ports = self.engine.ask(&["port", &self.name, &format!("{port}/tcp")])?;
        let found = ports.lines().find_map(|line| line.strip_prefix("127.0.0.1:"));
        let found = found.with_context(|| format!("no loopback port in {ports:?}"))?;
        found.parse().with_context(|| format!("no port number in {ports:?}"))
    }

    /// Stops all that runs in it, in the middle of what it does, until what is
    /// returned is dropped.
    ///
    /// # Errors
    ///
    /// The engine cannot pause it.
    pub fn pause(&self) -> Result<Pause> {
        let mut command = Command::new("sh");
        command.args(["-c", PAUSE, "sh", &self.engine.to_string(), &self.name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut holder = command.spawn().context("cannot start sh")?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take().context("no stdout")?).read_line(&mut said)?;
        let pause = Pause { holder };
        ensure!(said == "paused\n", "{} cannot pause {}", self.engine, self.name);
        Ok(pause)
    }

    /// The end of what it has said.
    pub fn log(&self) -> String {
        if self.client.is_none() {
            // A container that is kept has no client here that would have kept its log.
            return self
                .engine
                .ask(&["logs", "--tail", "100", &self.name])
                .unwrap_or_else(|error| format!("(cannot be read: {error:#})"));
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Ends and removes it, unless it is to be kept.
    ///
    /// # Errors
    ///
    /// It is still there.
    pub fn remove(&mut self) -> Result<()> {
        let Some(mut client) = self.client.take() else { return Ok(()) };
        drop(client.stdin.take());
        // The client ends when the engine has removed the container.
        if wait_within(&mut client, ENGINE_LIMIT)?.is_none() {
            client.kill()?;
            client.wait()?;
        }
        let filter = format!("name=^{}$", self.name);
        if self.engine.ask(&["ps", "-a", "-q", "--filter", &filter])?.trim().is_empty() {
            return Ok(());
        }
        self.engine.ask(&["rm", "-f", "-v", &self.name]).map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("cannot remove the container {}: {error:#}", self.name);
        }
    }
}

/// A container stands still as long as this is held.
#[derive(Debug)]
pub struct Pause {
    holder: Child,
}

impl Drop for Pause {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        if let Err(error) = self.holder.wait() {
            eprintln!("cannot wait for a container to go on: {error:#}");
        }
    }
}

/// Reads what is said, so that nobody ever waits for a reader, and keeps the end.
fn keep_log(mut from: impl Read + Send + 'static, log: &Arc<Mutex<Vec<u8>>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.extend_from_slice(&buffer[..read]);
            let excess = log.len().saturating_sub(LOG_LIMIT);
            log.drain(..excess);
        }
    });
}
