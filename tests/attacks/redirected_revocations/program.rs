//! Somebody decides which row is found by the words with which an operator names a stolen key, so
//! that the published revocation, which cannot be taken back, denies another key.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_postgres::NoTls;

use crate::support::{Run, Scratch, forge, spawn, text, with_kept};

const ROOT: [&str; 2] = ["--trust-root", "root.json"];
const PUBLISH: [&str; 4] = ["--publish", "online.pem", ROOT[0], ROOT[1]];
const STATEMENT: [&str; 9] =
    ["trust", "publish", "--org", "acme", "--yes", "--key", "root.pem", ROOT[0], ROOT[1]];
const REVOCATIONS: [&str; 9] =
    ["trust", "publish", "--org", "acme", "--yes", "--key", "online.pem", ROOT[0], ROOT[1]];

#[test]
fn forged_id_of_a_row_redirects_no_revocation() {
    let scratch = rooted();
    let [build, release] = ["build", "release"].map(|name| row(&scratch, name));
    let prefix = &build.fingerprint[..16];
    let forged = format!("{}-{}-{}-8000-000000000000", &prefix[..8], &prefix[8..12], &prefix[12..]);
    let keep = "CREATE TABLE kept.rows AS SELECT * FROM trusted_keys";
    forge(&scratch, &with_kept(&scratch, keep));
    forge(&scratch, "DELETE FROM trusted_keys WHERE name = 'build'");
    let (from, to) = (scratch.sql_id(&release.id), scratch.sql_id(&forged));
    forge(&scratch, &format!("UPDATE trusted_keys SET id = {to} WHERE id = {from}"));
    let key = format!("acme/{prefix}");
    let revoke = [&["keys", "revoke", "--trusted", &key][..], &PUBLISH].concat();
    let deny = [&["keys", "deny", prefix, "--org", "acme"][..], &PUBLISH].concat();
    for command in [&revoke, &deny] {
        let refused = scratch.fails(1, "OtherKeyInRow", command);
        assert_nothing_to_paste(&refused, &release.fingerprint);
    }
    assert_eq!(denied(&scratch), [""; 0]);
    assert!(!row(&scratch, "release").is_refused);
    // No row is asked.
    scratch.json(&[&REVOCATIONS[..], &["--deny", prefix]].concat());
    assert_eq!(denied(&scratch), [&*build.fingerprint]);

    // The sibling: the rows as they were.
    let back = "DELETE FROM trusted_keys; INSERT INTO trusted_keys SELECT * FROM kept.rows";
    forge(&scratch, &with_kept(&scratch, back));
    scratch.json(&revoke);
    assert!(row(&scratch, "build").is_refused);
    assert!(!row(&scratch, "release").is_refused);
}

#[test]
fn id_of_a_row_is_not_published() {
    let scratch = rooted();
    let build = row(&scratch, "build");
    let id = &*build.id;
    let beginning = &id[..13];
    let named = |key| format!("acme/{key}");
    for key in [named(id), named(beginning)] {
        let revoke = ["keys", "revoke", "--trusted", &key];
        let deny = ["keys", "deny", &key, "--org", "acme"];
        for command in [&revoke[..], &deny] {
            let refused = scratch.fails(2, "KeyNotStated", &[command, &PUBLISH].concat());
            assert_nothing_to_paste(&refused, &build.fingerprint);
        }
        scratch.fails(2, "KeyNotStated", &[&REVOCATIONS[..], &["--deny", &key]].concat());
    }
    assert_eq!(denied(&scratch), [""; 0]);
    assert!(!row(&scratch, "build").is_refused);
    // The sibling: a fingerprint is in no row's gift.
    let deny = ["keys", "deny", &build.fingerprint, "--org", "acme"];
    scratch.json(&[&deny[..], &PUBLISH].concat());
    assert_eq!(denied(&scratch), [&*build.fingerprint]);
}

#[test]
fn name_that_rows_give_to_another_key_redirects_no_revocation() {
    let scratch = rooted();
    let [build, release] = ["build", "release"].map(|name| row(&scratch, name).fingerprint);
    let swap =
        "UPDATE trusted_keys SET name = CASE name WHEN 'release' THEN 'build' ELSE 'release' END";
    forge(&scratch, swap);
    let revoke = [&["keys", "revoke", "--trusted", "acme/build"][..], &PUBLISH].concat();
    let deny = [&["keys", "deny", "build", "--org", "acme"][..], &PUBLISH].concat();
    for command in [&revoke, &deny] {
        assert_nothing_to_paste(&scratch.fails(1, "OtherKeyInRow", command), &release);
    }
    assert_eq!(denied(&scratch), [""; 0]);
    scratch.json(&[&REVOCATIONS[..], &["--deny", "build"]].concat());
    assert_eq!(denied(&scratch), [&*build]);
    // The note of a command that does not publish is pasted as well.
    let noted = scratch.run(&["keys", "revoke", "acme/build", "--reason", "compromised"]);
    assert_eq!(noted.code, 0, "{}", noted.stderr);
    assert!(noted.stderr.contains("keys deny acme/build --org acme --publish"), "{}", noted.stderr);
    assert!(!noted.stderr.contains(&release), "{}", noted.stderr);

    // The sibling: the rows as they were.
    forge(&scratch, swap);
    scratch.json(&revoke);
}

