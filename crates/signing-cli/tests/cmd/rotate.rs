use serde_json::{Value, json};

use crate::passphrase_prompt::{talk, talk_while};
use crate::support::{Scratch, forge, text};

/// `acme` owns a key that it and `other` trust, and keeps a signature in the store.
/// Gives the key's id, the id of `acme`'s row about it, and its fingerprint.
fn world() -> (Scratch, [String; 3]) {
    let scratch = Scratch::with_orgs(&["acme", "other"]);
    let (id, fingerprint) = scratch.stored_key("release", "acme");
    let trust =
        |org: &str| text(&scratch.json(&["keys", "trust", "--org", org, "--key-id", &id])["id"]);
    let (acme, _) = (trust("acme"), trust("other"));
    scratch.write("a.so", "a");
    scratch.json(&["package", "sign", "a.so", "--key-id", &id, "--store"]);
    (scratch, [id, acme, fingerprint])
}

#[test]
fn a_rotation_says_what_it_did_and_what_is_left_to_do() {
    let (scratch, [id, _, old]) = world();
    let old = &old[..16];

    let run = scratch.run(&["keys", "rotate", &id]);

    assert_eq!(run.code, 0, "{}", run.stderr);
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    let new = &listed["signing_keys"][1];
    assert_eq!((&new["name"], &new["revoked_at"]), (&json!("release.2"), &Value::Null));
    let (new, fingerprint) = (text(&new["id"]), text(&new["fingerprint"]));
    assert_eq!(
        run.stdout,
        format!(
            "made release.2 to replace release\n\
             id           {new}\n\
             fingerprint  {fingerprint}\n\
             its organization now trusts it, like the old key\n\
             stored signatures by the old key: 0 re-signed, 0 already up to date, 1 not \
             re-signed\n\
             to do:\n  \
             re-sign what the store keeps: cloacina keys rotate acme/release --resign\n  \
             add a signature to each .sig file that the old key has signed: \
             cloacina package cosign <package> --org acme --key-id acme/release.2\n  \
             other trusts the old key itself; have it trust the new one: \
             cloacina keys trust --org other --key-id acme/release.2\n  \
             when nothing signs with the old key any longer: cloacina keys revoke --signing \
             acme/release\n  \
             when its organization no longer loads packages that only the old key has signed: \
             cloacina keys revoke --trusted acme/{old}\n  \
             when other no longer loads packages that only the old key has signed: \
             cloacina keys revoke --trusted other/{old}\n"
        )
    );
}

#[test]
fn what_is_to_be_re_signed_is_shown_on_the_terminal_before_the_question() {
    let (scratch, _) = world();
    let rotate = ["keys", "rotate", "acme/release", "--resign"];
    let asked = "re-sign these packages with the key's successor? [yes/no] ";
    let declined = talk(&mut scratch.command(&rotate), &[(asked, "no\n")]);
    assert_eq!(declined.code, Some(2), "{}", declined.shown);
    let (shown, _) = declined.shown.split_once(asked).unwrap();
    assert!(shown.contains("1 to re-sign, 0 already up to date\r\n"), "{shown}");
    assert!(shown.contains("a.so") && !shown.contains("re-signed"), "{shown}");
    let made = || scratch.json(&["keys", "list", "--org", "acme"])["signing_keys"].clone();
    assert_eq!(made().as_array().unwrap().len(), 1);

    let agreed = talk(&mut scratch.command(&rotate), &[(asked, "yes\n")]);
    assert_eq!(agreed.code, Some(0), "{}", agreed.shown);
    let done = &agreed.stdout;
    assert!(done.contains("1 re-signed, 0 already") && !done.contains("to re-sign"), "{done}");
    assert_eq!(made().as_array().unwrap().len(), 2);
    // There is nothing left to ask about.
    assert_eq!(scratch.json(&rotate)["signatures"]["already"], 1);
}

