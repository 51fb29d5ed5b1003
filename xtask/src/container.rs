//! A Postgres server in a container that does not outlive this process.
//!
//! The container's first process waits for the server, and beside it a watcher reads
//! standard input, which is a pipe from this process. When the pipe closes, for any
//! reason including SIGKILL, the watcher kills the server, the first process ends and
//! the engine removes the container. So there is no signal handler to forget, and no
//! reaper to trust.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::process::{line, output_within, say, stream, wait_within};

/// How long a server may take from `run` to its first answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long the engine may take to answer a question.
const ENGINE_LIMIT: Duration = Duration::from_secs(20);
/// How much of the server's log is kept for an error.
const LOG_LIMIT: usize = 32 * 1024;
/// Nothing in these databases is meant to survive a crash, and every test has a pool.
const SERVER: [&str; 5] = ["postgres", "-c", "fsync=off", "-c", "max_connections=300"];

const SUPERVISE: &str = r#"
exec 3<&0
docker-entrypoint.sh "$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill -s KILL "$server") &
wait "$server"
"#;

/// Which server a task is to use: by default one that it starts for itself.
#[derive(clap::Args)]
pub(crate) struct ServerArguments {
    /// Image to start: the official one, or one whose entry point serves as its does.
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "postgres:17",
        conflicts_with = "database_url"
    )]
    image: String,

    /// Container engine [default: the first that answers].
    #[arg(long, value_enum, conflicts_with = "database_url")]
    engine: Option<EngineName>,

    /// Use this server, whose user may create databases, instead of a container.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// A server that can be had.
pub(crate) enum Server<'a> {
    /// It is there already.
    At(&'a str),
    /// It is to be started from an image.
    From(Engine, &'a str),
}

impl ServerArguments {
    /// Looks for the engine, if one is needed; starts nothing yet.
    pub(crate) fn find(&self) -> Result<Server<'_>> {
        match &self.database_url {
            Some(url) => Ok(Server::At(url)),
            None => Ok(Server::From(Engine::find(self.engine)?, &self.image)),
        }
    }
}

impl Server<'_> {
    /// Hands the server's URL to `work`, and ends what was started for it, unless it
    /// is to be kept.
    pub(crate) fn serve<T>(&self, keep: bool, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        match self {
            Self::At(url) => work(url),
            Self::From(engine, image) => {
                let postgres = Postgres::start(engine, image, keep)?;
                let done = work(postgres.url());
                postgres.finish()?;
                done
            }
        }
    }
}

/// The engines whose command line is docker's.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum EngineName {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// A container engine that has answered.
pub(crate) struct Engine(&'static str);

impl Engine {
    /// The engine asked for, or else the first that answers.
    fn find(wanted: Option<EngineName>) -> Result<Self> {
        let names: &[&'static str] = match wanted {
            Some(EngineName::Docker) => &["docker"],
            Some(EngineName::Podman) => &["podman"],
            None => &["docker", "podman"],
        };
        let mut reasons = Vec::new();
        for name in names {
            let engine = Self(name);
            match output_within(&mut engine.command(&["version"]), ENGINE_LIMIT) {
                Ok(_) => return Ok(engine),
                Err(reason) => reasons.push(format!("  {name}: {reason:#}")),
            }
        }
        bail!(
            "no container engine answers:\n{}\nstart one, or give --database-url the URL of a \
             Postgres server whose user may create databases",
            reasons.join("\n")
        )
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.0);
        command.args(arguments);
        command
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        output_within(&mut self.command(arguments), ENGINE_LIMIT)
    }

    /// Fetches the image when it is not here, outside the time for starting the server.
    fn provide(&self, image: &str) -> Result<()> {
        if self.ask(&["image", "inspect", image]).is_ok() {
            return Ok(());
        }
        let pull = self.command(&["pull", image]);
        let status = stream(&pull, say)?;
        ensure!(
            status.success(),
            "`{}` failed ({status}). Where no registry can be reached, .ci/postgres-image builds \
             an image from Debian's packages: then use --image cloacina-postgres:local",
            line(&pull)
        );
        Ok(())
    }
}

/// A server that answers at [`Postgres::url`].
struct Postgres<'a> {
    container: Container<'a>,
    url: String,
}

