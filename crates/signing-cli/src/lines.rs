//! Text for people, escaped and colored line by line.

mod gap;
mod table;

use std::borrow::Cow;
use std::{fmt, mem};

use anstyle::{AnsiColor, Style};
use signing_crypto::{Fingerprint, printable};

pub(crate) use table::{Cell, Layout, ShortIds, Table, cut, width_of};

/// A text has at least so much room, however deep it stands in a tree.
const MIN_ROOM: usize = 16;
/// How much deeper a line goes on than it begins: what it quotes cannot look like a line.
const HANGING: usize = 4;
const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const NOTE: Style = AnsiColor::Cyan.on_default();

/// Lines of text for people. Each is escaped when it is added: quoted text cannot start a
/// line, steer the terminal, or look like a verdict.
#[derive(Clone, Default)]
pub(crate) struct Lines(Vec<Part>);

#[derive(Clone)]
enum Part {
    Line(Line),
    Branch(Branch),
    Table(Table),
}

/// A line of a tree, and what stands before the further lines that it takes.
#[derive(Clone)]
struct Branch {
    first: String,
    further: String,
    text: String,
}

#[derive(Clone)]
struct Line {
    verdict: Option<(Style, &'static str)>,
    text: String,
    length: Length,
}

/// What becomes of a line that is longer than the terminal is wide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    /// The terminal wraps it, so that it can be copied as one line.
    Whole,
    /// It goes on in further lines, between words.
    Wrapped,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, text: impl AsRef<str>) {
        self.line(None, printable(text.as_ref()));
    }

    /// Adds a line that says that something is good.
    pub(crate) fn good(&mut self, verdict: &'static str, subject: impl AsRef<str>) {
        self.verdict((GOOD, verdict), subject.as_ref());
    }

    /// Adds a line that says that something is to be noted.
    pub(crate) fn noted(&mut self, verdict: &'static str, subject: impl AsRef<str>) {
        self.verdict((NOTE, verdict), subject.as_ref());
    }

    /// Adds a line that says that something is not.
    pub(crate) fn bad(&mut self, verdict: &'static str, subject: impl AsRef<str>) {
        self.verdict((BAD, verdict), subject.as_ref());
    }

    fn verdict(&mut self, verdict: (Style, &'static str), subject: &str) {
        self.line(Some(verdict), format!(" {}", printable(subject)));
    }

    fn line(&mut self, verdict: Option<(Style, &'static str)>, text: String) {
        self.0.push(Part::Line(Line { verdict, text, length: Length::Whole }));
    }

    /// Adds what to do next. A command in it stays in one line, to be copied.
    pub(crate) fn advise(&mut self, text: &str) {
        let line = Self::from(text);
        self.append(if text.contains("cloacina ") { line } else { line.wrapped() });
    }

    /// Adds a line of a tree. On a terminal, a long text goes on below itself, within the tree.
    pub(crate) fn branch(&mut self, first: String, further: String, text: &str) {
        self.0.push(Part::Branch(Branch { first, further, text: printable(text) }));
    }

    /// Adds a table, if it has rows.
    pub(crate) fn table(&mut self, table: Table) {
        if !table.is_empty() {
            self.0.push(Part::Table(table));
        }
    }

    /// Adds other lines.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Adds each of these as a line.
    pub(crate) fn extend<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) {
        lines.into_iter().for_each(|line| self.push(line));
    }

    /// The same, wrapped to the width of a terminal. Nobody copies these lines.
    pub(crate) fn wrapped(mut self) -> Self {
        for part in &mut self.0 {
            if let Part::Line(line) = part {
                line.length = Length::Wrapped;
            }
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With color, which the printer removes where it is not wanted.
    pub(crate) fn to_text(&self, layout: Layout) -> String {
        let mut text = String::new();
        for part in &self.0 {
            let lines = match part {
                Part::Line(line) => line.lines(layout),
                Part::Branch(branch) => branch.lines(layout),
                Part::Table(table) => table.lines(layout),
            };
            lines.iter().for_each(|line| text += &format!("{line}\n"));
        }
        text
    }
}

/// One line.
impl<T: AsRef<str>> From<T> for Lines {
    fn from(text: T) -> Self {
        let mut lines = Self::new();
        lines.push(text);
        lines
    }
}

impl From<Table> for Lines {
    fn from(table: Table) -> Self {
        let mut lines = Self::new();
        lines.table(table);
        lines
    }
}

impl Branch {
    fn lines(&self, layout: Layout) -> Vec<String> {
        let Self { first, further, text } = self;
        let Layout::Terminal(columns) = layout else { return vec![format!("{first}{text}")] };
        let start = first.chars().count().max(further.chars().count());
        let room = columns.saturating_sub(start).max(MIN_ROOM);
        let starts = std::iter::once(first).chain(std::iter::repeat(further));
        starts.zip(wrapped(text, room)).map(|(start, line)| format!("{start}{line}")).collect()
    }
}

/// The text in lines that have room for so much. A word that is longer is divided.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut left = room;
    for word in text.split(' ') {
        let width = width_of(word);
        if left < room && width < left {
            lines.iter_mut().last().into_iter().for_each(|line| line.push(' '));
            left -= 1;
        } else if left < room {
            lines.push(String::new());
            left = room;
        }
        for c in word.chars() {
            let width = width_of(c.encode_utf8(&mut [0; 4]));
            if width > left {
                lines.push(String::new());
                left = room;
            }
            lines.iter_mut().last().into_iter().for_each(|line| line.push(c));
            left = left.saturating_sub(width);
        }
    }
    lines
}

impl Line {
    fn lines(&self, layout: Layout) -> Vec<String> {
        match (layout, self.length) {
            (Layout::Terminal(columns), Length::Wrapped) => self.folded(columns),
            _ => vec![self.to_string()],
        }
    }

    /// In lines of so many columns. A word that is longer stays whole.
    fn folded(&self, columns: usize) -> Vec<String> {
        let words = self.text.trim_start_matches(' ');
        let indent = self.text.len() - words.len();
        let (styled, verdict) = match self.verdict {
            Some((style, verdict)) => (format!("{style}{verdict}{style:#}"), verdict),
            None => (String::new(), ""),
        };
        let mut line = styled + &" ".repeat(indent);
        let mut used = width_of(verdict) + indent;
        let further = HANGING + if verdict.is_empty() { indent } else { 0 };
        let (mut lines, mut gap) = (Vec::new(), 0);
        for (number, word) in words.split(' ').enumerate() {
            if word.is_empty() {
                gap += 1;
                continue;
            }
            if number > 0 && used + gap + width_of(word) > columns {
                lines.push(mem::replace(&mut line, " ".repeat(further)));
                (used, gap) = (further, 0);
            }
            line += &" ".repeat(gap);
            line += word;
            used += gap + width_of(word);
            gap = 1;
        }
        lines.push(line);
        lines
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((style, verdict)) = self.verdict {
            write!(f, "{style}{verdict}{style:#}")?;
        }
        f.write_str(&self.text)
    }
}

/// A name or a path as it stands among words: in quotes if it has white space or a quote, because
/// nobody could tell then where it ends.
pub(crate) fn quoted(name: &str) -> Cow<'_, str> {
    match name.chars().any(|c| c.is_whitespace() || c == '"') {
        true => format!("{name:?}").into(),
        false => name.into(),
    }
}

