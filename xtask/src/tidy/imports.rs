//! The names that a source file imports from its own crate, read from `use` lines and paths.
//!
//! It reads code without comments and literals. A path that a macro puts together is not seen.

use super::source::{attributes, block_end, words};

/// A path from the crate's root, such as `crate::dsse::Envelope`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import<'a> {
    /// The segments after `crate`. The last one may be `*` or `self`.
    pub(super) path: Vec<&'a str>,
    /// The name that it has here, where that is not the last segment.
    pub(super) alias: Option<&'a str>,
    /// Where the path begins.
    pub(super) offset: usize,
}

/// The paths from the crate's root in a module that is `depth` levels below the root.
pub(super) fn from_root(code: &str, depth: usize) -> Vec<Import<'_>> {
    let mut found = Vec::new();
    for at in words(code, "crate") {
        if let Some(tree) = after_separator(code, at + "crate".len()) {
            read_tree(code, tree, &[], &mut found);
        }
    }
    let inline: Vec<_> = inline_modules(code);
    for at in words(code, "super").filter(|&at| !code[..at].trim_end().ends_with("super::")) {
        let levels =
            depth + inline.iter().filter(|(start, end)| (*start..*end).contains(&at)).count();
        let (mut climbed, mut next) = (1, after_separator(code, at + "super".len()));
        while let Some(tree) = next.filter(|&tree| word_at(code, tree) == "super") {
            (climbed, next) = (climbed + 1, after_separator(code, tree + "super".len()));
        }
        if let Some(tree) = next.filter(|_| climbed == levels) {
            read_tree(code, tree, &[], &mut found);
        }
    }
    found.sort_by_key(|import| import.offset);
    found
}

/// What the root itself imports: each name that its modules can reach as `crate::name`.
pub(super) fn of_root(code: &str) -> Vec<Import<'_>> {
    let mut found = Vec::new();
    for at in words(code, "use") {
        read_tree(code, at + "use".len(), &[], &mut found);
    }
    for import in &mut found {
        if import.path.len() > 1 && matches!(import.path[0], "crate" | "self") {
            import.path.remove(0);
        }
    }
    found
}

/// The modules that the code declares in files of their own.
pub(super) fn declared_modules(code: &str) -> Vec<&str> {
    let names = words(code, "mod").map(|at| name_after(code, at + "mod".len()));
    names.filter(|(_, rest)| rest.starts_with(';')).map(|(name, _)| name).collect()
}

/// The code without what only tests compile, and the modules that only tests declare.
pub(super) fn without_tests(code: &str) -> (String, Vec<String>) {
    let mut bytes = code.as_bytes().to_vec();
    let mut modules = Vec::new();
    for (start, end) in attributes(code) {
        let attribute: String = code[start..end].split_whitespace().collect();
        if attribute != "#[cfg(test)]" && !attribute.starts_with("#[cfg(all(test,") {
            continue;
        }
        let end = item_end(code, end);
        modules.extend(declared_modules(&code[start..end]).into_iter().map(str::to_owned));
        for byte in &mut bytes[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), modules)
}

/// Reads a `use` tree or a path that begins at `at`.
fn read_tree<'a>(code: &'a str, at: usize, prefix: &[&'a str], found: &mut Vec<Import<'a>>) {
    let rest = code[at..].trim_start();
    let offset = code.len() - rest.len();
    let mut path = prefix.to_vec();
    if rest.starts_with('{') {
        for branch in branches(code, offset) {
            read_tree(code, branch, prefix, found);
        }
        return;
    }
    let name = if rest.starts_with('*') { "*" } else { word_at(code, offset) };
    if name.is_empty() {
        return;
    }
    path.push(name);
    let end = offset + name.len();
    match after_separator(code, end) {
        // A turbofish is no segment.
        Some(next) if !code[next..].starts_with('<') => read_tree(code, next, &path, found),
        _ => {
            let (word, _) = name_after(code, end);
            let alias = (word == "as").then(|| {
                let after = code[end..].find("as").map_or(end, |at| end + at + "as".len());
                name_after(code, after).0
            });
            found.push(Import { path, alias, offset });
        }
    }
}

