#[cfg(target_env = "gnu")]
mod linker;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::attacks::host::{Host, Ran, STORE};

/// Longer than any of these commands takes.
const LIMIT: Duration = Duration::from_secs(60);

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
    /// What `cc` makes of these sources.
    fn compile(&self, name: &str, sources: &[&str], options: &[&str]) {
        fs::write(self.path().join("source.c"), sources.concat()).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "source.c", "-o", name]).args(options);
        let run = cc.current_dir(self.path()).output();
        let run = run.unwrap_or_else(|error| panic!("this test needs the program 'cc': {error}"));
        assert!(run.status.success(), "cc: {}", String::from_utf8_lossy(&run.stderr));
    }

    /// Signs the package and has the runner load it.
    fn sign_and_run(&self, package: &str, more: &[&str]) -> Ran {
        self.sign(package);
        self.run_signed(&[package], more)
    }

    fn run_signed(&self, packages: &[&str], more: &[&str]) -> Ran {
        let trust = ["--require-signatures", "--trust-key", "dev.pub.pem"];
        self.run(&[&trust, more, packages].concat())
    }

    fn runner_for_acme(&self, packages: &[&str]) -> Command {
        let trust = ["--require-signatures", "--org", "acme"];
        let mut runner = self.runner(&[&trust, packages].concat());
        runner.env("CLOACINA_DATABASE_URL", STORE);
        runner
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
    host.assert_refused(&host.sign_and_run("package.so", &[]), "needs \"./libhelp.so\"");
    host.compile("package.so", &[PACKAGE], &["-Wl,-rpath,$ORIGIN", "-L.", "-l:libhelp.so"]);
    host.assert_refused(&host.sign_and_run("package.so", &[]), "DT_RUNPATH");
    host.compile("package.so", &[PACKAGE], &["-L.", "-l:libhelp.so"]);
    host.assert_refused(&host.sign_and_run("package.so", &[]), "needs libhelp.so");

    // Linked statically, it is part of what is signed.
    host.compile("package.so", &[PACKAGE, HELP], &[]);
    host.assert_loads(&host.sign_and_run("package.so", &[]));
}

#[test]
fn the_runners_stack_stays_as_it_is() {
    let host = Host::new();
    host.compile("package.so", &[PACKAGE, HELP], &["-z", "execstack"]);
    host.assert_refused(&host.sign_and_run("package.so", &[]), "executable stack");
    host.compile("package.so", &[PACKAGE, HELP], &["-z", "noexecstack"]);
    host.assert_loads(&host.sign_and_run("package.so", &[]));
}

#[test]
fn no_package_stands_in_for_a_library_that_others_need() {
    let host = Host::new();
    host.compile("package.so", &[PACKAGE, HOSTILE_HELP], &["-Wl,-soname,libm.so.6"]);
    host.assert_refused(&host.sign_and_run("package.so", &[]), "SONAME is libm.so.6");
    host.compile("package.so", &[PACKAGE, HELP], &["-Wl,-soname,libpackage.so"]);
    host.assert_loads(&host.sign_and_run("package.so", &[]));
}

