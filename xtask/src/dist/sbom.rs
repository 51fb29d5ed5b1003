//! The bill of materials: CycloneDX, by its project's own tool for cargo.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::build::{Source, Target};
use crate::process::{cargo, output};
use crate::tool::Tool;

const CYCLONEDX: Tool = Tool {
    subcommand: Some("cyclonedx"),
    ..Tool::new("cargo-cyclonedx", "0.5.9", "cargo-cyclonedx-cyclonedx 0.5.")
};

/// Writes `<stem>.cdx.json`, which names every crate that is compiled for the program.
pub(super) fn write(source: &Source, target: Target, stem: &str, to: &Path) -> Result<String> {
    let program = CYCLONEDX.provide()?;
    // The tool writes a file beside the manifest of each crate: this is a copy of the sources.
    let mut command = Command::new(program);
    command.current_dir(&source.directory).env("SOURCE_DATE_EPOCH", &source.epoch);
    command.args(["cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"]);
    command.args(["--describe", "binaries", "--no-default-features", "--features"]);
    command.arg(target.features().join(","));
    command.args(["--target", target.triple()]);
    command.args(["--manifest-path", "crates/signing-cli/Cargo.toml"]);
    output(&mut command)?;
    let written = source.directory.join("crates/signing-cli/cloacina_bin.cdx.json");
    let text = fs::read_to_string(&written).context("cargo-cyclonedx wrote no bill")?;
    // Without the place where it was made, which is nobody's concern and differs.
    let text = text.replace(&source.directory.display().to_string(), "/cloacina");
    let features = target.features().join(",");
    let mut tree = cargo(&["tree", "--locked", "--package", "signing-cli", "--prefix", "none"]);
    tree.args(["--edges", "normal,build", "--format", "{p}", "--no-default-features"]);
    tree.args(["--features", &features, "--target", target.triple()]);
    let tree = output(tree.current_dir(&source.directory))?;
    check(&serde_json::from_str(&text).context("the bill is not JSON")?, &tree)?;
    let name = format!("{stem}.cdx.json");
    fs::write(to.join(&name), text)?;
    Ok(name)
}

/// The bill leaves out nothing that cargo compiles.
fn check(bill: &Value, tree: &str) -> Result<()> {
    ensure!(bill["bomFormat"] == "CycloneDX", "the bill is not CycloneDX");
    let components = bill["components"].as_array().context("the bill has no components")?;
    let own = [&bill["metadata"]["component"]];
    let crate_of = |component: &Value| {
        Some((component["name"].as_str()?.to_owned(), component["version"].as_str()?.to_owned()))
    };
    let named: BTreeSet<_> = components.iter().chain(own).filter_map(crate_of).collect();
    let compiled: BTreeSet<_> = tree.lines().filter_map(crate_in).collect();
    ensure!(!compiled.is_empty(), "cargo tree names no crate");
    let missing: Vec<_> = compiled.difference(&named).map(|(name, _)| name.as_str()).collect();
    // The tool names the program, not the crate that it is of.
    let missing: Vec<_> = missing.into_iter().filter(|name| *name != "signing-cli").collect();
    ensure!(missing.is_empty(), "the bill leaves out {}", missing.join(", "));
    Ok(())
}

/// A line such as `serde v1.0.0 (proc-macro) (*)`.
fn crate_in(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next()?, words.next()?);
    Some((name.to_owned(), version.strip_prefix('v')?.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TREE: &str = "signing-cli v0.1.0 (/w)\nserde v1.0.1\nserde_derive v1.0.1 (proc-macro)\n\
                        serde v1.0.1 (*)\n";

    fn bill(crates: &[(&str, &str)]) -> Value {
        let component = |(name, version): &(&str, &str)| json!({"name": name, "version": version});
        let components: Vec<_> = crates.iter().map(component).collect();
        let own = json!({"name": "cloacina", "version": "0.1.0"});
        json!({"bomFormat": "CycloneDX", "components": components, "metadata": {"component": own}})
    }

    #[test]
    fn a_bill_with_every_crate_passes() {
        let crates = [("serde", "1.0.1"), ("serde_derive", "1.0.1"), ("more", "1.0.0")];
        check(&bill(&crates), TREE).unwrap();
    }

    #[test]
    fn a_bill_without_a_crate_or_of_another_version_is_rejected() {
        for crates in [&[("serde", "1.0.1")][..], &[("serde", "1.0.2"), ("serde_derive", "1.0.1")]]
        {
            let error = check(&bill(crates), TREE).unwrap_err().to_string();
            assert!(error.starts_with("the bill leaves out serde"), "{error}");
        }
        assert!(check(&json!({"bomFormat": "SPDX"}), TREE).is_err());
        assert!(check(&bill(&[]), "").is_err());
    }
}
