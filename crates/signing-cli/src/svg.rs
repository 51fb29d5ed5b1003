//! Pictures as SVG: text, boxes and lines at whole coordinates, so that the same facts are
//! the same bytes.
//!
//! The text is of anybody's choice. It is escaped for XML, what could reorder or hide it is
//! shown as in all output, and what is too long is cut. All of it is shown when a pointer is on
//! it, and read by a screen reader.

use std::fmt::Write as _;

use signing_crypto::printable;

use crate::lines::{Lines, cut, width_of};

/// The width of a character. All text has one width, so that what fits is known.
pub(crate) const COLUMN: usize = 8;
/// The distance between two lines of text.
pub(crate) const LINE: usize = 20;
/// Around the drawing.
pub(crate) const MARGIN: usize = 16;

/// What a color says. It is never the only one to say it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Neither good nor bad.
    Plain,
    /// It counts.
    Good,
    /// It is refused.
    Bad,
    /// It no longer counts.
    Faint,
}

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    Solid,
    Bold,
    Dashed,
}

/// The corner of a rectangle, its width and its height.
#[derive(Clone, Copy)]
pub(crate) struct Area {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// A picture that is being drawn.
pub(crate) struct Drawing {
    title: &'static str,
    /// What a screen reader reads of the whole drawing.
    description: String,
    parts: Lines,
}

impl Drawing {
    pub(crate) fn new(title: &'static str, description: &str) -> Self {
        Self { title, description: escaped(description), parts: Lines::new() }
    }

