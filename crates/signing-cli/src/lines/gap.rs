//! What stands between two columns, and texts that look as if it stood in them.

use std::borrow::Cow;

use signing_crypto::is_deceptive;

pub(super) const GAP: &str = "  ";

/// Whether white space in a text, outside of quotes, could be taken for the gap between two columns.
pub(super) fn has_gap(text: &str) -> bool {
    let is_other_space = |c: char| c.is_whitespace() && c != ' ' && !is_deceptive(c);
    let outside = outside_quotes(text);
    outside.contains(GAP) || text.trim() != text || outside.contains(is_other_space)
}

/// The text without what is between quotes. If one is left open, nothing is quoted.
fn outside_quotes(text: &str) -> Cow<'_, str> {
    let (mut outside, mut is_inside, mut is_escaped) = (String::new(), false, false);
    for c in text.chars() {
        let is_quote = c == '"' && !is_escaped;
        is_inside ^= is_quote;
        is_escaped = c == '\\' && !is_escaped;
        if is_quote || !is_inside {
            outside.push(c);
        }
    }
    if is_inside { text.into() } else { outside.into() }
}
