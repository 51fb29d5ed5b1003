//! `cargo xtask features`: every crate compiles with each feature alone, with none
//! and with all of them.
//!
//! A build of the whole workspace unites the features that its members ask for, so
//! only building each crate by itself shows a `cfg` that is missing.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{cargo, line, output, say, stream};

/// Runs the task.
pub(crate) fn run() -> Result<()> {
    let metadata = output(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let crates = crates(&serde_json::from_str(&metadata).context("cargo metadata is not JSON")?)?;
    let mut failed = Vec::new();
    let mut count = 0;
    for (name, features) in &crates {
        for options in combinations(features) {
            let mut command = cargo(&["check", "--quiet", "--locked", "--package", name]);
            command.args(&options);
            say(&format!("features: {}", line(&command)))?;
            count += 1;
            if !stream(&command, say)?.success() {
                failed.push(line(&command));
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} of {count} combinations failed:\n  {}", failed.len(), failed.join("\n  "));
    }
    say(&format!("features: {count} combinations of {} crates compile", crates.len()))
}

/// The crates of the workspace that others may depend on, with their features.
fn crates(metadata: &Value) -> Result<Vec<(String, Vec<String>)>> {
    let root = metadata["workspace_root"].as_str().context("no workspace root")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let mut crates = Vec::new();
    for package in packages {
        let manifest = package["manifest_path"].as_str().context("no manifest path")?;
        if manifest.strip_prefix(root).is_some_and(|path| path.starts_with("/crates/")) {
            let name = package["name"].as_str().context("no name")?;
            let features = package["features"].as_object().context("no features")?;
            crates.push((name.to_owned(), features.keys().cloned().collect()));
        }
    }
    ensure!(!crates.is_empty(), "cargo metadata names no crate below crates/");
    crates.sort();
    Ok(crates)
}

fn combinations(features: &[String]) -> Vec<Vec<String>> {
    let option = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut combinations = vec![option(&["--no-default-features"])];
    for feature in features {
        combinations.push(option(&["--no-default-features", "--features", feature]));
    }
    combinations.push(option(&["--all-features"]));
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_checked_alone() {
        let features = ["default".to_owned(), "sqlite".to_owned()];
        let lines: Vec<_> = combinations(&features).iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "--no-default-features",
                "--no-default-features --features default",
                "--no-default-features --features sqlite",
                "--all-features",
            ]
        );
    }

    #[test]
    fn only_the_crates_are_checked() {
        let package = |name: &str, path: &str| serde_json::json!({"name": name, "manifest_path": path, "features": {"f": []}});
        let metadata = serde_json::json!({"workspace_root": "/w", "packages": [
            package("b", "/w/crates/b/Cargo.toml"), package("t", "/w/tests/Cargo.toml")]});
        assert_eq!(crates(&metadata).unwrap(), [("b".to_owned(), vec!["f".to_owned()])]);
        let none = serde_json::json!({"workspace_root": "/w", "packages": []});
        assert!(crates(&none).is_err());
    }
}
