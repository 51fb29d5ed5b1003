//! How far a grant or a trusted key reaches, on the command line.

use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use crate::support::{Scratch, finish};

const GRANT: [&str; 6] = ["orgs", "grant-trust", "--from", "operator", "--to", "vendor"];

/// A vendor that trusts `dev.pem`, whose keys nobody else accepts yet.
fn vendor() -> Scratch {
    let scratch = Scratch::with_orgs(&["operator", "vendor"]);
    scratch.key_files("dev");
    scratch.json(&["keys", "trust", "--org", "vendor", "--import", "dev.pub.pem"]);
    scratch
}

fn with<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, more].concat()
}

#[test]
fn a_grant_for_some_packages_verifies_those_and_no_others() {
    let scratch = vendor();
    scratch.signed_package("etl-a.so", "dev.pem");
    scratch.signed_package("web.so", "dev.pem");
    let made = scratch.json(&with(&GRANT, &["--packages", "etl-*", "--packages", "lib?.so"]));
    assert_eq!(made["limits"]["packages"], json!(["etl-*", "lib?.so"]));
    assert_eq!((&made["changed"], &made["replaced"]), (&json!(true), &json!(null)));

    scratch.json(&["package", "verify", "etl-a.so", "--org", "operator"]);
    let verify = ["package", "verify", "web.so", "--org", "operator"];
    let run = scratch.fails(1, "UntrustedSigner", &verify);
    assert!(run.stderr.contains("only for etl-*, lib?.so"), "{}", run.stderr);

    let listed = scratch.json(&["keys", "list", "--org", "operator"])["accepted"].clone();
    assert_eq!(listed[0]["packages"], json!(["etl-*", "lib?.so"]));
    assert_eq!(listed[0]["via"]["org"], "vendor");
    let shown = scratch.run(&["keys", "list", "--org", "operator"]).stdout;
    assert!(shown.contains("granted to vendor  \"etl-*\", \"lib?.so\""), "{shown}");
    let shown = scratch.run(&["orgs", "list"]).stdout;
    assert!(shown.contains("  vendor for packages \"etl-*\", \"lib?.so\""), "{shown}");
}

#[test]
fn a_grant_with_other_limits_replaces_the_one_before_and_says_so() {
    let scratch = vendor();
    scratch.signed_package("etl-a.so", "dev.pem");
    scratch.signed_package("web.so", "dev.pem");
    scratch.json(&GRANT);
    scratch.json(&["package", "verify", "web.so", "--org", "operator"]);

    let run = scratch.run(&with(&GRANT, &["--packages", "etl-*", "--expires", "2999-01-01"]));
    assert_eq!(
        run.stdout,
        "operator now accepts the keys that vendor trusts directly for packages \"etl-*\" until \
         2999-01-01T00:00:00Z\nthis replaces the grant for every package, without expiry\n"
    );
    scratch.fails(1, "UntrustedSigner", &["package", "verify", "web.so", "--org", "operator"]);
    scratch.json(&["package", "verify", "etl-a.so", "--org", "operator"]);

    let same = with(&GRANT, &["--expires", "2999-01-01T01:00:00+01:00", "--packages", "etl-*"]);
    let again = scratch.json(&same);
    assert_eq!((&again["changed"], &again["replaced"]), (&json!(false), &json!(null)));
    let wider = scratch.json(&GRANT);
    let before = json!({ "packages": ["etl-*"], "expires_at": "2999-01-01T00:00:00Z" });
    assert_eq!((&wider["changed"], &wider["replaced"]), (&json!(true), &before));
    assert_eq!(wider["limits"], json!({ "packages": null, "expires_at": null }));
    scratch.json(&["package", "verify", "web.so", "--org", "operator"]);
}

