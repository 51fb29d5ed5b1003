//! A store in which somebody has left code that SQLite would run.

use diesel::dsl::sql;
use diesel::sql_types::Integer;
use diesel::{Connection, RunQueryDsl, SqliteConnection};

use crate::support::{Scratch, forge, text, with_kept};

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

/// Every change of the referenced table asks the other one.
const REFERENCES: [&str; 2] = [
    "CREATE TABLE notes (x REFERENCES trusted_keys (revoked_at))",
    "CREATE TABLE notes (x REFERENCES audit_heads (entry_hash))",
];

/// Is read in place of SQLite's function.
const SHADOW: &str = "CREATE TABLE json_each (value)";

/// Takes no entry about a revocation.
fn picky_log() -> String {
    "PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', \
         ', CHECK (event_type NOT LIKE ''%revoked%'')) STRICT') WHERE name = 'audit_log'"
        .into()
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
    let (log, [notes, heads]) = (picky_log(), REFERENCES);
    for planted in [
        UNDO,
        REPLACED,
        &keys,
        &migrations,
        &upper,
        &mixed,
        UNIQUE,
        SILENT,
        notes,
        heads,
        SHADOW,
        &log,
    ] {
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

/// Leaves the text of the schema as it was, and an index by id that leads to a copy of the row: what
/// is changed by id is another row than the one that is found by fingerprint.
fn plant_stale_index(scratch: &Scratch) {
    let columns = "id, org_id, fingerprint, public_key, name, created_at, revoked_at, \
                   revocation_reason, revocation_note, expires_at";
    // Each takes effect when the next opens the store.
    for step in [
        "CREATE TABLE kept.schema AS SELECT rowid AS place, * FROM main.sqlite_schema;
         PRAGMA writable_schema = ON;
         DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_trusted_keys_1'
             OR (type = 'trigger' AND tbl_name = 'trusted_keys');
         UPDATE sqlite_schema SET sql = replace(sql, 'BLOB    PRIMARY KEY CHECK', 'BLOB CHECK')
             WHERE name = 'trusted_keys'",
        "UPDATE trusted_keys SET rowid = 1001 WHERE rowid = 1;
         PRAGMA writable_schema = ON;
         DELETE FROM sqlite_schema
             WHERE name IN ('trusted_keys_fingerprint', 'trusted_keys_holders')",
        &format!(
            "INSERT INTO trusted_keys (rowid, {columns}) SELECT 1, {columns} FROM trusted_keys;
             PRAGMA writable_schema = ON;
             DELETE FROM sqlite_schema;
             INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql)
                 SELECT place, type, name, tbl_name, rootpage, sql FROM kept.schema"
        ),
    ] {
        forge(scratch, &with_kept(scratch, step));
    }
}

#[test]
fn a_store_whose_index_leads_to_another_row_is_not_changed() {
    let [verify, revoke, deny] = [COMMANDS[1], COMMANDS[2], COMMANDS[3]];
    let scratch = scratch();
    let store = scratch.read("store.db");
    plant_stale_index(&scratch);
    // What it is planted for: the row that is found by its id is not the one that counts.
    let planted = scratch.read("store.db");
    let key = text(&scratch.json(COMMANDS[0])["accepted"][0]["id"]);
    let revoked = "UPDATE trusted_keys SET revoked_at = 1000000, revocation_reason = 'retired'";
    forge(&scratch, &format!("{revoked} WHERE id = {}", scratch.sql_id(&key)));
    scratch.json(verify);
    scratch.write("store.db", planted);

    for change in [revoke, deny, &["db", "migrate"]] {
        scratch.run(&[&["--json"], change].concat()).assert_failed(2, "UnsafeSchema");
    }
    assert_doctor_says(&scratch, "its tables are damaged");

    scratch.write("store.db", store);
    scratch.json(revoke);
    scratch.run(&[&["--json"], verify].concat()).assert_failed(1, "UntrustedSigner");
}

fn assert_doctor_says(scratch: &Scratch, problem: &str) {
    let examined = scratch.run(&["doctor"]);
    assert_ne!(examined.code, 0);
    assert!(examined.stdout.contains(problem), "{}", examined.stdout);
}

/// The next change would add the number of a state of trust that is there, or that cannot be, or
/// others would take the store for another one.
#[test]
fn a_store_whose_history_does_not_end_at_the_present_state_is_called_damaged() {
    let [verify, revoke] = [COMMANDS[1], COMMANDS[2]];
    for planted in [
        "INSERT INTO trust_history SELECT trust_epoch + 1, randomblob(16) FROM store_state",
        "UPDATE store_state SET trust_epoch = 9223372036854775807",
        "DELETE FROM trust_history",
        "DELETE FROM trust_history WHERE epoch = (SELECT trust_epoch FROM store_state)",
    ] {
        let scratch = scratch();
        let store = scratch.read("store.db");
        forge(&scratch, planted);
        scratch.json(verify);
        let refused = scratch.run(&[&["--json"], revoke].concat());
        refused.assert_failed(2, "UnsafeSchema");
        assert_doctor_says(&scratch, "the state of trust has the number");

        scratch.write("store.db", store);
        scratch.json(revoke);
    }
}

/// Has SQLite write something else over the page of the table, as over a free one.
fn plant_free_page(scratch: &Scratch, table: &str) {
    const PAGE: usize = 4096;
    let path = scratch.path("store.db");
    let root = format!("(SELECT rootpage FROM sqlite_schema WHERE name = '{table}')");
    let root: i32 = {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        diesel::select(sql::<Integer>(&root)).get_result(&mut connection).unwrap()
    };
    let mut store = scratch.read("store.db");
    let trunk = (store.len() / PAGE + 1) as u32;
    // The size of the database, the first page of the list of free pages, and how many there are
    // (sections 1.3.6 and 1.3.9 of SQLite's file format).
    store[28..32].copy_from_slice(&trunk.to_be_bytes());
    store[32..36].copy_from_slice(&trunk.to_be_bytes());
    store[36..40].copy_from_slice(&2_u32.to_be_bytes());
    // No further page of the list, one free page, and its number.
    store.extend([0, 1, root as u32].iter().flat_map(|number| number.to_be_bytes()));
    store.resize(trunk as usize * PAGE, 0);
    scratch.write("store.db", store);
}

#[test]
fn a_store_in_which_a_used_page_counts_as_free_is_not_changed() {
    let [verify, revoke] = [COMMANDS[1], COMMANDS[2]];
    for table in ["compromised_keys", "trusted_keys_fingerprint"] {
        let scratch = scratch();
        let store = scratch.read("store.db");
        plant_free_page(&scratch, table);
        scratch.json(verify);
        for change in [revoke, &["keys", "deny", "release", "--danger-everywhere"]] {
            scratch.run(&[&["--json"], change].concat()).assert_failed(2, "UnsafeSchema");
        }
        assert_doctor_says(&scratch, "its tables are damaged");

        scratch.write("store.db", store);
        scratch.json(revoke);
    }
}
