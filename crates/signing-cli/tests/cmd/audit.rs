//! `cloacina audit`: the log of every change.

mod checkpoint;
mod list;
mod verify;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::support::{Scratch, text};

/// An organisation with four entries in its log, and its id.
fn acme() -> (Scratch, String) {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    scratch.json(&["keys", "deny", &"07".repeat(32), "--org", "acme", "--note", "a reason"]);
    let org = text(&scratch.json(&["orgs", "list"])[0]["id"]);
    (scratch, org)
}

/// Writes to the database as somebody who owns it.
fn forge(scratch: &Scratch, sql: &str) {
    let path = scratch.path("store.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000;
             DROP TRIGGER IF EXISTS audit_log_is_not_replaced;
             DROP TRIGGER IF EXISTS audit_log_is_not_updated;
             DROP TRIGGER IF EXISTS audit_log_is_not_deleted;",
        )
        .unwrap();
    connection.batch_execute(sql).unwrap();
}

/// Takes the tail away, and sets the head back: only a checkpoint tells.
fn cut(scratch: &Scratch) {
    forge(
        scratch,
        "DELETE FROM audit_log WHERE sequence > 2;
         UPDATE audit_heads SET sequence = 2, entry_hash =
             (SELECT entry_hash FROM audit_log WHERE sequence = 2);",
    );
}
