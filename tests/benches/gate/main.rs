//! What the gate of a loaded package costs, beside a bare counter, and how soon it closes for
//! programs that call in a loop.
//!
//! Run by `cargo xtask bench`, which gives it a Postgres server. It asserts that the gate is
//! open and closed when it should be, and nothing about time:
//! `docs/content/reference/benchmarks.md` says how to read the tables that it prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are for a terminal")]

mod proxy;
mod runner;

use std::env;
use std::error::Error;
use std::fs::{self, Permissions};
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signing_crypto::{SigningKey, TrustedKeyId};
use signing_loader::{LoadedPackages, MaxStaleness, Verifier, sign_package};
use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, RequiredTls, Revocation, Store, StoreReader};
use tokio_postgres::NoTls;
use uuid::Uuid;

use proxy::Proxy;
use runner::{Runner, now};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Where the Postgres server is; by the environment, because it holds a password.
const URL_VARIABLE: &str = "CLOACINA_BENCH_POSTGRES_URL";
const CALLS: u32 = 20_000_000;
const REVOCATIONS: usize = 200;
const LIMIT: Duration = Duration::from_secs(30);
const MAX_STALENESS: Duration = Duration::from_secs(30);

fn main() -> Outcome<()> {
    if runner::is_meant() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(runner::run());
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("gate: not run by `cargo bench`, so nothing is measured");
        return Ok(());
    }
    let directory =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir()?;
    let package = compile(directory.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let file = directory.path().join("store.db");
        let file = file.to_str().ok_or("the directory's name is not UTF-8")?;
        let sqlite = Trust::new(file, &package).await?;
        calls(&sqlite).await?;
        println!(
            "\n| commit of a revocation to the last runner's first refusal | rounds | p50 | p99 |"
        );
        println!("|---|---|---|---|");
        // On SQLite a change is looked for once a second: fewer rounds say as much.
        revocations("SQLite", &sqlite, REVOCATIONS / 10).await?;
        let Ok(server) = env::var(URL_VARIABLE) else { return Ok(()) };
        let name = format!("cloacina_bench_{}", Uuid::new_v4().simple());
        execute(&server, &format!("CREATE DATABASE {name}")).await?;
        let measured = on_postgres(&with_database(&server, &name)?, &package).await;
        execute(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        measured
    })
}

async fn on_postgres(url: &str, package: &Path) -> Outcome<()> {
    let trust = Trust::new(url, package).await?;
    revocations("Postgres", &trust, REVOCATIONS).await?;
    cut(&trust)
}

/// A store in which one key is trusted, which has signed the package.
struct Trust {
    url: String,
    package: PathBuf,
    writer: KeyManager,
    trusted: TrustedKeyId,
}

impl Trust {
    async fn new(url: &str, package: &Path) -> Outcome<Self> {
        let (store, _) = Store::migrate(&DatabaseUrl::parse(url, RequiredTls::DangerNone)?).await?;
        let writer = KeyManager::new(store, None);
        let org = writer.create_organization("bench".parse()?).await?.id;
        let key = SigningKey::generate()?;
        let trusted = writer.trust_public_key(org, &key.verifying_key(), None, None).await?;
        let signature = sign_package(package, &key)?;
        fs::write(package.with_extension("so.sig"), signature.to_json())?;
        let (url, package) = (url.to_owned(), package.to_owned());
        Ok(Self { url, package, writer, trusted: trusted.into_inner().id })
    }

    async fn revoke(&self) -> Outcome<()> {
        self.writer.revoke_trusted_key(self.trusted, Revocation::retired()).await?;
        Ok(())
    }

    async fn reinstate(&self) -> Outcome<()> {
        self.writer.reinstate_trusted_key(self.trusted, &"a mistake".parse()?).await?;
        Ok(())
    }
}

