use std::collections::HashSet;
use std::fmt;

use signing_crypto::printable;

use super::gap::{GAP, has_gap};

/// What fits on every terminal.
const LINE_LENGTH: usize = 80;
/// No column becomes narrower than a short id.
const MIN_WIDTH: usize = 8;
/// Where lines are short, a column gets a line of its own before it becomes narrower than a time.
const EASY_WIDTH: usize = 20;

/// How much of a table is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Within 80 columns: ids are abbreviated, and what is too long is cut.
    Fitted,
    /// The same on a terminal with this many columns, where long texts are wrapped, too.
    Terminal(usize),
    /// Everything.
    Wide,
}

impl Layout {
    /// What lines are cut to, if they are.
    pub(crate) fn line_length(self) -> Option<usize> {
        match self {
            Self::Fitted => Some(LINE_LENGTH),
            Self::Terminal(columns) => Some(columns.min(LINE_LENGTH)),
            Self::Wide => None,
        }
    }
}

/// Rows of text in columns, of which the last are free of padding.
#[derive(Clone, Default)]
pub(crate) struct Table {
    indent: usize,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone)]
struct Column {
    head: &'static str,
    is_only_wide: bool,
}

/// A value, and its abbreviation if it has one.
#[derive(Clone, Default)]
pub(crate) struct Cell {
    whole: String,
    short: Option<String>,
}

impl Cell {
    /// A name that others have chosen, in quotes if it could be taken for more than a name.
    pub(crate) fn name(name: &str) -> Self {
        match has_gap(name) || name.contains('"') {
            true => Self { whole: printable(&format!("{name:?}")), short: None },
            false => name.into(),
        }
    }

    pub(crate) fn or_dash(value: Option<impl fmt::Display>) -> Self {
        value.map_or_else(|| "-".into(), |value| value.to_string().into())
    }

    pub(crate) fn optional(value: Option<impl fmt::Display>) -> Self {
        value.map(|value| value.to_string().into()).unwrap_or_default()
    }

    pub(crate) fn abbreviated(whole: impl fmt::Display, short: String) -> Self {
        Self { short: Some(short), ..Self::from(whole.to_string()) }
    }

    fn text(&self, layout: Layout) -> &str {
        match (&self.short, layout) {
            (None, _) | (_, Layout::Wide) => &self.whole,
            (Some(short), _) => short,
        }
    }
}

/// The text is escaped: it stays in its line and in its column, and steers no terminal.
impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        let text = text.as_ref();
        let whole = match has_gap(text) {
            true => printable(&format!("{text:?}")),
            false => printable(text),
        };
        Self { whole, short: None }
    }
}

impl Table {
    /// With these headings; none of them is shown if all are empty.
    pub(crate) fn new<const N: usize>(heads: [&'static str; N]) -> Self {
        let column = |head| Column { head, is_only_wide: false };
        Self { columns: heads.map(column).into(), ..Self::default() }
    }

    /// Adds a column that is left out of 80 columns.
    pub(crate) fn with_wide_column(mut self, head: &'static str) -> Self {
        self.columns.push(Column { head, is_only_wide: true });
        self
    }

    pub(crate) fn indented(self) -> Self {
        Self { indent: self.indent + 2, ..self }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines of the table, each without its end.
    pub(super) fn lines(&self, layout: Layout) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        let columns: Vec<_> = (0..self.columns.len())
            .filter(|&column| layout == Layout::Wide || !self.columns[column].is_only_wide)
            .filter(|&column| self.is_used(column))
            .collect();
        let heads = columns.iter().map(|&column| self.columns[column].head).collect::<Vec<_>>();
        let rows = self
            .rows
            .iter()
            .map(|row| columns.iter().map(|&column| row[column].text(layout)).collect::<Vec<_>>());
        let has_heads = heads.iter().any(|head| !head.is_empty());
        let lines: Vec<_> = has_heads.then_some(heads).into_iter().chain(rows).collect();
        let parts = self.parts(&lines, layout);
        let mut shown = Vec::new();
        for cells in &lines {
            for (number, part) in parts.iter().enumerate() {
                let line = part.line(cells);
                // A row without values in the further columns needs no further line.
                if number == 0 || !line.is_empty() {
                    shown.push(line);
                }
            }
        }
        shown
    }

    fn is_used(&self, column: usize) -> bool {
        self.rows.iter().any(|row| !row[column].whole.is_empty())
    }

    /// The columns, as many in a line as have room: where a terminal is too narrow for all of
    /// them, rows and headings go on in further lines, which are indented.
    fn parts(&self, lines: &[Vec<&str>], layout: Layout) -> Vec<Part> {
        let width = |column| lines.iter().map(|cells| width_of(cells[column])).max();
        let columns = lines.first().map_or(0, Vec::len);
        let mut parts = vec![Part { indent: self.indent, first: 0, widths: Vec::new() }];
        for (column, width) in (0..columns).filter_map(|column| Some((column, width(column)?))) {
            let Some(part) = parts.last_mut() else { break };
            part.widths.push(width);
            let is_too_long = layout.line_length().is_some_and(|length| {
                let least = if length < LINE_LENGTH { EASY_WIDTH } else { MIN_WIDTH };
                part.length(|width| width.min(least)) > length
            });
            if is_too_long && part.widths.len() > 1 {
                part.widths.pop();
                let indent = self.indent + GAP.len();
                parts.push(Part { indent, first: column, widths: vec![width] });
            }
        }
        if let Some(length) = layout.line_length() {
            parts.iter_mut().for_each(|part| part.fit(length));
        }
        parts
    }
}

/// Columns that stand beside each other.
struct Part {
    indent: usize,
    /// The number of the first of them.
    first: usize,
    widths: Vec<usize>,
}

impl Part {
    fn length(&self, width: impl Fn(usize) -> usize) -> usize {
        let gaps = GAP.len() * self.widths.len().saturating_sub(1);
        self.indent + gaps + self.widths.iter().map(|&it| width(it)).sum::<usize>()
    }

