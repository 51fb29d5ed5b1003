//! Rules on files as a whole: how long, how large, and which belong together.

use std::collections::BTreeSet;

use super::Violation;

/// One file holds one idea, and this many lines are more than one.
const MAX_LINES: usize = 400;
/// A clone holds every version of every file.
const MOST_BYTES: u64 = 300_000;
const MIGRATIONS: &str = "crates/signing-store/migrations";

/// A source file that is too long.
pub(super) fn long(path: &str, text: &str) -> Option<Violation> {
    let lines = text.lines().count();
    let message = || format!("{lines} lines; at most {MAX_LINES}");
    (lines > MAX_LINES).then(|| Violation::new(path, MAX_LINES + 1, message()))
}

/// Files that are too large, other than lock files, which no one chooses the size of.
pub(super) fn large(files: &[(String, u64)]) -> Vec<Violation> {
    let is_lock = |path: &str| path.rsplit('/').next() == Some("Cargo.lock");
    let large = files.iter().filter(|(path, size)| *size > MOST_BYTES && !is_lock(path));
    large
        .map(|(path, size)| {
            Violation::new(path, 1, format!("{size} bytes; at most {MOST_BYTES} are tracked"))
        })
        .collect()
}

/// Migrations that only one of the two backends has.
pub(super) fn migrations(paths: &BTreeSet<String>) -> Vec<Violation> {
    let sqlite = migrations_of(paths, "sqlite");
    let postgres = migrations_of(paths, "postgres");
    let mut found = Vec::new();
    for (backend, has, other) in [("sqlite", &sqlite, &postgres), ("postgres", &postgres, &sqlite)]
    {
        let directory = format!("{MIGRATIONS}/{backend}");
        if has.is_empty() {
            found.push(Violation::new(&directory, 1, "there are no migrations"));
        }
        for name in other.difference(has) {
            let message = format!("the migration {name} is missing; the other backend has it");
            found.push(Violation::new(&directory, 1, message));
        }
    }
    found
}

fn migrations_of<'a>(paths: &'a BTreeSet<String>, backend: &str) -> BTreeSet<&'a str> {
    let prefix = format!("{MIGRATIONS}/{backend}/");
    let below = paths.iter().filter_map(|path| path.strip_prefix(&prefix));
    below.filter_map(|path| path.split_once('/')).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_short() {
        assert!(long("a.rs", &"\n".repeat(400)).is_none());
        assert_eq!(long("a.rs", &"\n".repeat(401)).unwrap().line, 401);
    }

    #[test]
    fn files_are_small() {
        let file = |path: &str, size| (path.to_owned(), size);
        let files = [file("a", 300_000), file("b", 300_001), file("x/Cargo.lock", 900_000)];
        assert_eq!(large(&files).iter().map(|v| v.path.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn both_backends_have_the_same_migrations() {
        let paths = |names: &[&str]| {
            names.iter().map(|name| format!("{MIGRATIONS}/{name}/up.sql")).collect()
        };
        assert!(migrations(&paths(&["sqlite/1_a", "postgres/1_a"])).is_empty());
        let found = migrations(&paths(&["sqlite/1_a", "postgres/1_a", "postgres/2_b"]));
        assert!(found.len() == 1 && found[0].to_string().contains("2_b"), "{found:?}");
        assert_eq!(migrations(&paths(&[])).len(), 2);
    }
}
