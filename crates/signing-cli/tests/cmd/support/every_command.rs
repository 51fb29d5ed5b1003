//! A command line for every command that there is.

use super::{OTHER_KEK, Scratch, text};

/// A store with something in it for every command.
pub(crate) struct Table {
    pub(crate) scratch: Scratch,
    commands: Vec<(&'static str, String)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::with_orgs(&["acme", "child"]);
        let (id, _) = scratch.stored_key("release", "acme");
        let (old, _) = scratch.stored_key("old", "acme");
        let row = text(&scratch.json(&["keys", "trust", "--org", "acme", "--key-id", &id])["id"]);
        scratch.key_files("dev");
        scratch.signed_package("a.so", "dev.pem");
        scratch.write("stored.so", "the bytes of stored.so");
        scratch.json(&["package", "sign", "stored.so", "--key-id", &id, "--store"]);
        let explain = ["package", "verify", "stored.so", "--org", "acme", "--explain"];
        let kept = text(&scratch.json(&explain)[0]["explanation"][0]["source"]["signature_id"]);
        scratch.write("kek", OTHER_KEK);
        scratch.json(&["orgs", "create", "gone"]);
        scratch.key_files("file");
        scratch.json(&["orgs", "create", "rooted"]);
        for key in ["root", "second"] {
            scratch.key_files(key);
        }
        let init = ["trust", "init", "--org", "rooted", "--root-key", "root.pem"];
        let both = ["--root-key", "second.pub.pem", "--root-threshold", "2", "--yes"];
        let drafted = scratch.json(&[&init[..], &both, &["--draft", "draft.json"]].concat());
        let drafted = text(&drafted["root"]);
        scratch.json(&[&init[..], &["--root-output", "root.json", "--yes"]].concat());
        let export = ["trust", "export", "--org", "rooted", "--output", "bundle.json"];
        scratch.json(&[&export[..], &["--trust-root", "root.json"]].concat());
        let (fingerprint, pinned) = ("ab".repeat(32), "--trust-root root.json");
        // What changes the key that all the others use comes last.
        let commands = vec![
            ("init", "made-at-once".to_owned()),
            ("doctor", String::new()),
            ("orgs create", "new".to_owned()),
            ("orgs list", String::new()),
            ("orgs show", "acme".into()),
            ("orgs delete", "gone --yes".into()),
            ("orgs grant-trust", "--from acme --to child".into()),
            ("orgs revoke-trust", "--from acme --to child".into()),
            ("keys generate", "--name made --org acme".into()),
            ("keys import", "--name imported --org acme --key file.pem".into()),
            ("keys list", "--org acme".into()),
            ("keys show", format!("{id} --org acme")),
            ("keys export", id.clone()),
            ("keys fingerprint", "dev.pub.pem dev.pem".into()),
            ("keys trust", "--org acme --import dev.pub.pem".into()),
            ("keys deny", format!("{fingerprint} --org acme")),
            ("keys revoke", old.clone()),
            ("keys reinstate", format!("{row} --note again")),
            ("keys rotate", id.clone()),
            ("keys timeline", "--org acme".into()),
            ("sign", "a.so --key dev.pem --force".into()),
            ("verify", "a.so --trust-key dev.pub.pem".into()),
            ("package sign", "a.so --key dev.pem --force".into()),
            ("package verify", "a.so --trust-key dev.pub.pem".into()),
            ("package cosign", "a.so --key file.pem --trust-key dev.pub.pem --yes".into()),
            ("package install", "a.so --to packages --trust-key dev.pub.pem".into()),
            ("package inspect", "a.so".into()),
            ("package floor set", "1.0.0 --org acme --name b.so".into()),
            ("package floor unset", "--org acme --name c.so".into()),
            ("package floor list", "--org acme".into()),
            ("package list", "--org acme".into()),
            ("package unstore", kept.clone()),
            ("trust graph", String::new()),
            ("trust status", format!("--org rooted {pinned}")),
            ("trust init", "--org acme --root-key dev.pem --yes".into()),
            ("trust publish", format!("--org rooted --key root.pem --yes {pinned}")),
            ("trust cosign", format!("draft.json --key second.pem --yes --trust-root {drafted}")),
            ("trust rotate-root", format!("--org rooted --root-key root.pem --yes {pinned}")),
            ("trust export", format!("--org rooted --output exported.json {pinned}")),
            ("trust show", "bundle.json".into()),
            ("trust verify", "bundle.json --trust-root root.json".into()),
            ("audit list", "--org acme".into()),
            ("audit verify", String::new()),
            ("audit checkpoint", "--org acme --key dev.pem".into()),
            ("db migrate", String::new()),
            ("db status", String::new()),
            ("db grants", "--role r --as runner".into()),
            ("completions", "bash".into()),
            ("man", "keys".into()),
            ("help", "keys".into()),
            ("keys rotate-kek", "--new-kek-file kek".into()),
        ];
        let table = Self { scratch, commands };
        let mut named: Vec<_> = table.commands.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut found = leaves(&table.scratch, "");
        named.sort();
        found.sort();
        assert_eq!(named, found, "a command without a line in this table");
        table
    }

    /// Every command with arguments that it takes, and with which it does something once.
    pub(crate) fn command_lines(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.commands.iter().map(|(name, arguments)| {
            let line = format!("{name} {arguments}");
            line.split_whitespace().map(str::to_owned).collect()
        })
    }
}

/// The commands without subcommands, as the program's own help has them.
pub(crate) fn leaves(scratch: &Scratch, path: &str) -> Vec<String> {
    let names = subcommands(scratch, path);
    if names.is_empty() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for name in names {
        match (name.as_str(), path) {
            ("help", "") => found.push(name),
            // The same as the other help.
            ("help", _) => {}
            _ => found.extend(leaves(scratch, format!("{path} {name}").trim())),
        }
    }
    found
}

/// Every command but the program itself.
pub(crate) fn commands(scratch: &Scratch, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in subcommands(scratch, path) {
        let path = format!("{path} {name}").trim().to_owned();
        if name != "help" {
            found.extend(commands(scratch, &path));
        }
        found.push(path);
    }
    found
}

fn subcommands(scratch: &Scratch, path: &str) -> Vec<String> {
    let words: Vec<_> = path.split_whitespace().chain(["--help"]).collect();
    let run = scratch.run(&words);
    assert_eq!(run.code, 0, "{path}: {}", run.stderr);
    let lines = run.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // The others go on with what a command is for.
    let lines = lines.filter(|line| !line.starts_with("   "));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}
