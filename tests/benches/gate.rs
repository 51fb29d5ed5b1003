//! What the gate of a loaded package costs, beside a bare counter, and how soon it closes.
//!
//! Run by `cargo xtask bench`, which gives it a Postgres server. It asserts that the gate is
//! open and closed when it should be, and nothing about time:
//! `docs/content/reference/benchmarks.md` says how to read the tables that it prints.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are for a terminal")]

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
use signing_loader::{FollowedPackage, LoadedPackages, MaxStaleness, Verifier, sign_package};
use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, OrganizationRef, Store};
use tokio_postgres::NoTls;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Where the Postgres server is; by the environment, because it holds a password.
const URL_VARIABLE: &str = "CLOACINA_BENCH_POSTGRES_URL";
const CALLS: u32 = 20_000_000;
const REVOCATIONS: usize = 200;
const LIMIT: Duration = Duration::from_secs(30);

fn main() -> Outcome<()> {
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
        let sqlite = file.to_str().ok_or("the directory's name is not UTF-8")?.parse()?;
        let host = Host::new(&sqlite, &package).await?;
        calls(&host).await?;
        println!("\n| commit of a revocation to the first refusal | rounds | p50 | p99 |");
        println!("|---|---|---|---|");
        // On SQLite a change is looked for once a second: fewer rounds say as much.
        revocations("SQLite", &host, REVOCATIONS / 10).await?;
        let Ok(server) = env::var(URL_VARIABLE) else { return Ok(()) };
        let name = format!("cloacina_bench_{}", Uuid::new_v4().simple());
        execute(&server, &format!("CREATE DATABASE {name}")).await?;
        let url = DatabaseUrl::parse_danger_allow_insecure(&with_database(&server, &name)?)?;
        let measured = match Host::new(&url, &package).await {
            Ok(host) => revocations("Postgres", &host, REVOCATIONS).await,
            Err(error) => Err(error),
        };
        execute(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        measured
    })
}

/// A program that gates its calls, and another one, with a pool of its own, that revokes.
struct Host {
    writer: KeyManager,
    trusted: TrustedKeyId,
    _loaded: LoadedPackages,
    package: FollowedPackage,
}

impl Host {
    async fn new(url: &DatabaseUrl, path: &Path) -> Outcome<Self> {
        let (store, _) = Store::migrate(url).await?;
        let writer = KeyManager::new(store, None);
        let org = writer.create_organization("bench".parse()?).await?.id;
        let key = SigningKey::generate()?;
        let trusted = writer.trust_public_key(org, &key.verifying_key(), None).await?;
        let signature = sign_package(path, &key)?;
        fs::write(path.with_extension("so.sig"), signature.to_json())?;
        let store = Store::open_read_only(url).await?;
        let verifier = Verifier::organization(&store, OrganizationRef::Id(org)).await?;
        let loaded = LoadedPackages::gate(&verifier, MaxStaleness::default())?;
        let package = loaded.load(path).await?;
        Ok(Self { writer, trusted: trusted.into_inner().id, _loaded: loaded, package })
    }

    /// Revokes, and waits until the gate is closed: how long after the commit.
    async fn revoke(&self) -> Outcome<Duration> {
        let package = self.package.clone();
        let watching = thread::spawn(move || {
            let begun = Instant::now();
            while package.enter().is_ok() {
                assert!(begun.elapsed() < LIMIT, "a revoked package can still be called");
            }
            Instant::now()
        });
        self.writer.revoke_trusted_key(self.trusted).await?;
        let returned = Instant::now();
        let closed = watching.join().map_err(|_| "the gate did not close")?;
        Ok(closed.saturating_duration_since(returned))
    }

    async fn reinstate(&self) -> Outcome<()> {
        self.writer.reinstate_trusted_key(self.trusted, &"a mistake".parse()?).await?;
        let begun = Instant::now();
        while self.package.enter().is_err() {
            assert!(begun.elapsed() < LIMIT, "a trusted package cannot be called");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

async fn calls(host: &Host) -> Outcome<()> {
    println!("| call | threads | ns |\n|---|---|---|");
    let counter = AtomicU64::new(0);
    for threads in [1, 2] {
        let bare = nanoseconds(threads, || {
            black_box(&counter).fetch_add(1, Ordering::Acquire);
            black_box(&counter).fetch_sub(1, Ordering::Release);
        });
        println!("| a bare counter, up and down | {threads} | {bare:.1} |");
        let gate = nanoseconds(threads, || {
            let call = black_box(&host.package).enter();
            debug_assert!(call.is_ok());
        });
        println!("| `enter()`, and its end | {threads} | {gate:.1} |");
    }
    assert!(host.package.enter().is_ok(), "the gate is open");
    host.revoke().await?;
    let closed = nanoseconds(1, || drop(black_box(&host.package).enter()));
    println!("| `enter()` of a closed gate | 1 | {closed:.1} |");
    host.reinstate().await
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

async fn revocations(backend: &str, host: &Host, rounds: usize) -> Outcome<()> {
    let mut late = Vec::new();
    for _ in 0..rounds {
        late.push(host.revoke().await?);
        host.reinstate().await?;
    }
    late.sort_unstable();
    let quantile = |share: f64| late[((rounds - 1) as f64 * share).round() as usize];
    let (half, most) = (quantile(0.5), quantile(0.99));
    println!("| {backend} | {rounds} | {half:.1?} | {most:.1?} |");
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
