//! What a task starts for its tests is gone when the task is, however that ends.

#![expect(clippy::unwrap_used, reason = "a test panics to fail")]

use std::process::Command;

/// What they start has a server of its own, so they are in a module of this name.
mod own_server {
    use std::env;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use anyhow::bail;
    use clap::Parser;
    use xtask::container::{Container, Engine, ServerArguments};

    /// What the process is to do that this test starts.
    const PART_VARIABLE: &str = "XTASK_TEST_PART";
    /// With these `cargo xtask test-db` says what starts a server, and from which image.
    const ENGINE_VARIABLE: &str = "CLOACINA_TEST_ENGINE";
    const IMAGE_VARIABLE: &str = "CLOACINA_TEST_IMAGE";
    const THIS_TEST: &str = "own_server::container_ends_with_the_task_that_started_it";
    /// Longer than an engine takes to remove a container.
    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    #[ignore = "needs Postgres: cargo xtask test-db"]
    fn container_ends_with_the_task_that_started_it() {
        if let Ok(part) = env::var(PART_VARIABLE) {
            return play(&part);
        }
        for ending in ["KILL", "TERM", "INT", "succeed", "fail", "panic"] {
            let mut task = start(ending);
            let mut answers = BufReader::new(task.stdout.take().unwrap()).lines();
            let port = loop {
                let line = answers.next().expect("the task ended").unwrap();
                if let Some((_, port)) = line.split_once("serving at port ") {
                    break port.to_owned();
                }
            };
            let name =
                engine(&["ps", "--format", "{{.Names}}", "--filter", &format!("publish={port}")]);
            assert!(name.starts_with("cloacina-test-") && !name.contains('\n'), "{name:?}");
            let pid = task.id().to_string();
            match ending {
                "KILL" | "TERM" | "INT" => {
                    Command::new("kill").args(["-s", ending, &pid]).status().unwrap();
                }
                // It waits for this before it ends by itself.
                _ => drop(task.stdin.take()),
            }
            task.wait().unwrap();
            let begun = Instant::now();
            while !engine(&["ps", "-a", "-q", "--filter", &format!("name=^{name}$")]).is_empty() {
                assert!(begun.elapsed() < LIMIT, "{name} outlives a task ended by {ending}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// What the tests and a developer rely on, the official image and one that is built
    /// where no registry can be reached do alike.
    #[test]
    #[ignore = "needs Postgres: cargo xtask test-db"]
    fn image_does_what_its_environment_says() {
        let asks = |container: &Container, password: &str, database: &str| {
            // By its own address: on the loopback interface nobody is asked for a password.
            let ask = "PGPASSWORD=$1 psql -qAt -h \"$(hostname -i)\" -U postgres -d \"$2\" -c 'SELECT 6 * 7'";
            container.exec(&["sh", "-c", ask, "sh", password, database])
        };
        let named = served(&[("POSTGRES_PASSWORD", "secret"), ("POSTGRES_DB", "orders")]).unwrap();
        assert_eq!(asks(&named, "secret", "orders").unwrap().trim(), "42");
        let refused = asks(&named, "guess", "orders").unwrap_err();
        assert!(format!("{refused:#}").contains("password"), "{refused:#}");
        assert!(asks(&named, "secret", "elsewhere").is_err());

        let trusting = served(&[("POSTGRES_HOST_AUTH_METHOD", "trust")]).unwrap();
        assert_eq!(asks(&trusting, "", "postgres").unwrap().trim(), "42");

        let said = served(&[]).unwrap_err();
        assert!(said.contains("POSTGRES_PASSWORD"), "{said}");
    }

    /// A server in a container with this environment, or what it says when it does not
    /// start.
    fn served(environment: &[(&str, &str)]) -> Result<Container, String> {
        const SERVE: &str = "docker-entrypoint.sh postgres </dev/null & server=$!
            exec 3<&0; (cat <&3 >/dev/null; kill -s KILL $server) & wait $server";
        let configure = |command: &mut Command| {
            for (name, value) in environment {
                command.arg("-e").arg(format!("{name}={value}"));
            }
            command.args(["-p", "127.0.0.1::5432"]);
        };
        let engine: Engine = env::var(ENGINE_VARIABLE).unwrap().parse().unwrap();
        let image = env::var(IMAGE_VARIABLE).unwrap();
        let name = format!("cloacina-test-image-{}-{}", std::process::id(), environment.len());
        let started = Container::run(engine, &name, &image, configure, SERVE, &[]);
        let mut container = started.unwrap();
        let begun = Instant::now();
        while container.answers_at(5432).is_err() {
            if container.ended().unwrap().is_some() {
                return Err(container.log());
            }
            assert!(begun.elapsed() < LIMIT, "{}", container.log());
            thread::sleep(Duration::from_millis(100));
        }
        Ok(container)
    }

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        server: ServerArguments,
    }

    /// Serves until its standard input ends, or until it is killed.
    #[expect(clippy::print_stdout, reason = "the test that started this process reads it")]
    fn play(part: &str) {
        let [engine, image] = [ENGINE_VARIABLE, IMAGE_VARIABLE].map(|name| env::var(name).unwrap());
        let words = ["xtask", "--engine", &engine, "--image", &image];
        let arguments = Arguments::parse_from(words);
        let served = arguments.server.find().unwrap().serve(false, |url| {
            let (address, _parameters) = url.split_once('?').unwrap_or((url, ""));
            let (_, port) = address.strip_suffix("/postgres").unwrap().rsplit_once(':').unwrap();
            println!("serving at port {port}");
            std::io::stdin().lines().for_each(drop);
            match part {
                "succeed" => Ok(()),
                "fail" => bail!("as it was told to"),
                other => panic!("{other}"),
            }
        });
        assert_eq!(served.is_ok(), part == "succeed");
    }

    fn start(part: &str) -> Child {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", THIS_TEST, "--ignored", "--nocapture"]);
        command.env(PART_VARIABLE, part).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::null()).spawn().unwrap()
    }

    fn engine(arguments: &[&str]) -> String {
        let mut command = Command::new(env::var(ENGINE_VARIABLE).unwrap());
        xtask::process::output(command.args(arguments)).unwrap().trim().to_owned()
    }
}

#[test]
fn database_tests_do_not_pass_where_they_cannot_run() {
    let empty = env!("CARGO_TARGET_TMPDIR");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = command.arg("test-db").env("PATH", empty).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no container engine answers"), "{said}");
    assert!(said.contains("--database-url"), "{said}");
}
