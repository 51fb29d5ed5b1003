//! Lists and verdicts for people.

use crate::support::{Scratch, text};

/// Organizations and keys whose names leave no room for anything else.
fn scratch() -> Scratch {
    let (long, other) = ("x".repeat(255), "y".repeat(60));
    let scratch = Scratch::with_orgs(&["acme", "vendor", &long]);
    for (name, org) in [("release", "acme"), (&*other, "acme"), ("old", "acme"), ("ci", "vendor")] {
        scratch.stored_key(name, org);
        let key = format!("{org}/{name}");
        scratch.json(&["keys", "trust", "--org", org, "--key-id", &key, "--expires", "2999-01-01"]);
    }
    for child in ["vendor", &long] {
        let grant = ["orgs", "grant-trust", "--from", "acme", "--to", child];
        scratch.json(&[&grant[..], &["--packages", "etl-*", "--expires", "2999-01-01"]].concat());
    }
    let note = "größe ".repeat(30);
    let revoke = ["keys", "revoke", "acme/old", "--note", note.trim()];
    scratch.json(&[&revoke[..], &["--trusted"]].concat());
    scratch.json(&[&revoke[..], &["--signing", "--reason", "compromised"]].concat());
    scratch.json(&["package", "floor", "set", "--org", "acme", "--name", &long, "1.0.0"]);
    scratch.write("a.so", "a");
    let sign = ["package", "sign", "a.so", "--key-id", "acme/release", "--store"];
    scratch.json(&[&sign[..], &["--name", &long]].concat());
    scratch
}

#[test]
fn lists_fit_in_80_columns_unless_all_is_asked_for() {
    let scratch = scratch();
    let commands: [&[&str]; 5] = [
        &["keys", "list", "--org", "acme"],
        &["keys", "list", "--compromised"],
        &["orgs", "list"],
        &["package", "floor", "list", "--org", "acme"],
        &["keys", "revoke", "acme/release", "--trusted", "--dry-run"],
    ];
    for command in commands {
        let run = scratch.run(command);
        assert_eq!(run.code, 0, "{command:?}: {}", run.stderr);
        // A sentence may be longer.
        let rows = run.stdout.lines().filter(|line| !line.starts_with("nothing was changed"));
        for line in rows {
            assert!(line.chars().count() <= 80, "{command:?}: {line}");
        }
        let wide = scratch.run(&[command, &["--wide"]].concat()).stdout;
        assert!(wide.lines().any(|line| line.len() > 80), "{command:?}: {wide}");
    }
}

#[test]
fn short_ids_of_a_list_are_taken_by_commands() {
    let scratch = scratch();
    let listed = scratch.run(&["keys", "list", "--org", "acme"]).stdout;
    let whole = scratch.json(&["keys", "list", "--org", "acme"]);
    let fingerprint = text(&whole["signing_keys"][0]["fingerprint"]);
    let line = listed.lines().find(|line| line.starts_with("  release")).unwrap();
    let short = line.split_whitespace().nth(1).unwrap();
    assert!(short.len() >= 8 && fingerprint.starts_with(short), "{line}");
    assert!(!listed.contains(&fingerprint), "{listed}");
    let exported = scratch.json(&["keys", "export", short, "--org", "acme"]);
    assert_eq!(exported["fingerprint"], fingerprint.as_str());
    let wide = scratch.run(&["keys", "list", "--org", "acme", "--wide"]).stdout;
    for whole in [&fingerprint, &text(&whole["signing_keys"][0]["id"])] {
        assert!(wide.contains(whole), "{wide}");
    }
    let listed = scratch.run(&["orgs", "list"]).stdout;
    let line = listed.lines().find(|line| line.starts_with("acme ")).unwrap();
    let short = line.split_whitespace().nth(1).unwrap();
    assert_eq!(scratch.json(&["orgs", "show", short])["name"], "acme");
}

/// A directory with good packages and bad ones.
fn directory() -> Scratch {
    let scratch = Scratch::new();
    scratch.key_files("dev");
    for directory in ["plugins", "plugins/more"] {
        std::fs::create_dir(scratch.path(directory)).unwrap();
    }
    for name in ["plugins/b.so", "plugins/a.so", "plugins/more/c.so"] {
        scratch.signed_package(name, "dev.pem");
    }
    scratch
}

const VERIFY: [&str; 5] = ["package", "verify", "plugins", "--trust-key", "dev.pub.pem"];

#[test]
fn several_packages_are_a_line_each_and_a_total() {
    let scratch = directory();
    let run = scratch.run(&VERIFY);
    let good = "ok plugins/a.so\nok plugins/b.so\nok plugins/more/c.so\n";
    let total = "3 packages: 3 verified, 0 refused\n";
    assert_eq!((run.code, run.stdout, &*run.stderr), (0, format!("{good}{total}"), ""));

    for name in ["plugins/b.so", "plugins/d.so"] {
        scratch.write(name, "changed");
    }
    let run = scratch.run(&VERIFY);
    let verdicts = "ok plugins/a.so\nrefused plugins/b.so\nrefused plugins/d.so\n\
                    ok plugins/more/c.so\n4 packages: 2 verified, 2 refused\n";
    assert_eq!((run.code, &*run.stdout), (1, verdicts));
    for line in ["refused: plugins/b.so: ", "refused: plugins/d.so: "] {
        assert!(run.stderr.contains(line), "{}", run.stderr);
    }
    let quiet = scratch.run(&[&VERIFY[..], &["--quiet"]].concat());
    assert_eq!((&*quiet.stdout, quiet.stderr), ("", run.stderr));
    let run = scratch.run(&[&VERIFY[..], &["gone.so"]].concat());
    assert!(run.stdout.contains("error gone.so\n5 packages: 2 verified, 2 refused, 1 not decided"));
}

#[test]
fn a_next_step_of_several_refusals_is_named_once() {
    let scratch = directory();
    for name in ["plugins/d.so", "plugins/e.so", "plugins/f.so"] {
        scratch.write(name, "unsigned");
    }
    let run = scratch.run(&VERIFY);
    assert_eq!(run.stderr.matches("refused: ").count(), 3, "{}", run.stderr);
    assert_eq!(run.stderr.matches("next: ").count(), 1, "{}", run.stderr);
}

#[test]
fn nothing_in_a_directory_is_left_out_but_signatures() {
    let scratch = directory();
    let is_refused = |name: &str| {
        let run = scratch.run(&VERIFY);
        assert!(run.code != 0 && run.stderr.contains(name), "{name}: {}", run.stderr);
    };
    // What a loader may find, a verification of the directory must not overlook.
    for name in ["plugins/.hidden.so", "plugins/not-a-signature.sig", "plugins/more/d.txt"] {
        scratch.write(name, "unsigned");
        is_refused(name);
        std::fs::remove_file(scratch.path(name)).unwrap();
    }
    for (name, to) in [("plugins/file.so", "../dev.pem"), ("plugins/link", "more")] {
        std::os::unix::fs::symlink(to, scratch.path(name)).unwrap();
        is_refused(name);
        std::fs::remove_file(scratch.path(name)).unwrap();
    }
    assert_eq!(scratch.run(&VERIFY).code, 0);
    // The signature of a package that is gone is no package.
    std::fs::remove_file(scratch.path("plugins/a.so")).unwrap();
    assert_eq!(scratch.run(&VERIFY).code, 0);
    for name in ["plugins/b.so", "plugins/more/c.so"] {
        std::fs::remove_file(scratch.path(name)).unwrap();
    }
    scratch.fails(2, "NoPackages", &VERIFY);
}
