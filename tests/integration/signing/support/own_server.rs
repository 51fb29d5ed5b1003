use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;
use xtask::container::{Container, Engine, Pause};

const ENGINE_VARIABLE: &str = "CLOACINA_TEST_ENGINE";
const IMAGE_VARIABLE: &str = "CLOACINA_TEST_IMAGE";

/// How long a server may take to its first answer.
const LIMIT: Duration = Duration::from_secs(60);

/// The container's first process: it ends when its standard input does, and waits for
/// servers whose parents have gone, which would otherwise seem to be there still.
const HOLD: &str = r#"
exec 3<&0
cat <&3 >/dev/null &
wait "$!"
"#;

const START: &str = r#"
PGDATA=/servers/$1 docker-entrypoint.sh postgres -p "$2" </dev/null >>/tmp/log 2>&1 &
"#;

/// SIGKILL for the server and its children at once: the server is stopped first, so
/// that it can neither make nor tell any.
const KILL: &str = r#"
read -r server <"/servers/$1/postmaster.pid"
kill -s STOP "$server"
children=$(grep -l "^PPid:[[:space:]]*$server\$" /proc/[0-9]*/status | cut -d / -f 3)
kill -s KILL "$server" $children
for process in "$server" $children; do
    while kill -s 0 "$process" 2>/dev/null; do sleep 0.02; done
done
"#;

/// What an administrator does: SIGINT rolls back what is open.
const STOP: &str = r#"
read -r server <"/servers/$1/postmaster.pid"
kill -s INT "$server"
while kill -s 0 "$server" 2>/dev/null; do sleep 0.02; done
"#;

const BACK_UP: &str = r#"
PGPASSWORD=$POSTGRES_PASSWORD exec setpriv --reuid=postgres --regid=postgres --init-groups \
    pg_basebackup -h 127.0.0.1 -p 5432 -U postgres -D "/servers/$1" -R -X stream -c fast
"#;

/// Moves the notification queue to a small disk of its own. That is how a queue of 8 GiB,
/// which Postgres before 17 cannot limit, is full at once.
const LIMIT_NOTIFICATIONS: &str = r#"
mkdir /notifications/queue && chown postgres /notifications/queue
rm -r "/servers/$1/pg_notify" && ln -s /notifications/queue "/servers/$1/pg_notify"
"#;

const FILL: &str = "dd if=/dev/zero of=/servers/filler bs=64k 2>/dev/null; sync; df /servers";

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As its administrator ends it.
    Stopped,
    /// By SIGKILL, with everything that it was doing.
    Killed,
}

/// A Postgres server that one test has for itself, in a container that dies with the
/// test's process.
///
/// It holds servers in data directories of their own, on a disk in memory. One at a time
/// is at the port that [`url`](Self::url) leads to, at first the one in `primary`.
pub(crate) struct OwnServer {
    container: Container,
    password: String,
    port: u16,
    second_port: u16,
}

impl OwnServer {
    pub(crate) fn start() -> Self {
        let engine: Engine = variable(ENGINE_VARIABLE).parse().unwrap();
        let password = Uuid::new_v4().simple().to_string();
        let configure = |command: &mut Command| {
            command.args(["-e", "POSTGRES_PASSWORD"]).env("POSTGRES_PASSWORD", &password);
            command.args(["-p", "127.0.0.1::5432", "-p", "127.0.0.1::5433"]);
            command.args(["--tmpfs", "/servers:size=256m"]);
            command.args(["--tmpfs", "/notifications:size=4m"]);
        };
        let name = format!("cloacina-test-own-{}", Uuid::new_v4().simple());
        let image = variable(IMAGE_VARIABLE);
        let mut container = Container::run(engine, &name, &image, configure, HOLD, &[]).unwrap();
        let deadline = Instant::now() + LIMIT;
        while let Err(error) = container.exec(&["true"]) {
            let ended = container.ended().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the container did not start ({ended:?}): {error:#}\n{}",
                container.log()
            );
            thread::sleep(Duration::from_millis(50));
        }
        let [port, second_port] = [5432, 5433].map(|port| container.published(port).unwrap());
        let server = Self { container, password, port, second_port };
        server.start_in("primary");
        server
    }

    /// Where the server's maintenance database is.
    pub(crate) fn url(&self) -> String {
        let Self { password, port, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// What must be in no error.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// The port of the standby that [`start_standby`](Self::start_standby) starts.
    pub(crate) fn second_port(&self) -> u16 {
        self.second_port
    }

    /// Starts a server in this data directory, which is made if it is missing, and
    /// waits until it answers.
    pub(crate) fn start_in(&self, data: &str) {
        self.serve(data, 5432);
    }

    /// Ends the server in this data directory, which stays, and waits until it is gone.
    pub(crate) fn end(&self, data: &str, end: End) {
        let script = match end {
            End::Stopped => STOP,
            End::Killed => KILL,
        };
        self.sh(script, &[data]);
    }

    /// Stops the server in the middle of everything until what is returned is dropped.
    pub(crate) fn pause(&self) -> Pause {
        self.container.pause().unwrap()
    }

    /// Copies the server in `primary` as it is now to `standby`, which will follow it.
    pub(crate) fn back_up(&self) {
        self.sh(BACK_UP, &["standby"]);
    }

    /// Starts the copy beside the server that it follows.
    pub(crate) fn start_standby(&self) {
        self.serve("standby", 5433);
    }

    /// Restarts the server in `primary` with a notification queue that is soon full.
    pub(crate) fn limit_notifications(&self) {
        self.end("primary", End::Stopped);
        self.sh(LIMIT_NOTIFICATIONS, &["primary"]);
        self.start_in("primary");
    }

    /// Leaves no byte free where the data directories are.
    pub(crate) fn fill_disk(&self) {
        let free = self.sh(FILL, &[]);
        assert!(free.contains("100%"), "{free}");
    }

    pub(crate) fn free_disk(&self) {
        self.sh("rm /servers/filler", &[]);
    }

    /// What its servers have said.
    pub(crate) fn log(&self) -> String {
        self.sh("cat /tmp/log", &[])
    }

    fn serve(&self, data: &str, port: u16) {
        self.sh(START, &[data, &port.to_string()]);
        let deadline = Instant::now() + LIMIT;
        while let Err(error) = self.container.answers_at(port) {
            if Instant::now() >= deadline {
                panic!("the server does not answer: {error:#}\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn sh(&self, script: &str, arguments: &[&str]) -> String {
        self.container.exec(&[&["sh", "-c", script, "sh"], arguments].concat()).unwrap()
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} must be set: this test pauses, kills or fills up a Postgres server of its \
             own, which it starts in a container, so that neither a server at a URL nor one \
             that others use will do. `cargo xtask test-db` without --database-url sets \
             {ENGINE_VARIABLE} (docker or podman) and {IMAGE_VARIABLE}"
        )
    })
}
