use std::fmt;
use std::str::FromStr;

use crate::names::{NameError, NameFault, NameKind};

/// As many bytes as a name, a pattern for names or a version may have.
pub const MAX_NAME_BYTES: usize = 255;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and takes it over.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(fault) => Err(NameError { kind: $kind, fault }),
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// An organization's name: 1 to 255 ASCII characters
    /// `[A-Za-z0-9][A-Za-z0-9._@+-]*`, and not a UUID, so that a name and an id
    /// can stand in the same place without doubt.
    OrgName,
    NameKind::Organization,
    check_identifier
);
name!(
    /// A key's name, of the same form as [`OrgName`].
    KeyName,
    NameKind::Key,
    check_identifier
);
name!(
    /// The file name that a signature binds a package to: 1 to 255 bytes of
    /// UTF-8 that is one path component and shows what it is, so without `/`,
    /// control characters or [invisible](is_deceptive) ones. Compared byte by byte.
    PackageName,
    NameKind::Package,
    check_file_name
);
name!(
    /// What somebody says about a change, to be kept: 1 to 255 bytes of UTF-8
    /// without control characters or [invisible](is_deceptive) ones.
    Note,
    NameKind::Note,
    check_note
);
name!(
    /// Who makes a change, in the words of a program that knows better than the operating
    /// system, such as a pipeline: 1 to 255 bytes, of the same form as [`Note`].
    ActorName,
    NameKind::Actor,
    check_note
);

fn check_identifier(text: &str) -> Result<(), NameFault> {
    check_length(text)?;
    let mut chars = text.chars();
    if !chars.next().is_some_and(|first| first.is_ascii_alphanumeric()) {
        return Err(NameFault::FirstCharacter);
    }
    if let Some(found) = chars.find(|c| !(c.is_ascii_alphanumeric() || "._@+-".contains(*c))) {
        return Err(NameFault::Character { found });
    }
    if uuid::Uuid::try_parse(text).is_ok() {
        return Err(NameFault::LooksLikeAnId);
    }
    Ok(())
}

fn check_file_name(text: &str) -> Result<(), NameFault> {
    check_length(text)?;
    if text == "." || text == ".." {
        return Err(NameFault::PathPart);
    }
    match text.chars().find(|&c| c == '/' || is_deceptive(c)) {
        Some(found) => Err(NameFault::Character { found }),
        None => Ok(()),
    }
}

fn check_note(text: &str) -> Result<(), NameFault> {
    check_length(text)?;
    match text.chars().find(|&c| is_deceptive(c)) {
        Some(found) => Err(NameFault::Character { found }),
        None => Ok(()),
    }
}

fn check_length(text: &str) -> Result<(), NameFault> {
    match text.len() {
        0 => Err(NameFault::Empty),
        1..=MAX_NAME_BYTES => Ok(()),
        found => Err(NameFault::TooLong { found, limit: MAX_NAME_BYTES }),
    }
}

/// Whether a character makes a reader see something else than what is there: a control
/// character, a line or paragraph separator, or one that is usually invisible, which
/// includes those that reorder what surrounds them (Unicode UAX #9).
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || is_default_ignorable(c)
        || is_blank(c)
        || is_noncharacter(c)
}

/// Whether a character is shown as nothing, although Unicode does not call it ignorable: the
/// blank pattern of Braille, annotations, the replacement of an object, a filler of Khitan and
/// the empty head of a note.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{FFF9}'..='\u{FFFC}' | '\u{16FE4}' | '\u{1D159}')
}

/// Whether a code point is never a character (Unicode 17.0, section 23.7).
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE
}

/// Whether a character has the property `Default_Ignorable_Code_Point`, as
/// `DerivedCoreProperties.txt` of Unicode 17.0 lists it. New characters of this kind are
/// assigned inside these ranges, which also hold the code points reserved for them.
fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}'
        | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The text with every [deceptive](is_deceptive) character escaped, as in `\u{1b}`. It
