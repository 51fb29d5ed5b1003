//! Questions that must be answered with yes, and what they are about.

use std::fs::File;
use std::io::{self, Write};

use anstream::AutoStream;
use rustix::termios::tcgetwinsize;

use crate::error::CliError;
use crate::lines::{Layout, Lines};
use crate::output::{self, MIN_COLUMNS};
use crate::terminal::{answer_to, open_to_ask};

/// Shows what a question is about, and asks it, on the same terminal: nobody can agree to what
/// went elsewhere. Every answer except `yes` means no.
///
/// # Errors
///
/// [`CliError::NotConfirmed`], or that there is nobody to ask.
pub(crate) fn confirm(preview: &Lines, question: &str) -> Result<(), CliError> {
    let Some(mut terminal) = open_to_ask()? else {
        output::show(preview);
        return Err(CliError::ConfirmationNeeded);
    };
    show_on(&terminal, preview).map_err(CliError::Terminal)?;
    match answer_to(&mut terminal, &format!("{question} [yes/no] ")) {
        Ok(answer) if answer == "yes" => Ok(()),
        Ok(_) | Err(CliError::InputEnded) => Err(CliError::NotConfirmed),
        Err(error) => Err(error),
    }
}

/// Writes lines to a terminal, each within its width.
fn show_on(terminal: &File, lines: &Lines) -> io::Result<()> {
    let columns = tcgetwinsize(terminal).ok().map(|size| usize::from(size.ws_col));
    let layout = match columns.filter(|&columns| columns > 0) {
        Some(columns) => Layout::Terminal(columns.max(MIN_COLUMNS)),
        None => Layout::Fitted,
    };
    let text = lines.clone().wrapped().to_text(layout);
    AutoStream::auto(terminal.try_clone()?).write_all(text.as_bytes())
}