#[test]
fn an_organization_is_shown_with_its_grants_and_their_limits() {
    let scratch = vendor();
    scratch.json(&["orgs", "create", "other"]);
    scratch.json(&["orgs", "grant-trust", "--from", "operator", "--to", "other"]);
    scratch.json(&with(&GRANT, &["--packages", "etl-*", "--expires", "2999-01-01T12:00:00Z"]));
    let shown = scratch.json(&["orgs", "show", "operator"]);
    assert_eq!((&shown["name"], &shown["deleted_at"]), (&json!("operator"), &json!(null)));
    let grants = shown["grants"].as_array().unwrap();
    assert_eq!(scratch.json(&["orgs", "list"])[0]["grants"], shown["grants"]);
    assert_eq!(grants.len(), 2);
    assert_eq!(
        (&grants[0]["org"], &grants[0]["packages"], &grants[0]["expires_at"]),
        (&json!("other"), &json!(null), &json!(null))
    );
    assert_eq!(
        (&grants[1]["org"], &grants[1]["packages"], &grants[1]["expires_at"]),
        (&json!("vendor"), &json!(["etl-*"]), &json!("2999-01-01T12:00:00Z"))
    );
    assert_eq!(grants[1]["standing"], "in_force");
    let shown = scratch.run(&["orgs", "show", "operator"]).stdout;
    let line = "accepts  vendor for packages \"etl-*\" until 2999-01-01T12:00:00Z";
    assert!(shown.lines().any(|shown| shown == line), "{shown}");
    scratch.fails(2, "NoSuchOrganization", &["orgs", "show", "operators"]);
    scratch.fails(2, "OrganizationNeeded", &["orgs", "show"]);
    let mut by_default = scratch.command(&["orgs", "show"]);
    let by_default = finish(by_default.env("CLOACINA_ORG", "operator"), b"");
    assert_eq!(by_default.stdout, shown, "{}", by_default.stderr);
    let received = scratch.json(&["orgs", "show", "vendor"]);
    assert_eq!(received["granted_by"][0]["org"], "operator");
    assert_eq!(received["granted_by"][0]["packages"], json!(["etl-*"]));
    assert_eq!(scratch.json(&["orgs", "show", "other"])["grants"], json!([]));
    assert_eq!(scratch.json(&["orgs", "show", "operator"])["granted_by"], json!([]));

    scratch.json(&["orgs", "delete", "vendor", "--yes"]);
    let shown = scratch.json(&["orgs", "show", "operator"]);
    assert_eq!(shown["grants"][1]["standing"], "child_deleted");
    assert_eq!(scratch.json(&["orgs", "list"])[0]["accepts"], json!(["other"]));
}

#[test]
fn lists_name_a_key_of_another_organization_as_commands_take_it() {
    let scratch = Scratch::with_orgs(&["operator", "vendor"]);
    scratch.key_files("dev");
    let trust = ["keys", "trust", "--org", "vendor", "--import", "dev.pub.pem", "--name", "vk"];
    scratch.json(&trust);
    scratch.json(&GRANT);
    let shown = |arguments: &[&str]| {
        let shown = scratch.run(arguments).stdout;
        let line = shown.lines().find(|line| line.contains("vendor/vk ")).unwrap_or_default();
        line.trim_start().starts_with("vendor/vk  ")
    };
    let list = ["keys", "list", "--org", "operator"];
    assert!(shown(&list));

    // Every organization chooses its own names.
    for command in ["deny", "show"] {
        let run = scratch.fails(2, "NoSuchKey", &["keys", command, "vk", "--org", "operator"]);
        assert!(run.stderr.contains("did you mean vendor/vk?"), "{}", run.stderr);
    }
    let run = scratch.fails(2, "NoSuchKey", &["keys", "deny", "other", "--org", "operator"]);
    assert!(!run.stderr.contains("did you mean"), "{}", run.stderr);
    scratch.json(&["keys", "deny", "vendor/vk", "--org", "operator"]);
    assert!(shown(&list));
    assert!(shown(&["orgs", "show", "operator"]));
    let reinstate = ["keys", "reinstate", "vendor/vk", "--org", "operator", "--note", "x"];
    scratch.json(&reinstate);

    // Without the grant nothing says what the key is to the organization.
    scratch.json(&["keys", "deny", "vendor/vk", "--org", "operator"]);
    scratch.json(&["orgs", "revoke-trust", "--from", "operator", "--to", "vendor"]);
    assert!(!shown(&list));
}

