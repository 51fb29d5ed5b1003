//! Parts of messages.

use std::path::Path;

pub(super) fn place_of(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "on standard input".to_owned(),
        _ => format!("file {}", path.display()),
    }
}

pub(super) fn are_revoked(keys: &[String]) -> String {
    match keys {
        [] => String::new(),
        _ => format!("; revoked: {}", several(keys)),
    }
}

/// How many of several matches an error names.
pub(crate) const MAX_SHOWN: usize = 8;

/// What matches, as far as a line has room for it.
pub(crate) fn several<T: ToString>(candidates: impl IntoIterator<Item = T>) -> String {
    let mut names: Vec<_> = candidates.into_iter().map(|name| name.to_string()).collect();
    let left = names.len().saturating_sub(MAX_SHOWN);
    names.truncate(MAX_SHOWN);
    let names = names.join(", ");
    if left == 0 { names } else { format!("{names}, and {left} more") }
}
