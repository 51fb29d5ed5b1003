use clap::CommandFactory;
use clap_mangen::Man;
use serde::Serialize;

use crate::cli::{Cli, Shell};
use crate::error::CliError;
use crate::output::Report;

/// The script with which a shell completes command lines.
pub(super) fn completions(shell: Shell) -> Report {
    #[derive(Serialize)]
    struct ScriptView<'a> {
        shell: &'static str,
        script: &'a str,
    }

    let mut command = Cli::command();
    let mut script = Vec::new();
    let (shell, generator) = match shell {
        Shell::Bash => ("bash", clap_complete::Shell::Bash),
        Shell::Zsh => ("zsh", clap_complete::Shell::Zsh),
        Shell::Fish => ("fish", clap_complete::Shell::Fish),
    };
    clap_complete::generate(generator, &mut command, "cloacina", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Report::verbatim(script.clone(), &ScriptView { shell, script: &script })
}

/// The manual page of a command, such as `keys generate`.
pub(super) fn manual(path: &[String]) -> Result<Report, CliError> {
    #[derive(Serialize)]
    struct PageView<'a> {
        name: &'a str,
        page: &'a str,
    }

    let mut program = Cli::command();
    // Names the subcommands in full, and gives them the global options.
    program.build();
    let mut command = &program;
    for name in path {
        command = command
            .find_subcommand(name)
            .ok_or_else(|| CliError::NoSuchCommand { given: path.join(" ") })?;
    }
    let name = command.get_bin_name().unwrap_or("cloacina").replace(' ', "-");
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(name.to_uppercase())
        .source(concat!("cloacina ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|source| CliError::Write { path: name.clone().into(), source })?;
    let page = String::from_utf8_lossy(&page).into_owned();
    Ok(Report::verbatim(page.clone(), &PageView { name: &name, page: &page }))
}
