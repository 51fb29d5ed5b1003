use std::env;
use std::fs::Permissions;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::fixtures::{self, FIXTURES_VARIABLE};
use super::{Backend, Database, OwnServer, World};

/// No test takes nearly as long; one that does hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// Unless it was told to go on for longer, by one of these variables.
const LONG_LIMIT: Duration = Duration::from_secs(60 * 60);
const LONGER_VARIABLES: [&str; 2] = ["CLOACINA_TEST_ROUNDS", "CLOACINA_TEST_ATTACK_SECONDS"];

/// Set in a process that [`run_in_child`] started.
const CHILD_VARIABLE: &str = "CLOACINA_TEST_CHILD";

/// What a test is about: made from a new, empty database.
pub(crate) trait Subject {
    fn on(database: Database) -> impl Future<Output = Self>;
}

impl Subject for Database {
    async fn on(database: Database) -> Self {
        database
    }
}

impl Subject for World {
    async fn on(database: Database) -> Self {
        World::on(database).await
    }
}

/// Runs a test on a database of its own, which is removed however the test ends.
pub(crate) fn run<S, F>(backend: Backend, test: impl FnOnce(S) -> F + Send + 'static)
where
    S: Subject,
    F: Future<Output = ()>,
{
    let directory = private_directory();
    let runtime = runtime();
    let database = runtime.block_on(Database::create(backend, directory.path()));
    let subject = database.clone();
    let ended = in_time(&runtime, async move || test(S::on(subject).await).await);
    runtime.block_on(database.remove());
    conclude(runtime, ended);
}

/// Runs a test on a Postgres server of its own, which it may pause, kill and fill up,
/// and which goes when the test does.
pub(crate) fn run_alone<S, F>(test: impl FnOnce(OwnServer, S) -> F + Send + 'static)
where
    S: Subject,
    F: Future<Output = ()>,
{
    let directory = private_directory();
    let runtime = runtime();
    let server = OwnServer::start();
    let database = runtime.block_on(Database::create_on(server.url(), directory.path()));
    let ended = in_time(&runtime, async move || test(server, S::on(database).await).await);
    conclude(runtime, ended);
}

/// A directory that a store may be in, whatever the umask.
fn private_directory() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// How a test ended: with what its thread did, or not at all.
type Ended = Option<thread::Result<()>>;

/// In a thread of its own, which can be left behind when it hangs.
fn in_time(runtime: &Runtime, test: impl AsyncFnOnce() + Send + 'static) -> Ended {
    let handle = runtime.handle().clone();
    let (done, is_done) = mpsc::channel();
    let name = thread::current().name().unwrap_or("test").to_owned();
    let body = thread::Builder::new().name(name).spawn(move || {
        handle.block_on(test());
        let _ = done.send(());
    });
    match is_done.recv_timeout(limit()) {
        Err(RecvTimeoutError::Timeout) => None,
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Some(body.unwrap().join()),
    }
}

fn limit() -> Duration {
    let longer = LONGER_VARIABLES.iter().any(|variable| env::var_os(variable).is_some());
    if longer { LONG_LIMIT } else { LIMIT }
}

fn conclude(runtime: Runtime, ended: Ended) {
    // Not dropped: that would wait for a file operation that hangs.
    runtime.shutdown_background();
    match ended {
        Some(Ok(())) => {}
        Some(Err(panic)) => resume_unwind(panic),
        None => panic!("the test was still running after {:?}", limit()),
    }
}

/// Whether the hostile library's constructor has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Canary {
    Sings,
    IsSilent,
}

/// Runs the test that is called `path` (with its crate) in a process of its own, in
/// which the hostile library's constructor would write a file, and looks for that
/// file when the process has ended.
pub(crate) fn run_in_child(path: &str, expected: Canary, test: impl FnOnce()) {
    if env::var_os(CHILD_VARIABLE).is_some() {
        return test();
    }
    let (_, name) = path.split_once("::").unwrap();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("canary");
    let child = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--include-ignored", "--nocapture"])
        .env(CHILD_VARIABLE, name)
        .env(FIXTURES_VARIABLE, fixtures::directory())
        .env("CLOACINA_CANARY", &file)
        .output()
        .unwrap();
    let [out, err] = [&child.stdout, &child.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    // A filter that finds nothing is a success to libtest.
    assert!(child.status.success() && out.contains("1 passed"), "{name} failed:\n{out}\n{err}");
    let found = if file.exists() { Canary::Sings } else { Canary::IsSilent };
    assert_eq!(found, expected, "{name}");
}
