//! Trust that root keys have signed: the commands, from the first documents to a bundle.

mod bundle;
mod children;
mod cosign;
mod draft;
pub(crate) mod expired;
mod init;
mod package_key;
mod postgres;
mod publish;
mod revoke;
mod root_file;
mod rotate_root;

use serde_json::Value;

use crate::support::{Run, Scratch, finish, text};

/// An organization that trusts `release.pem`, which has signed `a.so`, and key files for roles.
/// It has no signed trust yet.
fn scratch() -> Scratch {
    filled(Scratch::with_orgs(&["acme"]))
}

fn filled(scratch: Scratch) -> Scratch {
    for name in ["root", "online", "second", "release", "other"] {
        scratch.key_files(name);
    }
    trust(&scratch, "release");
    scratch.signed_package("a.so", "release.pem");
    scratch
}

/// The same, with documents whose root is in `root.json`: `root.pem` signs root documents and
/// statements, `online.pem` revocations.
fn rooted() -> Scratch {
    with_documents(scratch())
}

fn with_documents(scratch: Scratch) -> Scratch {
    scratch.json(&[&INIT[..], &ROOT_OUTPUT, &["--revocation-key", "online.pem", "--yes"]].concat());
    scratch
}

const INIT: [&str; 6] = ["trust", "init", "--org", "acme", "--root-key", "root.pem"];
const ROOT_OUTPUT: [&str; 2] = ["--root-output", "root.json"];
const ROOT: [&str; 2] = ["--trust-root", "root.json"];
const STATUS: [&str; 6] = ["trust", "status", "--org", "acme", ROOT[0], ROOT[1]];
const PUBLISH: [&str; 9] =
    ["trust", "publish", "--org", "acme", "--key", "root.pem", "--yes", ROOT[0], ROOT[1]];
const EXPORT: [&str; 8] =
    ["trust", "export", "--org", "acme", "--output", "bundle.json", ROOT[0], ROOT[1]];

/// Has the organization trust a key, by a row.
fn trust(scratch: &Scratch, key: &str) {
    let file = format!("{key}.pub.pem");
    scratch.json(&["keys", "trust", "--org", "acme", "--import", &file, "--name", key]);
}

/// Verifies `a.so` as a runner that has pinned `root.json`.
fn verify(scratch: &Scratch) -> Run {
    let verify = ["package", "verify", "a.so", "--org", "acme", "--trust-root", "root.json"];
    scratch.run(&[&verify[..], &["--json"]].concat())
}

/// The same, by a bundle and without a store.
fn verify_by(scratch: &Scratch, bundle: &str) -> Run {
    let verify = ["package", "verify", "a.so", "--trust-root", "root.json", "--json"];
    without_store(scratch, &[&verify[..], &["--trust-bundle", bundle]].concat())
}

/// Runs a command on a machine that has no store.
fn without_store(scratch: &Scratch, arguments: &[&str]) -> Run {
    let mut command = scratch.command(arguments);
    finish(command.env("CLOACINA_DATABASE_URL", "nowhere/store.db"), b"")
}

/// The versions of the newest root document, statement and revocations.
fn versions(scratch: &Scratch) -> Vec<u64> {
    let shown = scratch.json(&["trust", "show", "--org", "acme"]);
    let views = shown["documents"].as_array().unwrap();
    let documents: Vec<_> =
        views.iter().flat_map(|view| view["documents"].as_array().unwrap()).collect();
    let newest = |kind| {
        let those = documents.iter().filter(|document| document["kind"] == kind);
        those.map(|document| document["version"].as_u64().unwrap()).max().unwrap()
    };
    ["root", "statement", "revocations"].map(newest).into()
}

fn words(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| text(&item[field])).collect()
}
