//! Random graphs of trust, about which the store must say what the rules say.
//!
//! `CLOACINA_TEST_GRAPHS` sets how many graphs there are, and `CLOACINA_TEST_SEED` the
//! seed of the first; each other has the next. What fails names its graph's seed. Without
//! them the graphs are the same each time, so that who changed nothing breaks nothing;
//! `cargo xtask soak` takes others.

mod changes;
mod decisions;
mod model;
mod quorums;
mod signed;

use std::collections::BTreeSet;
use std::env;
use std::iter;
use std::ops::Range;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Instant;

use crate::support::{Backend, World, run};
use changes::Graph;
use quorums::Quorums;

/// So few that no store is too much for one test's time.
const GRAPHS_PER_STORE: u64 = 50;
const FIRST_SEED: u64 = 1;

#[test]
fn random_graphs_are_decided_by_the_rules_on_sqlite() {
    check(Backend::Sqlite, 200);
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn random_graphs_are_decided_by_the_rules_on_postgres() {
    check(Backend::Postgres, 50);
}

#[expect(clippy::print_stdout, reason = "libtest shows it when the test fails, or when asked to")]
fn check(backend: Backend, default: u64) {
    let number = variable("CLOACINA_TEST_GRAPHS").unwrap_or(default);
    let first = variable("CLOACINA_TEST_SEED").unwrap_or(FIRST_SEED);
    let seeds = first..first.checked_add(number).unwrap();
    println!("{number} graphs on {backend:?}: CLOACINA_TEST_SEED={first}");
    let begun = Instant::now();
    let stores = seeds.clone().step_by(GRAPHS_PER_STORE as usize);
    let stores = Mutex::new(stores.map(|start| start..seeds.end.min(start + GRAPHS_PER_STORE)));
    let next = || stores.lock().unwrap().next();
    let check = || -> Vec<_> {
        iter::from_fn(next).flat_map(|some| check_in_one_store(backend, some)).collect()
    };
    // No other test takes as long, so that at the end this one has all processors.
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let seen: BTreeSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(check)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    println!("{number} graphs on {backend:?} took {:?}", begun.elapsed());
    // Graphs in which nothing happens would show nothing. A deleted child is the reason in
    // one of 40, so fewer need not show everything, unless they are those of each run.
    if number >= 500 || (number >= 200 && first == FIRST_SEED) {
        assert_eq!(seen, BTreeSet::from(decisions::VERDICTS), "the verdicts that were given");
    }
}

/// Returns the kinds of verdict that were given.
fn check_in_one_store(backend: Backend, seeds: Range<u64>) -> BTreeSet<&'static str> {
    let (sender, receiver) = mpsc::channel();
    run(backend, async move |world: World| {
        let mut seen = BTreeSet::new();
        for seed in seeds {
            check_graph(&world, seed, &mut seen).await;
        }
        sender.send(seen).unwrap();
    });
    receiver.recv().unwrap()
}

async fn check_graph(world: &World, seed: u64, seen: &mut BTreeSet<&'static str>) {
    let mut random = Random::new(seed);
    let mut graph = Graph::random(world, seed, &mut random).await;
    let changes = 10 + random.below(35);
    for _ in 0..changes {
        graph.change(&mut random).await;
    }
    let before = decisions::ask_everything(&graph, &mut random, seen).await;
    decisions::check_packages(&graph, &mut random).await;
    let quorums = Quorums::random(&graph, &mut random);
    let met = quorums.ask(&graph).await;
    // Publishing takes longer than all else, so that only a part of the graphs of each run is
    // published.
    let is_published = variable("CLOACINA_TEST_GRAPHS").is_some() || seed.is_multiple_of(4);
    if is_published {
        signed::publish_and_ask(&graph, &mut random).await;
    }

    if graph.take_some_trust_away(&mut random).await {
        let after = decisions::ask_about_all_keys(&graph, seen).await;
        assert!(after.is_subset(&before), "{graph}: less trust made {after:?} of {before:?}");
        let after = quorums.ask(&graph).await;
        assert!(after.is_subset(&met), "{graph}: less trust made {after:?} of {met:?}");
        if is_published {
            signed::ask_after_less_trust(&graph).await;
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{name} is {value:?}: {error}")))
}

/// Steele, Lea and Flood's SplitMix64: neighbouring seeds have nothing in common.
pub(super) struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
