use std::io::{self, Write};
use std::ops::ControlFlow;

use signing_crypto::printable;

use super::stdout::{Reader, Standard};
use super::{ErrorView, Report, SCHEMA_VERSION, json_text, layout};
use crate::cli::Global;
use crate::error::CliError;
use crate::lines::Layout;
use crate::view::Documented;

/// What a list is printed as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lines for people.
    Table(Layout),
    /// One JSON document, like every other result.
    Document,
    /// One JSON object a line.
    JsonLines,
}

impl Form {
    pub(crate) fn new(global: &Global, json_lines: bool) -> Self {
        match (json_lines, global.json) {
            (true, _) => Self::JsonLines,
            (false, true) => Self::Document,
            (false, false) => Self::Table(layout(global)),
        }
    }

    fn reader(self) -> Reader {
        match self {
            Self::Table(_) | Self::JsonLines => Reader::MayLeave,
            Self::Document => Reader::NeedsAll,
        }
    }
}

/// A result that is printed while it is read, because it may be longer than there
/// is memory for.
pub(crate) struct Listing {
    form: Form,
    is_empty: bool,
    out: Standard,
    /// Whether all was written so far. After a failure nothing more is written.
    written: io::Result<()>,
}

impl Listing {
    pub(crate) fn start(form: Form, heading: &str) -> Self {
        let mut out = Standard::lock(form.reader());
        let written = match form {
            Form::Table(_) => writeln!(out, "{heading}"),
            Form::Document => write!(out, "{{\"schema_version\":{SCHEMA_VERSION},\"result\":["),
            Form::JsonLines => Ok(()),
        };
        Self { form, is_empty: true, out, written }
    }

    /// Prints an item: lines, which are shown escaped, or the same as JSON. Breaks
    /// when no more can be printed.
    pub(crate) fn item<T: Documented>(
        &mut self,
        lines: impl FnOnce(Layout) -> Vec<String>,
        document: impl FnOnce() -> T,
    ) -> ControlFlow<()> {
        if self.written.is_ok() {
            self.written = match self.form {
                Form::Table(layout) => lines(layout)
                    .iter()
                    .try_for_each(|line| writeln!(self.out, "{}", printable(line))),
                Form::Document if self.is_empty => write!(self.out, "{}", json_text(&document())),
                Form::Document => write!(self.out, ",{}", json_text(&document())),
                Form::JsonLines => writeln!(self.out, "{}", json_text(&document())),
            };
        }
        self.is_empty = false;
        match self.written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Ends the list, with what kept it from being whole.
    pub(crate) fn end(mut self, failure: Option<CliError>) -> Report {
        if self.written.is_ok() {
            self.written = match (self.form, &failure) {
                (Form::Document, None) => writeln!(self.out, "],\"ok\":true}}"),
                (Form::Document, Some(error)) => {
                    let error = json_text(&ErrorView::of(error));
                    writeln!(self.out, "],\"ok\":false,\"error\":{error}}}")
                }
                _ => Ok(()),
            };
        }
        let printed = match self.written {
            Ok(()) => self.out.finish(),
            failed => self.out.forgive(failed),
        };
        Report::after_listing(failure, printed.err().map(CliError::Output))
    }
}
