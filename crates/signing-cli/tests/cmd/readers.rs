//! What readers of a SQLite store can hold up, and who is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::support::{Scratch, text};

/// A store in a directory of its own, which only its owner uses.
fn sqlite() -> Scratch {
    let scratch = Scratch::new();
    scratch.json(&["init", "acme"]);
    set_mode(&scratch, "", 0o700);
    scratch
}

fn set_mode(scratch: &Scratch, name: &str, mode: u32) {
    fs::set_permissions(scratch.path(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn store_that_every_user_can_read_is_a_warning() {
    let scratch = sqlite();
    for (directory, file, verdict) in [
        (0o700, 0o600, "ok"),
        (0o755, 0o644, "warning"),
        (0o755, 0o640, "ok"),
        (0o750, 0o644, "ok"),
        (0o711, 0o604, "warning"),
    ] {
        set_mode(&scratch, "", directory);
        set_mode(&scratch, "store.db", file);
        let document = scratch.run(&["doctor", "--json"]).document();
        let checks = document["result"]["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["check"] == "store files").unwrap();
        assert_eq!(found["verdict"], verdict, "{directory:o} {file:o}: {found}");
        if verdict == "warning" {
            assert!(text(&found["next"]).contains("chmod 0640 "), "{found}");
        }
    }
}

/// The reader is this test's own process.
#[test]
fn process_that_keeps_a_change_waiting_is_named() {
    let scratch = sqlite();
    let path = scratch.path("store.db");
    let mut reader = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    reader.batch_execute("BEGIN; SELECT count(*) FROM organizations").unwrap();
    let create = ["orgs", "create", "vendor"];
    let run = scratch.fails(2, "DatabaseLocked", &create);
    let error = &run.document()["error"];
    if cfg!(target_os = "linux") {
        let process = std::process::id();
        let message = text(&error["message"]);
        assert!(message.contains(&format!("by process {process} of uid ")), "{message}");
        let next = text(&error["next"]);
        assert!(next.contains(&format!("kill {process};")), "{next}");
    }
    reader.batch_execute("COMMIT").unwrap();
    scratch.json(&create);
}
