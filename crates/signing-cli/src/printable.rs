use std::fmt::Write as _;

/// What comes from outside must not start a line of its own, steer the terminal, nor
/// reorder what is read.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if signing_crypto::is_deceptive(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_bidi_marks_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("lib\u{202e}os"), "lib\\u{202e}os");
        assert_eq!(printable("größe.so"), "größe.so");
    }
}
