use std::io::{BufWriter, StdoutLock, Write};
use std::ops::ControlFlow;

use anstream::AutoStream;
use serde_json::Value;

use super::{Report, error_json, json_text};
use crate::cli::Global;
use crate::error::CliError;
use crate::printable::printable;

/// What a list is printed as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lines for people.
    Table,
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
            (false, false) => Self::Table,
        }
    }
}

/// A result that is printed while it is read, because it may be longer than there
/// is memory for.
pub(crate) struct Listing {
    form: Form,
    is_empty: bool,
    out: BufWriter<AutoStream<StdoutLock<'static>>>,
}

impl Listing {
    pub(crate) fn start(form: Form, heading: &str) -> Self {
        let out = BufWriter::new(anstream::stdout().lock());
        let mut listing = Self { form, is_empty: true, out };
        // Who does not listen here does not listen to the first item either.
        let _ = match form {
            Form::Table => writeln!(listing.out, "{heading}"),
            Form::Document => write!(listing.out, "{{\"schema_version\":1,\"result\":["),
            Form::JsonLines => Ok(()),
        };
        listing
    }

    /// Prints an item: a line, which is shown escaped, or the same as JSON. Breaks
    /// when nobody reads any more.
    pub(crate) fn item(
        &mut self,
        line: impl FnOnce() -> String,
        document: impl FnOnce() -> Value,
    ) -> ControlFlow<()> {
        let printed = match self.form {
            Form::Table => writeln!(self.out, "{}", printable(&line())),
            Form::Document if self.is_empty => write!(self.out, "{}", json_text(&document())),
            Form::Document => write!(self.out, ",{}", json_text(&document())),
            Form::JsonLines => writeln!(self.out, "{}", json_text(&document())),
        };
        self.is_empty = false;
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Ends the list, with what kept it from being whole.
    pub(crate) fn end(mut self, failure: Option<CliError>) -> Report {
        // Nobody is left to tell when standard output is closed.
        let _ = match (self.form, &failure) {
            (Form::Document, None) => writeln!(self.out, "],\"ok\":true}}"),
            (Form::Document, Some(error)) => {
                let error = json_text(&error_json(error));
                writeln!(self.out, "],\"ok\":false,\"error\":{error}}}")
            }
            _ => Ok(()),
        };
        let _ = self.out.flush();
        Report::after_listing(failure)
    }
}
