//! Several processes that do the same to one store at once.

use std::process::Stdio;
use std::thread;

use serde_json::Value;

use super::support::{Run, Scratch, finish};

const PROCESSES: usize = 8;

#[test]
fn of_eight_processes_that_make_a_key_of_one_name_one_does_on_sqlite() {
    make_a_key_of_one_name(&Scratch::with_orgs(&["acme"]));
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn of_eight_processes_that_make_a_key_of_one_name_one_does_on_postgres() {
    make_a_key_of_one_name(&Scratch::on_postgres(&["acme"]));
}

fn make_a_key_of_one_name(scratch: &Scratch) {
    let generate = ["--json", "keys", "generate", "--name", "release", "--org", "acme"];
    let (made, refused): (Vec<_>, Vec<_>) =
        at_once(scratch, &generate).into_iter().partition(|run| run.code == 0);
    assert_eq!((made.len(), refused.len()), (1, PROCESSES - 1));
    for run in refused {
        run.assert_failed(2, "NameTaken");
    }
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    let ids: Vec<_> = listed["signing_keys"].as_array().unwrap().iter().map(|k| &k["id"]).collect();
    assert_eq!(ids, [&made[0].document()["result"]["id"]]);
    // Nor has the log an entry of what was not made.
    let log = scratch.json(&["audit", "list", "--org", "acme", "--event", "key.signing.created"]);
    assert_eq!(log.as_array().map(Vec::len), Some(1), "{log}");
}

#[test]
fn processes_that_migrate_at_once_all_find_the_store_made_on_sqlite() {
    migrate(&Scratch::new());
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn processes_that_migrate_at_once_all_find_the_store_made_on_postgres() {
    migrate(&Scratch::on_empty_postgres());
}

fn migrate(scratch: &Scratch) {
    let runs = at_once(scratch, &["--json", "db", "migrate"]);
    let applied = |run: &Run| {
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.document()["result"]["applied"].as_array().map(Vec::len)
    };
    // One has applied every migration, and nobody any other.
    let mut counts: Vec<_> = runs.iter().map(applied).collect();
    counts.sort_unstable();
    assert!(counts[..PROCESSES - 1].iter().all(|count| *count == Some(0)), "{counts:?}");
    assert!(counts[PROCESSES - 1] > Some(0), "{counts:?}");
    let ids: Vec<Value> =
        (0..2).map(|_| scratch.json(&["db", "status"])["store_id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
    scratch.json(&["orgs", "create", "acme"]);
}

fn at_once(scratch: &Scratch, arguments: &[&str]) -> Vec<Run> {
    let mut commands: Vec<_> = (0..PROCESSES).map(|_| scratch.command(arguments)).collect();
    for command in &mut commands {
        command.stdin(Stdio::null());
    }
    thread::scope(|scope| {
        let runs: Vec<_> =
            commands.iter_mut().map(|command| scope.spawn(move || finish(command, b""))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}
