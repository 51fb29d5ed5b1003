//! Programs that use a new SQLite store at once: each finds it complete.

use std::env;
use std::process::Stdio;

use crate::kill::kill_in_every_round;
use crate::support::{Scratch, spawn};

const PROGRAMS: usize = 16;
/// How often, unless this variable says so.
const ROUNDS: usize = 3;
const ROUNDS_VARIABLE: &str = "CLOACINA_TEST_NEW_STORES";

#[test]
fn sixteen_programs_that_use_a_new_store_at_once_all_succeed() {
    let rounds = env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |text| text.parse().unwrap());
    for round in 0..rounds {
        let scratch = Scratch::new();
        // Neither the store nor its directory is there.
        let url = scratch.path("data/cloacina/store.db");
        let children: Vec<_> = (0..PROGRAMS)
            .map(|number| {
                let name = format!("org-{number}");
                let mut command = match number % 4 {
                    0 => scratch.command(&["--json", "db", "migrate"]),
                    _ => scratch.command(&["--json", "orgs", "create", &name]),
                };
                command.env("CLOACINA_DATABASE_URL", &url);
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                spawn(&mut command)
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "round {round}: {said}");
        }
        let list =
            scratch.run(&["--json", "orgs", "list", "--database-url", url.to_str().unwrap()]);
        let orgs = list.document()["result"].as_array().map(Vec::len);
        assert_eq!(orgs, Some(PROGRAMS - PROGRAMS / 4), "round {round}");
        assert_eq!(scratch.files(), ["data/cloacina/store.db"], "round {round}");
    }
}

#[test]
fn killed_creation_leaves_a_complete_store_or_none() {
    let scratch = Scratch::new();
    let path = |round: u32| format!("store-{round}/store.db");
    let create = |round| {
        let url = scratch.path(&path(round)).display().to_string();
        ["db", "migrate", "--database-url", &url].map(str::to_owned).to_vec()
    };
    kill_in_every_round(&scratch, create, |round| {
        let url = scratch.path(&path(round)).display().to_string();
        let was_made = scratch.exists(&path(round));
        let status = scratch.run(&["--json", "db", "status", "--database-url", &url]);
        match was_made {
            true => assert_eq!(status.code, 0, "{}", status.stderr),
            false => status.assert_failed(2, "NoDatabase"),
        }
        // The leftover files do not prevent a new store.
        scratch.json(&["orgs", "create", "acme", "--database-url", &url]);
        was_made
    });
    assert!(scratch.files().iter().all(|file| file.ends_with("/store.db")));
}
