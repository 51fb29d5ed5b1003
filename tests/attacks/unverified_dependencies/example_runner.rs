use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use docs_tests::{Page, Programs};
use tempfile::TempDir;

static PROGRAMS: LazyLock<Programs> =
    LazyLock::new(|| Programs::build().unwrap_or_else(|error| panic!("{error}")));

/// A directory with the runner, a key, and whatever is compiled there.
struct Host {
    directory: TempDir,
}

struct Ran {
    code: Option<i32>,
    stderr: String,
}

/// A package with the runner's entry point, which calls `help` first.
const PACKAGE: &str = "
    #include <stddef.h>
    #include <stdint.h>
    int help(void);
    int32_t workflow_run(const uint8_t *input, size_t size, uint8_t *output, size_t *written) {
        (void)input, (void)size, (void)output;
        *written = 0;
        return help() - 1;
    }
";
const HELP: &str = "int help(void) { return 1; }\n";
const HOSTILE_HELP: &str = "
    #include <stdio.h>
    __attribute__((constructor)) static void start(void) { fclose(fopen(\"marker\", \"w\")); }
    int help(void) { return 1; }
";

impl Host {
    fn new() -> Self {
        let host = Self { directory: tempfile::tempdir().unwrap() };
        PROGRAMS.place(&Page::default(), host.directory.path()).unwrap();
        host.cloacina(&["keys", "generate", "--name", "dev", "--output", "dev.pem"]);
        host
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("here")
    }

    /// What `cc` makes of these sources.
    fn compile(&self, name: &str, sources: &[&str], options: &[&str]) {
        fs::write(self.path().join("source.c"), sources.concat()).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "source.c", "-o", name]).args(options);
        let run = cc.current_dir(self.path()).output();
        let run = run.unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
        assert!(run.status.success(), "cc: {}", String::from_utf8_lossy(&run.stderr));
    }

    fn cloacina(&self, arguments: &[&str]) {
        let program = PROGRAMS.runner().with_file_name("../cloacina");
        let run = Command::new(program).args(arguments).current_dir(self.path()).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }

    /// Signs the package and has the runner load it.
    fn run(&self, package: &str, more: &[&str]) -> Ran {
        self.cloacina(&["package", "sign", package, "--key", "dev.pem", "--force"]);
        self.run_signed(&[package], more)
    }

    fn run_signed(&self, packages: &[&str], more: &[&str]) -> Ran {
        let output = Command::new(PROGRAMS.runner())
            .args(["--require-signatures", "--trust-key", "dev.pub.pem"])
            .args(more)
            .args(packages)
            .env_remove("CLOACINA_DATABASE_URL")
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran { code: output.status.code(), stderr: String::from_utf8(output.stderr).unwrap() }
    }

    fn assert_refused(&self, ran: &Ran, why: &str) {
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
        assert!(!self.path().join("marker").exists());
    }

    fn assert_loads(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}

#[test]
fn a_library_beside_the_package_does_not_run() {
    let host = Host::new();
    host.compile("libhelp.so", &[HOSTILE_HELP], &[]);
    host.compile("package.so", &[PACKAGE], &["./libhelp.so"]);
    host.assert_refused(&host.run("package.so", &[]), "needs \"./libhelp.so\"");
    host.compile("package.so", &[PACKAGE], &["-Wl,-rpath,$ORIGIN", "-L.", "-l:libhelp.so"]);
    host.assert_refused(&host.run("package.so", &[]), "DT_RUNPATH");
    host.compile("package.so", &[PACKAGE], &["-L.", "-l:libhelp.so"]);
    host.assert_refused(&host.run("package.so", &[]), "needs libhelp.so");

    // Linked statically, it is part of what is signed.
    host.compile("package.so", &[PACKAGE, HELP], &[]);
    host.assert_loads(&host.run("package.so", &[]));
}

#[test]
fn the_runners_stack_stays_as_it_is() {
    let host = Host::new();
    host.compile("package.so", &[PACKAGE, HELP], &["-z", "execstack"]);
    host.assert_refused(&host.run("package.so", &[]), "executable stack");
    host.compile("package.so", &[PACKAGE, HELP], &["-z", "noexecstack"]);
    host.assert_loads(&host.run("package.so", &[]));
}

#[test]
fn no_package_stands_in_for_a_library_that_others_need() {
    let host = Host::new();
    host.compile("package.so", &[PACKAGE, HOSTILE_HELP], &["-Wl,-soname,libm.so.6"]);
    host.assert_refused(&host.run("package.so", &[]), "SONAME is libm.so.6");
    host.compile("package.so", &[PACKAGE, HELP], &["-Wl,-soname,libpackage.so"]);
    host.assert_loads(&host.run("package.so", &[]));
}

/// The operator of a runner decides which libraries of the system packages may use.
#[cfg(target_env = "gnu")]
#[test]
fn a_runner_allows_exactly_the_libraries_that_it_is_given() {
    let host = Host::new();
    // It is on every system that has the C library, and not part of its family here.
    let system = ["-Wl,--no-as-needed", "-l:libnss_files.so.2"];
    host.compile("package.so", &[PACKAGE, HELP], &system);
    host.assert_refused(&host.run("package.so", &[]), "needs libnss_files.so.2");
    let other = ["--allow-dependency", "libnss_files.so.1"];
    host.assert_refused(&host.run("package.so", &other), "needs libnss_files.so.2");
    host.assert_loads(&host.run("package.so", &["--allow-dependency", "libnss_files.so.2"]));
}

#[cfg(target_env = "gnu")]
#[test]
fn a_package_uses_another_only_if_that_was_verified_and_loaded_before() {
    let host = Host::new();
    let sources = [PACKAGE, "int other(void) { return 1; }\n", HELP];
    host.compile("first.so", &sources, &["-Wl,-soname,first.so"]);
    let uses = PACKAGE.replace("help", "other");
    host.compile("second.so", &[&uses], &["-L.", "-l:first.so"]);
    for package in ["first.so", "second.so"] {
        host.cloacina(&["package", "sign", package, "--key", "dev.pem"]);
    }
    let ran = host.run_signed(&["second.so", "first.so"], &[]);
    host.assert_refused(&ran, "needs first.so");
    host.assert_loads(&host.run_signed(&["first.so", "second.so"], &[]));
}
