//! `SIGKILL` at any moment of a rotation, which is then run again.

use chrono::Utc;
use signing_crypto::{KeyEncryptionKey, PackageDigest, PackageStatement, StatementTime};

use crate::kill::{ROUNDS, audit_log, kill_in_every_round, with_kek, words};
use crate::support::{KEK, OTHER_KEK, Scratch, text};

#[test]
fn killed_kek_rotation_leaves_all_keys_old_or_all_new_and_completes_when_run_again() {
    let scratch = Scratch::with_orgs(&["acme"]);
    let keks = [KEK, OTHER_KEK].map(|kek| KeyEncryptionKey::parse(kek).unwrap());
    for (number, kek) in [KEK, OTHER_KEK].into_iter().enumerate() {
        scratch.write(&format!("kek{number}"), kek);
    }
    // Enough of them that wrapping takes a good part of the time.
    scratch.inspect(async |keys| {
        let keys = with_kek(&keys);
        let org = keys.store().organizations().await.unwrap()[0].id;
        for number in 0..400 {
            keys.create_signing_key(org, format!("k{number}").parse().unwrap()).await.unwrap();
        }
    });
    let rotate = |round: u32| {
        let [old, new] = [format!("kek{}", round % 2), format!("kek{}", (round + 1) % 2)];
        words(&["keys", "rotate-kek", "--kek-file", &old, "--new-kek-file", &new])
    };
    kill_in_every_round(&scratch, rotate, |round| {
        let [old, new] = [&keks[round as usize % 2], &keks[(round as usize + 1) % 2]];
        let is_new = scratch.inspect(async |keys| {
            let kek_id = keys.store().state().await.unwrap().kek_id.unwrap();
            let kek = if kek_id == new.id() { new } else { old };
            assert_eq!(kek.id(), kek_id);
            let keys = keys.with_kek(kek.clone());
            let log = audit_log(&keys).await;
            let logged = log.iter().filter(|record| record.event_type == "kek.rotated").count();
            assert_eq!(logged, round as usize + usize::from(kek_id == new.id()));
            let org = keys.store().organizations().await.unwrap()[0].id;
            let all = keys.store().signing_keys(org).await.unwrap();
            assert_eq!(all.len(), 400);
            // The next rotation opens each key. Another eighth of them is opened here each time.
            for key in all.iter().skip(round as usize % 8).step_by(8) {
                keys.get_signing_key(key.id).await.unwrap();
            }
            kek_id == new.id()
        });
        let arguments = rotate(round);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(scratch.json(&arguments)["changed"], !is_new);
        is_new
    });
}

#[test]
fn killed_rotation_is_completed_when_run_again_and_signs_each_statement_once() {
    const KEPT: usize = 8;
    let scratch = Scratch::with_orgs(&["acme"]);
    let ids = scratch.inspect(async |keys| {
        let keys = with_kek(&keys);
        let org = keys.store().organizations().await.unwrap()[0].id;
        let mut ids = Vec::new();
        for round in 0..=ROUNDS {
            let name = format!("k{round}").parse().unwrap();
            let key = keys.create_signing_key(org, name).await.unwrap();
            keys.trust_public_key(org, &key.public_key, None, None).await.unwrap();
            for number in 0..KEPT {
                let digest = PackageDigest::from_bytes([number as u8; 32]);
                let name = format!("p{round}.{number}.so").parse().unwrap();
                let now = StatementTime::new(Utc::now()).unwrap();
                let statement = PackageStatement::new(name, digest, 1, now);
                let signature = keys.sign_statement(key.id, &statement).await.unwrap();
                keys.store_signature(org, &signature).await.unwrap();
            }
            ids.push(key.id);
        }
        ids
    });
    let rotate = |round: u32| {
        words(&["keys", "rotate", &ids[round as usize].to_string(), "--resign", "--yes"])
    };
    kill_in_every_round(&scratch, rotate, |round| {
        let rotate = rotate(round);
        let done = scratch.json(&rotate.iter().map(String::as_str).collect::<Vec<_>>());
        let count = |which: &str| done["signatures"][which].as_u64().unwrap() as usize;
        assert_eq!((count("added") + count("already"), count("left")), (KEPT, 0), "{done}");
        scratch.inspect(async |keys| {
            let org = keys.store().organizations().await.unwrap()[0].id;
            let old = ids[round as usize];
            let all = keys.store().signing_keys(org).await.unwrap();
            let new: Vec<_> = all.iter().filter(|key| key.predecessor_id == Some(old)).collect();
            assert_eq!(new.len(), 1);
            assert_eq!(new[0].id.to_string(), text(&done["successor"]["id"]));
            let trusted = keys.store().own_trusted_keys(org).await.unwrap();
            assert!(trusted.iter().any(|row| row.fingerprint == new[0].fingerprint));
            audit_log(&keys).await;
            with_kek(&keys).get_signing_key(new[0].id).await.unwrap();
        });
        count("added") == 0
    });
}