/// All of these, with commas between them.
pub(crate) fn comma_separated(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The first few of these, and how many more there are.
pub(crate) fn first_of(items: &[impl ToString], most: usize) -> String {
    match items.len().saturating_sub(most) {
        0 => comma_separated(items),
        left => format!("{}, and {left} more", comma_separated(&items[..most])),
    }
}

/// As many digits of a fingerprint as tell an organization's keys apart.
pub(crate) fn short(fingerprint: &Fingerprint) -> String {
    format!("{:.16}", fingerprint.to_string())
}

/// A count with its noun: `1 key`, `2 keys`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_in_a_tree_is_wrapped_on_a_terminal_and_nowhere_else() {
        let mut lines = Lines::new();
        let text = format!("states: a name and {} bytes", "f".repeat(40));
        lines.branch("├─ ".into(), "│  ".into(), &text);
        assert_eq!(lines.to_text(Layout::Fitted), format!("├─ {text}\n"));
        let shown = lines.to_text(Layout::Terminal(23));
        let expected = format!(
            "├─ states: a name and\n│  {}\n│  {}\n│  bytes\n",
            "f".repeat(20),
            "f".repeat(20)
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_wrapped_line_goes_on_deeper_than_any_line_begins() {
        let mut lines = Lines::new();
        let fingerprint = "f".repeat(40);
        lines.push(format!("  name       \"a.so signed by the key {fingerprint}\""));
        lines.good("ok", "store: /var/lib/a.db is up to date");
        let whole = lines.to_text(Layout::Terminal(24));
        assert_eq!(whole, lines.to_text(Layout::Wide));
        let wrapped = lines.clone().wrapped();
        assert_eq!(wrapped.to_text(Layout::Fitted), whole);
        let expected = format!(
            "  name       \"a.so\n      signed by the key\n      {fingerprint}\"\n\
             {GOOD}ok{GOOD:#} store: /var/lib/a.db\n    is up to date\n"
        );
        assert_eq!(wrapped.to_text(Layout::Terminal(24)), expected);
    }

    #[test]
    fn a_name_that_could_be_taken_for_more_than_a_name_is_quoted() {
        for plain in ["a.so", "größe/a.so", "a\\b", "it's"] {
            assert_eq!(quoted(plain), plain);
        }
        for (name, shown) in [
            ("a.so  signed by  release", r#""a.so  signed by  release""#),
            ("a.so from version 1.0.0 on", r#""a.so from version 1.0.0 on""#),
            (" a.so", r#"" a.so""#),
            ("a\u{a0}b", r#""a\u{a0}b""#),
            ("a\u{3000}b", r#""a\u{3000}b""#),
            ("\"a.so\"", r#""\"a.so\"""#),
        ] {
            assert_eq!(quoted(name), shown);
        }
    }

    #[test]
    fn whatever_a_line_quotes_it_stays_one_and_is_no_verdict() {
        let hostile = "a.so\nok b.so\r\n\u{2028}ok c.so\u{1b}[32mok";
        let mut lines = Lines::from(hostile);
        lines.push(format!("ok {hostile}"));
        lines.good("ok", hostile);
        lines.bad("refused", hostile);
        let mut others = Lines::new();
        others.append(lines);
        let shown = others.to_text(Layout::Fitted);
        assert_eq!(shown.lines().count(), 4, "{shown}");
        let green = |line: &&str| line.starts_with(&format!("{GOOD}ok{GOOD:#} a.so\\u{{a}}ok"));
        assert_eq!(shown.lines().filter(green).count(), 1, "{shown}");
        // One style begins and ends in each of the two verdicts.
        assert_eq!(shown.matches('\u{1b}').count(), 6, "{shown:?}");
    }
}