async fn calls(trust: &Trust) -> Outcome<()> {
    let store = StoreReader::open(&trust.url.parse()?).await?;
    let verifier = Verifier::organization(&store, "bench".parse()?).await?;
    let loaded = LoadedPackages::gate(&verifier, MaxStaleness::default())?;
    let package = loaded.load(trust.package.as_path()).await?;
    println!("| call | threads | ns |\n|---|---|---|");
    let counter = AtomicU64::new(0);
    for threads in [1, 2] {
        let bare = nanoseconds(threads, || {
            black_box(&counter).fetch_add(1, Ordering::Acquire);
            black_box(&counter).fetch_sub(1, Ordering::Release);
        });
        println!("| a bare counter, up and down | {threads} | {bare:.1} |");
        let gate = nanoseconds(threads, || {
            black_box(black_box(&package).enter().is_ok());
        });
        println!("| `enter()`, and its end | {threads} | {gate:.1} |");
    }
    assert!(package.enter().is_ok(), "the gate is open");
    trust.revoke().await?;
    until(|| package.enter().is_err()).await;
    let closed = nanoseconds(1, || {
        black_box(black_box(&package).enter().is_ok());
    });
    println!("| `enter()` of a closed gate | 1 | {closed:.1} |");
    trust.reinstate().await
}

async fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "the gate does not follow trust");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn nanoseconds(threads: u32, call: impl Fn() + Sync) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..CALLS).for_each(|_| call()));
        }
    });
    begun.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

/// Two runners call in a loop, each in a process of its own, and this process revokes.
async fn revocations(backend: &str, trust: &Trust, rounds: usize) -> Outcome<()> {
    let start = || Runner::start(&trust.url, &trust.package, MAX_STALENESS);
    let mut runners = [start()?, start()?];
    let mut late = Vec::new();
    for _ in 0..rounds {
        for runner in &mut runners {
            runner.begin()?;
        }
        trust.revoke().await?;
        let committed = now();
        let refused = [runners[0].refused()?, runners[1].refused()?];
        late.push(refused[0].max(refused[1]).saturating_sub(committed));
        trust.reinstate().await?;
        for runner in &mut runners {
            runner.wait_until_open()?;
        }
    }
    late.sort_unstable();
    let quantile = |share: f64| late[((rounds - 1) as f64 * share).round() as usize];
    let (half, most) = (quantile(0.5), quantile(0.99));
    println!("| {backend} | {rounds} | {half:.1?} | {most:.1?} |");
    Ok(())
}

/// How long a runner goes on calling that is cut off from the server.
fn cut(trust: &Trust) -> Outcome<()> {
    let (start, rest) = trust.url.split_once('@').ok_or("the URL names no user")?;
    let (server, database) = rest.split_once('/').ok_or("the URL names no database")?;
    println!("\n| cut off from Postgres, with a bound of | refused after |\n|---|---|");
    for seconds in [1, 5] {
        let proxy = Proxy::start(server.to_owned())?;
        let url = format!("{start}@{}/{database}", proxy.address());
        let bound = Duration::from_secs(seconds);
        let mut runner = Runner::start(&url, &trust.package, bound)?;
        runner.begin()?;
        proxy.cut();
        let begun = now();
        let closed = runner.refused()?.saturating_sub(begun);
        println!("| {seconds} s | {closed:.2?} |");
    }
    Ok(())
}

/// A package that does nothing.
fn compile(directory: &Path) -> Outcome<PathBuf> {
    fs::write(directory.join("package.c"), "int run(void) { return 0; }\n")?;
    let cc = Command::new("cc")
        .args(["-shared", "-fPIC", "package.c", "-o", "package.so"])
        .current_dir(directory)
        .status()?;
    assert!(cc.success(), "cc failed");
    Ok(directory.join("package.so"))
}

async fn execute(url: &str, sql: &str) -> Outcome<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client.batch_execute(sql).await?)
}

/// The URL of another database on the same server.
fn with_database(server: &str, name: &str) -> Outcome<String> {
    let (address, parameters) = server.split_once('?').unwrap_or((server, ""));
    let (authority, _) = address.rsplit_once('/').ok_or("the URL names no database")?;
    Ok(format!("{authority}/{name}?{parameters}"))
}
