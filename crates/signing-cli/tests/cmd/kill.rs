//! `SIGKILL` at any moment leaves the old state or the new one.
//!
//! The delays only vary the moment of the kill; what is asserted holds for all of
//! them. A file that is written has no name until it is whole. For the moment between the
//! two system calls that replace another file it has one that starts with `.cloacina-`; what
//! a kill leaves of that, the next run in the same directory removes.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use signing_crypto::{KeyEncryptionKey, KeyId, SignatureEnvelope, SigningKey, VerifyingKey};
use signing_loader::sign_package;
use signing_trust::KeyManager;
use signing_trust::store::AuditRecord;

use crate::support::{KEK, Scratch, kill, spawn};

pub(crate) const ROUNDS: u32 = 48;

/// Runs a command once for each round and kills it, each time a little later: from
/// at once to after it has ended. `was_done` looks at what that left.
pub(crate) fn kill_in_every_round(
    scratch: &Scratch,
    arguments: impl Fn(u32) -> Vec<String>,
    was_done: impl Fn(u32) -> bool,
) {
    let start = |round| {
        let arguments = arguments(round);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command: Command = scratch.command(&arguments);
        spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
    };
    // Nobody kills round 0: it shows how long the others are to live.
    let started = Instant::now();
    assert!(start(0).wait().unwrap().success());
    let whole = started.elapsed();
    assert!(was_done(0), "nothing was done, and nobody was killed");

    let mut undone = 0;
    for round in 1..=ROUNDS {
        let mut child = start(round);
        thread::sleep(whole * 3 * (round - 1) / (2 * ROUNDS));
        kill(&child);
        child.wait().unwrap();
        undone += u32::from(!was_done(round));
    }
    assert!(undone > 0, "no kill came in time, with {whole:?} for all of it");
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A new key pair, in files as the program makes them.
fn write_pair(scratch: &Scratch, name: &str) -> SigningKey {
    let key = SigningKey::generate().unwrap();
    scratch.write(&format!("{name}.pem"), &*key.to_pem());
    scratch.write(&format!("{name}.pub.pem"), key.verifying_key().to_pem());
    key
}

/// Killed processes have left nothing.
fn assert_nothing_is_left(scratch: &Scratch, is_expected: impl Fn(&str) -> bool) {
    let left: Vec<_> = scratch.files().into_iter().filter(|file| !is_expected(file)).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn killed_key_generation_leaves_no_key_the_public_one_or_a_pair() {
    let scratch = Scratch::new();
    let generate =
        |round| words(&["keys", "generate", "--name", "k", "--output", &format!("k{round}.pem")]);
    kill_in_every_round(&scratch, generate, |round| {
        let (private, public) = (format!("k{round}.pem"), format!("k{round}.pub.pem"));
        match (scratch.exists(&private), scratch.exists(&public)) {
            (false, false) => false,
            (false, true) => {
                VerifyingKey::from_pem(&scratch.read(&public)).unwrap();
                false
            }
            (true, true) => {
                let key = SigningKey::from_pem(&scratch.read(&private)).unwrap();
                let public = VerifyingKey::from_pem(&scratch.read(&public)).unwrap();
                assert_eq!(key.verifying_key(), public);
                assert_eq!(scratch.mode(&private), 0o600);
                true
            }
            (true, false) => panic!("a private key without its public half: {private}"),
        }
    });
    assert_nothing_is_left(&scratch, |file| file.starts_with('k') && file.ends_with(".pem"));
}

#[test]
fn killed_replacing_of_a_public_key_leaves_none_beside_the_private_half_of_another_pair() {
    let scratch = Scratch::new();
    for round in 0..=ROUNDS {
        write_pair(&scratch, &format!("k{round}"));
        std::fs::remove_file(scratch.path(&format!("k{round}.pem"))).unwrap();
    }
    let generate = |round| {
        words(&["keys", "generate", "--name", "k", "--force", "--output", &format!("k{round}.pem")])
    };
    kill_in_every_round(&scratch, generate, |round| {
        let [private, public] = ["pem", "pub.pem"].map(|end| format!("k{round}.{end}"));
        if !scratch.exists(&private) {
            return false;
        }
        let key = SigningKey::from_pem(&scratch.read(&private)).unwrap();
        assert_eq!(scratch.mode(&private), 0o600);
        if !scratch.exists(&public) {
            return false;
        }
        let public = VerifyingKey::from_pem(&scratch.read(&public)).unwrap();
        assert_eq!(key.verifying_key(), public);
        true
    });
    scratch.key_files("k_last");
    assert_nothing_is_left(&scratch, |file| file.starts_with('k') && file.ends_with(".pem"));
}

#[test]
fn killed_signing_leaves_no_signature_or_a_good_one() {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    let key = VerifyingKey::from_pem(&scratch.read("dev.pub.pem")).unwrap();
    for round in 0..=ROUNDS {
        scratch.write(&format!("p{round}.so"), vec![7; 100_000]);
    }
    let sign = |round| words(&["package", "sign", &format!("p{round}.so"), "--key", "dev.pem"]);
    kill_in_every_round(&scratch, sign, |round| {
        let signature = format!("p{round}.so.sig");
        if !scratch.exists(&signature) {
            return false;
        }
        SignatureEnvelope::parse(&scratch.read(&signature)).unwrap().verify(&key).unwrap();
        true
    });
    assert_nothing_is_left(&scratch, |file| file.starts_with('p') || file.starts_with("dev."));
}

#[test]
fn killed_replacing_of_a_signature_leaves_the_old_or_the_new_one() {
    let scratch = Scratch::new();
    let [old, new] = ["old", "new"].map(|name| write_pair(&scratch, name));
    for round in 0..=ROUNDS {
        let package = format!("p{round}.so");
        scratch.write(&package, &package);
        let signature = sign_package(scratch.path(&package), &old).unwrap();
        scratch.write(&format!("{package}.sig"), signature.to_json());
    }
    let sign =
        |round| words(&["package", "sign", &format!("p{round}.so"), "--key", "new.pem", "--force"]);
    kill_in_every_round(&scratch, sign, |round| {
        let envelope =
            SignatureEnvelope::parse(&scratch.read(&format!("p{round}.so.sig"))).unwrap();
        match envelope.verify(&new.verifying_key()) {
            Ok(_) => true,
            Err(_) => {
                envelope.verify(&old.verifying_key()).unwrap();
                false
            }
        }
    });
    scratch.signed_package("p_last.so", "new.pem");
    let is_expected =
        |file: &str| file.starts_with('p') || file.starts_with("old.") || file.starts_with("new.");
    assert_nothing_is_left(&scratch, is_expected);
}

/// The log of the only organization, which must be a whole chain.
pub(crate) async fn audit_log(keys: &KeyManager) -> Vec<AuditRecord> {
    let org = keys.store().organizations().await.unwrap()[0].id;
    let log = keys.store().audit_log(org).await.unwrap();
    let mut previous = vec![0; 32];
    for (number, record) in (1..).zip(&log) {
        assert_eq!(record.sequence, number);
        assert_eq!(record.previous_hash, previous);
        assert_eq!(record.entry_hash, record.computed_hash());
        previous.clone_from(&record.entry_hash);
    }
    log
}

fn count(log: &[AuditRecord], event_type: &str, detail: (&str, &str)) -> usize {
    let is_it = |record: &&AuditRecord| {
        let details: serde_json::Value = serde_json::from_str(&record.details).unwrap();
        record.event_type == event_type && details[detail.0] == detail.1
    };
    log.iter().filter(is_it).count()
}

pub(crate) fn with_kek(keys: &KeyManager) -> KeyManager {
    keys.clone().with_kek(KeyEncryptionKey::parse(KEK).unwrap())
}

#[test]
fn killed_revocation_is_made_and_logged_or_neither() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let ids: Vec<KeyId> = scratch.inspect(async |keys| {
        let keys = with_kek(&keys);
        let org = keys.store().organizations().await.unwrap()[0].id;
        let mut ids = Vec::new();
        for round in 0..=ROUNDS {
            let name = format!("k{round}").parse().unwrap();
            ids.push(keys.create_signing_key(org, name).await.unwrap().id);
        }
        ids
    });
    let id = |round: u32| ids[round as usize];
    let revoke = |round| words(&["keys", "revoke", &id(round).to_string()]);
    kill_in_every_round(&scratch, revoke, |round| {
        scratch.inspect(async |keys| {
            let key = keys.store().signing_key(id(round)).await.unwrap();
            let log = audit_log(&keys).await;
            let logged = count(&log, "key.signing.revoked", ("key_id", &id(round).to_string()));
            assert_eq!(logged, usize::from(key.revoked_at.is_some()));
            key.revoked_at.is_some()
        })
    });
    assert_nothing_is_left(&scratch, |file| file.starts_with("store.db"));
}

#[test]
fn killed_key_generation_in_the_store_is_made_and_logged_or_neither() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let generate =
        |round| words(&["keys", "generate", "--org", "acme", "--name", &format!("k{round}")]);
    kill_in_every_round(&scratch, generate, |round| {
        scratch.inspect(async |keys| {
            let name = format!("k{round}");
            let org = keys.store().organizations().await.unwrap()[0].id;
            let all = keys.store().signing_keys(org).await.unwrap();
            let made: Vec<_> = all.iter().filter(|key| key.name.as_str() == name).collect();
            let log = audit_log(&keys).await;
            assert_eq!(count(&log, "key.signing.created", ("name", &name)), made.len());
            let Some(key) = made.first() else { return false };
            let private = with_kek(&keys).get_signing_key(key.id).await.unwrap();
            assert_eq!(private.fingerprint(), key.fingerprint);
            true
        })
    });
    assert_nothing_is_left(&scratch, |file| file.starts_with("store.db"));
}
