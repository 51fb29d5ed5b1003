//! `cargo xtask test-db`: the database tests, on Postgres.
//!
//! They are marked `#[ignore]`, so that `cargo test` needs no server; here they run
//! against one that is started for them and removed after them, whatever happens in
//! between. Each test creates a database of its own, so they run in parallel. Some pause
//! or kill the server: those start one of their own, with the same engine.

mod count;

use anyhow::{Result, ensure};

use crate::container::{Server, ServerArguments};
use crate::process::{cargo, line, say, stream};
use count::{Listed, Ran};

/// Where the tests find their server.
const URL_VARIABLE: &str = "CLOACINA_TEST_POSTGRES_URL";
/// With what they start one of their own, and from which image.
const ENGINE_VARIABLE: &str = "CLOACINA_TEST_ENGINE";
const IMAGE_VARIABLE: &str = "CLOACINA_TEST_IMAGE";
/// The module that the tests are in which do that.
const OWN_SERVER: &str = "own_server::";

/// What `cargo xtask test-db` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: ServerArguments,

    /// Leave the container running, and print its URL.
    #[arg(long, conflicts_with = "database_url")]
    keep: bool,

    /// Leave out the tests that pause, kill or fill up a server of their own, for which
    /// a container engine is needed.
    #[arg(long)]
    without_own_servers: bool,

    /// Arguments for the test programs, such as a filter.
    #[arg(last = true, value_name = "ARGUMENT")]
    test_arguments: Vec<String>,

    /// What another task says to the tests by their environment.
    #[arg(skip)]
    variables: Vec<(&'static str, String)>,
}

impl Arguments {
    /// Some of the tests, with these variables in their environment.
    pub(crate) fn these(
        server: ServerArguments,
        test_arguments: &[&str],
        variables: Vec<(&'static str, String)>,
    ) -> Self {
        let test_arguments = test_arguments.iter().map(ToString::to_string).collect();
        Self { server, keep: false, without_own_servers: false, test_arguments, variables }
    }
}

/// Runs the task.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = arguments.server.find()?;
    // Before the server is started, because this is where everything is compiled.
    let listed = list(&arguments.test_arguments)?;
    let (expected, left_out) = match arguments.without_own_servers {
        true => (listed.on_the_server, listed.on_their_own),
        false => (listed.on_the_server + listed.on_their_own, 0),
    };
    ensure!(expected > 0, "no test is marked as a database test, so none can have passed");
    ensure!(
        expected == listed.on_the_server || matches!(server, Server::From(..)),
        "{} of these tests pause, kill or fill up a server of their own, which one at a URL \
         cannot stand in for: use a container engine instead of --database-url, or leave them \
         out by --without-own-servers",
        listed.on_their_own
    );

    let ran = server.serve(arguments.keep, |url| test(url, &server, arguments))?;
    say(&format!("test-db: {ran} tests ran on Postgres"))?;
    if left_out > 0 {
        say(&format!("test-db: {left_out} tests that start their own server did NOT run"))?;
    }
    ensure!(ran == expected, "{expected} tests are marked as database tests, but {ran} ran");
    Ok(())
}

/// How many tests the same arguments would run.
fn list(arguments: &[String]) -> Result<Listed> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--", "--list", "--ignored"]);
    command.args(arguments);
    let mut listed = Listed::default();
    let status = stream(&command, |line| {
        listed.read(line, OWN_SERVER);
        Ok(())
    })?;
    ensure!(status.success(), "`{}` failed ({status})", line(&command));
    Ok(listed)
}

/// Runs the tests and returns how many ran, all of them successfully.
fn test(url: &str, server: &Server<'_>, arguments: &Arguments) -> Result<usize> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--", "--ignored"]);
    command.args(&arguments.test_arguments).env(URL_VARIABLE, url);
    command.envs(arguments.variables.iter().map(|(name, value)| (name, value)));
    if arguments.without_own_servers {
        command.args(["--skip", OWN_SERVER]);
    }
    if let Server::From(engine, image) = server {
        command.env(ENGINE_VARIABLE, engine.to_string()).env(IMAGE_VARIABLE, image);
    }
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
