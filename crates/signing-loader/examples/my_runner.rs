//! A runner: loads each package that it is given and calls its entry point.
//!
//! ```text
//! my_runner [--require-signatures (--trust-key PEM… | --org ORG [--database-url URL])
//!            [--required-signers N [--distinct-orgs]] [--clock-skew-allowance SECONDS]] [--input TEXT] PACKAGE…
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what a program does")]

use std::error::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use signing_loader::{LoadError, LoadedPackage, PackageError, Provenance, SecurityArgs};

/// Loads workflow packages and runs them
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    security: SecurityArgs,

    /// What to give to each package
    #[arg(long, default_value = "hello, world")]
    input: String,

    /// The packages
    #[arg(required = true)]
    packages: Vec<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Warnings of the audit log go to standard error.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let cli = Cli::parse();
    let security = match cli.security.resolve().await {
        Ok(security) => security,
        Err(error) => return fail(2, "cannot start", &error),
    };
    for path in &cli.packages {
        let package = match security.load(path).await {
            Ok(package) => package,
            Err(error @ PackageError::Verification(_)) => {
                return fail(1, &format!("refusing {}", path.display()), &error);
            }
            Err(error) => return fail(2, &format!("cannot load {}", path.display()), &error),
        };
        let provenance = match package.provenance() {
            Provenance::Verified(report) => format!("signed by {}", report.signer()),
            _ => "unsigned".into(),
        };
        match run(&package, cli.input.as_bytes()) {
            Ok(output) => {
                println!("{} ({provenance})", path.display());
                println!("{}", String::from_utf8_lossy(&output));
            }
            Err(error) => return fail(2, &format!("cannot run {}", path.display()), &*error),
        }
    }
    ExitCode::SUCCESS
}

/// `int32_t workflow_run(const uint8_t *input, size_t input_len,
///                       uint8_t *output, size_t *output_len)`
type WorkflowRun = unsafe extern "C" fn(*const u8, usize, *mut u8, *mut usize) -> i32;

/// Calls the package's entry point, with a larger buffer if it asks for one.
fn run(package: &LoadedPackage, input: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    const TOO_SMALL: i32 = 1;

    let entry_point = entry_point(package)?;
    let mut output = vec![0; 1024];
    for _ in 0..2 {
        let mut length = output.len();
        let status = call(entry_point, input, &mut output, &mut length);
        match status {
            0 if length <= output.len() => {
                output.truncate(length);
                return Ok(output);
            }
            TOO_SMALL => output = vec![0; length],
            status => return Err(format!("workflow_run returned {status}").into()),
        }
    }
    Err("workflow_run keeps asking for a larger buffer".into())
}

#[expect(unsafe_code, reason = "a symbol's type is not written in the package")]
fn entry_point(package: &LoadedPackage) -> Result<WorkflowRun, LoadError> {
    // SAFETY: Every package for this runner exports `workflow_run` with this
    // signature; that is the contract between the runner and its packages.
    unsafe { package.symbol(c"workflow_run") }
}

#[expect(unsafe_code, reason = "the entry point is C")]
fn call(entry_point: WorkflowRun, input: &[u8], output: &mut [u8], length: &mut usize) -> i32 {
    // SAFETY: The pointers are valid for the lengths given with them, and the
    // contract lets the package use them during the call only.
    unsafe { entry_point(input.as_ptr(), input.len(), output.as_mut_ptr(), length) }
}

fn fail(code: u8, what: &str, error: &dyn Error) -> ExitCode {
    eprint!("error: {what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
    ExitCode::from(code)
}
