//! `cloacina audit`: the log of every change.

mod actor;
mod checkpoint;
mod list;
mod verify;

use crate::support::{self, Scratch, text};

/// An organization with four entries in its log, and its id.
fn acme() -> (Scratch, String) {
    let scratch = Scratch::with_orgs(&["acme"]);
    let (id, _) = scratch.stored_key("release", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    scratch.json(&["keys", "deny", &"07".repeat(32), "--org", "acme", "--note", "a reason"]);
    let org = text(&scratch.json(&["orgs", "list"])[0]["id"]);
    (scratch, org)
}

/// Writes to the database as somebody who owns it, and leaves nothing in the way.
fn forge(scratch: &Scratch, sql: &str) {
    const UNGUARDED: &str = "DROP TRIGGER IF EXISTS audit_log_is_not_replaced;
         DROP TRIGGER IF EXISTS audit_log_is_not_updated;
         DROP TRIGGER IF EXISTS audit_log_is_not_deleted;";
    support::forge(scratch, &format!("{UNGUARDED}\n{sql}"));
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