#[test]
fn trust_that_would_have_ended_already_is_refused() {
    let scratch = vendor();
    scratch.key_files("new");
    let trust = ["keys", "trust", "--org", "vendor", "--import", "new.pub.pem"];
    for past in ["2026-01-01", "1970-01-01T00:00:00Z", "0000-01-01"] {
        for command in [&GRANT[..], &trust] {
            let run = scratch.fails(2, "ExpiryPast", &with(command, &["--expires", past]));
            assert!(run.stderr.contains(&past[..10]), "{}", run.stderr);
            let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
            assert!(run.stderr.contains(&format!("the time is {}", &now[..10])), "{}", run.stderr);
            assert!(run.stderr.contains("next: give a time in the future"), "{}", run.stderr);
        }
    }
    assert_eq!(scratch.json(&["orgs", "show", "operator"])["grants"], json!([]));
    let listed = scratch.json(&["keys", "list", "--org", "vendor"]);
    assert_eq!(listed["accepted"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_time_or_no_pattern_changes_nothing() {
    let scratch = vendor();
    let trust = ["keys", "trust", "--org", "operator", "--import", "dev.pub.pem"];
    for given in ["", "tomorrow", "2999-13-01", "2999-01-01T00:00:00"] {
        for command in [&GRANT[..], &trust] {
            let run = scratch.fails(2, "Usage", &with(command, &["--expires", given]));
            assert!(run.stderr.contains("2027-01-01T12:00:00Z"), "{}", run.stderr);
        }
    }
    for given in ["", "a/b", "a\u{202e}b", "a\nb", &"a".repeat(256)] {
        let run = scratch.fails(2, "Usage", &with(&GRANT, &["--packages", given]));
        assert!(run.stderr.contains("'--packages <PATTERN>': a pattern "), "{}", run.stderr);
    }
    assert_eq!(scratch.json(&["orgs", "show", "operator"])["grants"], json!([]));
    assert_eq!(scratch.json(&["keys", "list", "--org", "operator"])["accepted"], json!([]));
}

#[test]
fn a_key_that_expires_is_accepted_until_then_and_shown_as_expired_from_then_on() {
    let scratch = vendor();
    scratch.signed_package("a.so", "dev.pem");
    let end = Utc::now() + TimeDelta::seconds(4);
    let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
    let trust = ["keys", "trust", "--org", "operator", "--import", "dev.pub.pem"];
    let made = scratch.json(&with(&trust, &["--expires", &end]));
    assert_eq!(made["expires_at"], end);
    let verify = ["package", "verify", "a.so", "--org", "operator"];
    let verified = scratch.run(&verify);
    // On a slow machine it may have ended meanwhile, and only then it is refused.
    let has_ended = Utc::now() >= end.parse::<DateTime<Utc>>().unwrap();
    assert!(verified.code == 0 || has_ended, "{}", verified.stderr);

    let limit = Instant::now() + Duration::from_secs(60);
    while scratch.json(&["keys", "list", "--org", "operator"])["accepted"] != json!([]) {
        assert!(Instant::now() < limit, "it does not expire");
    }
    let run = scratch.fails(1, "UntrustedSigner", &verify);
    assert!(run.stderr.contains("trust in it expired at"), "{}", run.stderr);
    let listed = scratch.json(&["keys", "list", "--org", "operator"]);
    assert_eq!(listed["no_longer_trusted"][0]["standing"], "expired");
    assert_eq!(listed["refused"], json!([]));
    let shown = scratch.run(&["keys", "list", "--org", "operator"]).stdout;
    assert!(shown.contains("expired at"), "{shown}");

    assert_eq!(scratch.json(&with(&trust, &["--expires", "2999-01-01"]))["changed"], true);
    scratch.json(&verify);
    assert_eq!(scratch.json(&trust)["changed"], true);
    let listed = scratch.json(&["keys", "list", "--org", "operator"]);
    assert_eq!(listed["accepted"][0]["expires_at"], json!(null));
    assert_eq!(listed["no_longer_trusted"], json!([]));
}

#[test]
fn a_number_of_hours_days_or_weeks_is_as_far_ahead_in_every_command() {
    let scratch = vendor();
    scratch.write("a.so", "a");
    scratch.key_files("new");
    let trust = ["keys", "trust", "--org", "vendor", "--import", "new.pub.pem"];
    let sign = ["package", "sign", "a.so", "--key", "new.pem", "--force"];
    for (given, hours) in [("12h", 12), ("30d", 30 * 24), ("8w", 8 * 7 * 24)] {
        for command in [&GRANT[..], &trust, &sign] {
            let before = Utc::now() - TimeDelta::seconds(1);
            let result = scratch.json(&with(command, &["--expires", given]));
            let at =
                [&result["expires_at"], &result["limits"]["expires_at"], &result[0]["expires_at"]];
            let at = at.iter().find_map(|at| at.as_str()).unwrap();
            let begin = at.parse::<DateTime<Utc>>().unwrap() - TimeDelta::hours(hours);
            assert!((before..=Utc::now()).contains(&begin), "{given}: {at}");
        }
    }
    scratch.fails(2, "ExpiryPast", &with(&trust, &["--expires", "0d"]));
}
