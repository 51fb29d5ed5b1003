//! Somebody who can write the database, and has no key encryption key, changes rows of
//! `signing_keys`; an operator then uses the program as usual.

use signing_crypto::SigningKey;

use crate::support::{OTHER_KEK, Run, Scratch, finish, forge, text};

const KEK_VARIABLE: &str = "CLOACINA_KEY_ENCRYPTION_KEY";
const NEXT: &str = "next: trust nothing in this database until you know who wrote to it";

/// Makes of each claim, a function of a store, a test on SQLite and one on Postgres.
macro_rules! on_both_backends {
    ($($claim:ident),* $(,)?) => {$(
        mod $claim {
            use crate::support::Scratch;

            #[test]
            fn on_sqlite() {
                super::$claim(Scratch::with_orgs(&["acme", "operator"]));
            }

            #[test]
            #[ignore = "needs Postgres: cargo xtask test-db"]
            fn on_postgres() {
                super::$claim(Scratch::on_postgres(&["acme", "operator"]));
            }
        }
    )*};
}

on_both_backends! {
    swapped_public_half_is_not_exported,
    swapped_public_half_is_not_trusted_by_id,
    envelope_of_a_swapped_public_half_is_not_signed_again,
    forged_successor_is_not_trusted,
    swapped_public_half_signs_no_checkpoint,
    swapped_public_half_vouches_for_no_checkpoint,
    key_of_somebody_else_is_not_declared_compromised,
    exporting_and_trusting_by_id_need_the_stores_kek,
}

/// The columns that an attacker's public half is in, as SQL.
fn swapped_for(scratch: &Scratch, key: &SigningKey) -> String {
    let public = scratch.sql_bytes(key.verifying_key().as_bytes());
    let fingerprint = scratch.sql_bytes(key.fingerprint().as_bytes());
    format!("public_key = {public}, fingerprint = {fingerprint}")
}

/// Changes the row of a signing key, and gives what puts it back as it was.
fn forge_key(scratch: &Scratch, id: &str, set: &str) {
    let id = scratch.sql_id(id);
    forge(scratch, &format!("UPDATE signing_keys SET {set} WHERE id = {id}"));
}

#[track_caller]
fn assert_forged(run: &Run) {
    run.assert_failed(1, "ForgedKey");
    assert!(run.stderr.contains(NEXT), "{}", run.stderr);
}

/// What a rotation, an export or a change of trust writes.
fn everything(scratch: &Scratch) -> String {
    let listed = ["acme", "operator"].map(|org| scratch.json(&["keys", "list", "--org", org]));
    let logs = ["acme", "operator"].map(|org| scratch.json(&["audit", "list", "--org", org]));
    format!("{listed:?}{logs:?}{:?}", scratch.files())
}

fn without_kek(scratch: &Scratch, arguments: &[&str]) -> Run {
    finish(scratch.command(arguments).arg("--json").env_remove(KEK_VARIABLE), b"")
}

fn swapped_public_half_is_not_exported(scratch: Scratch) {
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let genuine = scratch.run(&["keys", "export", &id]).stdout;
    let attacker = SigningKey::generate().unwrap();
    forge_key(&scratch, &id, &swapped_for(&scratch, &attacker));
    let before = scratch.files();

    let export = ["keys", "export", &id];
    assert_forged(&scratch.fails(1, "ForgedKey", &export));
    assert_eq!(scratch.run(&export).stdout, "");
    scratch.fails(1, "ForgedKey", &[&export[..], &["--output", "release.pem"]].concat());
    assert_eq!(scratch.files(), before);

    let key = signing_crypto::VerifyingKey::from_pem(genuine.as_bytes()).unwrap();
    assert_eq!(key.fingerprint().to_string(), fingerprint);
    let public = scratch.sql_bytes(key.as_bytes());
    let its = scratch.sql_bytes(key.fingerprint().as_bytes());
    forge_key(&scratch, &id, &format!("public_key = {public}, fingerprint = {its}"));
    assert_eq!(scratch.run(&export).stdout, genuine);
}

fn swapped_public_half_is_not_trusted_by_id(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let (other, _) = scratch.stored_key("other", "acme");
    forge_key(&scratch, &id, &swapped_for(&scratch, &SigningKey::generate().unwrap()));
    let before = everything(&scratch);

    assert_forged(&scratch.fails(
        1,
        "ForgedKey",
        &["keys", "trust", "--org", "operator", "--key-id", &id],
    ));

    assert_eq!(everything(&scratch), before);
    scratch.json(&["keys", "trust", "--org", "operator", "--key-id", &other]);
}

fn envelope_of_a_swapped_public_half_is_not_signed_again(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let (other, _) = scratch.stored_key("other", "acme");
    // The attacker's key, and a package that only it has signed.
    let pem = scratch.key_files("attacker");
    scratch.write("hostile.so", "hostile");
    scratch.json(&[
        "package",
        "sign",
        "hostile.so",
        "--key",
        "attacker.pem",
        "--store",
        "--org",
        "acme",
    ]);
    let attacker = SigningKey::from_pem(&scratch.read("attacker.pem")).unwrap();
    assert_eq!(attacker.fingerprint().to_string(), pem);
    forge_key(&scratch, &id, &swapped_for(&scratch, &attacker));
    let before = everything(&scratch);

    assert_forged(&scratch.fails(1, "ForgedKey", &["keys", "rotate", &id, "--resign", "--yes"]));

    assert_eq!(everything(&scratch), before);
    let rotated = scratch.json(&["keys", "rotate", &other, "--resign", "--yes"]);
    assert_eq!(rotated["signatures"]["added"], 0);
}

