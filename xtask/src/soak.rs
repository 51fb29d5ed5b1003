//! `cargo xtask soak`: the tests that try things at random, or race, for as long as it
//! takes to believe them. `cargo test` runs them too, with few tries.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::container::ServerArguments;
use crate::process::{cargo, line, say, stream};
use crate::test_db;

/// How many random graphs of trust are decided, from which seed on, and by how many rounds
/// others race.
const GRAPHS: &str = "CLOACINA_TEST_GRAPHS";
const SEED: &str = "CLOACINA_TEST_SEED";
const ROUNDS: &str = "CLOACINA_TEST_ROUNDS";
/// For how many seconds a weak role tries to stop revocations.
const ATTACK_SECONDS: &str = "CLOACINA_TEST_ATTACK_SECONDS";
/// How often sixteen programs use a new SQLite store at once.
const NEW_STORES: &str = "CLOACINA_TEST_NEW_STORES";
/// The tests that take their number of tries from these.
const TESTS: [&str; 4] = [
    "random_graphs::random_graphs",
    "processes::",
    "revoke_while_verifying::",
    "simultaneous_first_use::sixteen",
];
/// Those in which a revocation must be made within a second: one after the other.
const ATTACKS: [&str; 3] = ["--nocapture", "--test-threads=1", "attacks::stopped_revocations::"];

/// What `cargo xtask soak` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,

    /// Random graphs of trust on SQLite.
    #[arg(long, default_value_t = 10_000)]
    graphs: u32,

    /// Random graphs of trust on Postgres.
    #[arg(long, default_value_t = 500)]
    postgres_graphs: u32,

    /// The seed of the first graph [default: one that was not used before].
    #[arg(long)]
    seed: Option<u64>,

    /// Rounds in which trust ends while another process verifies, on each database.
    #[arg(long, default_value_t = 1000)]
    rounds: u32,

    /// Seconds for which each weak role of Postgres tries to stop revocations.
    #[arg(long, default_value_t = 60)]
    attack_seconds: u32,
    /// Rounds in which sixteen programs use a new SQLite store at once.
    #[arg(long, default_value_t = 200)]
    new_stores: u32,
}

/// Runs the task.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let shown = [&["--nocapture"], &TESTS[..]].concat();
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    let variables = |graphs: u32| {
        [
            (GRAPHS, graphs.to_string()),
            (SEED, seed.to_string()),
            (ROUNDS, arguments.rounds.to_string()),
            (NEW_STORES, arguments.new_stores.to_string()),
        ]
    };
    let mut command = cargo(&["test", "--workspace", "--locked", "--tests", "--"]);
    command.args(&shown).envs(variables(arguments.graphs));
    let status = stream(&command, say)?;
    ensure!(status.success(), "`{}` failed ({status})", line(&command));
    let postgres = variables(arguments.postgres_graphs);
    let server = arguments.server.clone();
    test_db::run(&test_db::Arguments::these(server, &shown, postgres.into()))?;
    let attacks = [(ATTACK_SECONDS, arguments.attack_seconds.to_string())];
    test_db::run(&test_db::Arguments::these(arguments.server, &ATTACKS, attacks.into()))?;
    say("soak: all of it ran on SQLite and on Postgres")
}
