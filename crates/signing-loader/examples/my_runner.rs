//! A runner: loads each package that it is given and calls its entry point.
//!
//! ```text
//! my_runner [--require-signatures (--trust-key PEM… | --org ORG [--database-url URL])
//!            [--trust-root FILE|DIGEST [--trust-bundle FILE] [--state-file FILE]]
//!            [--required-signers N [--distinct-orgs]] [--clock-skew-allowance SECONDS]
//!            [--allow-dependency LIBRARY…] [--max-staleness SECONDS]] [--input TEXT] PACKAGE…
//! ```

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use signing_loader::{
    FollowError, GateError, LoadError, LoadedPackage, PackageError, Provenance, SecurityArgs,
    error_with_sources, printable,
};

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
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // It would report a standard error that fails on standard error, and panic.
        .log_internal_errors(false)
        .init();
    match work(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

async fn work(cli: &Cli) -> Result<(), Failure> {
    let loader =
        cli.security.resolve().await.map_err(|error| Failure::new("cannot start", error))?;
    let gate = loader.gate().map_err(|error| Failure::new("cannot follow trust", error))?;
    for path in &cli.packages {
        let shown = printable(&path.to_string_lossy());
        let failed =
            |what: &str, error: Box<dyn Error>| Failure::new(format!("{what} {shown}"), error);
        let not_loaded = |error| match is_refusal(&error) {
            true => Failure { code: 1, ..failed("refusing", error.into()) },
            false => failed("cannot load", error.into()),
        };
        let (signer, output) = match &gate {
            None => {
                let package = loader.load(path).await.map_err(not_loaded)?;
                (signer(&package), run(&package, cli.input.as_bytes()))
            }
            Some(gate) => {
                let refused = |error: GateError| {
                    let code = match &error {
                        GateError::NoLongerTrusted { source } if is_refusal(source) => 1,
                        _ => 2,
                    };
                    Failure { code, ..failed("refusing to call", error.into()) }
                };
                let package = gate.load(path).await.map_err(|error| match error {
                    FollowError::Package(error) => not_loaded(error),
                    FollowError::Gate(error) => refused(error),
                    _ => failed("cannot load", error.into()),
                })?;
                let call = package.enter().map_err(refused)?;
                (signer(&call), run(&call, cli.input.as_bytes()))
            }
        };
        let output = output.map_err(|error| failed("cannot run", error))?;
        print(&format!("{shown} ({signer})\n{}\n", String::from_utf8_lossy(&output)))
            .map_err(|error| failed("cannot print the output of", error.into()))?;
    }
    Ok(())
}

/// Whether it was decided that the package may not be used. Otherwise nothing was decided.
fn is_refusal(error: &PackageError) -> bool {
    match error {
        PackageError::Verification(_) | PackageError::Load(LoadError::Library(_)) => true,
        PackageError::Load(
            LoadError::Dependency { source, .. } | LoadError::Soname { source, .. },
        ) => is_refusal(source),
        _ => false,
    }
}

fn signer(package: &LoadedPackage) -> String {
    match package.provenance() {
        Provenance::Verified(report) => format!("signed by {}", report.signer()),
        _ => "unsigned".into(),
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Why the runner stops, and its exit code: 1 if a package is refused, otherwise 2.
struct Failure {
    code: u8,
    what: String,
    error: Box<dyn Error>,
}

impl Failure {
    fn new(what: impl Into<String>, error: impl Into<Box<dyn Error>>) -> Self {
        Self { code: 2, what: what.into(), error: error.into() }
    }

    fn tell(&self) -> ExitCode {
        let text = format!("error: {}: {}", self.what, error_with_sources(&*self.error));
        // If nobody can be told, the exit code still says it.
        let _ = writeln!(io::stderr(), "{}", printable(&text));
        ExitCode::from(self.code)
    }
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
