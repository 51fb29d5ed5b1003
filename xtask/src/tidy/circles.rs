//! The modules of a crate import each other in one direction, and by their own names.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use super::imports::{declared_modules, from_root, of_root, without_tests};
use super::source::line_of;

/// Finds import circles between the top-level modules of each crate, and imports of names
/// that the crate's root exports: they hide which module is imported.
///
/// `sources` maps the path of each source file to its code without comments and literals.
/// What only tests compile does not count.
pub(super) fn check(sources: &BTreeMap<String, String>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, code) in sources {
        let root = path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"));
        if let Some((_, "lib.rs" | "main.rs")) = root {
            let (arrows, hidden) = arrows(path, code, sources);
            found.extend(circles(&arrows));
            found.extend(hidden);
        }
    }
    found
}

/// From one module to another, with an import that makes it one.
type Arrows = BTreeMap<(String, String), Example>;

struct Example {
    path: String,
    line: usize,
    import: String,
}

/// The names that a crate's root gives to its modules, and to what is in them.
struct Root<'a> {
    /// The module of each name.
    modules: BTreeMap<&'a str, &'a str>,
    /// The modules whose names are all names of the root, too.
    globs: BTreeSet<&'a str>,
    /// The path of each name that is not a module's own.
    imported: BTreeMap<&'a str, String>,
}

impl<'a> Root<'a> {
    fn new(code: &'a str) -> Self {
        let declared: BTreeSet<&str> = declared_modules(code).into_iter().collect();
        let mut modules: BTreeMap<_, _> = declared.iter().map(|name| (*name, *name)).collect();
        let (mut globs, mut imported) = (BTreeSet::new(), BTreeMap::new());
        for import in of_root(code) {
            let [module, .., last] = import.path[..] else { continue };
            let name = import.alias.unwrap_or(last);
            imported.insert(name, import.path.join("::"));
            match name {
                _ if !declared.contains(module) => {}
                "*" => _ = globs.insert(module),
                name => _ = modules.entry(name).or_insert(module),
            }
        }
        Self { modules, globs, imported }
    }

    /// The modules that the name may be from: none if it is from another crate.
    fn of(&self, name: &str) -> Vec<&str> {
        match (name, self.modules.get(name)) {
            ("*", _) => self.modules.values().copied().collect(),
            (_, Some(module)) => vec![module],
            (_, None) => self.globs.iter().copied().collect(),
        }
    }
}

/// The imports between the modules of a crate, and those that hide their module.
fn arrows(
    root_path: &str,
    root_code: &str,
    sources: &BTreeMap<String, String>,
) -> (Arrows, Vec<Violation>) {
    let folder = &root_path[..root_path.rfind('/').map_or(0, |at| at + 1)];
    let (root_code, root_tests) = without_tests(root_code);
    let root = Root::new(&root_code);
    let mut files = Vec::new();
    let mut tests: Vec<String> = root_tests.iter().map(|name| format!("{folder}{name}")).collect();
    for (path, code) in sources.range(folder.to_owned()..) {
        let Some(module) = path.strip_prefix(folder).and_then(|path| path.strip_suffix(".rs"))
        else {
            break;
        };
        let (code, modules) = without_tests(code);
        tests.extend(modules.iter().map(|name| format!("{folder}{module}/{name}")));
        files.push((path, module, code));
    }
    let is_test = |module: &str| {
        let path = format!("{folder}{module}");
        let rest = |test: &String| path.strip_prefix(test.as_str()).map(str::to_owned);
        tests.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (mut arrows, mut hidden) = (Arrows::new(), Vec::new());
    for (path, module, code) in &files {
        let segments: Vec<&str> = module.split('/').collect();
        let own = segments[0];
        // Files of another root, such as `bin/`, are modules of another crate.
        if is_test(module) || !root.modules.contains_key(own) {
            continue;
        }
        for import in from_root(code, segments.len()) {
            if let Some(origin) = root.imported.get(import.path[0]) {
                let message = format!("name the module of {}: {origin}", import.path[0]);
                hidden.push(Violation::new(path, line_of(code, import.offset), message));
            }
            for target in root.of(import.path[0]).into_iter().filter(|target| *target != own) {
                let example = || Example {
                    path: (*path).clone(),
                    line: line_of(code, import.offset),
                    import: import.path.join("::"),
                };
                arrows.entry((own.to_owned(), target.to_owned())).or_insert_with(example);
            }
        }
    }
    (arrows, hidden)
}

/// One violation for each set of modules that all import each other, maybe through others.
fn circles(arrows: &Arrows) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for (from, _) in arrows.keys() {
        let circle: BTreeSet<&str> = reached(arrows, from)
            .into_iter()
            .filter(|module| reached(arrows, module).contains(from.as_str()))
            .collect();
        if circle.is_empty() || !done.insert(circle.clone()) {
            continue;
        }
        let within = |(from, to): &(String, String)| {
            circle.contains(from.as_str()) && circle.contains(to.as_str())
        };
        let inside: Vec<_> = arrows.iter().filter(|(arrow, _)| within(arrow)).collect();
        let list: Vec<String> = inside
            .iter()
            .map(|((from, to), Example { path, line, import })| {
                format!("{from} -> {to} ({path}:{line}: {import})")
            })
            .collect();
        let names: Vec<_> = circle.into_iter().collect();
        let message = format!("import circle of {}: {}", names.join(", "), list.join(", "));
        let Example { path, line, .. } = inside[0].1;
        found.push(Violation::new(path, *line, message));
    }
    found
}

