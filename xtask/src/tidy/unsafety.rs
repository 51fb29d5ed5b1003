//! Where `unsafe` and `libloading` may stand: in one file, which loads the libraries.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Violation;
use super::source::{blank, line_of, words};

/// The only source file that may be unsafe or name `libloading`.
const LOADER: &str = "crates/signing-loader/src/load/dylib.rs";
/// The manifests that name it: the loader's own, and the one that has the version.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "crates/signing-loader/Cargo.toml"];

/// Looks at a source file without its comments and literals.
///
/// Tests, fixtures and examples call what they have loaded, so only the crates' own
/// sources are held to having nothing unsafe.
pub(super) fn check(path: &str, code: &str) -> Vec<Violation> {
    if path == LOADER {
        return Vec::new();
    }
    let mut rules = vec!["libloading"];
    if in_crate_sources(path) {
        rules.push("unsafe");
    }
    let mut found = Vec::new();
    for word in rules {
        for at in words(code, word) {
            let message = format!("`{word}` may stand in {LOADER} only");
            found.push(Violation::new(path, line_of(code, at), message));
        }
    }
    found
}

/// Looks for `libloading` in a manifest, under whatever name it is imported.
pub(super) fn manifest(path: &str, text: &str) -> Vec<Violation> {
    if MANIFESTS.contains(&path) {
        return Vec::new();
    }
    let named =
        |line: &str| words(line.split('#').next().unwrap_or(line), "libloading").count() > 0;
    let lines = text.lines().enumerate().filter(|(_, line)| named(line));
    let message = format!("only {} may depend on libloading", MANIFESTS[1]);
    lines.map(|(number, _)| Violation::new(path, number + 1, message.clone())).collect()
}

/// Every crate but the loader forbids unsafe code in each of its roots.
pub(super) fn forbidden_in_every_crate(
    paths: &BTreeSet<String>,
    read: impl Fn(&str) -> Result<String>,
) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| is_root(path) && !LOADER.starts_with(crate_of(path))) {
        let code: String = blank(&read(path)?).split_whitespace().collect();
        if !code.contains("#![forbid(unsafe_code)]") {
            found.push(Violation::new(path, 1, "missing `#![forbid(unsafe_code)]`"));
        }
    }
    Ok(found)
}

fn in_crate_sources(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates") && parts.nth(1) == Some("src")
}

fn is_root(path: &str) -> bool {
    let Some(source) = path.strip_prefix(crate_of(path)) else { return false };
    in_crate_sources(path)
        && (matches!(source, "src/lib.rs" | "src/main.rs")
            || (source.starts_with("src/bin/") && source.ends_with(".rs")))
}

/// `crates/<name>/` of a path below it.
fn crate_of(path: &str) -> &str {
    let end = path.match_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST: &str = "crates/signing-trust/src/key.rs";

    #[test]
    fn unsafe_code_stands_in_one_file() {
        let code = "fn f() {\n  unsafe { g() }\n}";
        assert_eq!(check(TRUST, code)[0].line, 2);
        assert_eq!(check("crates/signing-loader/src/load.rs", code).len(), 1);
        assert!(check(LOADER, code).is_empty());
        assert!(check("tests/fixtures/workflow/src/lib.rs", code).is_empty());
        assert!(check(TRUST, "#![forbid(unsafe_code)]").is_empty());
    }

    #[test]
    fn libloading_is_named_in_one_file() {
        let code = "\nuse libloading::Library;";
        assert_eq!(check("tests/integration/a.rs", code)[0].line, 2);
        assert!(check(LOADER, code).is_empty());
    }

    #[test]
    fn libloading_is_in_one_manifest() {
        let text = "[dependencies]\ndl = { package = \"libloading\" }";
        assert_eq!(manifest("tests/Cargo.toml", text)[0].line, 2);
        assert!(manifest(MANIFESTS[1], text).is_empty());
        assert!(manifest("tests/Cargo.toml", "# no libloading here").is_empty());
    }

    #[test]
    fn roots_forbid_unsafe_code() {
        let paths = [
            "crates/a/src/lib.rs",
            "crates/b/src/main.rs",
            "crates/signing-loader/src/lib.rs",
            "crates/a/src/x.rs",
        ];
        let paths = paths.map(str::to_owned).into();
        let read = |path: &str| {
            Ok(if path.contains("/a/") {
                "//! A.\n#![forbid(unsafe_code)]"
            } else {
                "// #![forbid(unsafe_code)]"
            }
            .to_owned())
        };
        let found = forbidden_in_every_crate(&paths, read).unwrap();
        assert_eq!(
            found.iter().map(|v| v.path.as_str()).collect::<Vec<_>>(),
            ["crates/b/src/main.rs"]
        );
    }
}
