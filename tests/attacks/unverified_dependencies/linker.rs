//! What the dynamic linker would do by itself, beside what a package needs by name.

use std::process::Output;

use super::*;

impl Host {
    /// Without verification: proof of what the linker does.
    fn run_unverified(&self, packages: &[&str]) -> Output {
        self.runner(packages).output().unwrap()
    }
}

/// g++ makes such an object of the static of an inline function. Two packages that were built from
/// one header have it both, and the linker gives the first one to both.
#[test]
fn no_package_works_with_the_objects_of_another() {
    const UNIQUE: &str = "__asm__(\".type shared, %gnu_unique_object\");";
    let host = Host::new();
    let packages = ["old.so", "new.so"];
    let compile = |declaration: &str| {
        for (number, package) in packages.iter().enumerate() {
            let source = format!(
                "{PACKAGE}{declaration} int shared = {number};\n\
                 int help(void) {{ return shared == {number}; }}\n"
            );
            host.compile(package, &[&source], &[]);
            host.sign(package);
        }
    };
    let orders = [packages, ["new.so", "old.so"]];
    compile(UNIQUE);
    for order in orders {
        assert!(host.run_unverified(&order[..1]).status.success());
        assert!(!host.run_unverified(&order).status.success());
        host.assert_refused(&host.run_signed(&order, &[]), "the unique symbol \"shared\"");
    }
    // As `-fno-gnu-unique` makes it.
    compile("__attribute__((weak))");
    for order in orders {
        host.assert_loads(&host.run_signed(&order, &[]));
    }
}

/// A tool has removed a library from what the package needs, and left what it needs of it.
#[test]
fn a_package_by_which_the_linker_would_end_the_runner_is_refused() {
    let host = Host::new();
    let uses = "int ns_initparse(const void *, int, void *);\n\
                int (*volatile used)(const void *, int, void *) = ns_initparse;\n\
                int help(void) { return used ? 1 : 0; }\n";
    host.compile("package.so", &[PACKAGE, uses], &["-lresolv"]);
    host.assert_loads(&host.sign_and_run("package.so", &[]));
    remove_first_needed(&host.path().join("package.so"));
    let ended = host.run_unverified(&["package.so"]);
    assert_eq!(ended.status.code(), Some(127), "{ended:?}");
    let why = "needs versions of \"libresolv.so.2\"";
    host.assert_refused(&host.sign_and_run("package.so", &[]), why);
}

/// In a file of this machine. `DT_DEBUG` takes its place, which says nothing.
fn remove_first_needed(path: &std::path::Path) {
    let mut file = fs::read(path).unwrap();
    let word = |file: &[u8], at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
    let headers = (0..usize::from(file[56])).map(|index| 64 + 56 * index);
    let dynamic = headers.map(|at| (file[at], word(&file, at + 8))).find(|(kind, _)| *kind == 2);
    let mut entries = (dynamic.unwrap().1 as usize..).step_by(16);
    let needed = entries.find(|&at| word(&file, at) == 1).unwrap();
    file[needed] = 21;
    fs::write(path, file).unwrap();
}

/// The linker opens what it finds for a name, also if it is only asked, and waits for a pipe that
/// nobody writes to. An empty element of the path is the working directory.
#[test]
fn no_file_is_opened_for_a_library_that_is_refused() {
    let host = Host::new();
    host.compile("libhelp.so", &[HELP], &[]);
    host.compile("needs.so", &[PACKAGE], &["-L.", "-l:libhelp.so"]);
    host.compile("plain.so", &[PACKAGE, HELP], &[]);
    fs::remove_file(host.path().join("libhelp.so")).unwrap();
    let pipe = host.path().join("libhelp.so");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (package, is_refused) in [("needs.so", true), ("plain.so", false)] {
        host.sign(package);
        let mut runner =
            host.runner(&["--require-signatures", "--trust-key", "dev.pub.pem", package]);
        runner.env("LD_LIBRARY_PATH", ":/opt").stderr(Stdio::piped());
        let mut runner = runner.spawn().unwrap();
        let begun = Instant::now();
        while runner.try_wait().unwrap().is_none() {
            if begun.elapsed() > LIMIT {
                runner.kill().unwrap();
            }
            thread::sleep(Duration::from_millis(10));
        }
        let ran = Ran::from(runner.wait_with_output().unwrap());
        match is_refused {
            true => host.assert_refused(&ran, "needs libhelp.so"),
            false => host.assert_loads(&ran),
        }
    }
}
