use std::fmt::{Debug, Display};
use std::str::{self, FromStr};

use signing_crypto::{
    ActorName, Fingerprint, GrantId, KeyId, KeyName, Note, OrgId, OrgName, PackageDigest,
    PackageName, PackagePatterns, PackageVersion, RootDigest, StatementTime, is_deceptive,
};

use crate::Verdict;

/// Patterns on the first line, a name on the second, beside a matcher that tries everything.
pub(crate) fn package_patterns(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let (patterns, name) = text.split_once('\n').unwrap_or((text, ""));
    let parsed: Result<PackagePatterns, _> = patterns.parse();
    if let Ok(patterns) = &parsed {
        assert_eq!(patterns.as_str().parse().as_ref(), Ok(patterns));
        assert!(patterns.patterns().is_sorted());
        if let Ok(name) = name.parse::<PackageName>() {
            let expected = patterns.patterns().iter().any(|pattern| is_match(pattern, &name));
            assert_eq!(patterns.matches(&name), expected, "{patterns:?} {name:?}");
        }
    }
    Verdict::from(&parsed)
}

/// Which starts of the name each start of the pattern matches, one row a pattern character.
fn is_match(pattern: &str, name: &PackageName) -> bool {
    let name: Vec<char> = name.as_str().chars().collect();
    let mut matched = vec![false; name.len() + 1];
    matched[0] = true;
    for character in pattern.chars() {
        let mut next = vec![character == '*' && matched[0]];
        for length in 1..=name.len() {
            next.push(match character {
                '*' => matched[length] || next[length - 1],
                '?' => matched[length - 1],
                other => matched[length - 1] && name[length - 1] == other,
            });
        }
        matched = next;
    }
    matched[name.len()]
}

/// Every kind of name.
pub(crate) fn names(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let accepted = [
        same_text::<OrgName>(text),
        same_text::<KeyName>(text),
        same_text::<PackageName>(text),
        same_text::<Note>(text),
        same_text::<ActorName>(text),
    ];
    if accepted.contains(&true) {
        assert!((1..=255).contains(&text.len()));
        assert!(!text.chars().any(is_deceptive), "{text:?}");
        // A name and an id can stand in the same place.
        assert!(!accepted[0] || text.parse::<OrgId>().is_err());
        assert!(!accepted[2] || !text.contains('/'));
    }
    match accepted.contains(&true) {
        true => Verdict::Accepted,
        false => Verdict::Refused,
    }
}

/// Everything else that is one word.
pub(crate) fn ids_versions_times(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let accepted = [
        same_value::<OrgId>(text),
        same_value::<KeyId>(text),
        same_value::<GrantId>(text),
        same_value::<Fingerprint>(text),
        same_value::<PackageDigest>(text),
        same_value::<RootDigest>(text),
        same_value::<PackageVersion>(text),
        same_value::<StatementTime>(text),
    ];
    match accepted.contains(&true) {
        true => Verdict::Accepted,
        false => Verdict::Refused,
    }
}

/// Whether it is accepted. Then it is printed as it was written.
fn same_text<T: FromStr + Display>(text: &str) -> bool {
    let parsed = text.parse::<T>();
    if let Ok(value) = &parsed {
        assert_eq!(value.to_string(), text);
    }
    parsed.is_ok()
}

/// Whether it is accepted. Then it is the same when it is printed and read again.
fn same_value<T: FromStr<Err: Debug> + Display + Debug + PartialEq>(text: &str) -> bool {
    let parsed = text.parse::<T>();
    if let Ok(value) = &parsed {
        assert_eq!(&value.to_string().parse::<T>().unwrap(), value);
    }
    parsed.is_ok()
}