impl<'a> Postgres<'a> {
    /// Starts a server with a random password on a free port of the loopback interface.
    fn start(engine: &'a Engine, image: &str, keep: bool) -> Result<Self> {
        engine.provide(image)?;
        let password = random_hex::<24>()?;
        let mut container = Container::run(engine, image, keep, &password)?;
        let port = container.wait_until_ready()?;
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
        if keep {
            say(&format!("test-db: container {} is kept, at {url}", container.name))?;
        }
        Ok(Self { container, url })
    }

    /// Where the server's maintenance database is.
    fn url(&self) -> &str {
        &self.url
    }

    /// Removes the container, or says how to where it is to be kept.
    fn finish(mut self) -> Result<()> {
        if self.container.client.is_none() {
            let (engine, name) = (self.container.engine.0, &self.container.name);
            say(&format!("test-db: kept {}; to remove it: {engine} rm -f -v {name}", self.url))?;
        }
        self.container.remove()
    }
}

struct Container<'a> {
    engine: &'a Engine,
    name: String,
    /// The engine's client, whose standard input holds the container; `None` when the
    /// container is to be kept or is gone.
    client: Option<Child>,
    log: Arc<Mutex<Vec<u8>>>,
}

impl<'a> Container<'a> {
    fn run(engine: &'a Engine, image: &str, keep: bool, password: &str) -> Result<Self> {
        let name = format!("cloacina-test-{}", random_hex::<6>()?);
        let mut command = engine.command(&["run", "--name", &name]);
        // Named only: the value goes by the environment, not into an argument list.
        command.args(["-e", "POSTGRES_PASSWORD"]).env("POSTGRES_PASSWORD", password);
        command.args(["-p", "127.0.0.1::5432", "--pull", "never"]);
        let mut container = Self { engine, name, client: None, log: Arc::default() };
        if keep {
            command.args(["-d", "--entrypoint", "docker-entrypoint.sh", image]).args(SERVER);
            output_within(&mut command, START_LIMIT)?;
            // Before it answers, because it stays even when it never does.
            say(&format!("test-db: started {}, to be kept", container.name))?;
            return Ok(container);
        }
        command
            .args(["--rm", "-i", "--entrypoint", "sh", image, "-c", SUPERVISE, "sh"])
            .args(SERVER);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Out of the terminal's reach: a Ctrl-C ends this process, and by that the
        // container, while a client that died first might leave it to the engine.
        command.process_group(0);
        let mut client =
            command.spawn().with_context(|| format!("cannot start `{} run`", engine.0))?;
        let (stdout, stderr) = (client.stdout.take(), client.stderr.take());
        container.client = Some(client);
        keep_log(stdout.context("no stdout")?, &container.log);
        keep_log(stderr.context("no stderr")?, &container.log);
        Ok(container)
    }

    /// Returns the server's port as soon as the server answers.
    fn wait_until_ready(&mut self) -> Result<u16> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(client) = &mut self.client
                && let Some(status) = client.try_wait()?
            {
                bail!("the Postgres container ended ({status}); its log:\n{}", self.log());
            }
            let reason = match self.try_port() {
                Ok(port) => return Ok(port),
                Err(reason) => reason,
            };
            if Instant::now() >= deadline {
                let limit = START_LIMIT.as_secs();
                bail!(
                    "Postgres did not answer within {limit} s: {reason:#}; its log:\n{}",
                    self.log()
                );
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn try_port(&self) -> Result<u16> {
        // By TCP, because the official image starts a server on a socket alone while
        // it initialises, and stops it again.
        let ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", "5432", "-U", "postgres"];
        self.engine.ask(&[&["exec", &self.name], &ready[..]].concat())?;
        let ports = self.engine.ask(&["port", &self.name, "5432/tcp"])?;
        let port = ports.lines().find_map(|line| line.strip_prefix("127.0.0.1:"));
        let port = port.with_context(|| format!("no loopback port in {ports:?}"))?;
        port.parse().with_context(|| format!("no port number in {ports:?}"))
    }

    fn log(&self) -> String {
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

    fn remove(&mut self) -> Result<()> {
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

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("test-db: cannot remove the container {}: {error:#}", self.name);
        }
    }
}

/// Reads what the server says, so that it never waits for a reader, and keeps the end.
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

fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    let mut source = File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    source.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
