//! A directory of a test's own, and the program run in it.

mod another_user;
mod every_command;
mod postgres;
mod schemas;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;
use signing_trust::KeyManager;
use signing_trust::store::{DatabaseUrl, RequiredTls, Store};
use tempfile::TempDir;

pub(crate) use another_user::{NOBODY, as_nobody, as_root};
pub(crate) use every_command::{Table, commands, leaves};
pub(crate) use postgres::{Database, Role};
pub(crate) use schemas::{schema_of, validate};

pub(crate) const KEK: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub(crate) const OTHER_KEK: &str =
    "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Far longer than anything here takes, so that only what hangs is killed.
const LIMIT: Duration = Duration::from_secs(120);

/// A directory with room for a store, and nothing else in the program's reach.
pub(crate) struct Scratch {
    directory: TempDir,
    /// Where the store is, if that is not a file in the directory.
    database: Option<Database>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), database: None }
    }

    /// With a store that has these organizations.
    pub(crate) fn with_orgs(names: &[&str]) -> Self {
        let scratch = Self::new();
        scratch.create_orgs(names);
        scratch
    }

    /// The same, with the store in a database of its own on the tests' Postgres server.
    pub(crate) fn on_postgres(names: &[&str]) -> Self {
        let scratch = Self::on_empty_postgres();
        scratch.json(&["db", "migrate"]);
        scratch.create_orgs(names);
        scratch
    }

    /// With a Postgres database without tables.
    pub(crate) fn on_empty_postgres() -> Self {
        Self { database: Some(Database::create()), ..Self::new() }
    }

    /// The Postgres database.
    pub(crate) fn database(&self) -> &Database {
        self.database.as_ref().unwrap()
    }

    fn create_orgs(&self, names: &[&str]) {
        for name in names {
            self.json(&["orgs", "create", name]);
        }
    }

    /// Where the store is.
    pub(crate) fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => self.path("store.db").display().to_string(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, which may be a secret: a new one is for its owner only.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.path(name)).unwrap().write_all(content.as_ref()).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        self.path(name).metadata().unwrap().permissions().mode() & 0o777
    }

    /// Every file below, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut directories = vec![self.directory.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => {
                        found.push(
                            path.strip_prefix(&self.directory).unwrap().display().to_string(),
                        );
                    }
                }
            }
        }
        found.sort();
        found
    }

    /// The program, with this directory as its whole world.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.tool(env!("CARGO_BIN_EXE_cloacina"));
        if self.database.is_some() {
            // The tests' server is on this machine, and has no certificate.
            command.arg("--danger-allow-insecure-database");
        }
        command.args(arguments);
        command
    }

    /// Another program, likewise.
    pub(crate) fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).env_clear();
        for kept in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
            .env("HOME", self.path("home"))
            .env("XDG_DATA_HOME", self.path("home/data"))
            .env("CLOACINA_DATABASE_URL", self.database_url())
            .env("CLOACINA_KEY_ENCRYPTION_KEY", KEK);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        finish(&mut self.command(arguments), b"")
    }

    /// Does it, and gives the document's `result`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = finish(self.command(arguments).arg("--json"), b"");
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run.assert_valid(arguments);
        run.document()["result"].clone()
    }

    /// Must not do it, with this exit code and this `error.code`.
    #[track_caller]
    pub(crate) fn fails(&self, exit: i32, code: &str, arguments: &[&str]) -> Run {
        let run = finish(self.command(arguments).arg("--json"), b"");
        run.assert_failed(exit, code);
        run.assert_valid(arguments);
        run
    }

    /// A key pair in `<name>.pem` and `<name>.pub.pem`; gives its fingerprint.
    pub(crate) fn key_files(&self, name: &str) -> String {
        let file = format!("{name}.pem");
        text(&self.json(&["keys", "generate", "--name", name, "--output", &file])["fingerprint"])
    }

    /// A signing key in the store; gives its id and fingerprint.
    pub(crate) fn stored_key(&self, name: &str, org: &str) -> (String, String) {
        let key = self.json(&["keys", "generate", "--name", name, "--org", org]);
        (text(&key["id"]), text(&key["fingerprint"]))
    }

    /// A package signed by the key in `key`.
    pub(crate) fn signed_package(&self, name: &str, key: &str) {
        self.write(name, format!("the bytes of {name}"));
        self.json(&["package", "sign", name, "--key", key]);
    }

    /// An id, as it is written in SQL.
    pub(crate) fn sql_id(&self, id: &str) -> String {
        match &self.database {
            Some(_) => format!("'{id}'"),
            None => format!("X'{}'", id.replace('-', "")),
        }
    }

    /// Bytes, as they are written in SQL.
    pub(crate) fn sql_bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match &self.database {
            Some(_) => format!("'\\x{hex}'"),
            None => format!("X'{hex}'"),
        }
    }

    /// The store, looked at through the library.
    pub(crate) fn inspect<T>(&self, look: impl AsyncFnOnce(KeyManager) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let url = DatabaseUrl::parse(&self.database_url(), RequiredTls::DangerNone).unwrap();
            look(KeyManager::new(Store::open(&url).await.unwrap(), None)).await
        })
    }
}

