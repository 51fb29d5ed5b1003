//! Rust source with comments and literals blanked out, for rules that look for words.
//!
//! This is a lexer's first half, not a parser: it knows comments (nested ones too),
//! strings, raw strings and character literals, and takes the rest as it is. A word
//! that a macro puts together is not seen.

use std::iter;

/// Replaces comments, and what stands between quotes, by blanks of the same length.
///
/// Line ends stay, so a line and column here is the same in the source.
pub(super) fn blank(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (length, keep) = match rest[0] {
            b'/' if rest.starts_with(b"//") => (line_length(rest), 0),
            b'/' if rest.starts_with(b"/*") => (block_length(rest), 0),
            b'"' => (string_length(rest), 1),
            b'r' if !continues_a_word(bytes, at) && raw_hashes(rest).is_some() => {
                (raw_length(rest), 1)
            }
            b'\'' => (character_length(rest), 1),
            _ => (1, 1),
        };
        // The quotes stay, so that `= "…"` can still be found.
        for byte in &mut out[at + keep..(at + length).saturating_sub(keep).max(at + keep)] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where `word` begins in `text`, as a whole word.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let bytes = text.as_bytes();
        let before = at.checked_sub(1).is_none_or(|before| !is_part(bytes[before]));
        before && bytes.get(at + word.len()).is_none_or(|&after| !is_part(after))
    })
}

/// The number, counted from 1, of the line that holds the byte at `offset`.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count()
}

/// The attributes of a file, from `#` to the bracket that closes them.
pub(super) fn attributes(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices('#') {
        let after = &code[start + 1..];
        let after = after.strip_prefix('!').unwrap_or(after).trim_start();
        if !after.starts_with('[') {
            continue;
        }
        let mut depth = 0_usize;
        for (at, byte) in code.bytes().enumerate().skip(code.len() - after.len()) {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                found.push((start, at + 1));
                break;
            }
        }
    }
    found
}

/// The offset after the brace that closes the one at `open`.
pub(super) fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// `b` and `c` before an `r` belong to the literal; any other letter makes it a name's end.
fn continues_a_word(bytes: &[u8], at: usize) -> bool {
    let is_part = |back: usize| {
        at.checked_sub(back)
            .is_some_and(|before| bytes[before] == b'_' || bytes[before].is_ascii_alphanumeric())
    };
    is_part(1) && (!matches!(bytes[at - 1], b'b' | b'c') || is_part(2))
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

fn block_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_hashes(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    (rest.get(1 + hashes) == Some(&b'"')).then_some(hashes)
}

fn raw_length(rest: &[u8]) -> usize {
    let hashes = raw_hashes(rest).unwrap_or(0);
    let end: Vec<u8> = iter::once(b'"').chain(iter::repeat_n(b'#', hashes)).collect();
    let start = hashes + 2;
    let close = rest[start..].windows(end.len()).position(|window| window == end);
    close.map_or(rest.len(), |close| start + close + end.len())
}

/// A lifetime is one byte of code; a character literal is a literal.
fn character_length(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        let close = rest.iter().skip(3).position(|&byte| byte == b'\'');
        return close.map_or(rest.len(), |close| close + 4);
    }
    // At most four bytes are one character.
    let close = rest.iter().take(6).skip(2).position(|&byte| byte == b'\'').map(|at| at + 2);
    let one = |end| std::str::from_utf8(&rest[1..end]).is_ok_and(|text| text.chars().count() == 1);
    close.filter(|&end| one(end)).map_or(1, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stays_and_the_rest_goes() {
        for (source, hidden) in [
            ("a // X", "X"),
            ("/* X /* X */ X */ a", "X"),
            (r#"a("X \" X")"#, "X"),
            ("a(r\"X\")", "X"),
            ("a(r#\"X \" X\"#)", "X"),
            ("a(br#\"X \" X\"#)", "X"),
            ("a('X')", "X"),
            (r"a('\'', 'X')", "X"),
            ("a(\"X\nX\")", "X"),
        ] {
            let code = blank(source);
            assert!(code.contains('a') && !code.contains(hidden), "{source} -> {code}");
            assert_eq!(code.len(), source.len());
            assert_eq!(code.matches('\n').count(), source.matches('\n').count());
        }
        for code in ["fn f<'a>(x: &'a X) {}", "var\"\" X", "1 / 2 * X", "r#type X", "x('\"') X"] {
            assert!(blank(code).contains('X'), "{code}");
        }
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("unsafe_code unsafe {unsafe}", "unsafe").collect::<Vec<_>>(), [12, 20]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }
}