/// The operator of a runner decides which libraries of the system packages may use.
#[cfg(target_env = "gnu")]
#[test]
fn a_runner_allows_exactly_the_libraries_that_it_is_given() {
    let host = Host::new();
    // It is on every system that has the C library, and not part of its family here.
    let system = ["-Wl,--no-as-needed", "-l:libnss_files.so.2"];
    host.compile("package.so", &[PACKAGE, HELP], &system);
    host.assert_refused(&host.sign_and_run("package.so", &[]), "needs libnss_files.so.2");
    let other = ["--allow-dependency", "libnss_files.so.1"];
    host.assert_refused(&host.sign_and_run("package.so", &other), "needs libnss_files.so.2");
    host.assert_loads(
        &host.sign_and_run("package.so", &["--allow-dependency", "libnss_files.so.2"]),
    );
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

/// The first package waits, so that a key can be revoked while the runner runs.
#[cfg(target_env = "gnu")]
#[test]
fn a_package_is_not_linked_to_one_whose_key_was_revoked_since_it_was_loaded() {
    const WAITS: &str = "
        #include <stdio.h>
        #include <sched.h>
        int other(void) { return 1; }
        int help(void) {
            FILE *found;
            fclose(fopen(\"is-running\", \"w\"));
            while (!(found = fopen(\"go-on\", \"r\"))) sched_yield();
            fclose(found);
            return 1;
        }
    ";
    for is_revoked in [true, false] {
        let host = Host::new();
        host.compile("first.so", &[PACKAGE, WAITS], &["-Wl,-soname,first.so"]);
        let uses = PACKAGE.replace("help", "other");
        host.compile("second.so", &[&uses], &["-L.", "-l:first.so"]);
        host.cloacina(&["keys", "generate", "--name", "stolen", "--output", "stolen.pem"]);
        host.cloacina(&["orgs", "create", "acme"]);
        host.cloacina(&["keys", "trust", "--org", "acme", "--import", "dev.pub.pem"]);
        let trusted = ["keys", "trust", "--org", "acme", "--import", "stolen.pub.pem"];
        let trusted = host.cloacina(&trusted);
        let id = trusted.lines().find_map(|line| line.strip_prefix("id ")).unwrap().trim();
        host.cloacina(&["package", "sign", "first.so", "--key", "stolen.pem"]);
        host.cloacina(&["package", "sign", "second.so", "--key", "dev.pem"]);

        let mut runner = host.runner_for_acme(&["first.so", "second.so"]);
        let runner = runner.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while !host.path().join("is-running").exists() && begun.elapsed() < LIMIT {
            thread::yield_now();
        }
        if is_revoked {
            host.cloacina(&["keys", "revoke", id]);
        }
        fs::write(host.path().join("go-on"), "").unwrap();
        let ran = Ran::from(runner.wait_with_output().unwrap());
        match is_revoked {
            true => host.assert_refused(&ran, "which the loaded package first.so provides"),
            false => host.assert_loads(&ran),
        }
    }
}

/// The vendor is trusted for `etl-*`. Its package has the SONAME of acme's own library, and
/// answers as that does not: then the package that uses it would fail.
#[cfg(target_env = "gnu")]
#[test]
fn a_grant_of_some_names_does_not_reach_the_sonames_of_others() {
    const BORROWS: &str = "int other(void) { return 13; }\n";
    let host = Host::new();
    host.cloacina(&["keys", "generate", "--name", "vendor", "--output", "vendor.pem"]);
    for (org, key) in [("acme", "dev.pub.pem"), ("vendor", "vendor.pub.pem")] {
        host.cloacina(&["orgs", "create", org]);
        host.cloacina(&["keys", "trust", "--org", org, "--import", key]);
    }
    let grant = ["--from", "acme", "--to", "vendor", "--packages", "etl-*"];
    host.cloacina(&[&["orgs", "grant-trust"], &grant[..]].concat());

    let own = [PACKAGE, HELP, "int other(void) { return 1; }\n"];
    host.compile("libcore.so.1", &own, &["-Wl,-soname,libcore.so.1"]);
    let uses = PACKAGE.replace("help", "other");
    host.compile("uses.so", &[&uses], &["-L.", "-l:libcore.so.1"]);
    for package in ["libcore.so.1", "uses.so"] {
        host.cloacina(&["package", "sign", package, "--key", "dev.pem"]);
    }
    for (soname, reaches) in [("libcore.so.1", false), ("etl-core.so.1", true)] {
        let option = format!("-Wl,-soname,{soname}");
        host.compile("etl-x.so", &[PACKAGE, HELP, BORROWS], &[&option]);
        host.cloacina(&["package", "sign", "etl-x.so", "--key", "vendor.pem", "--force"]);
        for order in
            [["etl-x.so", "libcore.so.1", "uses.so"], ["libcore.so.1", "uses.so", "etl-x.so"]]
        {
            let ran = Ran::from(host.runner_for_acme(&order).output().unwrap());
            if reaches {
                host.assert_loads(&ran);
                continue;
            }
            host.assert_refused(&ran, "is not accepted under its SONAME, libcore.so.1");
            assert!(ran.stderr.contains("is only for etl-*"), "{}", ran.stderr);
        }
    }
}
