//! A store in which somebody has left code that SQLite would run.

use crate::support::{Scratch, forge};

const UNDO: &str =
    "CREATE TRIGGER undo AFTER UPDATE ON trusted_keys WHEN NEW.revoked_at IS NOT NULL BEGIN
         UPDATE trusted_keys SET revoked_at = NULL, revocation_reason = NULL WHERE id = NEW.id;
     END";

/// Of the same name as one that the store has.
const REPLACED: &str = "DROP TRIGGER compromised_keys_insert_epoch;
     CREATE TRIGGER compromised_keys_insert_epoch AFTER INSERT ON compromised_keys BEGIN
         DELETE FROM compromised_keys;
     END";

/// SQLite goes by the text, whatever the row says of its kind.
fn disguised(kind: &str) -> String {
    format!(
        "{UNDO}; PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET type = '{kind}' WHERE name = 'undo'"
    )
}

/// Keeps a second key from being refused.
const UNIQUE: &str = "CREATE UNIQUE INDEX one_refusal ON trusted_keys (revoked_at IS NULL)";

/// Lets no other process know that trust has changed.
const SILENT: &str = "DROP TRIGGER trusted_keys_update_epoch";

fn endless(table: &str) -> String {
    format!(
        "ALTER TABLE {table} RENAME TO kept;
         CREATE VIEW {table} AS
             WITH RECURSIVE endless (x) AS (SELECT 1 UNION ALL SELECT x FROM endless)
             SELECT kept.* FROM kept, endless"
    )
}

const COMMANDS: [&[&str]; 6] = [
    &["keys", "list", "--org", "acme"],
    &["package", "verify", "a.so", "--org", "acme"],
    &["keys", "revoke", "release", "--trusted", "--reason", "retired"],
    &["keys", "deny", "release", "--org", "acme"],
    &["db", "status"],
    &["db", "migrate"],
];

fn scratch() -> Scratch {
    let scratch = Scratch::with_orgs(&["acme"]);
    scratch.json(&["keys", "generate", "--org", "acme", "--name", "release"]);
    scratch.json(&["keys", "trust", "--key-id", "release"]);
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", "release"]);
    scratch
}

#[test]
fn a_store_with_planted_code_is_refused() {
    let [keys, migrations] = ["trusted_keys", "schema_migrations"].map(endless);
    let [upper, mixed] = ["TRIGGER", "Trigger"].map(disguised);
    for planted in [UNDO, REPLACED, &keys, &migrations, &upper, &mixed, UNIQUE, SILENT] {
        let scratch = scratch();
        let store = scratch.read("store.db");
        forge(&scratch, planted);
        for command in COMMANDS {
            scratch.run(&[&["--json"], command].concat()).assert_failed(2, "UnsafeSchema");
        }
        assert_ne!(scratch.run(&["doctor"]).code, 0);

        scratch.write("store.db", store);
        scratch.json(COMMANDS[1]);
        scratch.json(COMMANDS[2]);
        scratch.run(&[&["--json"], COMMANDS[1]].concat()).assert_failed(1, "UntrustedSigner");
    }
}

/// What they are planted for.
#[test]
fn the_trigger_takes_a_revocation_back() {
    let scratch = scratch();
    let revoke = "UPDATE trusted_keys SET revoked_at = 1000000, revocation_reason = 'retired'";
    forge(&scratch, revoke);
    scratch.run(&[&["--json"], COMMANDS[1]].concat()).assert_failed(1, "UntrustedSigner");

    let scratch = self::scratch();
    forge(&scratch, UNDO);
    forge(&scratch, revoke);
    forge(&scratch, "DROP TRIGGER undo");
    scratch.json(COMMANDS[1]);
}
