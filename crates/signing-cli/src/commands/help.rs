mod manual;

use serde::Serialize;

use crate::cli::{self, Shell};
use crate::completion;
use crate::error::CliError;
use crate::output::Report;
use crate::view::json_documents;

/// The script with which a shell completes command lines: it asks this program.
pub(super) fn completions(shell: Shell) -> Result<Report, CliError> {
    let (shell, script) = completion::script(shell).map_err(CliError::Output)?;
    Ok(Report::verbatim(script.clone(), &ScriptView { shell, script: &script }))
}

/// The manual page of a command, such as `keys generate`.
pub(super) fn manual(path: &[String]) -> Result<Report, CliError> {
    let program = cli::command();
    let mut command = &program;
    for name in path {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| CliError::NoSuchCommand { given: path.join(" ") })?;
    }
    let name = command.get_bin_name().unwrap_or("cloacina").replace(' ', "-");
    let page = manual::page(command, &name, &path.join(" ")).map_err(CliError::Output)?;
    Ok(Report::verbatim(page.clone(), &PageView { name: &name, page: &page }))
}

json_documents! {
    "completions": ScriptView<'static>,
    "man": PageView<'static>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ScriptView<'a> {
    shell: &'static str,
    script: &'a str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PageView<'a> {
    name: &'a str,
    page: &'a str,
}
