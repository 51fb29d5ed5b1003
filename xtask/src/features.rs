//! `cargo xtask features`: every crate compiles with each feature alone, with none
//! and with all of them. Where two of these are the same features, one is compiled.
//!
//! A build of the whole workspace unites the features that its members ask for, so
//! only building each crate by itself shows a `cfg` that is missing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{cargo, line, output, say, stream};

/// Each feature of a crate, with what it turns on.
type Features = BTreeMap<String, Vec<String>>;

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
fn crates(metadata: &Value) -> Result<Vec<(String, Features)>> {
    let root = metadata["workspace_root"].as_str().context("no workspace root")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let mut crates = Vec::new();
    for package in packages {
        let manifest = package["manifest_path"].as_str().context("no manifest path")?;
        if manifest.strip_prefix(root).is_some_and(|path| path.starts_with("/crates/")) {
            let name = package["name"].as_str().context("no name")?;
            let features = serde_json::from_value(package["features"].clone());
            let features = features.context("no features")?;
            crates.push((name.to_owned(), features));
        }
    }
    ensure!(!crates.is_empty(), "cargo metadata names no crate below crates/");
    crates.sort();
    Ok(crates)
}

fn combinations(features: &Features) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::new();
    let none = (BTreeSet::new(), vec!["--no-default-features"]);
    let alone = features.keys().map(|feature| {
        (enabled([feature], features), vec!["--no-default-features", "--features", feature])
    });
    let all = (enabled(features.keys(), features), vec!["--all-features"]);
    [none]
        .into_iter()
        .chain(alone)
        .chain([all])
        .filter(|(enabled, _)| seen.insert(enabled.clone()))
        .map(|(_, options)| options.into_iter().map(str::to_owned).collect())
        .collect()
}

/// These features and those of the same crate that they turn on. `default` is only a name
/// for others.
fn enabled<'a>(
    chosen: impl IntoIterator<Item = &'a String>,
    features: &'a Features,
) -> BTreeSet<&'a str> {
    let mut enabled = BTreeSet::new();
    let mut next: Vec<_> = chosen.into_iter().collect();
    while let Some(feature) = next.pop() {
        if let Some(others) = features.get(feature).filter(|_| enabled.insert(feature.as_str())) {
            next.extend(others);
        }
    }
    enabled.remove("default");
    enabled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `default` for some of the others.
    fn features(default: &[&str], others: &[&str]) -> Features {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let mut features: Features = others.iter().map(|f| (f.to_string(), words(&[]))).collect();
        features.insert("default".to_owned(), words(default));
        features
    }

    fn lines(features: &Features) -> Vec<String> {
        combinations(features).iter().map(|options| options.join(" ")).collect()
    }

    #[test]
    fn each_feature_is_checked_alone() {
        assert_eq!(
            lines(&features(&["postgres", "sqlite"], &["clap", "postgres", "sqlite"])),
            [
                "--no-default-features",
                "--no-default-features --features clap",
                "--no-default-features --features default",
                "--no-default-features --features postgres",
                "--no-default-features --features sqlite",
                "--all-features",
            ]
        );
    }

    #[test]
    fn the_same_features_are_checked_once() {
        assert_eq!(
            lines(&features(&["sqlite"], &["sqlite"])),
            ["--no-default-features", "--no-default-features --features default"]
        );
        assert_eq!(lines(&Features::new()), ["--no-default-features"]);
    }

    #[test]
    fn a_feature_that_turns_on_another_differs_from_it() {
        let mut features = features(&[], &["clap", "store"]);
        features.insert("sqlite".to_owned(), vec!["store".to_owned(), "dep:diesel".to_owned()]);
        let sqlite = "--no-default-features --features sqlite".to_owned();
        assert!(lines(&features).contains(&sqlite));
        assert!(lines(&features).contains(&sqlite.replace("sqlite", "store")));
    }

    #[test]
    fn only_the_crates_are_checked() {
        let package = |name: &str, path: &str| serde_json::json!({"name": name, "manifest_path": path, "features": {"f": []}});
        let metadata = serde_json::json!({"workspace_root": "/w", "packages": [
            package("b", "/w/crates/b/Cargo.toml"), package("t", "/w/tests/Cargo.toml")]});
        assert_eq!(
            crates(&metadata).unwrap(),
            [("b".to_owned(), Features::from([("f".to_owned(), vec![])]))]
        );
        let none = serde_json::json!({"workspace_root": "/w", "packages": []});
        assert!(crates(&none).is_err());
    }
}