/// The modules that `from` imports, directly or through others.
fn reached<'a>(arrows: &'a Arrows, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        for (_, to) in arrows.keys().filter(|(from, _)| from == module) {
            if reached.insert(to.as_str()) {
                next.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "mod a;\nmod b;\nmod c;\npub use a::{Apple, AppleError};\npub use b::Berry;";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let path = |name: &str| format!("crates/fruit/src/{name}");
        let sources = files.iter().map(|(name, code)| (path(name), (*code).to_owned()));
        check(&sources.collect()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn imports_in_one_direction_pass() {
        let files = [
            ("lib.rs", ROOT),
            ("a.rs", "use crate::b::Berry;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "use crate::c::d;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn a_circle_is_named_with_an_import_for_each_arrow() {
        let files = [
            ("lib.rs", ROOT),
            ("a.rs", "use crate::b::Berry;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "\nuse std::fmt;\nuse crate::a::Apple;"),
        ];
        assert_eq!(
            found(&files),
            ["crates/fruit/src/a.rs:1: import circle of a, b, c: \
              a -> b (crates/fruit/src/a.rs:1: b::Berry), \
              b -> c (crates/fruit/src/b.rs:1: c), \
              c -> a (crates/fruit/src/c.rs:3: a::Apple)"]
        );
    }

    #[test]
    fn a_circle_through_a_name_of_the_root_fails() {
        let back = |code| {
            found(&[
                ("lib.rs", ROOT),
                ("a.rs", "use crate::b;"),
                ("b.rs", "mod e;"),
                ("b/e.rs", code),
            ])
        };
        for code in [
            "use crate::{Berry, Apple};",
            "fn f() -> crate::AppleError {}",
            "use super::super::Apple;",
            "use crate::*;",
        ] {
            let found = back(code);
            assert!(found[0].contains("circle of a, b"), "{code}: {found:?}");
        }
        for code in ["use crate::b::Berry;", "use super::Apple;", "use crate::Elsewhere;"] {
            assert_eq!(back(code), [""; 0], "{code}");
        }
    }

    #[test]
    fn a_glob_of_the_root_names_its_module() {
        let with =
            |root| found(&[("lib.rs", root), ("a.rs", "use crate::b;"), ("b.rs", "use crate::X;")]);
        assert_eq!(with("mod a; mod b; pub use a::*;").len(), 1);
        assert_eq!(with("mod a; mod b; pub use other::*;"), [""; 0]);
    }

    #[test]
    fn imports_name_modules() {
        let root = "mod a; mod b; pub use b::Berry; pub use other::Nut;";
        let with = |code| found(&[("lib.rs", root), ("a.rs", code), ("b.rs", "")]);
        assert_eq!(with("use crate::b::Berry; use other::Nut;"), [""; 0]);
        assert_eq!(
            with("\nuse crate::{b, Berry, Nut};"),
            [
                "crates/fruit/src/a.rs:2: name the module of Berry: b::Berry",
                "crates/fruit/src/a.rs:2: name the module of Nut: other::Nut",
            ]
        );
        assert_eq!(with("#[cfg(test)] mod tests { use crate::Nut; }"), [""; 0]);
    }

    #[test]
    fn tests_may_import_what_they_test_with() {
        let with = |b, e| {
            found(&[("main.rs", ROOT), ("a.rs", "use crate::b;"), ("b.rs", b), ("b/e.rs", e)]).len()
        };
        let back = "use crate::a;";
        assert_eq!(with("mod e;", back), 1);
        assert_eq!(with("#[cfg(test)] mod e;", back), 0);
        assert_eq!(with("#[cfg(test)] mod tests { use crate::a; } mod e;", ""), 0);
        assert_eq!(with("#[cfg(unix)] mod e;", back), 1);
    }

    #[test]
    fn two_circles_are_two_violations() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::{b, c};"),
            ("b.rs", "use crate::a;"),
            ("c.rs", "use crate::d;"),
            ("d.rs", "use crate::c;"),
        ];
        assert_eq!(found(&files).len(), 2);
        // Another crate's modules of the same names are no part of them.
        let sources = [
            ("crates/x/src/lib.rs", "mod a; mod b;"),
            ("crates/x/src/a.rs", "use crate::b;"),
            ("crates/y/src/lib.rs", "mod a; mod b;"),
            ("crates/y/src/b.rs", "use crate::a;"),
        ];
        let sources = sources.map(|(path, code)| (path.to_owned(), code.to_owned()));
        assert!(check(&sources.into()).is_empty());
    }
}