    /// Writes text with its base line at `y`, cut after this many columns.
    pub(crate) fn text(&mut self, (x, y): (usize, usize), columns: usize, text: &Label) {
        let Label { text, ink, is_bold } = text;
        // Escaped before it is cut, because that makes it longer.
        let whole = printable(text);
        let shown = cut(&whole, columns);
        let weight = if *is_bold { r#" font-weight="bold""# } else { "" };
        let rest = match shown == whole {
            true => String::new(),
            false => format!("<title>{}</title>", escaped(&whole)),
        };
        self.parts.push(format!(
            r#"<text x="{x}" y="{y}" fill="{}"{weight}>{rest}{}</text>"#,
            ink.color(),
            escaped(&shown),
        ));
    }

    /// Draws a box, with round ends if it stands for a key.
    pub(crate) fn outline(&mut self, area: Area, radius: usize, ink: Ink, stroke: Stroke) {
        self.parts.push(format!(
            r##"<rect {} rx="{radius}" fill="#fff" {}/>"##,
            area.attributes(),
            stroke.attributes(ink),
        ));
    }

    /// Fills a bar, and says what it stands for.
    pub(crate) fn bar(&mut self, area: Area, ink: Ink, title: &str) {
        self.parts.push(format!(
            r#"<rect {} rx="2" fill="{}"><title>{}</title></rect>"#,
            area.attributes(),
            ink.color(),
            escaped(title),
        ));
    }

    /// Draws a line. The path is in the language of SVG, and only of numbers.
    pub(crate) fn line(&mut self, path: &str, ink: Ink, stroke: Stroke) {
        self.parts.push(format!(r#"<path d="{path}" fill="none" {}/>"#, stroke.attributes(ink)));
    }

    /// Draws the head of an arrow that points to the right and ends here.
    pub(crate) fn arrow_head(&mut self, (x, y): (usize, usize), ink: Ink) {
        let (back, above, below) = (x - 7, y - 4, y + 4);
        let color = ink.color();
        self.parts
            .push(format!(r#"<path d="M{x} {y} L{back} {above} V{below} Z" fill="{color}"/>"#));
    }

    /// Draws a cross, where something ends for good.
    pub(crate) fn cross(&mut self, (x, y): (usize, usize), ink: Ink) {
        let (left, right, above, below) = (x - 4, x + 4, y - 4, y + 4);
        let path = format!("M{left} {above} L{right} {below} M{left} {below} L{right} {above}");
        self.line(&path, ink, Stroke::Bold);
    }

    /// The picture, of this size.
    pub(crate) fn finish(self, (width, height): (usize, usize)) -> Lines {
        let mut lines = Lines::new();
        lines.push(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title description" font-family="monospace" font-size="13">"#
        ));
        lines.push(format!(r#"<title id="title">{}</title>"#, escaped(self.title)));
        lines.push(format!(r#"<desc id="description">{}</desc>"#, self.description));
        lines.push(r##"<rect width="100%" height="100%" fill="#fff"/>"##);
        lines.append(self.parts);
        lines.push("</svg>");
        lines
    }
}

/// Text in a drawing.
pub(crate) struct Label {
    text: String,
    ink: Ink,
    is_bold: bool,
}

impl Label {
    pub(crate) fn new(text: impl Into<String>, ink: Ink) -> Self {
        Self { text: text.into(), ink, is_bold: false }
    }

    pub(crate) fn bold(self) -> Self {
        Self { is_bold: true, ..self }
    }

    /// How many columns it would need.
    pub(crate) fn columns(&self) -> usize {
        width_of(&printable(&self.text))
    }
}

impl Ink {
    /// Each has a contrast of 4.5 or more to white.
    fn color(self) -> &'static str {
        match self {
            Self::Plain => "#1f2328",
            Self::Good => "#0a5c2b",
            Self::Bad => "#b3261e",
            Self::Faint => "#666c73",
        }
    }
}

impl Stroke {
    fn attributes(self, ink: Ink) -> String {
        let color = ink.color();
        match self {
            Self::Solid => format!(r#"stroke="{color}""#),
            Self::Bold => format!(r#"stroke="{color}" stroke-width="2""#),
            Self::Dashed => format!(r#"stroke="{color}" stroke-dasharray="5 3""#),
        }
    }
}

impl Area {
    fn attributes(self) -> String {
        let Self { x, y, width, height } = self;
        format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#)
    }
}

/// Text that ends no element and no attribute. XML has no way to write some characters.
fn escaped(text: &str) -> String {
    let mut shown = String::new();
    for c in printable(text).chars() {
        let _ = match c {
            '&' => write!(shown, "&amp;"),
            '<' => write!(shown, "&lt;"),
            '>' => write!(shown, "&gt;"),
            '"' => write!(shown, "&quot;"),
            '\'' => write!(shown, "&#39;"),
            '\u{fffe}' | '\u{ffff}' => write!(shown, "{}", c.escape_unicode()),
            c => write!(shown, "{c}"),
        };
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Layout;

    fn drawn(text: &str, columns: usize) -> String {
        let mut drawing = Drawing::new("a title", text);
        drawing.text((1, 2), columns, &Label::new(text, Ink::Plain));
        drawing.finish((10, 10)).to_text(Layout::Fitted)
    }

    #[test]
    fn text_ends_no_element_and_no_attribute() {
        for hostile in
            ["</text><script>", "\"><script>", "]]><script>", "<!-- <script>", "&lt;script>"]
        {
            let svg = drawn(hostile, 80);
            assert!(!svg.contains("<script"), "{svg}");
            assert_eq!(svg.matches('<').count(), drawn("a", 80).matches('<').count(), "{svg}");
        }
        assert!(drawn("&lt;", 80).contains(">&amp;lt;</text>"));
    }

    #[test]
    fn what_xml_cannot_hold_and_what_misleads_is_shown_by_its_number() {
        let svg = drawn("a\u{0}b\u{202e}c\u{ffff}d\ne", 80);
        assert!(svg.contains(r">a\u{0}b\u{202e}c\u{ffff}d\u{a}e</text>"), "{svg}");
    }

    #[test]
    fn what_is_too_long_is_cut_and_shown_in_a_title() {
        let long = "x".repeat(300);
        let svg = drawn(&long, 20);
        let cut = format!("<title>{long}</title>{}…</text>", "x".repeat(19));
        assert!(svg.contains(&cut), "{svg}");
        assert!(!drawn("short", 20).contains("<title>short"));
    }
}
