//! What a trust decision costs, beside the query that one would write instead.
//!
//! Run by `cargo xtask bench`, which gives it a Postgres server. It asserts that
//! every answer is right, and nothing about time: `docs/content/reference/benchmarks.md` says how to
//! read the table that it prints.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is for a terminal")]

#[path = "decisions/bare.rs"]
mod bare;
#[path = "decisions/database.rs"]
mod database;
#[path = "decisions/measure.rs"]
mod measure;
#[path = "decisions/revocation.rs"]
mod revocation;
#[path = "decisions/signed.rs"]
mod signed;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use signing_crypto::{Fingerprint, OrgId, PackageName};
use signing_trust::acceptance::ClockSkewAllowance;
use signing_trust::store::Store;
use signing_trust::{Freshness, KeyManager, Signers, TrustReader, TrustRoot};

use bare::Bare;
use database::{Backend, Database};

/// Where the Postgres server is; by the environment, because it holds a password.
const URL_VARIABLE: &str = "CLOACINA_BENCH_POSTGRES_URL";
/// How many organizations there are: one with 100 grants, the 100 that it granted
/// trust, and the others.
const SIZES: [usize; 2] = [101, 10_000];
const TASKS: [usize; 2] = [1, 8];
const BOUND: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("decisions: not run by `cargo bench`, so nothing is measured");
        return Ok(());
    }
    let mut backends = vec![Backend::Sqlite];
    if !arguments.iter().any(|argument| argument == "--sqlite-only") {
        let missing = format!("{URL_VARIABLE} is not set: `cargo xtask bench` starts a server");
        backends.push(Backend::Postgres(env::var(URL_VARIABLE).context(missing)?));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let table = runtime.block_on(measure_all(&backends))?;
    println!("{}", table.join("\n"));
    Ok(())
}

async fn measure_all(backends: &[Backend]) -> Result<Vec<String>> {
    let mut table = measure::header();
    let mut refusals = Vec::new();
    for backend in backends {
        for size in SIZES {
            eprintln!("decisions: {backend}, {size} organizations");
            let database = Database::create(backend).await?;
            // Whatever comes of it, a server that was there before is left clean.
            let measured = measure_one(&database, size, &mut table, &mut refusals).await;
            database.remove().await?;
            measured?;
        }
    }
    if !refusals.is_empty() {
        table.push(String::new());
        table.extend(refusals);
    }
    Ok(table)
}

async fn measure_one(
    database: &Database,
    size: usize,
    table: &mut Vec<String>,
    refusals: &mut Vec<String>,
) -> Result<()> {
    let (store, _) = Store::migrate(&database.url()?).await?;
    let strict = KeyManager::new(store.clone(), None);
    let there = database.fill(&strict, size).await?;
    let bounded = strict.clone().with_freshness(Freshness::Bounded(BOUND));
    // What is asked before its first heartbeat is not remembered.
    tokio::time::sleep(Duration::from_millis(500)).await;

    let bare = Subject::Bare(database.bare()?, there.direct()?);
    let decide =
        |keys: TrustReader, questions, trusted| Subject::Decision { keys, questions, trusted };
    let packages =
        |questions| Subject::Packages { keys: (&strict).into(), questions, asked: Arc::default() };
    let cold = |questions| Subject::Cold { store: store.clone(), root: None, questions };
    let root = there.publish(&strict).await?;
    let rooted = TrustReader::from(&strict).rooted(there.parent(), root.clone().into());
    let cold_rooted = Subject::Cold {
        store: store.clone(),
        root: Some((there.parent(), root)),
        questions: there.inherited()?,
    };
    let rows = [
        ("(b) strict, trusted directly", decide((&strict).into(), there.direct()?, true)),
        (
            "(c) strict, through one of 100 grants",
            decide((&strict).into(), there.inherited()?, true),
        ),
        ("(d) strict, unknown key, 100 grants", decide((&strict).into(), there.unknown()?, false)),
        ("(e) bounded, from memory", decide((&bounded).into(), there.direct()?, true)),
        ("(f) as (b), another package each time", packages(there.direct()?)),
        ("(g) as (c), another package each time", packages(there.inherited()?)),
        ("(h) as (b), nothing asked before", cold(there.direct()?)),
        ("(i) as (c), nothing asked before", cold(there.inherited()?)),
        ("(j) as (c), with a pinned root", decide(rooted, there.inherited()?, true)),
        ("(k) as (j), nothing read before", cold_rooted),
    ];
    for tasks in TASKS {
        for row in measure::paired(("(a) bare point query", &bare), &rows, tasks).await? {
            table.push(format!("| {} | {size} | {tasks} | {row} |", database.backend()));
        }
    }
    if database.is_postgres() && size == SIZES[1] {
        *refusals = revocation::rows(&database.url()?, BOUND).await?;
    }
    Ok(())
}

/// One thing whose time is taken.
#[derive(Clone)]
enum Subject {
    Bare(Bare, Arc<[Question]>),
    Decision {
        keys: TrustReader,
        questions: Arc<[Question]>,
        trusted: bool,
    },
    /// Each about a package that was never asked about before.
    Packages {
        keys: TrustReader,
        questions: Arc<[Question]>,
        asked: Arc<AtomicU64>,
    },
    /// Each as if trust had changed since the last: nothing that is known is of use.
    Cold {
        store: Store,
        /// Whose signed documents are read and verified each time, if they are.
        root: Option<(OrgId, TrustRoot)>,
        questions: Arc<[Question]>,
    },
}

/// Whether an organization trusts a key.
struct Question {
    org: OrgId,
    fingerprint: Fingerprint,
    signers: Signers,
    package: PackageName,
}

impl Subject {
    /// Asks the `which`th question, round and round, and checks the answer.
    async fn ask(&self, which: usize) -> Result<()> {
        match self {
            Self::Bare(bare, questions) => {
                let question = &questions[which % questions.len()];
                let trusted = bare.trusts(question.org, &question.fingerprint).await?;
                ensure!(trusted, "the bare query did not find the key");
            }
            Self::Decision { keys, questions, trusted } => {
                let Question { org, signers, package, .. } = &questions[which % questions.len()];
                let decision =
                    keys.decide(*org, signers, package, ClockSkewAllowance::NONE).await?;
                ensure!(decision.trusted().next().is_some() == *trusted, "a wrong decision");
            }
            Self::Packages { keys, questions, asked } => {
                let Question { org, signers, .. } = &questions[which % questions.len()];
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let package = format!("lib-{number}.so").parse()?;
                let decision =
                    keys.decide(*org, signers, &package, ClockSkewAllowance::NONE).await?;
                ensure!(decision.trusted().next().is_some(), "a wrong decision");
            }
            Self::Cold { store, root, questions } => {
                let Question { org, signers, package, .. } = &questions[which % questions.len()];
                let keys = TrustReader::from(store);
                let keys = match root {
                    Some((org, root)) => keys.rooted(*org, root.clone().into()),
                    None => keys,
                };
                let decision =
                    keys.decide(*org, signers, package, ClockSkewAllowance::NONE).await?;
                ensure!(decision.trusted().next().is_some(), "a wrong decision");
            }
        }
        Ok(())
    }
}

impl Question {
    fn new(org: OrgId, fingerprint: Fingerprint) -> Result<Self> {
        let signers = Signers::one(fingerprint);
        Ok(Self { org, fingerprint, signers, package: "libworkflow.so".parse()? })
    }
}
