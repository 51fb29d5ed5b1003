use std::fmt;
use std::str::FromStr;

use crate::names::{MAX_NAME_BYTES, PackageName, PatternError, is_deceptive};

/// The most patterns that one scope may have.
pub(crate) const MAX_PATTERNS: usize = 64;

/// Which packages something is limited to: those whose name one of these patterns
/// matches. Never empty: what is for no package is not made.
///
/// In a pattern `*` stands for any characters, or none, `?` for exactly one, and
/// everything else for itself. As text it is a JSON array, sorted, without
/// duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackagePatterns {
    patterns: Vec<String>,
    text: String,
}

impl PackagePatterns {
    /// Checks patterns and takes them over.
    pub fn new(mut patterns: Vec<String>) -> Result<Self, PatternError> {
        patterns.sort_unstable();
        patterns.dedup();
        match patterns.len() {
            1..=MAX_PATTERNS => {}
            found => return Err(PatternError::Count { found, limit: MAX_PATTERNS }),
        }
        for pattern in &patterns {
            check(pattern)?;
        }
        let text = serde_json::to_string(&patterns).expect("strings serialize");
        Ok(Self { patterns, text })
    }

    /// Whether a package of this name is among them.
    pub fn matches(&self, name: &PackageName) -> bool {
        self.patterns.iter().any(|pattern| is_match(pattern, name.as_str()))
    }

    /// The patterns, in order.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The patterns as a JSON array.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PackagePatterns {
    type Err = PatternError;

    /// Reads what [`as_str`](Self::as_str) gives.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::new(serde_json::from_str(text).map_err(|_| PatternError::NotAList)?)
    }
}

impl fmt::Display for PackagePatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.patterns.join(", "))
    }
}

/// Whether `pattern` matches the whole of `name`.
///
/// After a mismatch only the last `*` takes one character more: what an earlier one could
/// take instead, the last one can take as well. So the time is bounded by the product of
/// both lengths, whatever the pattern.
fn is_match(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut in_pattern, mut in_name) = (0, 0);
    let mut last_star = None;
    while in_name < name.len() {
        match pattern.get(in_pattern) {
            Some('*') => {
                in_pattern += 1;
                last_star = Some((in_pattern, in_name));
            }
            Some(&character) if character == '?' || character == name[in_name] => {
                in_pattern += 1;
                in_name += 1;
            }
            _ => {
                let Some((after_star, taken)) = last_star else { return false };
                in_pattern = after_star;
                in_name = taken + 1;
                last_star = Some((after_star, in_name));
            }
        }
    }
    pattern[in_pattern..].iter().all(|&character| character == '*')
}

fn check(pattern: &str) -> Result<(), PatternError> {
    if pattern.is_empty() || pattern.len() > MAX_NAME_BYTES {
        return Err(PatternError::Length { found: pattern.len() });
    }
    match pattern.chars().find(|&c| c == '/' || is_deceptive(c)) {
        Some(found) => Err(PatternError::Character { found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        PackagePatterns::new(vec![pattern.into()]).unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        for (pattern, name) in [
            ("*", "libworkflow.so"),
            ("etl-*", "etl-"),
            ("etl-*", "etl-orders.so"),
            ("*.so", "a.b.so"),
            ("etl-?.so", "etl-1.so"),
            ("etl-?.so", "etl-é.so"),
            ("a*b*c", "a-b-b-c"),
            ("[a].so", "[a].so"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_names_byte_by_byte() {
        for (pattern, name) in [
            ("etl-*", "ETL-orders.so"),
            ("etl-*", "my-etl-orders.so"),
            ("*.so", "a.so.1"),
            ("etl-?.so", "etl-.so"),
            ("etl-?.so", "etl-12.so"),
            ("[ab].so", "a.so"),
            ("libworkflow.so", "libworkflow_so"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_read_back_from_their_text() {
        let patterns = PackagePatterns::new(vec!["b\"*".into(), "a*".into(), "a*".into()]).unwrap();
        assert_eq!(patterns.as_str(), r#"["a*","b\"*"]"#);
        assert_eq!(patterns.as_str().parse::<PackagePatterns>().unwrap(), patterns);
        assert_eq!(patterns.to_string(), "a*, b\"*");
    }

    #[test]
    fn patterns_that_mislead_are_rejected() {
        for list in [
            vec![],
            vec![String::new()],
            vec!["a/b".into()],
            vec!["a\u{202E}*".into()],
            vec!["a".repeat(256)],
            (0..65).map(|number| number.to_string()).collect(),
        ] {
            assert!(PackagePatterns::new(list.clone()).is_err(), "{list:?}");
        }
        for text in ["", "etl-*", "{}", "[1]", "[]"] {
            assert!(text.parse::<PackagePatterns>().is_err(), "{text}");
        }
    }

    /// What the documentation of [`PackagePatterns`] says, word for word.
    fn reference(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], rest) => rest.is_empty(),
            (['*', pattern @ ..], _) => {
                (0..=name.len()).any(|taken| reference(pattern, &name[taken..]))
            }
            (['?', pattern @ ..], [_, name @ ..]) => reference(pattern, name),
            ([first, pattern @ ..], [character, name @ ..]) => {
                first == character && reference(pattern, name)
            }
            (_, []) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// Few letters, so that many pairs match and many nearly do.
        #[test]
        fn patterns_match_what_the_reference_matches(
            pattern in "[ab*?\u{e9}]{0,8}", name in "[ab\u{e9}*?]{0,8}"
        ) {
            let (chars, letters): (Vec<_>, Vec<_>) =
                (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(is_match(&pattern, &name), reference(&chars, &letters));
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(127);
        assert!(!is_match(&pattern, &"a".repeat(126)));
        assert!(!is_match(&format!("{pattern}b"), &"a".repeat(255)));
        assert!(is_match(&pattern, &"a".repeat(255)));
    }
}
