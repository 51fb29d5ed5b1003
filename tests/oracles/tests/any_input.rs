//! Every oracle on its seeds, and on what becomes of them when they are damaged. The same
//! inputs each time: `cargo xtask fuzz` looks for others.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use oracles::{ORACLES, Oracle, Verdict};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// How many damaged inputs each oracle sees.
const DAMAGED: usize = 5_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// The files of a folder, by name.
fn seeds(oracle: &Oracle) -> Vec<(String, Vec<u8>)> {
    let folder = corpus().join(oracle.name);
    let mut seeds: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

#[test]
fn every_seed_is_what_its_name_says() {
    for oracle in ORACLES {
        let mut verdicts = BTreeSet::new();
        for (name, bytes) in seeds(oracle) {
            let expected = match name.split_once('-').unwrap().0 {
                "accepted" => Verdict::Accepted,
                "refused" => Verdict::Refused,
                other => panic!("{}/{name}: what is {other}?", oracle.name),
            };
            assert_eq!((oracle.check)(&bytes), expected, "{}/{name}", oracle.name);
            verdicts.insert(name.starts_with("accepted"));
        }
        assert_eq!(verdicts.len(), 2, "{} needs seeds of both kinds", oracle.name);
    }
}

#[test]
fn every_oracle_has_a_fuzz_target_and_seeds_and_nothing_else_has() {
    let names: BTreeSet<_> = ORACLES.iter().map(|oracle| oracle.name.to_owned()).collect();
    let names_in = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names_in(&corpus()), names);
    assert_eq!(names_in(&corpus().join("../fuzz_targets")), names);
}

#[test]
fn damaged_seeds_break_no_promise() {
    let mut runner = TestRunner::deterministic();
    for oracle in ORACLES {
        let seeds: Vec<_> = seeds(oracle).into_iter().map(|(_, bytes)| bytes).collect();
        let damaged = damaged(seeds);
        // Keys behind a passphrase cost what they are meant to cost.
        let count = if oracle.name == "encrypted_private_key" { DAMAGED / 20 } else { DAMAGED };
        for _ in 0..count {
            let input = damaged.new_tree(&mut runner).unwrap().current();
            (oracle.check)(&input);
        }
    }
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Replace(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Repeat(Index, usize),
    Insert(Index, Vec<u8>),
    /// The end of another seed instead of its own.
    Splice(Index, Index, Index),
}

fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    // Bytes that mean something to one parser or another.
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\0\n\r \"'*,-./0:?@AZ[\\]_az{}\x7f\xff".to_vec()),
    ];
    let bytes = prop::collection::vec(byte.clone(), 1..8);
    let damage = prop_oneof![
        (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        (any::<Index>(), byte).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), 1..32usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (any::<Index>(), 1..32usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (any::<Index>(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        any::<[Index; 3]>().prop_map(|[seed, from, to]| Damage::Splice(seed, from, to)),
    ];
    let count = seeds.len();
    (0..count, prop::collection::vec(damage, 1..4)).prop_map(move |(seed, damages)| {
        damages.iter().fold(seeds[seed].clone(), |input, damage| apply(damage, input, &seeds))
    })
}

fn apply(damage: &Damage, mut input: Vec<u8>, seeds: &[Vec<u8>]) -> Vec<u8> {
    if input.is_empty() {
        return vec![b'{'];
    }
    let size = input.len();
    match damage {
        Damage::Flip(at, bit) => input[at.index(size)] ^= bit,
        Damage::Replace(at, byte) => input[at.index(size)] = *byte,
        Damage::Cut(at) => input.truncate(at.index(size)),
        Damage::Remove(at, length) => {
            let at = at.index(size);
            input.drain(at..(at + length).min(size));
        }
        Damage::Repeat(at, length) => {
            let at = at.index(size);
            let part = input[at..(at + length).min(size)].to_vec();
            input.splice(at..at, part);
        }
        Damage::Insert(at, bytes) => {
            let at = at.index(size);
            input.splice(at..at, bytes.iter().copied());
        }
        Damage::Splice(seed, from, to) => {
            let other = &seeds[seed.index(seeds.len())];
            input.truncate(from.index(size));
            input.extend(&other[to.index(other.len().max(1)).min(other.len())..]);
        }
    }
    input
}