    /// Takes from the widest until the line has no more than `length`.
    fn fit(&mut self, length: usize) {
        while self.length(|width| width) > length {
            match self.widths.iter_mut().max() {
                Some(widest) if *widest > MIN_WIDTH => *widest -= 1,
                _ => break,
            }
        }
    }

    fn line(&self, cells: &[&str]) -> String {
        let mut line = " ".repeat(self.indent);
        for (cell, &width) in cells[self.first..].iter().zip(&self.widths) {
            let shown = cut(cell, width);
            line += &shown;
            line += &" ".repeat(width.saturating_sub(width_of(&shown)));
            line += GAP;
        }
        line.trim_end().to_owned()
    }
}

/// The text, or as much of it as has room, with a mark that there is more.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut shown = String::new();
    for c in text.chars() {
        match left.checked_sub(width_of_char(c)) {
            Some(rest) => left = rest,
            None => break,
        }
        shown.push(c);
    }
    shown + "…"
}

pub(crate) fn width_of(text: &str) -> usize {
    text.chars().map(width_of_char).sum()
}

/// Other scripts may take two columns a character. Too much room does no harm.
fn width_of_char(c: char) -> usize {
    if c.is_ascii() || c == '…' { 1 } else { 2 }
}

/// The shortest beginnings of ids and fingerprints that tell them apart, and that no name is.
pub(crate) struct ShortIds {
    ids: Vec<String>,
    /// In lower case, as ids are.
    names: HashSet<String>,
}

impl ShortIds {
    pub(crate) fn new<I: fmt::Display, N: fmt::Display>(
        ids: impl IntoIterator<Item = I>,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        let mut ids: Vec<_> = ids.into_iter().map(|id| digits(&id)).collect();
        ids.sort();
        ids.dedup();
        let names = names.into_iter().map(|name| name.to_string().to_ascii_lowercase()).collect();
        Self { ids, names }
    }

    pub(crate) fn cell(&self, id: impl fmt::Display) -> Cell {
        let short = self.short(&id);
        Cell::abbreviated(id, short)
    }

    pub(crate) fn short(&self, id: impl fmt::Display) -> String {
        let id = digits(&id);
        let is_unique = |short: &str| {
            let first = self.ids.partition_point(|other| other.as_str() < short);
            let is_shared = self.ids[first..]
                .iter()
                .take_while(|other| other.starts_with(short))
                .any(|other| *other != id);
            !is_shared && !self.names.contains(short)
        };
        let shorts = (MIN_WIDTH..id.len()).map(|length| &id[..length]);
        shorts.into_iter().find(|short| is_unique(short)).unwrap_or(&id).to_owned()
    }
}

