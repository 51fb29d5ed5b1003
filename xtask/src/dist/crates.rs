//! Whether the crates can be published.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{cargo, line, output, say, stream};

/// What every crate has beside its sources.
const FILES: [&str; 4] = ["Cargo.toml", "README.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// Manifest fields that a registry or a reader needs.
const FIELDS: [&str; 4] = ["description", "license", "documentation", "rust_version"];
/// What crates.io allows.
const MAX_KEYWORDS: usize = 5;

/// Packages the crates, from which nothing is left out, and compiles them from there if `verify`
/// is set. `cargo publish` refuses what is not committed; this does not.
pub(super) fn check(verify: bool) -> Result<()> {
    let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let crates = published(&metadata)?;
    let mut faults = Vec::new();
    for package in &crates {
        faults.extend(field_faults(package));
        let name = name(package);
        let list = ["package", "--list", "--locked", "--allow-dirty", "--package", name];
        faults.extend(file_faults(name, &output(&mut cargo(&list))?));
    }
    ensure!(faults.is_empty(), "dist: {} faults:\n{}", faults.len(), faults.join("\n"));
    let mut command = cargo(&["package", "--quiet", "--locked", "--allow-dirty"]);
    crates.iter().for_each(|package| add(&mut command, package));
    if !verify {
        command.arg("--no-verify");
    }
    let status = stream(&command, say)?;
    ensure!(status.success(), "`{}` failed ({status})", line(&command));
    let how = if verify { "compile from their packages" } else { "can be packaged" };
    say(&format!("dist: {} crates {how}", crates.len()))
}

fn add(command: &mut Command, package: &Value) {
    command.args(["--package", name(package)]);
}

/// The crates for others: those below `crates/`.
fn published(metadata: &Value) -> Result<Vec<Value>> {
    let root = metadata["workspace_root"].as_str().context("no workspace root")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let folder = format!("{root}/crates/");
    let is_ours = |package: &&Value| {
        package["manifest_path"].as_str().is_some_and(|path| path.starts_with(&folder))
    };
    let crates: Vec<_> = packages.iter().filter(is_ours).cloned().collect();
    ensure!(!crates.is_empty(), "cargo metadata names no crate below crates/");
    Ok(crates)
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

fn field_faults(package: &Value) -> Vec<String> {
    let name = name(package);
    let mut faults = Vec::new();
    for field in FIELDS.iter().filter(|field| package[**field].as_str().is_none()) {
        faults.push(format!("{name}: no {field}"));
    }
    for field in ["keywords", "categories"] {
        let count = package[field].as_array().map_or(0, Vec::len);
        if !(1..=MAX_KEYWORDS).contains(&count) {
            faults.push(format!("{name}: {count} {field}, expected 1 to {MAX_KEYWORDS}"));
        }
    }
    if package["metadata"]["docs"]["rs"].is_null() {
        faults.push(format!("{name}: no package.metadata.docs.rs"));
    }
    // `null` is any registry, and an empty list is no registry.
    if !package["publish"].is_null() {
        faults.push(format!("{name}: publish = false"));
    }
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let own = dependency["path"].is_string();
        let is_self = dependency["name"] == package["name"];
        // Cargo leaves a crate's dependency on itself, for its tests, out of the package.
        if own && !is_self && dependency["req"] == "*" {
            faults.push(format!("{name}: {} has a path and no version", dependency["name"]));
        }
    }
    faults
}

fn file_faults(name: &str, listed: &str) -> Vec<String> {
    let has = |file: &str| listed.lines().any(|line| line == file);
    let missing = FILES.iter().filter(|file| !has(file));
    missing.map(|file| format!("{name}: {file} is not in the package")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package() -> Value {
        json!({
            "name": "a", "description": "d", "license": "MIT", "documentation": "u",
            "rust_version": "1.89", "keywords": ["k"], "categories": ["c"], "publish": null,
            "metadata": {"docs": {"rs": {"all-features": true}}},
            "dependencies": [
                {"name": "b", "path": "/w/crates/b", "req": "^0.1.0"},
                {"name": "a", "path": "/w/crates/a", "req": "*"},
                {"name": "serde", "req": "^1"},
            ],
        })
    }

    #[test]
    fn a_crate_with_everything_has_no_fault() {
        assert_eq!(field_faults(&package()), [""; 0]);
        assert_eq!(file_faults("a", &FILES.join("\n")), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pointer, value, fault) in [
            ("/description", Value::Null, "a: no description"),
            ("/rust_version", Value::Null, "a: no rust_version"),
            ("/keywords", json!([]), "a: 0 keywords, expected 1 to 5"),
            (
                "/categories",
                json!(["1", "2", "3", "4", "5", "6"]),
                "a: 6 categories, expected 1 to 5",
            ),
            ("/publish", json!([]), "a: publish = false"),
            ("/metadata", Value::Null, "a: no package.metadata.docs.rs"),
            ("/dependencies/0/req", json!("*"), "a: \"b\" has a path and no version"),
        ] {
            let mut package = package();
            *package.pointer_mut(pointer).unwrap() = value;
            assert_eq!(field_faults(&package), [fault], "{pointer}");
        }
        let listed = "Cargo.toml\nsrc/README.md\nLICENSE-APACHE\nLICENSE-MIT";
        assert_eq!(file_faults("a", listed), ["a: README.md is not in the package"]);
    }

    #[test]
    fn only_the_crates_are_published() {
        let package = |name: &str, path: &str| json!({"name": name, "manifest_path": path});
        let metadata = json!({"workspace_root": "/w", "packages": [
            package("b", "/w/crates/b/Cargo.toml"), package("t", "/w/tests/Cargo.toml")]});
        let crates = published(&metadata).unwrap();
        assert_eq!(crates.iter().map(name).collect::<Vec<_>>(), ["b"]);
        assert!(published(&json!({"workspace_root": "/w", "packages": []})).is_err());
    }
}
