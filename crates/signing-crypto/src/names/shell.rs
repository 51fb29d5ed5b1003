use std::ffi::OsStr;
use std::fmt::Write;

use super::is_deceptive;

/// A path, or another text, as one word of a POSIX shell: for commands that people paste.
///
/// The word has no character that [`printable`](super::printable) would escape, since what is
/// shown would then name another file. A path that starts with a hyphen would be an option, so
/// it is written as `./-…`.
pub fn shell_word(text: impl AsRef<OsStr>) -> String {
    let bytes = text.as_ref().as_encoded_bytes();
    let path = match bytes.first() {
        Some(b'-') => [b"./", bytes].concat(),
        _ => bytes.to_vec(),
    };
    match str::from_utf8(&path) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Ok(text) if !text.chars().any(is_deceptive) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => printed(&path),
    }
}

/// Whether no shell gives the character a meaning, wherever it stands.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+@:,".contains(c)
}

/// What `printf` makes of octal escapes: not every shell knows `$'…'`.
fn printed(bytes: &[u8]) -> String {
    let newlines = bytes.iter().rev().take_while(|byte| **byte == b'\n').count();
    let mut word = String::from(r#""$(printf '"#);
    for chunk in bytes[..bytes.len() - newlines].utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '%' => word.push_str("%%"),
                '\\' => word.push_str(r"\\"),
                '\'' => push_octal(&mut word, b"'"),
                c if is_deceptive(c) => {
                    push_octal(&mut word, c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                c => word.push(c),
            }
        }
        push_octal(&mut word, chunk.invalid());
    }
    word.push_str("')");
    // The shell drops newlines at the end of what is printed. The third character that
    // separates words is one.
    word.push_str(&"${IFS#??}".repeat(newlines));
    word + "\""
}

fn push_octal(word: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(word, "\\{byte:03o}").expect("a string takes any text");
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::process::Command;

    use super::*;
    use crate::names::printable;

    /// What a shell makes of the words, each as an argument and as the value of a variable.
    fn read_by_sh(words: &[String]) -> Vec<Vec<u8>> {
        let mut script = String::new();
        for word in words {
            writeln!(script, "printf '%s\\0' {word}; value={word}; printf '%s\\0' \"$value\"")
                .unwrap();
        }
        let output = Command::new("sh").arg("-c").arg(&script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut read: Vec<_> = output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        assert_eq!(read.pop().as_deref(), Some(&b""[..]));
        read
    }

    #[track_caller]
    fn assert_read(texts: &[OsString]) {
        let words: Vec<_> = texts.iter().map(shell_word).collect();
        let read = read_by_sh(&words);
        assert_eq!(read.len(), 2 * texts.len());
        for (number, text) in texts.iter().enumerate() {
            let mut expected = text.as_bytes().to_vec();
            if expected.starts_with(b"-") {
                expected = [b"./", &expected[..]].concat();
            }
            assert_eq!(read[2 * number], expected, "{text:?} as {}", words[number]);
            assert_eq!(read[2 * number + 1], expected, "{text:?} as {}", words[number]);
            assert_eq!(printable(&words[number]), words[number], "{text:?}");
        }
    }

    #[test]
    fn a_shell_reads_every_byte_in_every_place() {
        let places = [("", ""), ("a", ""), ("", "a"), ("a", "b")];
        let texts = (1..=u8::MAX).flat_map(|byte| {
            places.map(|(before, after)| {
                OsString::from_vec([before.as_bytes(), &[byte], after.as_bytes()].concat())
            })
        });
        assert_read(&texts.collect::<Vec<_>>());
    }

    #[test]
    fn a_shell_reads_what_it_would_expand() {
        let texts = [
            "",
            "-rf",
            "--",
            "-\n",
            "~",
            "~root/x",
            "a:~",
            "=ls",
            "a=~",
            "#",
            "!!",
            "%1",
            "$HOME",
            "`id`",
            "$(id)",
            "a'b",
            "'",
            "''\n'",
            "\"",
            "\\",
            "\\\n",
            "a\\0b\u{7}",
            "%s\u{1b}[31m",
            "a b",
            "*",
            "{a,b}",
            "a\n\n",
            "\n",
            "\n\na\n\nb\n\n\n",
            "gr\u{f6}\u{df}e.so",
            "lib\u{202e}os",
            "'\u{200b}'",
            "sqlite:/var/lib/store.db",
        ];
        assert_read(&texts.map(OsString::from));
    }

    #[test]
    fn a_plain_word_stands_as_it_is_and_another_is_quoted() {
        for plain in ["/var/lib/a-b_c.so", "sqlite:/x", "user@host", "a,b+c"] {
            assert_eq!(shell_word(plain), plain);
        }
        assert_eq!(shell_word("a b"), "'a b'");
        assert_eq!(shell_word("-x"), "./-x");
        assert_eq!(shell_word("a\u{1b}b"), r#""$(printf 'a\033b')""#);
    }
}