fn digits(id: &impl fmt::Display) -> String {
    id.to_string().replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_in_80_columns_unless_all_is_to_be_shown() {
        let long = "x".repeat(255);
        let mut table = Table::new(["NAME", "KEY", "NOTE"]).with_wide_column("ID").indented();
        let id = "ab".repeat(32);
        table.row([
            "release".into(),
            Cell::abbreviated(&id, "abababab".into()),
            "".into(),
            "i".into(),
        ]);
        table.row([(&long).into(), "k".into(), "größe ".repeat(40).into(), "i".into()]);
        let fitted = table.lines(Layout::Fitted);
        assert!(fitted.iter().all(|line| line.chars().count() <= 80), "{fitted:#?}");
        assert!(fitted[1].starts_with("  release "), "{fitted:#?}");
        assert!(fitted[1].ends_with("  abababab"), "{fitted:#?}");
        assert!(fitted[2].contains("xxx…  k"), "{fitted:#?}");
        assert!(!fitted[0].contains("ID"));
        let wide = table.lines(Layout::Wide);
        assert!(wide[1].contains(&id) && wide[2].contains(&long) && wide[0].ends_with("ID"));
    }

    #[test]
    fn a_table_that_is_too_wide_for_a_terminal_goes_on_in_further_lines() {
        let mut table = Table::new(["NAME", "KEY", "TRUST", "UNTIL", "PACKAGES"]).indented();
        table.row([
            "release".into(),
            "abababab".into(),
            "by a grant to vendor".into(),
            "2027-01-01T00:00:00Z".into(),
            "\"etl-*\"".into(),
        ]);
        table.row([
            "a-key-with-a-long-name".into(),
            "abababab".into(),
            "".into(),
            "".into(),
            "".into(),
        ]);
        let wide = table.lines(Layout::Terminal(200));
        assert_eq!(wide, table.lines(Layout::Fitted));
        for columns in [40, 60, 79] {
            let narrow = table.lines(Layout::Terminal(columns));
            assert!(narrow.iter().all(|line| line.chars().count() <= columns), "{narrow:#?}");
        }
        let narrow = table.lines(Layout::Terminal(40));
        assert_eq!(narrow.len(), 7, "{narrow:#?}");
        assert!(narrow[1].starts_with("    TRUST") && narrow[2].starts_with("    UNTIL"));
        assert!(narrow[5].contains("2027-01-01T00:00:00Z"), "{narrow:#?}");
        assert!(narrow[6].starts_with("  a-key-"), "{narrow:#?}");
    }

    #[test]
    fn a_table_without_rows_is_nothing_and_a_column_without_values_is_left_out() {
        let mut table = Table::new(["NAME", "UNTIL"]);
        assert_eq!(table.lines(Layout::Wide), [""; 0]);
        table.row(["a".into(), "".into()]);
        assert_eq!(table.lines(Layout::Fitted), ["NAME", "a"]);
        let mut table = Table::new(["", ""]);
        table.row(["a".into(), "b".into()]);
        assert_eq!(table.lines(Layout::Fitted), ["a  b"]);
    }

    #[test]
    fn a_cell_is_one_line() {
        let mut table = Table::new(["NAME"]);
        table.row(["a\nok b\u{1b}[32m".into()]);
        assert_eq!(table.lines(Layout::Fitted), ["NAME", "a\\u{a}ok b\\u{1b}[32m"]);
    }

    #[test]
    fn a_cell_is_one_column() {
        for (text, shown) in [
            ("a b", "a b"),
            ("a  b", "\"a  b\""),
            (" a", "\" a\""),
            ("a\u{3000}b", "\"a\\u{3000}b\""),
            ("as \"a  b\" or \"c\"", "as \"a  b\" or \"c\""),
            ("as \"a\"  b", "\"as \\\"a\\\"  b\""),
            ("as \"a  b", "\"as \\\"a  b\""),
        ] {
            let mut table = Table::new(["NAME"]);
            table.row([text.into()]);
            assert_eq!(table.lines(Layout::Fitted), ["NAME", shown]);
        }
        let name = |text| Cell::name(text).whole;
        assert_eq!([name("a b"), name("a  b")], ["a b", "\"a  b\""]);
        assert_eq!(name("a\"  b\""), "\"a\\\"  b\\\"\"");
    }

    #[test]
    fn short_ids_are_as_long_as_it_takes_to_tell_them_apart() {
        let ids = ["abcdabcd-1111-4000", "abcdabcd-1122-4000", "00001111-2222-4000"];
        let short = ShortIds::new(ids, ["release", "00001111"]);
        assert_eq!(short.short(ids[0]), "abcdabcd111");
        assert_eq!(short.short(ids[1]), "abcdabcd112");
        // Where a name is given, it counts before an id.
        assert_eq!(short.short(ids[2]), "000011112");
    }
}
