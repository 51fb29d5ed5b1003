//! Imports between the crates go down only.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Violation;
use crate::process::workspace_root;

/// The crates, lowest first: each may depend on those before it.
const FLOORS: [&str; 6] = [
    "signing-crypto",
    "signing-store",
    "signing-trust",
    "signing-loader",
    "signing-cli",
    "signing-conformance",
];

/// A member of the workspace, and what it depends on.
pub(super) struct Package {
    name: String,
    manifest: String,
    /// Package names, whatever they are renamed to, with their lines in the manifest.
    dependencies: Vec<(String, usize)>,
}

/// Reads what `cargo metadata` says, which knows every way to write a dependency.
pub(super) fn packages(
    metadata: &str,
    read: impl Fn(&str) -> Result<String>,
) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is not JSON")?;
    let mut packages = Vec::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let name = package["name"].as_str().context("no name")?.to_owned();
        let path = package["manifest_path"].as_str().context("no manifest path")?;
        let path = std::path::Path::new(path);
        let manifest = path.strip_prefix(workspace_root()).unwrap_or(path).display().to_string();
        let text = read(&manifest)?;
        let mut dependencies = Vec::new();
        for dependency in package["dependencies"].as_array().context("no dependencies")? {
            let target = dependency["name"].as_str().context("no dependency's name")?;
            let key = dependency["rename"].as_str().unwrap_or(target);
            let kind = dependency["kind"].as_str();
            dependencies.push((target.to_owned(), line_in(&text, key, kind)));
        }
        packages.push(Package { name, manifest, dependencies });
    }
    Ok(packages)
}

/// Finds dependencies, of whatever kind, that do not go down.
pub(super) fn check(packages: &[Package]) -> Vec<Violation> {
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for name in FLOORS.iter().filter(|name| !members.contains(*name)) {
        found.push(Violation::new("Cargo.toml", 1, format!("the crate {name} is missing")));
    }
    for package in packages {
        let own = floor(&package.name);
        let is_crate = package.manifest.starts_with("crates/");
        if is_crate && own.is_none() {
            let message = format!("{} has no place among {}", package.name, FLOORS.join(" < "));
            found.push(Violation::new(&package.manifest, 1, message));
        }
        for (target, line) in &package.dependencies {
            let goes_down = match (package.name.as_str(), floor(target)) {
                // A crate may depend on itself, with other features, for its tests.
                (name, _) if name == target => true,
                ("xtask", Some(_)) => false,
                (_, Some(target)) if is_crate => own.is_some_and(|own| target < own),
                // Tests, fixtures and tasks are above all crates.
                (_, None) if is_crate => !members.contains(target.as_str()),
                _ => true,
            };
            if !goes_down {
                let message = format!("{} must not depend on {target}", package.name);
                found.push(Violation::new(&package.manifest, *line, message));
            }
        }
    }
    found
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| *floor == name)
}

/// Where a manifest names a dependency: the line of its key, or of its table, or 1.
fn line_in(manifest: &str, key: &str, kind: Option<&str>) -> usize {
    let section = kind.map_or("dependencies".to_owned(), |kind| format!("{kind}-dependencies"));
    let mut here = false;
    for (number, line) in manifest.lines().map(str::trim).enumerate() {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or(header);
            let last = |header: &str| header.rsplit('.').next() == Some(&section);
            if header.strip_suffix(key).and_then(|rest| rest.strip_suffix('.')).is_some_and(last) {
                return number + 1;
            }
            here = last(header);
        } else if here
            && let Some(rest) = line.trim_start_matches('"').strip_prefix(key)
            && rest.starts_with(['"', ' ', '=', '.'])
        {
            return number + 1;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let folder =
            if name.starts_with("signing-") && name != "signing-tests" { "crates/" } else { "" };
        let dependencies = dependencies.iter().map(|name| ((*name).to_owned(), 7)).collect();
        Package {
            name: name.to_owned(),
            manifest: format!("{folder}{name}/Cargo.toml"),
            dependencies,
        }
    }

    fn with(changed: Package) -> Vec<String> {
        let mut packages: Vec<_> = FLOORS.iter().map(|name| package(name, &["serde"])).collect();
        packages
            .extend([package("xtask", &["anyhow"]), package("signing-tests", &["signing-cli"])]);
        packages.retain(|package| package.name != changed.name);
        packages.push(changed);
        check(&packages).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn imports_go_down() {
        assert!(with(package("signing-trust", &["signing-store", "signing-crypto"])).is_empty());
        assert!(with(package("signing-cli", &["signing-crypto"])).is_empty());
        assert!(with(package("signing-store", &["signing-store"])).is_empty());
        let up = with(package("signing-store", &["signing-trust", "signing-cli"]));
        assert_eq!(
            up[0],
            "crates/signing-store/Cargo.toml:7: signing-store must not depend on signing-trust"
        );
        assert_eq!(up.len(), 2);
        assert_eq!(with(package("signing-cli", &["xtask"])).len(), 1);
        assert_eq!(with(package("xtask", &["signing-crypto"])).len(), 1);
        assert_eq!(with(package("signing-new", &[])).len(), 1);
        assert_eq!(check(&[]).len(), FLOORS.len());
    }

    #[test]
    fn a_dependency_is_found_in_its_section() {
        let manifest = "[dependencies]\nab = \"1\"\na.workspace = true\n\n[dev-dependencies]\na = \"1\"\n\n[target.'cfg(unix)'.build-dependencies.a]\npath = \"x\"";
        assert_eq!(line_in(manifest, "a", None), 3);
        assert_eq!(line_in(manifest, "a", Some("dev")), 6);
        assert_eq!(line_in(manifest, "a", Some("build")), 8);
        assert_eq!(line_in(manifest, "zz", None), 1);
    }

    #[test]
    fn renamed_dependencies_keep_their_name() {
        let metadata = serde_json::json!({"packages": [{"name": "p", "manifest_path": "p/Cargo.toml",
            "dependencies": [{"name": "signing-cli", "rename": "tool", "kind": "dev"}]}]});
        let read =
            |_: &str| Ok("[dev-dependencies]\ntool = { package = \"signing-cli\" }".to_owned());
        let packages = packages(&metadata.to_string(), read).unwrap();
        assert_eq!(packages[0].dependencies, [("signing-cli".to_owned(), 2)]);
    }
}