/// stays one line, steers no terminal, and shows what is there.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_deceptive(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_identifiers_are_accepted() {
        for name in ["acme", "0", "release-2026.1", "ci@acme+eu", &"a".repeat(255)] {
            assert!(OrgName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn identifiers_that_mislead_are_rejected() {
        for name in [
            "",
            "-rf",
            ".hidden",
            "a b",
            "a/b",
            "a\u{1b}[31m",
            "a'; DROP TABLE x",
            "ächme",
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67e5504410b1426f9247bb680e5fe0c8",
            &"a".repeat(256),
        ] {
            assert!(OrgName::new(name).is_err(), "{name:?}");
            assert!(KeyName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn actors_are_one_line_of_any_language() {
        for name in ["deploy pipeline #7", "Jörg <j@example.com>", "a", &"a".repeat(255)] {
            assert!(ActorName::new(name).is_ok(), "{name}");
        }
        for name in ["", "a\nb", "a\0", "a\u{202E}b", &"a".repeat(256)] {
            assert!(ActorName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn file_names_of_any_language_are_accepted() {
        for name in [
            "libworkflow.so",
            "plugin",
            "ワークフロー.so",
            "a b.so",
            "⠃.so",
            "\u{FFFD}.so",
            "...",
            "-x",
        ] {
            assert!(PackageName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn file_names_that_mislead_are_rejected() {
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "a\0b",
            "a\nb",
            "a\u{202E}os.bil",
            "a\u{200B}",
            "a\u{9b}",
            &"a".repeat(256),
        ] {
            assert!(PackageName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn characters_that_nobody_sees_are_rejected() {
        for invisible in [
            '\u{2800}', // blank pattern of Braille
            '\u{FFF9}', // beginning of an annotation
            '\u{FFFC}', // replacement of an object
            '\u{FDD0}', // noncharacter
            '\u{FFFE}', // noncharacter
            '\u{10FFFF}',
            '\u{AD}',   // soft hyphen
            '\u{34F}',  // combining grapheme joiner
            '\u{115F}', // Hangul choseong filler
            '\u{1160}', // Hangul jungseong filler
            '\u{180B}', // Mongolian variation selector
            '\u{2064}', // invisible plus
            '\u{2065}', // reserved
            '\u{206F}', // nominal digit shapes
            '\u{3164}', // Hangul filler
            '\u{FE00}', // variation selectors
            '\u{FE0F}',
            '\u{FFA0}',  // halfwidth Hangul filler
            '\u{1D173}', // musical symbol begin beam
            '\u{E0001}', // language tag
            '\u{E0041}', // tag A
            '\u{E01EF}', // variation selector 256
        ] {
            let name = format!("lib{invisible}.so");
            let fault = NameFault::Character { found: invisible };
            let (package, note) = (PackageName::new(&*name), Note::new(&*name));
            assert_eq!(ActorName::new(&*name).unwrap_err().fault, fault);
            assert_eq!(package.unwrap_err().fault, fault);
            assert_eq!(note.unwrap_err().fault, fault);
            assert_eq!(printable(&name), format!("lib{}.so", invisible.escape_unicode()));
        }
        for visible in ["lib.so", "lib\u{AC}.so", "lib\u{1161}.so", "lib\u{3163}.so", "größe.so"]
        {
            assert!(PackageName::new(visible).is_ok(), "{visible}");
            assert_eq!(printable(visible), visible);
        }
    }

    /// Counted in `DerivedCoreProperties.txt`: "Total code points: 4174".
    #[test]
    fn the_table_has_as_many_characters_as_its_source() {
        let ignorable = ('\0'..=char::MAX).filter(|&c| is_default_ignorable(c)).count();
        assert_eq!(ignorable, 4174);
    }

    #[test]
    fn escapes_and_direction_marks_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("lib\u{202e}os"), "lib\\u{202e}os");
    }
}
