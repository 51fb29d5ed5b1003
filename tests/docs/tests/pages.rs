//! Every page of the guides is run, and everything that it names exists.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use docs_tests::{Counts, Fault, Kind, Names, Page, Programs, Site, repository, run};

/// Where `cargo xtask test-db` says that the server is.
const SERVER: &str = "CLOACINA_TEST_POSTGRES_URL";

fn site() -> Site {
    Site::read(&repository().join("docs/content")).unwrap_or_else(|fault| panic!("{fault}"))
}

fn programs() -> Programs {
    Programs::build().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_the_pages_show_is_what_comes() {
    let site = site();
    let programs = programs();
    let pages: Vec<_> = site.pages.values().filter(|page| !page.needs_postgres).collect();
    // Each page waits for the processes that it starts, most of the time.
    let outcomes: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = pages
            .iter()
            .map(|page| scope.spawn(|| run_page(&site, &programs, page, &[])))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let faults: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    report(&site, outcomes.iter().flatten());
    assert!(faults.is_empty(), "\n{}", lines(faults));
}

#[test]
#[ignore = "needs Postgres: cargo xtask test-db"]
fn what_the_pages_show_of_postgres_is_what_comes() {
    let site = site();
    let programs = programs();
    let server = env::var(SERVER).unwrap();
    let pages: Vec<_> = site.pages.values().filter(|page| page.needs_postgres).collect();
    assert_ne!(pages.len(), 0);
    for page in pages {
        let database = Database::create(&server);
        let socket = Socket::before(&database.url);
        let environment = [("SERVER".to_owned(), socket.url.clone())];
        let outcome = run_page(&site, &programs, page, &environment);
        database.remove();
        outcome.unwrap_or_else(|fault| panic!("{fault}"));
    }
}

/// An empty database on the tests' server.
struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    fn create(server: &str) -> Self {
        let name = format!("docs_{}", std::process::id());
        execute(server, &format!("CREATE DATABASE {name}"));
        let (address, parameters) = server.split_once('?').unwrap_or((server, ""));
        let (authority, _) = address.rsplit_once('/').unwrap();
        let url = format!("{authority}/{name}?{parameters}");
        Self { server: server.into(), name, url }
    }

    fn remove(&self) {
        execute(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// A Unix socket that leads to the tests' server, which listens at a port of this machine
/// and has no certificate. That is how the guide says that a local server is reached.
struct Socket {
    url: String,
    _directory: tempfile::TempDir,
}

impl Socket {
    fn before(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let host = match &config.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            other => panic!("{other:?} is not a host that is reached by TCP"),
        };
        let port = config.get_ports()[0];
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(".s.PGSQL.5432")).unwrap();
        thread::spawn(move || {
            for here in listener.incoming().map_while(Result::ok) {
                let there = TcpStream::connect((&*host, port)).unwrap();
                let back = (there.try_clone().unwrap(), here.try_clone().unwrap());
                thread::spawn(move || carry(here, there));
                thread::spawn(move || carry(back.0, back.1));
            }
        });
        let path = directory.path().to_str().unwrap().replace('/', "%2F");
        let (user, database) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let password = String::from_utf8(config.get_password().unwrap().into()).unwrap();
        let us = rustix::process::geteuid().as_raw();
        let url = format!("postgres://{user}:{password}@{path}/{database}?requirepeer={us}");
        Self { url, _directory: directory }
    }
}

/// Until one of them ends.
fn carry(mut from: impl io::Read + Shut, mut to: impl io::Write + Shut) {
    let _ = io::copy(&mut from, &mut to);
    from.shut();
    to.shut();
}

trait Shut {
    fn shut(&self);
}

impl Shut for TcpStream {
    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Shut for UnixStream {
    fn shut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

fn execute(server: &str, statement: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(statement).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    });
}

#[test]
fn every_link_leads_somewhere_and_no_page_is_left_out() {
    let faults = site().faults();
    assert!(faults.is_empty(), "\n{}", lines(&faults));
}

#[test]
fn every_command_and_flag_that_is_named_exists() {
    let site = site();
    let programs = programs();
    let reference = fs::read_to_string(repository().join("docs/content/reference/cli.md")).unwrap();
    let help = |command: &mut Command| {
        String::from_utf8(command.arg("--help").output().unwrap().stdout).unwrap()
    };
    let runner = help(&mut Command::new(programs.runner()));
    let kit = help(Command::new(programs.conformance_kit()).arg("run"));
    let names = Names::read(&reference, &runner, &kit);
    let faults: Vec<_> = site.pages.values().flat_map(|page| names.faults(page)).collect();
    assert!(faults.is_empty(), "\n{}", lines(&faults));
}

/// The program's own tests draw these files and compare them.
#[test]
fn every_picture_is_what_the_program_draws() {
    let commands = repository().join("crates/signing-cli/src/commands");
    let guides = repository().join("docs/content/how-to-guides/security");
    for (shown, drawn) in [
        ("trust-graph.svg", "trust_graph/tests/guide.svg"),
        ("rotation.svg", "keys/timeline/tests/rotation.svg"),
    ] {
        let (shown, drawn) = (guides.join(shown), commands.join(drawn));
        let same = fs::read(&shown).unwrap() == fs::read(&drawn).unwrap();
        assert!(same, "cp {} {}", drawn.display(), shown.display());
    }
}

/// Rust in a page is compiled in one of two ways: with the page, as a doctest of this
/// package, or as the example that the page includes.
#[test]
fn every_rust_block_is_compiled() {
    let library = fs::read_to_string(repository().join("tests/docs/src/lib.rs")).unwrap();
    let mut faults = Vec::new();
    for page in site().pages.values() {
        let is_compiled = library.contains(&format!("docs/content/{}", page.path));
        for block in page.blocks.iter().filter(|block| block.language.starts_with("rust")) {
            let excused = matches!(block.kind, Kind::NotRun(_));
            let what = match &*block.language {
                "rust" if block.is_included || is_compiled => continue,
                "rust,no_run" if is_compiled && excused => continue,
                "rust" | "rust,no_run" if !is_compiled => "tests/docs/src/lib.rs lacks this page",
                _ => "a Rust block that is not run says why, with `not-run:`",
            };
            faults.push(page.fault(block.line, what));
        }
    }
    assert!(faults.is_empty(), "\n{}", lines(&faults));
}

fn run_page(
    site: &Site,
    programs: &Programs,
    page: &Page,
    environment: &[(String, String)],
) -> Result<Counts, Fault> {
    let pages = site.with_those_before(page)?;
    let scratch = tempfile::tempdir().unwrap();
    let mut place = programs.place(pages[0], scratch.path()).unwrap();
    place.environment.extend_from_slice(environment);
    run(&pages, &place)
}

fn report<'a>(site: &Site, counts: impl Iterator<Item = &'a Counts>) {
    let (mut blocks, mut commands, mut files) = (0, 0, 0);
    for count in counts {
        blocks += count.run;
        commands += count.commands;
        files += count.files;
    }
    let reasons: BTreeSet<_> = site
        .pages
        .values()
        .flat_map(|page| page.blocks.iter().map(move |block| (page, block)))
        .filter_map(|(page, block)| match &block.kind {
            Kind::NotRun(reason) => Some(page.fault(block.line, format!("not run: {reason}"))),
            _ => None,
        })
        .collect();
    let summary = format!(
        "{} pages; {blocks} blocks run with {commands} commands, {files} files written; {} blocks \
         excused\n{}\n",
        site.pages.len(),
        reasons.len(),
        lines(&reasons),
    );
    // Not by print!, which a test that passes does not show.
    io::stdout().write_all(summary.as_bytes()).unwrap();
}

fn lines<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> String {
    faults.into_iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
