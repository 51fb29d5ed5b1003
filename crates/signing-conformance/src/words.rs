//! Command templates: words without a shell.

use std::ffi::OsString;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Chars;

use thiserror::Error;

/// A command line that is not a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It has no words.
    #[error("the command is empty")]
    Empty,
    /// A quotation does not end.
    #[error("the quotation that begins with {0} does not end")]
    OpenQuotation(char),
    /// It ends with a backslash.
    #[error("nothing follows the backslash at the end")]
    TrailingBackslash,
    /// It has a placeholder that nothing is known for.
    #[error("unknown placeholder {{{0}}}")]
    UnknownPlaceholder(String),
    /// `{packages}` is only part of a word.
    #[error("{{packages}} must be a word of its own")]
    PackagesWithinWord,
    /// It does not say where the package goes.
    #[error("the command names neither {{package}} nor {{packages}}")]
    NoPackage,
    /// It does not say where the key goes.
    #[error("the command does not name {{key}}")]
    NoKey,
}

impl TemplateError {
    /// What programs call this error. Stable.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "EmptyCommand",
            Self::OpenQuotation(_) => "OpenQuotation",
            Self::TrailingBackslash => "TrailingBackslash",
            Self::UnknownPlaceholder(_) => "UnknownPlaceholder",
            Self::PackagesWithinWord => "PackagesWithinWord",
            Self::NoPackage => "NoPackage",
            Self::NoKey => "NoKey",
        }
    }
}

/// A command with placeholders, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// The parts of one argument.
    One(Vec<Part>),
    /// As many arguments as there are packages.
    Packages,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Package,
    Key,
}

impl Template {
    /// Reads a command of words that white space separates. `'…'` quotes everything, and `"…"`
    /// everything but a backslash. Outside `'…'`, a backslash quotes the next character. Nothing
    /// else is special, so no shell is needed. A quoted `{` begins no placeholder.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut words = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(start) = chars.peek() {
            if start.is_whitespace() {
                chars.next();
            } else {
                words.push(word(&mut chars)?);
            }
        }
        if words.is_empty() {
            return Err(TemplateError::Empty);
        }
        Ok(Self { words })
    }

    pub(crate) fn has_package(&self) -> bool {
        self.takes_several() || self.has(&Part::Package)
    }

    pub(crate) fn has_key(&self) -> bool {
        self.has(&Part::Key)
    }

    /// Whether one command takes several packages.
    pub(crate) fn takes_several(&self) -> bool {
        self.words.contains(&Word::Packages)
    }

    fn has(&self, part: &Part) -> bool {
        self.words.iter().any(|word| matches!(word, Word::One(parts) if parts.contains(part)))
    }

    /// The words, in which each value is within a single argument, whatever it contains.
    /// `{package}` is the first package.
    pub(crate) fn fill(&self, packages: &[PathBuf], key: Option<&Path>) -> Vec<OsString> {
        let mut arguments = Vec::new();
        for word in &self.words {
            let Word::One(parts) = word else {
                arguments.extend(packages.iter().map(OsString::from));
                continue;
            };
            let mut argument = OsString::new();
            for part in parts {
                match part {
                    Part::Text(text) => argument.push(text),
                    Part::Package => argument.extend(packages.first().map(OsString::from)),
                    Part::Key => argument.extend(key.map(OsString::from)),
                }
            }
            arguments.push(argument);
        }
        arguments
    }
}

fn word(chars: &mut Peekable<Chars<'_>>) -> Result<Word, TemplateError> {
    let (mut parts, mut text) = (Vec::new(), String::new());
    let mut has_packages = false;
    while let Some(next) = chars.next_if(|next| !next.is_whitespace()) {
        match next {
            '\'' | '"' => quotation(next, chars, &mut text)?,
            '\\' => text.push(chars.next().ok_or(TemplateError::TrailingBackslash)?),
            '{' => match placeholder(chars) {
                None => text.push('{'),
                Some(name) => {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    match &*name {
                        "package" => parts.push(Part::Package),
                        "key" => parts.push(Part::Key),
                        "packages" => has_packages = true,
                        _ => return Err(TemplateError::UnknownPlaceholder(name)),
                    }
                }
            },
            other => text.push(other),
        }
    }
    match has_packages {
        true if parts.is_empty() && text.is_empty() => Ok(Word::Packages),
        true => Err(TemplateError::PackagesWithinWord),
        false => {
            if !text.is_empty() {
                parts.push(Part::Text(text));
            }
            Ok(Word::One(parts))
        }
    }
}

fn quotation(
    mark: char,
    chars: &mut Peekable<Chars<'_>>,
    text: &mut String,
) -> Result<(), TemplateError> {
    loop {
        match chars.next().ok_or(TemplateError::OpenQuotation(mark))? {
            next if next == mark => return Ok(()),
            '\\' if mark == '"' => {
                text.push(chars.next().ok_or(TemplateError::OpenQuotation(mark))?);
            }
            next => text.push(next),
        }
    }
}

/// The lower-case name before a `}`, if what follows is one. Otherwise nothing is consumed.
fn placeholder(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let rest: String = chars.clone().take_while(|next| *next != '}').collect();
    let is_name = !rest.is_empty() && rest.chars().all(|next| next.is_ascii_lowercase());
    if !is_name || chars.clone().nth(rest.len()) != Some('}') {
        return None;
    }
    chars.nth(rest.len());
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Vec<String> {
        let packages = ["/a b/x;y".into(), "/$z".into()];
        let template = Template::parse(text).unwrap();
        let words = template.fill(&packages, Some(Path::new("k'ey")));
        words.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn white_space_separates_words() {
        assert_eq!(filled("a  b\tc\n"), ["a", "b", "c"]);
        assert_eq!(filled("'a b' \"c d\" e\\ f"), ["a b", "c d", "e f"]);
        assert_eq!(filled("'a\\' \"b\\\"c\" '' x'y'z"), ["a\\", "b\"c", "", "xyz"]);
    }

    #[test]
    fn nothing_is_special_to_a_shell() {
        let words = filled("echo $HOME; *|>~ `x` {\"a\":1} {} {A} #");
        assert_eq!(words, ["echo", "$HOME;", "*|>~", "`x`", "{a:1}", "{}", "{A}", "#"]);
    }

    #[test]
    fn a_value_is_within_one_argument() {
        assert_eq!(filled("x {package} --key={key}"), ["x", "/a b/x;y", "--key=k'ey"]);
        assert_eq!(filled("x {packages}"), ["x", "/a b/x;y", "/$z"]);
        assert_eq!(filled("'{package}' \\{key}"), ["{package}", "{key}"]);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, error) in [
            (" ", TemplateError::Empty),
            ("a 'b", TemplateError::OpenQuotation('\'')),
            ("a \"b\\", TemplateError::OpenQuotation('"')),
            ("a\\", TemplateError::TrailingBackslash),
            ("a {pakage}", TemplateError::UnknownPlaceholder("pakage".into())),
            ("a x{packages}", TemplateError::PackagesWithinWord),
            ("a {packages}{package}", TemplateError::PackagesWithinWord),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_template_knows_its_placeholders() {
        let template = |text| Template::parse(text).unwrap();
        assert!(template("a {package}").has_package() && template("a {packages}").has_package());
        assert!(!template("a {key}").has_package() && template("a {key}").has_key());
        assert!(template("a {packages}").takes_several());
        assert!(!template("a {package}").takes_several());
    }
}
