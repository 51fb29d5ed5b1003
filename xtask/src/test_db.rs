//! `cargo xtask test-db`: the database tests, on Postgres.
//!
//! They are marked `#[ignore]`, so that `cargo test` needs no server; here they run
//! against one that is started for them and removed after them, whatever happens in
//! between. Each test creates a database of its own, so they run in parallel.

mod count;

use anyhow::{Result, ensure};

use crate::container::ServerArguments;
use crate::process::{cargo, line, say, stream};
use count::{Ran, lists_a_test};

/// Where the tests find their server.
const URL_VARIABLE: &str = "CLOACINA_TEST_POSTGRES_URL";

/// What `cargo xtask test-db` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,

    /// Leave the container running, and print its URL.
    #[arg(long, conflicts_with = "database_url")]
    keep: bool,

    /// Arguments for the test programs, such as a filter.
    #[arg(last = true, value_name = "ARGUMENT")]
    test_arguments: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = arguments.server.find()?;
    // Before the server is started, because this is where everything is compiled.
    let listed = list(&arguments.test_arguments)?;
    ensure!(listed > 0, "no test is marked as a database test, so none can have passed");

    let ran = server.serve(arguments.keep, |url| test(url, &arguments.test_arguments))?;
    say(&format!("test-db: {ran} tests ran on Postgres"))?;
    ensure!(ran == listed, "{listed} tests are marked as database tests, but {ran} ran");
    Ok(())
}

/// How many tests the same arguments would run.
fn list(arguments: &[String]) -> Result<usize> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--", "--list", "--ignored"]);
    command.args(arguments);
    let mut listed = 0;
    let status = stream(&command, |line| {
        listed += usize::from(lists_a_test(line));
        Ok(())
    })?;
    ensure!(status.success(), "`{}` failed ({status})", line(&command));
    Ok(listed)
}

/// Runs the tests and returns how many ran, all of them successfully.
fn test(url: &str, arguments: &[String]) -> Result<usize> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--", "--ignored"]);
    command.args(arguments).env(URL_VARIABLE, url);
    let mut ran = Ran::default();
    let status = stream(&command, |line| {
        ran.read(line);
        say(line)
    })?;
    ensure!(
        status.success() && ran.failed == 0,
        "`{}` failed ({status}): {} tests ran on Postgres, {} failed",
        line(&command),
        ran.total(),
        ran.failed
    );
    ensure!(ran.total() > 0, "`{}` succeeded, but no test ran", line(&command));
    Ok(ran.total())
}