/// Where the branches of a group begin, given its opening brace.
fn branches(code: &str, open: usize) -> Vec<usize> {
    let end = block_end(code, open);
    let mut starts = vec![open + 1];
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().take(end).skip(open + 1) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    starts
}

/// Where the item that follows an attribute ends.
fn item_end(code: &str, after: usize) -> usize {
    let mut at = after;
    let mut depth = 0_usize;
    let bytes = code.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'{' if depth == 0 => return block_end(code, at),
            b';' | b',' if depth == 0 => return at + 1,
            b')' | b']' | b'}' if depth == 0 => return at,
            b'(' | b'[' | b'<' | b'{' => depth += 1,
            b'>' if matches!(bytes[at - 1], b'-' | b'=') => {}
            b')' | b']' | b'>' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    at
}

/// From the `mod` to the closing brace of each module that is written within the file.
fn inline_modules(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for at in words(code, "mod") {
        let (_, rest) = name_after(code, at + "mod".len());
        if rest.starts_with('{') {
            found.push((at, block_end(code, code.len() - rest.len())));
        }
    }
    found
}

fn after_separator(code: &str, at: usize) -> Option<usize> {
    let rest = code[at..].trim_start().strip_prefix("::")?;
    Some(code.len() - rest.trim_start().len())
}

/// The next word, and the code after it from the next character that is not white space.
fn name_after(code: &str, at: usize) -> (&str, &str) {
    let rest = code[at..].trim_start();
    let name = word_at(code, code.len() - rest.len());
    (name, rest[name.len()..].trim_start())
}

fn word_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str, depth: usize) -> Vec<String> {
        from_root(code, depth).iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn paths_from_the_root_are_found() {
        assert_eq!(paths("use crate::a::{b, c::{self, d}};", 1), ["a::b", "a::c::self", "a::c::d"]);
        assert_eq!(paths("use crate::{a, b::*};", 1), ["a", "b::*"]);
        assert_eq!(
            paths("fn f(x: crate::a::B<crate::C>) { crate::d::<u8>() }", 1),
            ["a::B", "C", "d"]
        );
        assert_eq!(paths("pub(crate) fn f() {} use other::crate_name;", 1), [""; 0]);
    }

    #[test]
    fn super_counts_where_it_climbs_to_the_root() {
        assert_eq!(paths("use super::a;", 1), ["a"]);
        assert_eq!(paths("use super::a; use super::super::{b, c::d};", 2), ["b", "c::d"]);
        assert_eq!(paths("mod x { use super::a; use super::super::b; }", 1), ["b"]);
    }

    #[test]
    fn the_root_names_what_it_imports() {
        let code = "mod a; pub use a::{B, c::D as E}; pub use self::a::F;";
        let imports = of_root(code);
        let names: Vec<_> = imports.iter().map(|i| (i.path.join("::"), i.alias)).collect();
        let expected = [("a::B", None), ("a::c::D", Some("E")), ("a::F", None)];
        assert_eq!(names, expected.map(|(path, alias)| (path.to_owned(), alias)));
        assert_eq!(declared_modules(code), ["a"]);
    }

    #[test]
    fn what_only_tests_compile_is_left_out() {
        let code = "use crate::a;\n#[cfg(test)]\nmod tests { use crate::b; }\n\
                    #[cfg(test)]\nmod golden;\n#[cfg(all(test, unix))]\nfn f<A, B>() -> R<A, B> \
                    { crate::c() }\n#[cfg(test)]\nuse crate::{d, e};\n#[cfg(unix)]\nuse crate::f;";
        let (kept, modules) = without_tests(code);
        assert_eq!(paths(&kept, 1), ["a", "f"]);
        assert_eq!(modules, ["golden"]);
        assert_eq!(kept.len(), code.len());
    }
}
