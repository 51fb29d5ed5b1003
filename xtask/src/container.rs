//! A Postgres server in a container that does not outlive this process.

mod engine;
mod held;

use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::say;
pub use engine::{Engine, EngineName};
pub use held::{Container, Pause};

/// How long a server may take from `run` to its first answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Nothing in these databases is meant to survive a crash, and every test has a pool.
const SERVER: [&str; 5] = ["postgres", "-c", "fsync=off", "-c", "max_connections=300"];

/// The container's first process waits for the server, and beside it a watcher reads
/// standard input. When that closes, the watcher kills the server, the first process
/// ends and the engine removes the container.
const SUPERVISE: &str = r#"
exec 3<&0
docker-entrypoint.sh "$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill -s KILL "$server") &
wait "$server"
"#;

/// Which server a task is to use: by default one that it starts for itself.
#[derive(Clone, clap::Args)]
pub struct ServerArguments {
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

    /// Use this server instead of a container: one for tests, as they change its settings;
    /// its user must be a superuser.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// A server that can be had.
pub enum Server<'a> {
    /// It is there already.
    At(&'a str),
    /// It is to be started from an image.
    From(Engine, &'a str),
}

impl ServerArguments {
    /// Looks for the engine, if one is needed; starts nothing yet.
    ///
    /// # Errors
    ///
    /// No engine answers.
    pub fn find(&self) -> Result<Server<'_>> {
        match &self.database_url {
            Some(url) => Ok(Server::At(url)),
            None => Ok(Server::From(Engine::find(self.engine)?, &self.image)),
        }
    }
}

impl Server<'_> {
    /// Hands the server's URL to `work`, and ends what was started for it, unless it
    /// is to be kept.
    ///
    /// # Errors
    ///
    /// The server does not start, is not removed, or `work` fails.
    pub fn serve<T>(&self, keep: bool, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        match self {
            Self::At(url) => work(url),
            Self::From(engine, image) => {
                let postgres = Postgres::start(*engine, image, keep)?;
                let done = work(&postgres.url);
                postgres.finish()?;
                done
            }
        }
    }
}

/// A server that answers at its URL, where its maintenance database is.
struct Postgres {
    container: Container,
    url: String,
}

impl Postgres {
    /// Starts a server with a random password on a free port of the loopback interface.
    fn start(engine: Engine, image: &str, keep: bool) -> Result<Self> {
        engine.provide(image)?;
        let password = random_hex::<24>()?;
        let configure = |command: &mut Command| {
            // Named only: the value goes by the environment, not into an argument list.
            command.args(["-e", "POSTGRES_PASSWORD"]).env("POSTGRES_PASSWORD", &password);
            command.args(["-p", "127.0.0.1::5432"]);
        };
        let name = format!("cloacina-test-{}", random_hex::<6>()?);
        let mut container = match keep {
            false => Container::run(engine, &name, image, configure, SUPERVISE, &SERVER)?,
            true => {
                let container = Container::keep(engine, &name, image, configure, &SERVER)?;
                // Before it answers, because it stays even when it never does.
                say(&format!("test-db: started {name}, to be kept"))?;
                container
            }
        };
        let port = wait_until_ready(&mut container)?;
        // Nobody but these tests uses the server, so it needs no certificate.
        let url =
            format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
        if keep {
            say(&format!("test-db: container {name} is kept, at {url}"))?;
        }
        Ok(Self { container, url })
    }

    /// Removes the container, or says how to where it is to be kept.
    fn finish(mut self) -> Result<()> {
        if self.container.is_kept() {
            let (engine, name) = (self.container.engine(), self.container.name());
            say(&format!("test-db: kept {}; to remove it: {engine} rm -f -v {name}", self.url))?;
        }
        self.container.remove()
    }
}

/// Returns the server's port as soon as the server answers.
fn wait_until_ready(container: &mut Container) -> Result<u16> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if let Some(status) = container.ended()? {
            bail!("the Postgres container ended ({status}); its log:\n{}", container.log());
        }
        let reason = match container.answers_at(5432) {
            Ok(port) => return Ok(port),
            Err(reason) => reason,
        };
        if Instant::now() >= deadline {
            let (limit, log) = (START_LIMIT.as_secs(), container.log());
            bail!("Postgres did not answer within {limit} s: {reason:#}; its log:\n{log}");
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn random_hex<const BYTES: usize>() -> Result<String> {
    let mut bytes = [0; BYTES];
    let mut source = File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    source.read_exact(&mut bytes).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