/// What a program came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Standard output, which must be one JSON document that agrees with the exit
    /// code.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not one document: {error}: {:?}", self.stdout));
        assert_eq!(document["schema_version"], 1, "{document}");
        assert_eq!(document["ok"], self.code == 0, "{document}");
        assert_eq!(document.get("error").is_some(), self.code != 0, "{document}");
        document
    }

    /// The document is as the schema of the command says that has these arguments.
    #[track_caller]
    pub(crate) fn assert_valid(&self, arguments: &[&str]) {
        let schema = schema_of(arguments).unwrap_or_else(|| "failure.json".to_owned());
        assert_eq!(validate(&schema, &self.stdout), Ok(()), "{arguments:?}: {}", self.stdout);
    }

    #[track_caller]
    pub(crate) fn assert_failed(&self, exit: i32, code: &str) {
        assert_eq!(self.code, exit, "{}{}", self.stdout, self.stderr);
        let document = self.document();
        assert_eq!(document["error"]["code"], code, "{document}");
        assert_ne!(text(&document["error"]["message"]), "");
        let verdict = if exit == 1 { "refused: " } else { "error: " };
        assert!(self.stderr.lines().any(|line| line.starts_with(verdict)), "{}", self.stderr);
    }

    #[track_caller]
    pub(crate) fn assert_says_nowhere(&self, secret: &str) {
        assert!(!self.stdout.contains(secret), "{}", self.stdout);
        assert!(!self.stderr.contains(secret), "{}", self.stderr);
    }
}

/// Writes to the database as somebody who owns it.
pub(crate) fn forge(scratch: &Scratch, sql: &str) {
    if let Some(database) = &scratch.database {
        return database.forge(sql);
    }
    let path = scratch.path("store.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 5000;").unwrap();
    connection.batch_execute(sql).unwrap();
}

/// SQL that also uses a second file, `kept`: a SQLite store has no tables but its own.
pub(crate) fn with_kept(scratch: &Scratch, sql: &str) -> String {
    format!("ATTACH '{}' AS kept; {sql}", scratch.path("kept.db").display())
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not text: {value}")).to_owned()
}

/// Runs a program to its end. One that hangs is killed, and fails the test.
pub(crate) fn finish(command: &mut Command, input: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let output = ended(child, move |child| {
        // A program that does not read its input may have ended already.
        let _ = stdin.write_all(&input);
        drop(stdin);
        child.wait_with_output().unwrap()
    });
    run_of(output)
}

#[track_caller]
pub(crate) fn succeed(command: &mut Command) {
    let run = finish(command, b"");
    assert_eq!(run.code, 0, "{command:?}: {}", run.stderr);
}

/// Runs a program that believes to talk to a terminal, and gives what it wrote there.
pub(crate) fn finish_on_a_terminal(command: &mut Command) -> String {
    // One that does not tell its size.
    finish_on_a_screen(command, 0)
}

/// The same, with a terminal of this width.
pub(crate) fn finish_on_a_screen(command: &mut Command, columns: u16) -> String {
    let (mut terminal, end) = terminal();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&end, size).unwrap();
    command.stdin(Stdio::null()).stdout(end.try_clone().unwrap()).stderr(end);
    let child = spawn(command.env("TERM", "xterm-256color"));
    // The command still holds the terminal's other end, and reading would not end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut shown = Vec::new();
    ended(child, move |mut child| {
        let mut buffer = [0; 4096];
        // The last writer's end makes reading fail on Linux.
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..count]);
        }
        child.wait().unwrap();
        String::from_utf8(shown).unwrap()
    })
}

/// A terminal: the end that a person has, and the end that a program has.
pub(crate) fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = File::options().read(true).write(true).open(Path::new(name.to_str().unwrap()));
    (File::from(terminal), end.unwrap())
}

pub(crate) fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| {
        let program = command.get_program().display();
        panic!("this test needs the program '{program}', which does not run: {error}")
    })
}

pub(crate) fn kill(child: &Child) {
    // It may have ended, and then there is nobody to kill.
    let _ = kill_process(Pid::from_child(child), Signal::KILL);
}

pub(crate) fn ended<T: Send + 'static>(
    child: Child,
    wait: impl FnOnce(Child) -> T + Send + 'static,
) -> T {
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(wait(child)));
    receiver.recv_timeout(LIMIT).unwrap_or_else(|error| {
        let _ = kill_process(pid, Signal::KILL);
        panic!("the program did not end within {} s: {error}", LIMIT.as_secs())
    })
}

fn run_of(output: Output) -> Run {
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    // A signal has no exit code.
    Run { code: output.status.code().unwrap_or(-1), stdout, stderr }
}