#[test]
fn a_dry_run_says_what_would_be_re_signed_and_not_that_it_was() {
    let (scratch, _) = world();
    let rotate = ["keys", "rotate", "acme/release", "--dry-run"];
    let said = scratch.run(&[&rotate[..], &["--resign"]].concat()).stdout;
    assert!(said.contains("1 to re-sign, 0 already up to date\n"), "{said}");
    assert!(!said.contains("re-signed"), "{said}");
    let said = scratch.run(&rotate).stdout;
    assert!(said.contains("0 to re-sign, 0 already up to date, 1 left as is\n"), "{said}");
    let done = scratch.run(&["keys", "rotate", "acme/release", "--resign", "--yes"]).stdout;
    assert!(done.contains("1 re-signed, 0 already up to date, 0 not re-signed\n"), "{done}");
}

/// Scripts give it whatever they run.
#[test]
fn yes_is_accepted_where_nothing_is_asked() {
    let (scratch, _) = world();
    assert_eq!(
        scratch.json(&["keys", "rotate", "acme/release", "--yes"])["successor"]["made"],
        true
    );
}

#[test]
fn what_is_stored_before_the_answer_is_not_re_signed() {
    let (scratch, [id, ..]) = world();
    scratch.write("b.so", "b");
    let mut plant = scratch.command(&["package", "sign", "b.so", "--store", "--key-id", &id]);
    let rotate = ["keys", "rotate", "acme/release", "--resign"];
    let asked = "re-sign these packages with the key's successor? [yes/no] ";
    let agreed = talk_while(&mut scratch.command(&rotate), &[(asked, "yes\n")], move || {
        assert!(plant.output().unwrap().status.success());
    });
    assert_eq!(agreed.code, Some(0), "{}", agreed.shown);
    let again = scratch.json(&["keys", "rotate", "acme/release"]);
    assert_eq!(
        (&again["signatures"]["already"], &again["signatures"]["left"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn the_commands_that_a_rotation_names_complete_it() {
    let (scratch, [id, ..]) = world();
    scratch.write("b.so", "b");
    scratch.json(&["package", "sign", "b.so", "--key-id", &id]);
    with_terms(&scratch, &id);
    let first = scratch.json(&["keys", "rotate", &id]);
    assert_eq!(first["successor"]["made"], true);

    for step in first["next"].as_array().unwrap() {
        let command = match text(&step["command"]) {
            // There is nobody to ask.
            asks if asks.ends_with("--resign") || asks.contains(" cosign ") => asks + " --yes",
            command => command,
        };
        follow(&scratch, &command.replace("<package>", "b.so"));
        if command.contains("<package>") {
            // Without its version it would be refused, for the floor.
            follow(&scratch, &command.replace("<package>", "terms.so"));
        }
        // Nothing is refused between them.
        for org in ["acme", "other"] {
            scratch.json(&["package", "verify", "b.so", "--org", org]);
            scratch.json(&["package", "verify", "terms.so", "--org", org]);
        }
        scratch.json(&["package", "verify", "a.so", "--org", "acme"]);
    }

    let again = scratch.json(&["keys", "rotate", &id]);
    assert_eq!(again["successor"]["made"], false);
    assert_eq!(again["successor"]["id"], first["successor"]["id"]);
    let mut counts = json!({ "added": 0, "already": 1, "left": 0, "outdated": 0 });
    counts["searched_all"] = true.into();
    counts["packages"] = json!([]);
    assert_eq!(again["signatures"], counts);
    assert_eq!(again["next"].as_array().unwrap().len(), 1, "{again}");
}

#[test]
fn without_the_options_that_are_named_a_package_with_a_floor_is_refused() {
    let (scratch, [id, ..]) = world();
    with_terms(&scratch, &id);
    scratch.json(&["package", "sign", "terms.so", "--key-id", &id, "--force"]);
    scratch.fails(1, "VersionBelowFloor", &["package", "verify", "terms.so", "--org", "acme"]);
}

/// A package that says its version and its expiry, and that is accepted from this
/// version on only.
fn with_terms(scratch: &Scratch, id: &str) {
    scratch.write("terms.so", "terms");
    let terms = ["--package-version", "1.4.0", "--expires", "2999-01-01"];
    scratch.json(&[&["package", "sign", "terms.so", "--key-id", id][..], &terms].concat());
    for org in ["acme", "other"] {
        let floor = ["package", "floor", "set", "--org", org, "--name", "terms.so", "1.4.0"];
        scratch.json(&floor);
    }
}

fn words(command: &str) -> Vec<&str> {
    command.strip_prefix("cloacina ").unwrap().split(' ').collect()
}

fn follow(scratch: &Scratch, command: &str) {
    scratch.json(&words(command));
}

#[test]
fn a_key_that_should_not_be_vouched_for_is_not_rotated() {
    let (scratch, [id, acme, _]) = world();
    scratch.fails(2, "OrganizationNeeded", &["keys", "rotate", "release"]);
    scratch.fails(2, "NoSuchKey", &["keys", "rotate", &acme]);
    scratch.fails(2, "NameTaken", &["keys", "rotate", &id, "--name", "release"]);

    scratch.json(&["keys", "revoke", &acme]);
    let run = scratch.fails(1, "PreviouslyRevoked", &["keys", "rotate", &id, "--resign", "--yes"]);
    assert!(run.stderr.contains("next: sign the packages"), "{}", run.stderr);
    scratch.json(&["keys", "revoke", &id]);
    scratch.fails(1, "SigningKeyRevoked", &["keys", "rotate", &id]);
    scratch.json(&["keys", "revoke", &id, "--reason", "compromised"]);
    scratch.fails(1, "KeyCompromised", &["keys", "rotate", &id]);
    let listed = scratch.json(&["keys", "list", "--org", "acme"]);
    assert_eq!(listed["signing_keys"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_key_has_signed_is_not_signed_again_when_its_trust_has_expired() {
    let (scratch, [id, acme, _]) = world();
    let row = scratch.sql_id(&acme);
    forge(&scratch, &format!("UPDATE trusted_keys SET expires_at = 1 WHERE id = {row}"));
    let run = scratch.fails(1, "TrustExpired", &["keys", "rotate", &id, "--resign", "--yes"]);
    assert!(run.stderr.contains("expired at 1970-01-01T00:00:00"), "{}", run.stderr);
    assert!(run.stderr.contains("cloacina keys trust --org <org> --key-id <old key> --expires"));

    let until = ["--expires", "2999-01-01"];
    scratch.json(&[&["keys", "trust", "--org", "acme", "--key-id", &id][..], &until].concat());
    let rotated = scratch.json(&["keys", "rotate", &id, "--resign", "--yes"]);
    assert_eq!(rotated["signatures"]["added"], 1);
    assert_eq!(rotated["trusted"]["expires_at"], "2999-01-01T00:00:00Z");
}

#[test]
fn a_timeline_shows_from_when_to_when_each_key_of_a_rotation_counts() {
    let (scratch, [id, acme, _]) = world();
    scratch.stored_key("unrelated", "acme");
    scratch.json(&["keys", "rotate", &id]);
    scratch.json(&["keys", "revoke", &id]);
    let of = |arguments: &[&str]| {
        let shown = scratch.json(&[&["keys", "timeline"], arguments].concat());
        let lanes = shown["keys"].as_array().unwrap().iter();
        let states = |lane: &Value| {
            let periods = lane["periods"].as_array().unwrap().iter();
            let open = |period: &Value| if period["until"].is_null() { "…" } else { "" };
            let states = periods.map(|period| text(&period["what"]) + open(period));
            states.collect::<Vec<_>>().join(" ")
        };
        lanes.map(|lane| format!("{}: {}", text(&lane["name"]), states(lane))).collect::<Vec<_>>()
    };
    let rotated = ["release: signs trusted…", "release.2: signs… trusted…"];
    assert_eq!(of(&["acme/release.2"]), rotated);
    assert_eq!(of(&[&id]), rotated);
    assert_eq!(of(&["--org", "acme"]).len(), 3);
    scratch.json(&["keys", "revoke", &acme]);
    assert_eq!(of(&[&id])[0], "release: signs trusted refused…");

    let svg = scratch.run(&["keys", "timeline", &id, "--format", "svg"]).stdout;
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("release.2") && !svg.contains("unrelated"), "{svg}");
}

#[test]
fn a_timeline_of_a_key_that_is_not_there_is_refused() {
    let (scratch, _) = world();
    scratch.fails(2, "NoSuchKey", &["keys", "timeline", "acme/missing"]);
    scratch.fails(2, "NoSuchOrganization", &["keys", "timeline", "--org", "missing"]);
    scratch.fails(2, "Usage", &["keys", "timeline", "--format", "png"]);
}
