//! `signing-conformance`: checks a plugin host's loader from outside.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use signing_conformance::{Capability, CommandHost, Kit, Options, Report, Rounds, cases};

/// Checks a plugin host's loader against a hostile corpus
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Attack a host: exits with 0 if it passed, with 1 if a case failed, with 2 if the kit could
    /// not run
    Run(Box<Run>),
    /// List the cases
    List,
}

/// Commands are split into words at white space. '…', "…" and a backslash quote. No shell is
/// used, and each placeholder becomes part of a single argument.
#[derive(Args)]
struct Run {
    /// The command that signs {package} with the private key {key}
    #[arg(long, value_name = "COMMAND")]
    sign: String,

    /// The command that loads {packages}, or only one {package}: exit code 0 if it did
    #[arg(long, value_name = "COMMAND")]
    load: String,

    /// The private key that the host trusts, for {key}
    #[arg(long, value_name = "FILE")]
    trusted_key: PathBuf,

    /// A private key that the host does not trust, for {key}
    #[arg(long, value_name = "FILE")]
    stranger_key: PathBuf,

    /// What the host does not claim to do (may be repeated)
    #[arg(long, value_name = "CAPABILITY")]
    without: Vec<Capability>,

    /// C source of the entry point, which is added to each package
    #[arg(long, value_name = "FILE")]
    entry_point: Option<PathBuf>,

    /// The host's name in the report
    #[arg(long, default_value = "host")]
    name: String,

    /// Run only this case and the control (may be repeated)
    #[arg(long = "case", value_name = "ID")]
    cases: Vec<String>,

    /// How often each race is run
    #[arg(long, value_name = "N", default_value_t)]
    rounds: Rounds,

    /// Choose the same at random as a report with this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// For how long one attempt to load may take
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    time_limit: u64,

    /// The C compiler
    #[arg(long, value_name = "PROGRAM", env = "CC", default_value = "cc")]
    compiler: PathBuf,

    /// Write the report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::List => list(),
    };
    done.unwrap_or_else(|error| {
        let mut text = format!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text += &format!(": {cause}");
            source = cause.source();
        }
        // If nobody can be told, the exit code still says it.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(2)
    })
}

impl Run {
    fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let mut host = CommandHost::builder(self.name)
            .sign(&self.sign, self.trusted_key, self.stranger_key)?
            .load(&self.load)?;
        for capability in self.without {
            host = host.without(capability);
        }
        let mut options = Options::default();
        options.compiler = self.compiler;
        options.entry_point = self.entry_point;
        options.limits.time = Duration::from_secs(self.time_limit);
        options.rounds = self.rounds;
        options.seed = self.seed.unwrap_or(options.seed);
        options.cases = self.cases;
        let report = Kit::new(options)?.run(&host)?;
        if let Some(path) = self.json {
            let text = serde_json::to_string_pretty(&report)? + "\n";
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        print(&report.to_string())?;
        Ok(exit_code(&report))
    }
}

fn exit_code(report: &Report) -> ExitCode {
    if !report.control_holds() || report.summary.undecided > 0 {
        // A report that tells nothing about a case is not one that says that all is well.
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(report.summary.failed > 0))
}

fn list() -> Result<ExitCode, Box<dyn Error>> {
    let mut text = String::new();
    for case in cases() {
        text += &format!("{:<32}{:<15}{}\n", case.id, case.severity, case.weakness);
        text += &format!("    {}\n    the host must: {}\n", case.attack, case.must);
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
