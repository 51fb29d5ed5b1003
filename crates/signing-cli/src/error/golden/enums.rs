//! The variants that there are, read from the source of the enums.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Enums that are not errors, but distinguish errors of one variant.
const REASONS: [&str; 8] = [
    "ActualContent",
    "AuditFaultKind",
    "AuditValue",
    "ForeignFormat",
    "KdfCost",
    "PemForm",
    "SignatureLocation",
    "UntrustedReason",
];

/// Enums that a macro makes, with the start of the macro's call.
const MADE: [(&str, &str); 1] = [("AuditFaultKind", "fault_kinds! {")];

/// Every variant of every enum that derives `Error`, and of the reasons, as
/// `Enum::Variant`.
pub(super) fn variants() -> BTreeSet<String> {
    let mut variants = BTreeSet::new();
    for path in sources() {
        let source = fs::read_to_string(path).unwrap();
        let lines: Vec<_> = source.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let Some(name) = enum_at(&lines[..=number]) else { continue };
            let body = lines[number + 1..].iter().take_while(|other| **other != "}");
            // Whatever stands deeper is a variant's field.
            let found = body.filter_map(|line| line.strip_prefix("    "));
            for variant in found.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase())) {
                let end = variant.find(|c: char| !c.is_ascii_alphanumeric());
                let variant = &variant[..end.unwrap_or(variant.len())];
                variants.insert(format!("{name}::{variant}"));
            }
            assert!(
                variants.iter().any(|variant| variant.starts_with(&format!("{name}::"))),
                "no variant found after {line:?}"
            );
        }
    }
    variants
}

/// The name of the enum of errors or reasons that begins in the last of these lines.
fn enum_at<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let (line, before) = lines.split_last()?;
    if let Some((name, _)) = MADE.iter().find(|(_, start)| line == start) {
        return Some(name);
    }
    let (_, name) = line.split_once("enum ").filter(|(before, _)| before.starts_with("pub"))?;
    let name = name.strip_suffix(" {")?;
    let attributes = before.iter().rev().take_while(|line| !matches!(**line, "" | "}"));
    let derives_error = attributes
        .filter_map(|line| line.strip_prefix("#[derive("))
        .any(|derived| derived.split([',', ')']).any(|one| one.trim().ends_with("Error")));
    (derives_error || REASONS.contains(&name)).then_some(name)
}

/// The source of all crates whose errors users of this program, or of a runner, see. The
/// conformance kit is a program of its own.
fn sources() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path());
    let mut directories: Vec<_> = crates
        .filter(|path| !path.ends_with("signing-conformance"))
        .map(|path| path.join("src"))
        .collect();
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path);
            }
        }
    }
    sources
}