fn forged_successor_is_not_trusted(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let (dev, _) = scratch.stored_key("dev", "acme");
    scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id]);
    forge_key(&scratch, &dev, &format!("predecessor_id = {}", scratch.sql_id(&id)));
    let before = everything(&scratch);

    let run = scratch.fails(1, "ForgedKey", &["keys", "rotate", &id]);

    assert_forged(&run);
    // The key that is named is not the one that was given.
    assert!(run.stderr.contains(&dev), "{}", run.stderr);
    assert_eq!(everything(&scratch), before);
    forge_key(&scratch, &dev, "predecessor_id = NULL");
    assert_eq!(scratch.json(&["keys", "rotate", &id])["successor"]["made"], true);
}

fn swapped_public_half_signs_no_checkpoint(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let (other, _) = scratch.stored_key("other", "acme");
    forge_key(&scratch, &id, &swapped_for(&scratch, &SigningKey::generate().unwrap()));
    let checkpoint = |id: &str| {
        ["audit", "checkpoint", "--all", "--output", "checkpoint", "--key-id", id]
            .map(str::to_owned)
    };

    let arguments = checkpoint(&id);
    assert_forged(&scratch.fails(1, "ForgedKey", &arguments.each_ref().map(String::as_str)));
    assert!(!scratch.exists("checkpoint"));

    let arguments = checkpoint(&other);
    scratch.json(&arguments.each_ref().map(String::as_str));
}

fn swapped_public_half_vouches_for_no_checkpoint(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let (other, _) = scratch.stored_key("other", "acme");
    scratch.key_files("attacker");
    let checkpoint = ["audit", "checkpoint", "--all", "--output"];
    scratch.json(&[&checkpoint[..], &["forged", "--key", "attacker.pem"]].concat());
    scratch.json(&[&checkpoint[..], &["genuine", "--key-id", &other]].concat());
    let attacker = SigningKey::from_pem(&scratch.read("attacker.pem")).unwrap();
    forge_key(&scratch, &id, &swapped_for(&scratch, &attacker));
    let verify = ["audit", "verify", "--checkpoint"];

    let forged = [&verify[..], &["forged", "--key-id"]].concat();
    assert_forged(&scratch.fails(1, "ForgedKey", &[&forged[..], &[&id]].concat()));
    scratch.fails(1, "UntrustedCheckpoint", &[&forged[..], &[&other]].concat());

    scratch.json(&[&verify[..], &["genuine", "--key-id", &other]].concat());
}

fn key_of_somebody_else_is_not_declared_compromised(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let (victim, fingerprint) = scratch.stored_key("victim", "operator");
    scratch.json(&["keys", "trust", "--org", "operator", "--key-id", &victim]);
    let row = |column: &str| {
        let victim = scratch.sql_id(&victim);
        format!("{column} = (SELECT {column} FROM signing_keys WHERE id = {victim})")
    };
    forge_key(&scratch, &id, &format!("{}, {}", row("public_key"), row("fingerprint")));
    let before = everything(&scratch);

    let revoke = ["keys", "revoke", &id, "--reason", "compromised"];
    let run = scratch.fails(1, "ForgedKey", &revoke);
    assert_forged(&run);
    assert!(run.stderr.contains("keys deny <fingerprint>"), "{}", run.stderr);
    scratch.fails(1, "ForgedKey", &[&revoke[..], &["--dry-run"]].concat());

    assert_eq!(everything(&scratch), before);
    let accepted = &scratch.json(&["keys", "list", "--org", "operator"])["accepted"];
    assert_eq!(text(&accepted[0]["fingerprint"]), fingerprint);
    scratch.json(&["keys", "revoke", &victim, "--reason", "compromised"]);
}

fn exporting_and_trusting_by_id_need_the_stores_kek(scratch: Scratch) {
    let (id, _) = scratch.stored_key("release", "acme");
    let before = everything(&scratch);
    for command in [
        vec!["keys", "export", &id],
        vec!["keys", "trust", "--org", "operator", "--key-id", &id],
        vec!["keys", "revoke", &id, "--reason", "compromised"],
        vec!["keys", "revoke", &id, "--reason", "compromised", "--dry-run"],
    ] {
        without_kek(&scratch, &command).assert_failed(2, "NoKeyEncryptionKey");
        let mut other = scratch.command(&command);
        let run = finish(other.arg("--json").env(KEK_VARIABLE, OTHER_KEK), b"");
        run.assert_failed(2, "OtherKeyEncryptionKey");
    }
    assert_eq!(everything(&scratch), before);
    // Nothing of a private key is needed to retire one.
    assert_eq!(without_kek(&scratch, &["keys", "revoke", &id]).code, 0);
}