#[test]
fn name_that_a_granted_organization_gives_reaches_none_of_the_others_keys() {
    let scratch = rooted();
    for key in ["vendor", "ci"] {
        scratch.key_files(key);
    }
    scratch.json(&["orgs", "create", "vendor"]);
    let trust = |file, name| {
        scratch.json(&["keys", "trust", "--org", "vendor", "--import", file, "--name", name])
    };
    let ci = text(&trust("ci.pub.pem", "ci")["fingerprint"]);
    // Public keys are public.
    trust("release.pub.pem", "helper");
    let init = ["trust", "init", "--org", "vendor", "--root-key", "vendor.pem", "--yes"];
    let root = text(&scratch.json(&init)["root"]);
    scratch.json(&["orgs", "grant-trust", "--from", "acme", "--to", "vendor"]);
    let child = format!("vendor={root}");
    scratch.json(&[&STATEMENT[..], &["--child-root", &child]].concat());

    let deny = |key| [&["keys", "deny", key, "--org", "acme"][..], &PUBLISH].concat();
    scratch.fails(2, "KeyNotStated", &deny("vendor/helper"));
    // A row is no grant.
    scratch.json(&["orgs", "create", "other"]);
    scratch.json(&["keys", "trust", "--org", "other", "--import", "ci.pub.pem", "--name", "ci"]);
    scratch.fails(2, "KeyNotStated", &deny("other/ci"));
    assert_eq!(denied(&scratch), [""; 0]);
    assert!(!row(&scratch, "release").is_refused);
    scratch.json(&deny("vendor/ci"));
    assert_eq!(denied(&scratch), [ci]);
}

/// The writer goes at the operator's pace: a lock of a table that the command reads between two
/// readings of the row shows when the first is done.
#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn public_half_that_a_row_had_before_the_proof_is_not_published() {
    let scratch = on(Scratch::on_postgres(&["acme"]));
    let (id, stolen) = scratch.stored_key("stored", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id, "--name", "stored"]);
    scratch.json(&STATEMENT);
    let take = |from: &str| {
        let id = scratch.sql_id(&id);
        format!(
            "UPDATE cloacina.signing_keys SET (fingerprint, public_key) =
                 (SELECT fingerprint, public_key FROM cloacina.trusted_keys WHERE name = '{from}')
             WHERE id = {id}"
        )
    };
    let revoke = ["keys", "revoke", "--signing", &id, "--reason", "compromised"];
    let mut command = scratch.command(&[&revoke[..], &PUBLISH, &["--json"]].concat());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connect = async || {
        let (client, connection) =
            tokio_postgres::connect(&scratch.database_url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    let lock = "BEGIN; LOCK TABLE cloacina.organizations IN ACCESS EXCLUSIVE MODE";
    let client = runtime.block_on(async {
        let client = connect().await;
        client.batch_execute(&take("release")).await.unwrap();
        client.batch_execute(lock).await.unwrap();
        client
    });
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = spawn(&mut command);
    runtime.block_on(async {
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted
                     AND relation = 'cloacina.organizations'::regclass";
        let limit = Instant::now() + Duration::from_secs(60);
        while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(Instant::now() < limit, "the attack does not work");
            thread::sleep(Duration::from_millis(20));
        }
        client.batch_execute(&format!("{}; COMMIT", take("stored"))).await.unwrap();
    });
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown} {}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains(&stolen), "{shown}");
    assert!(!shown.contains(&row(&scratch, "release").fingerprint), "{shown}");
    assert_eq!(denied(&scratch), [stolen]);
}

/// A store where acme trusts two keys by rows and by a statement, whose root the operator keeps in
/// `root.json`; `online.pem` signs revocations.
fn rooted() -> Scratch {
    on(Scratch::with_orgs(&["acme"]))
}

fn on(scratch: Scratch) -> Scratch {
    for key in ["root", "online", "build", "release"] {
        scratch.key_files(key);
    }
    for key in ["build", "release"] {
        let file = format!("{key}.pub.pem");
        scratch.json(&["keys", "trust", "--org", "acme", "--import", &file, "--name", key]);
    }
    let init = ["trust", "init", "--org", "acme", "--root-key", "root.pem", "--yes"];
    let keys = ["--revocation-key", "online.pem", "--root-output", "root.json"];
    scratch.json(&[&init[..], &keys].concat());
    scratch
}

struct Row {
    id: String,
    fingerprint: String,
    is_refused: bool,
}

/// What the rows say of a key that acme trusts, or has revoked.
fn row(scratch: &Scratch, name: &str) -> Row {
    scratch.inspect(async |keys| {
        let org = keys.store().organizations().await.unwrap()[0].id;
        let rows = keys.store().own_trusted_keys(org).await.unwrap();
        let row = rows.iter().find(|row| named(row, name)).unwrap();
        Row {
            id: row.id.to_string(),
            fingerprint: row.fingerprint.to_string(),
            is_refused: row.revoked_at.is_some(),
        }
    })
}

fn named(row: &signing_trust::store::TrustedKeyRecord, name: &str) -> bool {
    row.name.as_ref().is_some_and(|found| found.as_str() == name)
}

/// The keys that acme's newest revocations deny.
fn denied(scratch: &Scratch) -> Vec<String> {
    let shown = scratch.json(&["trust", "show", "--org", "acme"])["documents"].clone();
    let newest = shown.as_array().unwrap().last().unwrap()["revoked"].clone();
    let keys = newest.as_array().unwrap().iter().map(|key| &key["fingerprint"]);
    keys.map(text).collect()
}

#[track_caller]
fn assert_nothing_to_paste(refused: &Run, fingerprint: &str) {
    let document: Value = refused.document();
    let next = text(&document["error"]["next"]);
    assert!(next.contains("nothing was changed"), "{next}");
    assert!(!next.contains(fingerprint), "{next}");
}
