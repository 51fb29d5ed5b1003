use std::collections::BTreeSet;
use std::fmt;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page of the guides, as far as it can be checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its path below `docs/content/`.
    pub path: String,
    /// Its code blocks, in order.
    pub blocks: Vec<Block>,
    /// Its code spans.
    pub spans: Vec<Text>,
    /// Where its links lead.
    pub links: Vec<Text>,
    /// The ids of its headings.
    pub anchors: BTreeSet<String>,
    /// The page that must have been run before.
    pub continues: Option<String>,
    /// Whether it starts in this repository rather than beside a built package.
    pub starts_in_a_clone: bool,
    /// Whether it runs with a database server only.
    pub needs_postgres: bool,
}

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The line that it begins on, counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

/// A code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The line after its fence.
    pub line: usize,
    /// The first word after the fence; empty for an indented block.
    pub language: String,
    /// What it holds, with included files in place.
    pub text: String,
    /// What is done with it.
    pub kind: Kind,
    /// Whether it is a file of the repository.
    pub is_included: bool,
}

/// What is done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is run, compiled or shown, as its language says.
    Plain,
    /// It is written to a file of this name.
    File(String),
    /// It is run on a terminal with this number of columns.
    Terminal(u16),
    /// It is not run, for this reason.
    NotRun(String),
}

/// Something untrue, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The page's path below `docs/content/`.
    pub page: String,
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docs/content/{}:{}: {}", self.page, self.line, self.what)
    }
}

impl Page {
    /// Reads a page. `include` gives the files that it includes, by their path
    /// relative to the page.
    pub fn parse(
        path: &str,
        text: &str,
        include: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Fault> {
        let mut page = Self { path: path.into(), ..Self::default() };
        let line_of = |offset: usize| 1 + text[..offset].matches('\n').count();
        let mut mark = None;
        let mut block: Option<Block> = None;
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = line_of(range.start);
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let (language, line) = match kind {
                        CodeBlockKind::Fenced(info) => (info.to_string(), line + 1),
                        CodeBlockKind::Indented => (String::new(), line),
                    };
                    let kind = mark.take().map_or(Kind::Plain, |(kind, _)| kind);
                    block = Some(Block {
                        line,
                        language,
                        text: String::new(),
                        kind,
                        is_included: false,
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.add_anchor(&heading.take().unwrap_or_default());
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(Text { line, text: dest_url.to_string() });
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.spans.push(Text { line, text: code.to_string() });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&text);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    if let Some(found) = page.comment(&html, line)?
                        && let Some((_, line)) = mark.replace((found, line))
                    {
                        return Err(page.fault(line, "no block follows this comment"));
                    }
                }
                _ => {}
            }
        }
        if let Some((_, line)) = mark {
            return Err(page.fault(line, "no block follows this comment"));
        }
        page.include(include)?;
        Ok(page)
    }

    /// Something wrong on this page.
    pub fn fault(&self, line: usize, what: impl Into<String>) -> Fault {
        Fault { page: self.path.clone(), line, what: what.into() }
    }

    /// Takes a comment that says what to do, and refuses one that is mistyped.
    fn comment(&mut self, html: &str, line: usize) -> Result<Option<Kind>, Fault> {
        let html = html.trim();
        let Some(comment) = html.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"))
        else {
            return Err(self.fault(line, format!("HTML other than a comment on one line: {html}")));
        };
        let (word, rest) = comment.split_once(':').unwrap_or((comment, ""));
        match (word.trim(), rest.trim()) {
            ("file", name) if !name.is_empty() => return Ok(Some(Kind::File(name.into()))),
            ("not-run", reason) if !reason.is_empty() => {
                return Ok(Some(Kind::NotRun(reason.into())));
            }
            ("terminal", size) => match size.strip_suffix(" columns").map(str::parse) {
                Some(Ok(columns)) => return Ok(Some(Kind::Terminal(columns))),
                _ => return Err(self.fault(line, "a terminal has a number of columns")),
            },
            ("page", "starts in a clone") => self.starts_in_a_clone = true,
            ("page", "needs Postgres") => self.needs_postgres = true,
            ("page", what) if what.starts_with("continues ") => {
                self.continues = what.split_once(' ').map(|(_, page)| page.into());
            }
            _ => return Err(self.fault(line, format!("a comment that says nothing: {html}"))),
        }
        Ok(None)
    }

    /// As the book's generator does: ids are lower-case words joined by hyphens.
    fn add_anchor(&mut self, heading: &str) {
        let id: String = heading
            .trim()
            .chars()
            .filter_map(|c| match c {
                '-' | '_' => Some(c),
                c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
                c if c.is_whitespace() => Some('-'),
                _ => None,
            })
            .collect();
        let mut unique = id.clone();
        let mut count = 0;
        while !self.anchors.insert(unique.clone()) {
            count += 1;
            unique = format!("{id}-{count}");
        }
    }

    fn include(&mut self, read: impl Fn(&str) -> Option<String>) -> Result<(), Fault> {
        for at in 0..self.blocks.len() {
            let mut text = String::new();
            let block = &self.blocks[at];
            let mut is_included = false;
            for (number, line) in block.text.lines().enumerate() {
                let included = line.strip_prefix("{{#include ").and_then(|l| l.strip_suffix("}}"));
                match included {
                    Some(path) => {
                        is_included = true;
                        let file = read(path.trim()).ok_or_else(|| {
                            self.fault(block.line + number, format!("no file {path} to include"))
                        })?;
                        text.push_str(file.trim_end());
                    }
                    None => text.push_str(line),
                }
                text.push('\n');
            }
            self.blocks[at].text = text;
            self.blocks[at].is_included = is_included;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Page, Fault> {
        Page::parse("a.md", text, |path| (path == "here").then(|| "included\n".into()))
    }

    #[test]
    fn blocks_have_their_lines_and_marks() {
        let text = "# T\n\n```console\n$ a\n```\n\n<!-- file: x.txt -->\n\n```text\nb\n```\n\n\
                    <!-- not-run: why -->\n```rust\n{{#include here}}\n```\n";
        let page = parse(text).unwrap();
        let found: Vec<_> =
            page.blocks.iter().map(|block| (block.line, &*block.text, &block.kind)).collect();
        assert_eq!(
            found,
            [
                (4, "$ a\n", &Kind::Plain),
                (10, "b\n", &Kind::File("x.txt".into())),
                (15, "included\n", &Kind::NotRun("why".into())),
            ]
        );
    }

    #[test]
    fn anchors_are_the_books() {
        let page = parse("# The `key`, again!\n## A & B\n## A & B\n").unwrap();
        let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["a--b", "a--b-1", "the-key-again"]);
    }

    #[test]
    fn comments_that_do_nothing_are_refused() {
        for (text, line) in [
            ("a\n\n<!-- not-run: -->\n```console\n```\n", 3),
            ("<!-- notrun: why -->\n", 1),
            ("<!-- file: a -->\n\n<!-- file: b -->\n```text\n```\n", 1),
            ("\n<!-- file: a -->\n", 2),
            ("```text\n{{#include gone}}\n```\n", 2),
            ("<div>\n", 1),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
